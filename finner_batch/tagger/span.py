"""What the tagger yields."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """One number token of a sentence that the model labels: `sentence[start:end]` is the number as printed."""

    start: int
    end: int
    label: str
    """Concept name, without `B-`."""
    confidence: float
    """Calibrated probability of `label`, in 0..1."""
