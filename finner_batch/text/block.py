"""The extractor's output: the visible text as blocks with their sections, and the numbers that the filer tagged."""

from dataclasses import dataclass, field
from typing import NamedTuple


class Block(NamedTuple):
    """Visible text between two block boundaries: `text == extraction.text[start:start + len(text)]`."""

    text: str
    start: int
    section: str | None
    """Part, Item and note of the block, e.g. `Part II, Item 8 > Note 7 - Debt`; None before the first heading."""
    row: bool = False
    """A table row, extracted only with `tables`: one sentence, never split."""
    struck: tuple[tuple[int, str], ...] = ()
    """Struck-out text, which `text` excludes: (offset in `text` where it stood, the struck text)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """An `ix:nonFraction` whose text is part of the extracted text: `extraction.text[start:end] == text`.

    Source: Inline XBRL 1.1, section 10 (https://www.xbrl.org/specification/inlinexbrl-part1/rec-2013-11-18/).
    """

    concept: str
    """Local name without prefix, e.g. `DebtInstrumentInterestRateStatedPercentage`."""
    prefix: str
    """Namespace prefix, e.g. `us-gaap`."""
    text: str
    start: int
    end: int
    value: float | None
    """The XBRL value: number x 10**scale, sign applied; None if `format` is unknown or the fact is nil."""
    unit: str | None
    """The measure of the unit, e.g. `USD`, `pure`, `USD/shares`; None if the unit is not declared."""
    scale: int
    context: str
    in_note: bool
    """Whether it is inside a note's text block (`ix:nonNumeric` named `…TextBlock`) or a continuation of one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction:
    """A document's text: the blocks' texts joined by single newlines. Offsets are code points in `text`."""

    text: str = field(repr=False)
    blocks: tuple[Block, ...] = field(repr=False)
    facts: tuple[Fact, ...] = field(default=(), repr=False)
    """Filled only if `extract` was called with `facts`."""
    note_spans: tuple[tuple[int, int], ...] = field(default=(), repr=False)
    """Sorted spans (start, end) of `text` inside notes; filled only if `extract` was called with `facts`."""
