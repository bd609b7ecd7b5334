"""What the markup readers hand to the layout: pieces of visible text, before tables are told from prose."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

from finner_batch.text.breaks import separator


@dataclass(slots=True)
class Paragraph:
    """Visible text between two block boundaries, white space collapsed.

    `segments` says where the text came from: (position in the document's visible raw text, that raw text). A table row
    has one segment a cell. It is filled only when facts are asked for.
    """

    text: str
    segments: tuple[tuple[int, str], ...] = ()
    row: bool = False
    """A row of a table: one sentence, never split."""
    in_small_table: bool = False
    """A row of a table so small that it may be a page's head or foot."""
    struck: tuple[tuple[int, str], ...] = ()
    """What was struck out: (offset in `text`, the struck text, white space collapsed).

    The offset is that of the character behind it where the two touch, else the end of what stands before it.
    """


def joined(paragraphs: Sequence[Paragraph], *, row: bool = False) -> Paragraph:
    """Several paragraphs as one, a space between them."""
    return _joined(paragraphs, [" "] * len(paragraphs), row=row)


def unbroken(parts: Sequence[Paragraph]) -> Paragraph:
    """The paragraph whose pieces a break has cut: nothing joins `long-` and `term`."""
    if len(parts) == 1:
        return parts[0]
    return _joined(parts, [separator(before.text, after.text) for before, after in pairwise(parts)], row=False)


def _joined(parts: Sequence[Paragraph], between: Sequence[str], *, row: bool) -> Paragraph:
    texts: list[str] = []
    struck: list[tuple[int, str]] = []
    offset = 0
    for part, space in zip(parts, ["", *between], strict=False):
        offset += len(space)
        texts += (space, part.text)
        struck += ((offset + at, text) for at, text in part.struck)
        offset += len(part.text)
    segments = tuple(chain.from_iterable(part.segments for part in parts))
    return Paragraph("".join(texts), segments, row, struck=tuple(struck))


@dataclass(slots=True)
class Table:
    """An open table: its rows of cells, each cell a list of paragraphs (those of nested tables already resolved)."""

    rows: list[list[list[Paragraph]]]
