"""Builds paragraphs of visible text from the events of an HTML reader: text, lines, blocks, tables.

Superscripts and subscripts are kept apart from the number before them: `$250<sup>2</sup> million` becomes `$250²
million`, `6.25<sup>(1)</sup>%` becomes `6.25⁽¹⁾%`, and the fraction `6<sup>1</sup>/<sub>4</sub>%` becomes `6 1/4%`.
Only marks after a number change: `1<sup>st</sup>` becomes `1st`, and a mark after a word is unchanged.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from finner_batch.text.characters import collapse, visible_length
from finner_batch.text.line_breaks import continues, continues_wrapped_line, wrapped_width
from finner_batch.text.markup import CAPTION, CELL, ROW, TABLE
from finner_batch.text.pages import HEAD_LENGTH, join_cut_paragraphs
from finner_batch.text.paragraph import Cell, Paragraph, join_lines
from finner_batch.text.plain_text import read_plain
from finner_batch.text.tables import read_table

_RAISABLE = "0123456789+-\u2212=()abcdefghijklmnoprstuvwxyz"
_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ"
_AS_SUPERSCRIPTS = str.maketrans(_RAISABLE, _SUPERSCRIPTS) | str.maketrans(
    "ABCDEFGHIJKLMNOPRSTUVWXYZ[]", "ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ⁽⁾"
)
_AS_SUBSCRIPTS = str.maketrans("0123456789+-\u2212=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎")

_PLACEHOLDER = "\u00ad"
"""Marks where a superscript begins until it is resolved; no character of the text."""

_FRACTION = re.compile(r"[0-9]{1,2}\s?(?:[/\u2044]\s?[0-9]{0,3})?")
_REST_OF_FRACTION = re.compile(r"\s?[/\u2044]\s?[0-9]")
_LETTER = "[A-PR-Za-pr-z]"
_FOOTNOTE_MARK = re.compile(
    rf"(?:(?:[0-9]{{1,3}}|[(\[](?:[0-9]{{1,3}}|{_LETTER})[)\]]|{_LETTER}(?![A-Za-z]))[\s,*\u2020\u2021]*){{1,4}}"
    r"|[-+\u2212][0-9]{1,3}"
)
_LONGEST_RAISED = 16
_NUMBER_ENDS = re.compile(r"(?:[0-9\u00bc-\u00be\u2150-\u215e]\s?%?[)\]]?)\Z")
_MARK_REACH = 8
_BEGINS_NUMBER = frozenset("$(\u20ac\u00a3\u00a5")
LINE_MARK = "\0"
"""Represents `<br>` among the pieces; a document's own NULs never reach them."""
_SMALL_TABLE = 3
"""Most rows of a small table."""
_DEEPEST_TABLE = 40
"""Tables nested deeper are read as blocks of their cell, which bounds the time."""


@dataclass(slots=True)
class _OpenTable:
    """A table that is being read."""

    outside: list[Paragraph]
    """Receives its paragraphs."""
    cells: int
    """Number of open cells around it."""
    rows: list[list[Cell]] = field(default_factory=list)
    """Rows since the last text outside of rows."""
    stray: list[Paragraph] = field(default_factory=list)
    """Text after these rows and outside of them: prose."""


class VisibleText:
    """Collects pieces of text into paragraphs. `add` is `list.append` of the pieces, so text costs no Python call.

    `tables` includes table rows; `places` records the position of each paragraph's text in the raw text.
    """

    def __init__(self, *, tables: bool, places: bool) -> None:
        self.paragraphs: list[Paragraph] = []
        self.pieces: list[str] = []
        self.add = self.pieces.append
        self._include_tables = tables
        self._keep_places = places
        self._position = 0
        self._counted = (0, 0)
        self._container = self.paragraphs
        self._tables: list[_OpenTable | None] = []
        self._depth = 0
        self._rows: list[list[Cell] | None] = []
        self._row: list[Cell] | None = None
        self._cells: list[Cell] = []
        self._is_marked = False
        self._struck_from = -1
        self._struck: list[tuple[int, str]] = []
        self._gaps: list[int] = []
        self._raised: list[tuple[int, int, bool]] = []
        self._raised_from = -1
        self._is_lowered = False

    def here(self) -> int:
        """Return the position in the visible raw text, which has no hidden or struck-out text."""
        pieces, length = self._counted
        end = len(self.pieces) if self._struck_from < 0 else self._struck_from
        length += sum(map(len, self.pieces[pieces:end]))
        self._counted = (end, length)
        return self._position + length

    def begin(self, kind: int) -> None:
        """Handle the start of an element of a kind from `BLOCK` on."""
        if self.pieces:
            self.flush()
        if kind == CELL:
            row = self._row
            if row is None:
                self._begin_row()
                row = self._row
            self._cells.append(self._container)
            if row is not None:
                self._container = []
                row.append(self._container)
        elif kind == ROW:
            self._begin_row()
        elif kind == TABLE:
            self._begin_table()
        elif kind == CAPTION:
            self._row = None
            self.begin(CELL)

    def finish(self, kind: int) -> None:
        """Handle the end of an element of a kind from `BLOCK` on. `walk` omits the ends of rows and cells."""
        if self.pieces:
            self.flush()
        if kind == CELL:
            self._container = self._cells.pop()
        elif kind == ROW:
            self._row = None
        elif kind == TABLE:
            self._close_table()
        elif kind == CAPTION:
            self._container = self._cells.pop()
            self._row = None

    def finish_preformatted(self) -> None:
        """Read the pieces, the lines of preformatted text, like a text filing."""
        self._apply_marks()
        raw = "".join(self.pieces)
        self.pieces.clear()
        self._counted = (0, 0)
        self._container += read_plain(raw, tables=self._include_tables)
        self._position += len(raw)

    def end_of_markup(self) -> None:
        """Move text out of the last cells of tables that were never closed.

        Such a cell keeps its first paragraph if the row has other cells; the rest is prose.
        """
        if self.pieces:
            self.flush()
        for place, table in enumerate(self._tables):
            if table is None or not table.rows or not table.rows[-1]:
                continue
            row = table.rows[-1]
            cell, kept = row[-1], int(len(row) > 1)
            inner = next((other for other in self._tables[place + 1 :] if other), None)
            if inner is not None and inner.outside is cell:
                inner.outside = table.stray
            elif self._container is cell:
                self._container = table.stray
            else:
                continue
            table.stray += cell[kept:]
            del cell[kept:]

    def begin_struck(self) -> None:
        """Begin struck-out text, which is kept with the text that replaces it."""
        if self._keep_places:
            self.here()
        self.add("")  # makes `flush` run even if the block has no other text
        self._struck_from = len(self.pieces)
        self._is_marked = True

    def end_struck(self) -> None:
        """End struck-out text."""
        self._cut_struck()
        self._struck_from = -1

    def begin_raised(self, *, lowered: bool) -> None:
        """Begin a superscript or subscript."""
        self._raised_from = len(self.pieces)
        self._is_lowered = lowered
        self.add(_PLACEHOLDER)
        self._is_marked = True

    def end_raised(self) -> None:
        """End a superscript or subscript."""
        if self._raised_from >= 0:
            self._raised.append((self._raised_from, len(self.pieces), self._is_lowered))
            self._raised_from = -1

    def close(self) -> None:
        """End the document and everything that is still open."""
        if self.pieces:
            self.flush()
        while self._tables:
            self._close_table()
        self.paragraphs = join_cut_paragraphs(self.paragraphs, tables=self._include_tables)

    def flush(self) -> None:
        """End the paragraph; the ends of plain blocks need no other call."""
        if self._is_marked:
            self._flush_marked()
            return
        raw = "".join(self.pieces)
        self.pieces.clear()
        self._counted = (0, 0)
        if LINE_MARK in raw:
            self._append_lines(raw.split(LINE_MARK))
        elif text := " ".join(raw.split()) if raw.isascii() else collapse(raw):
            self._container.append(Paragraph(text, ((self._position, raw),) if self._keep_places else ()))
        self._position += len(raw)

    def _flush_marked(self) -> None:
        """Flush a paragraph with struck-out, raised or lowered text."""
        struck = self._apply_marks()
        is_marked, self._is_marked = self._is_marked, False
        raw = "".join(self.pieces)
        before = len(self._container)
        self.flush()
        self._is_marked = is_marked
        if struck:
            _attach_struck(struck, raw, self._container[before:])

    def _apply_marks(self) -> list[tuple[int, str]]:
        """Rewrite superscripts, remove struck text and return it with its positions in the raw text."""
        is_struck = self._struck_from >= 0
        if is_struck:
            self._cut_struck()
            self._struck_from = 0
        self.end_raised()
        _set_raised(self.pieces, self._raised)
        _set_gaps(self.pieces, self._gaps)
        self._raised.clear()
        self._gaps.clear()
        places = []
        position = index = 0
        for at, text in self._struck:
            position += sum(map(len, self.pieces[index:at]))
            index = at
            places.append((position, text))
        self._struck.clear()
        self._is_marked = is_struck
        return places

    def _cut_struck(self) -> None:
        """Remove the struck pieces; a line break within them is kept."""
        begin = self._struck_from
        text = "".join(self.pieces[begin:])
        del self.pieces[begin:]
        while self._raised and self._raised[-1][1] > begin:
            self._raised.pop()
        if self._raised_from >= begin:
            self._raised_from = -1
        if LINE_MARK in text:
            self.add(LINE_MARK)
        if was := collapse(text.replace(LINE_MARK, " ")):
            self._struck.append((len(self.pieces), was))
        if text[:1].isspace() or text[-1:].isspace():
            self._gaps.append(len(self.pieces))
            self.add(_PLACEHOLDER)
        self.add("")

    def _append_lines(self, lines: list[str]) -> None:
        """Append one paragraph per line that `<br>` ends, and one for the lines of a wrapped sentence."""
        texts = [collapse(line) for line in lines]
        width = wrapped_width([text for text in texts if text])
        position = self._position
        paragraph: list[Paragraph] = []
        before = ""
        for line, text in zip(lines, texts, strict=True):
            is_continued = (
                text and before and (continues(before, text) or (width and continues_wrapped_line(before, text, width)))
            )
            if paragraph and not is_continued:
                self._container.append(join_lines(paragraph))
                paragraph = []
            if text:
                paragraph.append(Paragraph(text, ((position, line),) if self._keep_places else ()))
            before = text
            position += len(line) + len(LINE_MARK)
        if paragraph:
            self._container.append(join_lines(paragraph))

    def _begin_row(self) -> None:
        self._row = None
        if not self._tables:
            return
        table = self._tables[-1]
        if table is None:
            if self._depth == _DEEPEST_TABLE:
                return
            table = self._tables[-1] = self._new_table()
        if self._container is table.stray and table.stray:
            self._resolve(table)
        self._row = []
        table.rows.append(self._row)

    def _begin_table(self) -> None:
        """Begin a table. Outside of the cells of an open table it ends that table, as in browsers."""
        around = self._tables[-1] if self._tables else None
        if around is not None and self._container is around.stray:
            self._leave(around)
            self._tables[-1] = None
            self._row = None
        self._rows.append(self._row)
        self._row = None
        self._tables.append(self._new_table() if self._depth < _DEEPEST_TABLE else None)

    def _new_table(self) -> _OpenTable:
        table = _OpenTable(self._container, len(self._cells))
        self._container = table.stray
        self._depth += 1
        return table

    def _close_table(self) -> None:
        if not self._tables:
            return
        table = self._tables.pop()
        self._row = self._rows.pop()
        if table is not None:
            self._leave(table)

    def _leave(self, table: _OpenTable) -> None:
        self._resolve(table)
        self._container = table.outside
        del self._cells[table.cells :]
        self._depth -= 1

    def _resolve(self, table: _OpenTable) -> None:
        """Move the rows so far and the text after them out of the table.

        Rows of small tables are always included for `join_cut_paragraphs`: one may be a page number.
        """
        is_small = self._depth == 1 and len(table.rows) <= _SMALL_TABLE
        paragraphs = read_table(table.rows, tables=self._include_tables or is_small)
        if is_small:
            for paragraph in paragraphs:
                paragraph.in_small_table = paragraph.row and len(paragraph.text) <= HEAD_LENGTH
        table.outside += paragraphs
        table.outside += table.stray
        table.rows.clear()
        table.stray.clear()


def _attach_struck(struck: list[tuple[int, str]], raw: str, paragraphs: list[Paragraph]) -> None:
    """Attach struck text to the paragraphs made of `raw`, unless they lack some of its characters."""
    ends = [0]
    for paragraph in paragraphs:
        ends.append(ends[-1] + visible_length(paragraph.text))
    if not paragraphs or ends[-1] != visible_length(raw.replace(LINE_MARK, " ")):
        return
    struck_texts: dict[int, dict[int, list[str]]] = {}
    places: dict[int, list[int]] = {}
    seen = position = index = 0
    begins_line = False
    for at, text in struck:
        between = raw[position:at]
        position = at
        seen += visible_length(between.replace(LINE_MARK, " "))
        if shown := between.rstrip():
            begins_line = shown.endswith(LINE_MARK)
        while index + 1 < len(paragraphs) and (ends[index + 1] < seen or (ends[index + 1] == seen and begins_line)):
            index += 1
        if index not in places:
            places[index] = [place for place, sign in enumerate(paragraphs[index].text) if sign != " "]
        touches_next = raw[at : at + 1].strip(f"{_PLACEHOLDER}{LINE_MARK}").strip() != "" and seen < ends[index + 1]
        if touches_next:
            offset = places[index][seen - ends[index]]
        else:
            offset = places[index][seen - ends[index] - 1] + 1 if seen > ends[index] else 0
        texts = struck_texts.setdefault(index, {}).setdefault(offset, [])
        texts += [" ", text] if between and not between.strip(f" {_PLACEHOLDER}") else [text]
    for index, runs in struck_texts.items():
        paragraphs[index].struck = tuple((offset, "".join(texts).strip()) for offset, texts in sorted(runs.items()))


def _set_raised(pieces: list[str], spans: Sequence[tuple[int, int, bool]]) -> None:
    """Rewrite a block's pieces in place. `spans`, in order: (index of a `_PLACEHOLDER` piece, end, whether lowered).

    Every piece keeps its length. Takes time linear in the text of the spans.
    """
    for begin, end, lowered in spans:
        inside = pieces[begin + 1 : end]
        if sum(map(len, inside)) > _LONGEST_RAISED:
            continue
        text = "".join(inside).strip()
        before = _text_before(pieces, begin)
        if not _NUMBER_ENDS.search(before):
            continue
        if not lowered and _is_fraction(text, _text_from(pieces, end)):
            if before[-1].isdigit():
                pieces[begin] = " "
        elif _FOOTNOTE_MARK.fullmatch(text):
            table = _AS_SUBSCRIPTS if lowered else _AS_SUPERSCRIPTS
            pieces[begin + 1 : end] = [piece.translate(table) for piece in inside]


def _set_gaps(pieces: list[str], places: Sequence[int]) -> None:
    """Replace a `_PLACEHOLDER` piece at one of `places` by a space if it would join two words."""
    for place in places:
        before = next((piece[-1] for piece in reversed(pieces[max(0, place - _MARK_REACH) : place]) if piece), "")
        after = next((piece[0] for piece in pieces[place + 1 : place + _MARK_REACH] if piece), "")
        if before.isalnum() and (after.isalnum() or after in _BEGINS_NUMBER):
            pieces[place] = " "


def _is_fraction(text: str, after: str) -> bool:
    match = _FRACTION.fullmatch(text)
    if match is None:
        return False
    if text[-1].isdigit():
        return "/" in text or "\u2044" in text or _REST_OF_FRACTION.match(after) is not None
    return after.lstrip()[:1].isdigit()


def _text_before(pieces: list[str], end: int) -> str:
    """Return the last characters before a piece."""
    text = ""
    for piece in reversed(pieces[max(0, end - _MARK_REACH) : end]):
        text = piece[-_MARK_REACH:].replace(_PLACEHOLDER, "") + text
        if len(text) >= _MARK_REACH:
            break
    return text.rstrip()


def _text_from(pieces: list[str], begin: int) -> str:
    """Return the first characters from a piece on."""
    return "".join(piece[:_MARK_REACH] for piece in pieces[begin : begin + _MARK_REACH]).replace(_PLACEHOLDER, "")
