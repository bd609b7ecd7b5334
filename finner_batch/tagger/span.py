"""The result of the tagger."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """A labelled number token of a sentence: `sentence[start:end]` is the number as printed."""

    start: int
    end: int
    label: str
    """Concept name, without `B-`."""
    confidence: float
    """Calibrated probability of `label`, from 0 to 1."""
