"""HTML and inline XBRL: a SAX target that turns markup into paragraphs of visible text.

libxml2's HTML parser calls it for every tag. Nothing of the document is kept as a tree, so nesting costs nothing, and
entities are never expanded beyond HTML's own.
"""

import re
from collections.abc import Mapping

from lxml import etree

from finner_batch.errors import DocumentError
from finner_batch.text import tables as layout
from finner_batch.text.breaks import continues
from finner_batch.text.characters import collapse
from finner_batch.text.facts import HIDDEN_TAGS, VISIBLE_TAGS, TagReader
from finner_batch.text.paragraph import Paragraph, Table
from finner_batch.text.plain import read_plain

_INLINE, _TAG, _HIDDEN, _LINE, _BLOCK, _PRE, _ROW, _CELL, _TABLE = range(9)
_BLOCKS = """
address article aside blockquote body caption center col colgroup dd details dialog dir div dl dt fieldset figcaption
figure footer form frameset h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu nav noframes ol optgroup option
p page plaintext search section summary tbody tfoot thead ul xmp
"""
_NEVER_SHOWN = "head title script style template noscript object select ix:header ix:hidden"
_KIND = (
    dict.fromkeys(_BLOCKS.split(), _BLOCK)
    | dict.fromkeys(_NEVER_SHOWN.split(), _HIDDEN)
    | dict.fromkeys(VISIBLE_TAGS, _TAG)
    | {"br": _LINE, "pre": _PRE, "pre-table": _BLOCK, "tr": _ROW, "td": _CELL, "th": _CELL, "table": _TABLE}
)
_NOT_SHOWN = re.compile(r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse))\b", re.IGNORECASE)
_LINE_MARK = "\0"
"""Stands for `<br>` among the pieces; the parser lets no NUL of the document through."""
_DEEPEST_TABLE = 40
"""Tables nested deeper are read as blocks of the cell they stand in, which bounds the time."""
_MARK_IN_PRE = {"pre-table": "\n<TABLE>\n", "page": "\n<PAGE>\n"}
_PRE_ELEMENT = re.compile(r"<pre\b[^>]*>.*?(?:</pre\s*>|\Z)", re.IGNORECASE | re.DOTALL)
_TABLE_TAG = re.compile(r"<(/?)table\b", re.IGNORECASE)
_CELL_TAG = re.compile(r"<t[rdh]\b", re.IGNORECASE)


def read_html(content: str, *, tables: bool, tags: TagReader | None) -> list[Paragraph]:
    """Paragraphs of the visible text in order; `tags` is told of every element of inline XBRL.

    Raises DocumentError (stage `extract`) where the parser gives up.
    """
    target = _VisibleText(tables=tables, tags=tags)
    parser = etree.HTMLParser(target=target, huge_tree=True, encoding="utf-8")
    try:
        parser.feed(_with_marks_in_pre(content).encode("utf-8"))
        parser.close()
    except etree.XMLSyntaxError as error:
        raise DocumentError("extract", f"the HTML cannot be parsed: {error}") from error
    return target.paragraphs


def _with_marks_in_pre(content: str) -> str:
    """EDGAR's `<TABLE>` mark within `<PRE>` under a name of its own, since a table would end the element."""
    if not any(opening in content for opening in ("<pre", "<PRE", "<Pre")):
        return content
    return _PRE_ELEMENT.sub(
        lambda pre: pre[0] if _CELL_TAG.search(pre[0]) else _TABLE_TAG.sub(r"<\1pre-table", pre[0]), content
    )


class _VisibleText:
    """Receives the parser's events. `data` is the piece list's own append: text costs no Python call."""

    def __init__(self, *, tables: bool, tags: TagReader | None) -> None:
        self.paragraphs: list[Paragraph] = []
        self._include_tables = tables
        self._tags = tags
        self._pieces: list[str] = []
        self.data = self._pieces.append
        self._position = 0
        self._container = self.paragraphs
        self._tables: list[tuple[Table, list[Paragraph]]] = []
        self._too_deep = 0
        self._hidden_depth = 0
        self._hidden_from = 0
        self._pre_depth = 0
        self._hides: dict[str, bool] = {}

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:  # noqa: C901, PLR0912 - flat: every tag comes here
        if self._hidden_depth:
            self._hidden_depth += 1
            if self._tags and (name := tag.rpartition(":")[2]) in HIDDEN_TAGS:
                self._tags.start_hidden(name, attributes, len(self._pieces))
            return
        kind = _KIND.get(tag, _INLINE)
        if attributes:
            style = attributes.get("style")
            if style is not None:
                hides = self._hides.get(style)
                if hides is None:
                    hides = self._hides[style] = _NOT_SHOWN.search(style) is not None
                if hides:
                    kind = _HIDDEN
        if kind == _INLINE:
            return
        if kind == _TAG:
            if self._tags:
                self._tags.start(attributes, self._here())
        elif kind == _HIDDEN:
            self._hidden_depth = 1
            self._hidden_from = len(self._pieces)
        elif self._pre_depth:
            self._pre_depth += kind == _PRE
            self._pieces.append(_MARK_IN_PRE.get(tag, "\n"))
        elif kind == _LINE:
            self._pieces.append(_LINE_MARK)
        else:
            if self._pieces:
                self._flush()
            if kind >= _PRE:
                self._open(kind)

    def end(self, tag: str) -> None:  # noqa: C901 - flat: every tag comes here
        if self._hidden_depth:
            self._hidden_depth -= 1
            if self._tags and (name := tag.rpartition(":")[2]) in HIDDEN_TAGS:
                self._tags.end_hidden(name, self._pieces)
            if not self._hidden_depth:
                del self._pieces[self._hidden_from :]
            return
        kind = _KIND.get(tag, _INLINE)
        if kind == _INLINE:
            return
        if kind == _TAG:
            if self._tags:
                self._tags.end(tag, self._here())
        elif self._pre_depth:
            self._end_in_pre(tag, kind)
        elif kind >= _BLOCK:
            if self._pieces:
                self._flush()
            if kind == _TABLE:
                self._close_table()

    def close(self) -> None:
        if self._pre_depth:
            self._flush_pre()
        elif self._pieces:
            self._flush()
        while self._tables:
            self._close_table()

    def _here(self) -> int:
        """Position in the visible raw text: all text so far that is not hidden."""
        return self._position + sum(map(len, self._pieces))

    def _flush(self) -> None:
        raw = "".join(self._pieces)
        self._pieces.clear()
        if _LINE_MARK in raw:
            self._append_lines(raw.split(_LINE_MARK))
        else:
            self._append(raw, self._position)
        self._position += len(raw)

    def _append(self, raw: str, position: int) -> None:
        text = collapse(raw)
        if text:
            self._container.append(Paragraph(text, ((position, raw),) if self._tags else ()))

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
            position += len(line) + len(_LINE_MARK)
        self._append(" ".join(paragraph), begin)

    def _open(self, kind: int) -> None:
        if kind == _PRE:
            self._pre_depth = 1
        elif kind == _TABLE:
            if len(self._tables) == _DEEPEST_TABLE:
                self._too_deep += 1
            else:
                outside: list[Paragraph] = []
                self._tables.append((Table([[outside]]), self._container))
                self._container = outside
        elif self._tables and not self._too_deep:
            rows = self._tables[-1][0].rows
            if kind == _ROW or len(rows) == 1:
                rows.append([])
            if kind == _CELL:
                self._container = []
                rows[-1].append(self._container)

    def _close_table(self) -> None:
        if self._too_deep:
            self._too_deep -= 1
        elif self._tables:
            table, self._container = self._tables.pop()
            self._container += layout.resolve(table, tables=self._include_tables)

    def _end_in_pre(self, tag: str, kind: int) -> None:
        self._pre_depth -= kind == _PRE
        if not self._pre_depth:
            self._flush_pre()
        elif kind != _LINE:
            self._pieces.append("\n</TABLE>\n" if tag == "pre-table" else "\n")

    def _flush_pre(self) -> None:
        raw = "".join(self._pieces)
        self._pieces.clear()
        self._container += read_plain(raw, tables=self._include_tables)
        self._position += len(raw)
