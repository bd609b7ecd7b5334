"""HTML and inline XBRL into paragraphs of visible text.

Clean markup is walked (`walk`), anything else goes through libxml2's HTML parser, which calls a SAX target for every
tag. Nothing of the document is kept as a tree, so nesting costs nothing, and entities are never expanded beyond HTML's.
"""

import re
from collections.abc import Mapping

from lxml import etree

from finner_batch.errors import DocumentError
from finner_batch.text.elements import BLOCK, HIDDEN, HIDING, INLINE, KIND, LINE, PRE, TAG
from finner_batch.text.facts import HIDDEN_TAGS, TagReader
from finner_batch.text.paragraph import Paragraph
from finner_batch.text.visible import LINE_MARK, VisibleText
from finner_batch.text.walk import UncleanError, walk

_MARK_IN_PRE = {"pre-table": "\n<TABLE>\n", "page": "\n<PAGE>\n"}
_PRE_ELEMENT = re.compile(r"<pre\b[^>]*>.*?(?:</pre\s*>|\Z)", re.IGNORECASE | re.DOTALL)
_TABLE_TAG = re.compile(r"<(/?)table\b", re.IGNORECASE)
_CELL_TAG = re.compile(r"<t[rdh]\b", re.IGNORECASE)


def read_html(content: str, *, tables: bool, tags: TagReader | None) -> list[Paragraph]:
    """Paragraphs of the visible text in order; `tags` is told of every element of inline XBRL.

    Raises DocumentError (stage `extract`) where the parser gives up.
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
    """As `read_html`, always by the HTML parser."""
    target = _Target(tables=tables, tags=tags)
    parser = etree.HTMLParser(target=target, huge_tree=True, encoding="utf-8")
    try:
        parser.feed(_with_marks_in_pre(content).encode("utf-8"))
        parser.close()
    except etree.XMLSyntaxError as error:
        raise DocumentError("extract", f"the HTML cannot be parsed: {error}") from error
    return target.visible.paragraphs


def _with_marks_in_pre(content: str) -> str:
    """EDGAR's `<TABLE>` mark within `<PRE>` under a name of its own, since a table would end the element."""
    if not any(opening in content for opening in ("<pre", "<PRE", "<Pre")):
        return content
    return _PRE_ELEMENT.sub(
        lambda pre: pre[0] if _CELL_TAG.search(pre[0]) else _TABLE_TAG.sub(r"<\1pre-table", pre[0]), content
    )


class _Target:
    """Receives the parser's events: what is hidden, what is preformatted; the rest goes on to `VisibleText`."""

    def __init__(self, *, tables: bool, tags: TagReader | None) -> None:
        self.visible = VisibleText(tables=tables, places=tags is not None)
        self.data = self.visible.add
        self._pieces = self.visible.pieces
        self._tags = tags
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
        kind = KIND.get(tag, INLINE)
        if attributes:
            style = attributes.get("style")
            if style is not None:
                hides = self._hides.get(style)
                if hides is None:
                    hides = self._hides[style] = HIDING.search(style) is not None
                if hides:
                    kind = HIDDEN
        if kind == INLINE:
            return
        if kind == TAG:
            if self._tags:
                self._tags.start(attributes, self.visible.here())
        elif kind == HIDDEN:
            self._hidden_depth = 1
            self._hidden_from = len(self._pieces)
        elif self._pre_depth:
            self._pre_depth += kind == PRE
            self._pieces.append(_MARK_IN_PRE.get(tag, "\n"))
        elif kind == LINE:
            self._pieces.append(LINE_MARK)
        else:
            self.visible.begin(kind)
            self._pre_depth = int(kind == PRE)

    def end(self, tag: str) -> None:
        if self._hidden_depth:
            self._hidden_depth -= 1
            if self._tags and (name := tag.rpartition(":")[2]) in HIDDEN_TAGS:
                self._tags.end_hidden(name, self._pieces)
            if not self._hidden_depth:
                del self._pieces[self._hidden_from :]
            return
        kind = KIND.get(tag, INLINE)
        if kind == INLINE:
            return
        if kind == TAG:
            if self._tags:
                self._tags.end(tag, self.visible.here())
        elif self._pre_depth:
            self._end_in_pre(tag, kind)
        elif kind >= BLOCK:
            self.visible.finish(kind)

    def close(self) -> None:
        if self._pre_depth:
            self.visible.finish_preformatted()
        self.visible.close()

    def _end_in_pre(self, tag: str, kind: int) -> None:
        self._pre_depth -= kind == PRE
        if not self._pre_depth:
            self.visible.finish_preformatted()
        elif kind != LINE:
            self._pieces.append("\n</TABLE>\n" if tag == "pre-table" else "\n")
