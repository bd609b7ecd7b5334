"""What the markup readers hand to the layout: pieces of visible text, before tables are told from prose."""

from dataclasses import dataclass


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


@dataclass(slots=True)
class Table:
    """An open table: its rows of cells, each cell a list of paragraphs (those of nested tables already resolved).

    The first row is what stands in no row: a caption, stray text.
    """

    rows: list[list[list[Paragraph]]]
