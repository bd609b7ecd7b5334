"""What the extractor yields: the visible text as blocks that know their place, and the filer's own tagged numbers."""

from dataclasses import dataclass, field
from typing import NamedTuple


class Block(NamedTuple):
    """A run of visible text that no block element interrupts: `text == extraction.text[start:start + len(text)]`."""

    text: str
    start: int
    section: str | None
    """Part/Item and note heading in force, e.g. `Part II, Item 8 > Note 7 - Debt`; None before the first heading."""
    row: bool = False
    """A row of a table (only where tables are asked for): one sentence, never split."""
    struck: tuple[tuple[int, str], ...] = ()
    """What was struck out, which is no text: (offset in `text` at which it stood, the struck text)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """An `ix:nonFraction` whose text stands in the extracted text: `extraction.text[start:end] == text`.

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
    """The XBRL value: number x 10**scale, sign applied; None where `format` is unknown or the fact is nil."""
    unit: str | None
    """The measure of the unit, e.g. `USD`, `pure`, `USD/shares`; None where the unit is not declared."""
    scale: int
    context: str
    in_note: bool
    """Inside a note's text block (`ix:nonNumeric` named `…TextBlock`, its continuations included)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction:
    """A document's text. `text` is the blocks' texts joined by single newlines; offsets are code points in it."""

    text: str = field(repr=False)
    blocks: tuple[Block, ...] = field(repr=False)
    facts: tuple[Fact, ...] = field(default=(), repr=False)
    """Filled only when facts are asked for."""
    note_spans: tuple[tuple[int, int], ...] = field(default=(), repr=False)
    """Where note text stands in `text` (start, end), sorted; filled only when facts are asked for."""
