"""Paragraphs and table cells, as the markup readers pass them to the layout."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

from finner_batch.text.line_breaks import separator


@dataclass(slots=True)
class Paragraph:
    """Visible text between two block boundaries, white space collapsed.

    `segments` are the sources of the text: (position in the document's visible raw text, that raw text). A table row
    has one segment per cell. They are filled only if `extract` was called with `facts`.
    """

    text: str
    segments: tuple[tuple[int, str], ...] = ()
    row: bool = False
    """A table row: one sentence, never split."""
    in_small_table: bool = False
    """A row of a table so small that it may be a running head or foot."""
    struck: tuple[tuple[int, str], ...] = ()
    """Struck-out text: (offset in `text`, the struck text, white space collapsed).

    The offset is that of the next character if the two touch, else the end of the text before it.
    """


Cell = list[Paragraph]
"""A table cell; the rows of tables nested in it are among its paragraphs."""


def join_cells(paragraphs: Sequence[Paragraph], *, row: bool = False) -> Paragraph:
    """Join paragraphs with spaces."""
    return _join(paragraphs, [" "] * len(paragraphs), row=row)


def join_lines(parts: Sequence[Paragraph]) -> Paragraph:
    """Join the lines of a paragraph; `long-` and `term` are joined without a space."""
    if len(parts) == 1:
        return parts[0]
    return _join(parts, [separator(before.text, after.text) for before, after in pairwise(parts)], row=False)


def _join(parts: Sequence[Paragraph], between: Sequence[str], *, row: bool) -> Paragraph:
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
