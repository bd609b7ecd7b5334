"""Builds paragraphs of visible text out of what a reader of HTML meets: text, lines, blocks, tables."""

from finner_batch.text import tables as layout
from finner_batch.text.breaks import continues
from finner_batch.text.characters import collapse
from finner_batch.text.elements import CELL, PRE, TABLE
from finner_batch.text.paragraph import Paragraph, Table
from finner_batch.text.plain import read_plain

LINE_MARK = "\0"
"""Stands for `<br>` among the pieces; no NUL of a document gets here."""
_DEEPEST_TABLE = 40
"""Tables nested deeper are read as blocks of the cell they stand in, which bounds the time."""


class VisibleText:
    """Collects pieces of text into paragraphs. `add` is the piece list's own append: text costs no Python call.

    `tables` includes the rows of tables; `places` keeps where each paragraph's text stands in the raw text.
    """

    def __init__(self, *, tables: bool, places: bool) -> None:
        self.paragraphs: list[Paragraph] = []
        self.pieces: list[str] = []
        self.add = self.pieces.append
        self._include_tables = tables
        self._keep_places = places
        self._position = 0
        self._container = self.paragraphs
        self._tables: list[tuple[Table, list[Paragraph]]] = []
        self._row: list[list[Paragraph]] | None = None
        self._too_deep = 0

    def here(self) -> int:
        """Position in the visible raw text: all text so far that is not hidden."""
        return self._position + sum(map(len, self.pieces))

    def begin(self, kind: int) -> None:
        """An element of a kind from `BLOCK` on begins."""
        if self.pieces:
            self.flush()
        if kind == CELL and self._row is not None:
            self._container = []
            self._row.append(self._container)
        elif kind > PRE:
            self._open(kind)

    def finish(self, kind: int) -> None:
        """An element of a kind from `BLOCK` on ends."""
        if self.pieces:
            self.flush()
        if kind == TABLE:
            self._close_table()

    def finish_preformatted(self) -> None:
        """The pieces are the lines of a preformatted text: read them as a text filing."""
        raw = "".join(self.pieces)
        self.pieces.clear()
        self._container += read_plain(raw, tables=self._include_tables)
        self._position += len(raw)

    def close(self) -> None:
        """The document ends, whatever is still open."""
        if self.pieces:
            self.flush()
        while self._tables:
            self._close_table()

    def flush(self) -> None:
        """A paragraph ends: nothing else need be said of the ends of plain blocks."""
        raw = "".join(self.pieces)
        self.pieces.clear()
        if LINE_MARK in raw:
            self._append_lines(raw.split(LINE_MARK))
        else:
            self._append(raw, self._position)
        self._position += len(raw)

    def _append(self, raw: str, position: int) -> None:
        text = " ".join(raw.split()) if raw.isascii() else collapse(raw)
        if text:
            self._container.append(Paragraph(text, ((position, raw),) if self._keep_places else ()))

    def _append_lines(self, lines: list[str]) -> None:
        """A paragraph for each line that `<br>` ends, and one for the lines of a wrapped sentence."""
        position = begin = self._position
        paragraph: list[str] = []
        before = ""
        for line in lines:
            text = collapse(line)
            if paragraph and not (text and before and continues(before, text)):
                self._append(" ".join(paragraph), begin)
                paragraph = []
            if not paragraph:
                begin = position
            paragraph.append(line)
            before = text
            position += len(line) + len(LINE_MARK)
        self._append(" ".join(paragraph), begin)

    def _open(self, kind: int) -> None:
        if kind == TABLE:
            self._row = None
            if len(self._tables) == _DEEPEST_TABLE:
                self._too_deep += 1
            else:
                outside: list[Paragraph] = []
                self._tables.append((Table([[outside]]), self._container))
                self._container = outside
        elif self._tables and not self._too_deep:
            self._row = []
            self._tables[-1][0].rows.append(self._row)
            if kind == CELL:
                self._container = []
                self._row.append(self._container)

    def _close_table(self) -> None:
        if self._too_deep:
            self._too_deep -= 1
        elif self._tables:
            table, self._container = self._tables.pop()
            self._container += layout.resolve(table, tables=self._include_tables)
        rows = self._tables[-1][0].rows if self._tables and not self._too_deep else []
        self._row = rows[-1] if len(rows) > 1 else None
