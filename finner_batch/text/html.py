"""HTML and inline XBRL: a SAX target that turns markup into paragraphs of visible text.

libxml2's HTML parser calls it for every tag; nothing of the document is kept as a tree, so deep nesting costs nothing.
"""

import re
from collections.abc import Mapping

from lxml import etree

from finner_batch.errors import DocumentError
from finner_batch.text import tables as layout
from finner_batch.text.characters import collapse
from finner_batch.text.facts import Tagged, Tagging
from finner_batch.text.paragraph import Paragraph, Table

_HIDDEN_ELEMENTS = frozenset(
    "head title script style template noscript ix:header ix:hidden object select textarea".split()
)
_BLOCK_ELEMENTS = frozenset(
    "address article aside blockquote body br center dd details dialog dir div dl dt fieldset figcaption figure footer "
    "form frameset h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu nav noframes ol optgroup option p page "
    "plaintext pre search section summary ul xmp caption colgroup col".split()
)
_TABLE_ELEMENTS = frozenset("table tr td th thead tbody tfoot".split())
_FACT_ELEMENTS = frozenset("ix:nonfraction ix:nonnumeric ix:continuation".split())
_UNIT_ELEMENTS = frozenset("xbrli:unit xbrli:measure xbrli:unitdenominator".split())
_NOT_SHOWN = re.compile(r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse))\b", re.IGNORECASE)

_INLINE, _BLOCK, _TABLE, _HIDE, _FACT = range(5)
_KIND = (
    dict.fromkeys(_BLOCK_ELEMENTS, _BLOCK)
    | dict.fromkeys(_TABLE_ELEMENTS, _TABLE)
    | dict.fromkeys(_HIDDEN_ELEMENTS, _HIDE)
)
_KIND_WITH_FACTS = _KIND | dict.fromkeys(_FACT_ELEMENTS, _FACT)


def read_html(content: str, *, tables: bool, facts: bool) -> tuple[list[Paragraph], Tagging]:
    """Paragraphs of the visible text in order, and the inline XBRL tagging (empty unless `facts`).

    Raises DocumentError (stage `extract`) where the parser gives up.
    """
    target = _VisibleText(tables=tables, facts=facts)
    parser = etree.HTMLParser(target=target, huge_tree=True, encoding="utf-8")
    try:
        parser.feed(content.encode("utf-8"))
        parser.close()
    except etree.XMLSyntaxError as error:
        if target.started:
            raise DocumentError("extract", f"the HTML cannot be parsed: {error}") from error
    return target.paragraphs, target.tagging


class _VisibleText:
    """Receives the parser's events. `data` is the piece list's own append: text costs no Python call."""

    def __init__(self, *, tables: bool, facts: bool) -> None:
        self.paragraphs: list[Paragraph] = []
        self.tagging = Tagging()
        self.started = False
        self._include_tables = tables
        self._facts = facts
        self._kind = _KIND_WITH_FACTS if facts else _KIND
        self._pieces: list[str] = []
        self.data = self._pieces.append
        self._position = 0
        self._container = self.paragraphs
        self._tables: list[tuple[Table, list[Paragraph]]] = []
        self._hidden_depth = 0
        self._hidden_from = 0
        self._open: list[Tagged] = []
        self._unit = ""
        self._measures: list[str] = []

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self.started = True
        if self._hidden_depth:
            self._hidden_depth += 1
            if self._facts and tag in _UNIT_ELEMENTS:
                self._start_unit(tag, attributes)
            return
        kind = self._kind.get(tag, _INLINE)
        if kind == _HIDE or ("style" in attributes and _NOT_SHOWN.search(attributes["style"])):
            self._hidden_depth = 1
            self._hidden_from = len(self._pieces)
        elif kind == _BLOCK:
            if self._pieces:
                self._flush()
        elif kind == _TABLE:
            if self._pieces:
                self._flush()
            self._start_table_element(tag)
        elif kind == _FACT:
            self._open.append(Tagged(dict(attributes), self._here(), -1))

    def end(self, tag: str) -> None:
        if self._hidden_depth:
            self._hidden_depth -= 1
            if self._facts and tag in _UNIT_ELEMENTS:
                self._end_unit(tag)
            if not self._hidden_depth:
                del self._pieces[self._hidden_from :]
            return
        kind = self._kind.get(tag, _INLINE)
        if kind == _BLOCK:
            if self._pieces:
                self._flush()
        elif kind == _TABLE:
            if self._pieces:
                self._flush()
            self._end_table_element(tag)
        elif kind == _FACT:
            self._end_fact(tag)

    def close(self) -> None:
        if self._pieces:
            self._flush()
        while self._tables:
            self._end_table_element("table")

    def _here(self) -> int:
        return self._position + sum(map(len, self._pieces))

    def _flush(self) -> None:
        raw = "".join(self._pieces)
        self._pieces.clear()
        text = collapse(raw)
        if text:
            self._container.append(Paragraph(text, ((self._position, raw),) if self._facts else ()))
        self._position += len(raw)

    def _start_table_element(self, tag: str) -> None:
        if tag == "table":
            self._tables.append((Table([]), self._container))
            self._container = []
        elif self._tables:
            rows = self._tables[-1][0].rows
            if tag == "tr" or not rows:
                rows.append([])
            if tag in ("td", "th"):
                self._container = []
                rows[-1].append(self._container)

    def _end_table_element(self, tag: str) -> None:
        if tag == "table" and self._tables:
            table, self._container = self._tables.pop()
            self._container += layout.resolve(table, tables=self._include_tables)

    def _end_fact(self, tag: str) -> None:
        if not self._open:
            return
        tagged = self._open.pop()
        tagged.end = self._here()
        if tag == "ix:nonfraction":
            self.tagging.numbers.append(tagged)
        elif tag == "ix:nonnumeric":
            self.tagging.texts.append(tagged)
        else:
            self.tagging.continuations[tagged.attributes.get("id", "")] = tagged

    def _start_unit(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "xbrli:unit":
            self._unit = attributes.get("id", "")
            self._measures = []
        elif tag == "xbrli:unitdenominator":
            self._measures.append("/")
        else:
            self._measure_from = len(self._pieces)

    def _end_unit(self, tag: str) -> None:
        if tag == "xbrli:measure":
            self._measures.append("".join(self._pieces[self._measure_from :]).strip().rpartition(":")[2])
        elif tag == "xbrli:unit":
            self.tagging.units[self._unit] = "*".join(self._measures).replace("*/*", "/")
