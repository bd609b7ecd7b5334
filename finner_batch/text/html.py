"""HTML and inline XBRL into paragraphs of visible text.

`walk` reads clean markup. libxml2's HTML parser reads the rest and calls a SAX target for every tag. No tree is built,
so nesting costs nothing, and only the entities of HTML are expanded.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise

from lxml import etree

from finner_batch.errors import DocumentError
from finner_batch.text.clean_markup import UncleanError, walk
from finner_batch.text.ixbrl_facts import HIDDEN_TAGS, TagReader
from finner_batch.text.markup import (
    AS_TYPED,
    BLOCK,
    DOCUMENT_END,
    HIDDEN,
    HIDES,
    INLINE,
    KIND,
    LINE,
    LOWERED,
    LOWERS,
    PRE,
    RAISED,
    RAISES,
    STRIKES,
    STRUCK,
    TAG,
    StyleSheet,
    style_flags,
)
from finner_batch.text.paragraph import Paragraph
from finner_batch.text.visible_text import LINE_MARK, VisibleText

_MARKED = frozenset((STRUCK, RAISED, LOWERED))
_AROUND_ALL = frozenset(("html", "body", "col", "colgroup", "tbody", "thead", "tfoot"))
"""Elements around whole pages or tables: `white-space: pre` on them does not make their content preformatted."""
_MARK_IN_PRE = {"pre-table": "\n<TABLE>\n", "page": "\n<PAGE>\n"}
_PRE_OPENS = re.compile(r"<pre\b", re.IGNORECASE)
_PRE_CLOSES = re.compile(r"</pre\s*>", re.IGNORECASE)
_TABLE_TAG = re.compile(r"<(/?)table\b", re.IGNORECASE)
_CELL_TAG = re.compile(r"<t[rdh]\b", re.IGNORECASE)
_RENAMED = re.compile(r"<(/?)(strike|noframes|s)(?=[\s>])", re.IGNORECASE)
_NEW_NAME = {"strike": "del", "s": "del", "noframes": "div"}
_BODY_END = re.compile(r"</body\b", re.IGNORECASE)
_TAIL = 1 << 12
_STRETCH = 1 << 14
"""Characters of markup given to the parser at a time."""
_DEEPEST = 5_000
"""Most open elements, more than twice as many as in any real filing seen.

The parser searches all open elements for the one that an end tag ends. Above this depth, end tags are removed.
"""
_END_TAG = re.compile(r"</(?!head|title|script|style|template|noscript|object|select|ix:)[a-z][^<>]*>", re.IGNORECASE)
"""End tags of elements that may contain visible text."""


def read_html(content: str, *, tables: bool, tags: TagReader | None) -> list[Paragraph]:
    """Return the paragraphs of the visible text in order; `tags` receives every inline XBRL element.

    Raises DocumentError (stage `extract`) if the markup cannot be parsed, MemoryError if the parser gets no memory.
    """
    if tags is None:
        visible = VisibleText(tables=tables, places=False)
        try:
            walk(content, visible)
        except UncleanError:
            pass
        else:
            return visible.paragraphs
    return parse_html(content, tables=tables, tags=tags)


def parse_html(content: str, *, tables: bool, tags: TagReader | None) -> list[Paragraph]:
    """Like `read_html`, but always with the HTML parser."""
    target = _Target(tables=tables, tags=tags, sheet=StyleSheet(content))
    parser = etree.HTMLParser(target=target, huge_tree=True, encoding="utf-8")
    try:
        for stretch in _stretches(_with_document_end(_renamed(_with_marks_in_pre(content)))):
            is_too_deep = target.depth > _DEEPEST  # each end tag takes time linear in the depth
            parser.feed((_END_TAG.sub("", stretch) if is_too_deep else stretch).encode("utf-8"))
        parser.close()
    except etree.XMLSyntaxError as error:
        raise DocumentError("extract", f"the HTML cannot be parsed: {error}") from error
    paragraphs = target.visible.paragraphs
    if target.depth or (not paragraphs and _had_no_memory(parser)):
        raise MemoryError  # libxml2 stops without an error if it gets no memory
    return paragraphs


def _stretches(content: str) -> Iterator[str]:
    """Yield the content in parts that begin with a tag."""
    begin = 0
    while (end := content.find("<", begin + _STRETCH)) >= 0:
        yield content[begin:end]
        begin = end
    yield content[begin:]


def _had_no_memory(parser: etree.HTMLParser) -> bool:
    return any(error.type == etree.ErrorTypes.ERR_NO_MEMORY for error in parser.feed_error_log)


def _with_marks_in_pre(content: str) -> str:
    """Rename EDGAR's `<TABLE>` mark within `<PRE>`, since a table would end the element."""
    if not any(opening in content for opening in ("<pre", "<PRE", "<Pre")):
        return content
    return "".join(
        _TABLE_TAG.sub(r"<\1pre-table", part) if is_pre and not _CELL_TAG.search(part) else part
        for is_pre, part in _split_at_pre(content)
    )


def _split_at_pre(content: str) -> Iterator[tuple[bool, str]]:
    """Yield the parts of the content and whether each is a `<pre>` element. Takes time linear in the content."""
    position = 0
    while opening := _PRE_OPENS.search(content, position):
        inside = content.find(">", opening.end())
        if inside < 0:
            break
        closing = _PRE_CLOSES.search(content, inside)
        end = closing.end() if closing else len(content)
        yield False, content[position : opening.start()]
        yield True, content[opening.start() : end]
        position = end
    yield False, content[position:]


def _renamed(content: str) -> str:
    """Rename elements that the parser would end too early or skip.

    An `<s>` without an `</s>` before the next `<s>` is EDGAR's mark for a table's first column and is kept.
    """
    matches = list(_RENAMED.finditer(content))
    marks = [match for match in matches if match[2] in "sS"]
    pairs = {
        match.start()
        for opening, closing in pairwise(marks)
        if not opening[1] and closing[1]
        for match in (opening, closing)
    }
    parts: list[str] = []
    position = 0
    for match in matches:
        name = match[2].lower()
        if name != "s" or match.start() in pairs:
            parts += (content[position : match.start()], "<", match[1], _NEW_NAME[name])
            position = match.end()
    return "".join([*parts, content[position:]])


def _with_document_end(content: str) -> str:
    """Add a `<document-end>` element if tables were left open: it marks where they are still open."""
    balance = sum(-1 if tag[1] else 1 for tag in _TABLE_TAG.finditer(content))
    if balance <= 0:
        return content
    closing = _BODY_END.search(content, max(0, len(content) - _TAIL))
    end = closing.start() if closing else len(content)
    return f"{content[:end]}<document-end>{content[end:]}"


class _Target:
    """Receives the parser's events, tracks hidden, struck, raised and preformatted text, and feeds `VisibleText`."""

    def __init__(self, *, tables: bool, tags: TagReader | None, sheet: StyleSheet) -> None:
        self.visible = VisibleText(tables=tables, places=tags is not None)
        self.data = self.visible.add
        self.depth = 0
        """Number of open elements; 0 at the end of a document that was read completely."""
        self._pieces = self.visible.pieces
        self._tags = tags
        self._sheet = sheet
        self._hidden_from = 0
        self._hidden_at = self._struck_at = self._raised_at = self._pre_at = 0
        """Depth of the outermost element with this effect; 0 outside of one."""

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:  # noqa: C901, PLR0912 - flat: every tag comes here
        self.depth += 1
        if self._hidden_at:
            if self._tags and (name := tag.rpartition(":")[2]) in HIDDEN_TAGS:
                self._tags.start_hidden(name, attributes, len(self._pieces))
            return
        kind = KIND.get(tag, INLINE)
        flags = 0
        if self._sheet:
            flags = self._sheet.flags_of(tag, attributes)
        elif attributes and (style := attributes.get("style")) is not None:
            flags = style_flags(style)
        if kind == INLINE and not flags:
            return
        if kind == HIDDEN or flags & HIDES:
            self._hidden_at = self.depth
            self._hidden_from = len(self._pieces)
            return
        if kind == TAG:
            if self._tags:
                self._tags.start(attributes, self.visible.here())
        elif self._pre_at:
            if kind >= LINE:
                self._pieces.append(_MARK_IN_PRE.get(tag, "\n"))
        elif kind == LINE:
            self._pieces.append(LINE_MARK)
        elif kind >= BLOCK:
            self.visible.begin(kind)
            if kind == PRE or (flags & AS_TYPED and kind == BLOCK and tag not in _AROUND_ALL):
                self._pre_at = self.depth
        elif kind == DOCUMENT_END:
            self.visible.end_of_markup()
        if flags or kind in _MARKED:
            self._start_marked(kind, flags)

    def end(self, tag: str) -> None:  # noqa: C901 - as above
        depth = self.depth
        self.depth = depth - 1
        if self._hidden_at:
            if self._tags and (name := tag.rpartition(":")[2]) in HIDDEN_TAGS:
                self._tags.end_hidden(name, self._pieces)
            if depth == self._hidden_at:
                self._hidden_at = 0
                del self._pieces[self._hidden_from :]
            return
        kind = KIND.get(tag, INLINE)
        if depth == self._struck_at:
            self._struck_at = 0
            self.visible.end_struck()
        if depth == self._raised_at:
            self._raised_at = 0
            self.visible.end_raised()
        if kind == INLINE:
            return
        if kind == TAG:
            if self._tags:
                self._tags.end(tag, self.visible.here())
        elif self._pre_at:
            self._end_in_pre(tag, kind)
        elif kind >= BLOCK:
            self.visible.finish(kind)

    def close(self) -> None:
        if self._pre_at:
            self.visible.finish_preformatted()
        self.visible.close()

    def _start_marked(self, kind: int, flags: int) -> None:
        if (kind == STRUCK or flags & STRIKES) and not self._struck_at:
            self._struck_at = self.depth
            self.visible.begin_struck()
        if kind < BLOCK and not self._raised_at:
            lowered = kind == LOWERED or (kind != RAISED and flags & LOWERS > 0)
            if lowered or kind == RAISED or flags & RAISES:
                self._raised_at = self.depth
                self.visible.begin_raised(lowered=lowered)

    def _end_in_pre(self, tag: str, kind: int) -> None:
        if self.depth < self._pre_at:
            self._pre_at = 0
            self.visible.finish_preformatted()
        elif kind > LINE:
            self._pieces.append("\n</TABLE>\n" if tag == "pre-table" else "\n")
