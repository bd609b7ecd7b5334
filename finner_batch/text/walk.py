"""The fast way through clean markup: split at `<`, each distinct tag understood once.

A filing repeats a few thousand distinct tags a hundred thousand times, and programs write nearly all of them. Where
every block ends where it should, this walk tells `VisibleText` the same as the HTML parser would, and the text comes
out the same: tests compare the two on every document they have. At the first sign of anything else it gives up, and
the HTML parser reads the document.
"""

import re
from collections.abc import Iterator
from html import unescape
from itertools import chain
from typing import TypeAlias

from finner_batch.text.elements import BLOCK, HIDDEN, HIDING, INLINE, KIND, LINE, PRE, TABLE, TAG
from finner_batch.text.visible import LINE_MARK, VisibleText

_UNREAD = {"<!--": "-->", "<script": "</script>", "<ix:header>": "</ix:header>"}
"""What is left out before tags are looked for, and how it ends; `ix:header` holds a quarter of a filing's tags."""
_UNREAD_BEGINS = re.compile("|".join(map(re.escape, _UNREAD)))
_STRETCH = 1 << 18
"""So many characters of markup are taken apart at a time."""
_NOT_PLAIN = {
    "<!--": ("--!>",),
    "<script": ("</script", "<!--"),
    "<ix:header>": ("</ix:header", "<ix:header", "<!--", "<script"),
}
"""What would let the HTML parser see another end."""
_TAG = re.compile(
    r"""(/?)([A-Za-z][-A-Za-z0-9:._]*)((?:\s+[-\w:.]+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'=`/]+))?)*)\s*(/?)"""
)
_STYLE = re.compile(r"""\sstyle\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)
_XBRL = ("ix:nonFraction ", "ix:nonNumeric ", "ix:continuation ")
"""Inline tags that are nearly all distinct."""
_ODD = frozenset(
    [
        *("dl", "form", "frameset", "iframe", "math", "noframes", "plaintext", "pre", "script", "select", "svg"),
        *("textarea", "title", "xmp"),
    ]
)
"""Elements that the HTML parser reads by rules of their own."""
_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"]
)

_CLOSED_BY_BLOCKS = frozenset(["p", "h1", "h2", "h3", "h4", "h5", "h6", "head"])
"""Elements that the HTML parser ends where a block begins inside them."""
_ENDED_EARLY = _CLOSED_BY_BLOCKS | {"title"}
_SECTIONS = ("table", "tbody", "thead", "tfoot")
_AROUND = {
    **dict.fromkeys(("td", "th"), ("tr",)),
    "tr": _SECTIONS,
    "li": ("ul", "ol"),
    **dict.fromkeys(("caption", "colgroup", "tbody", "thead", "tfoot"), ("table",)),
}
"""Where alone the parts of a table or list stand in clean markup."""
_NAME = re.compile(r"/?([A-Za-z][-A-Za-z0-9:._]*)")

_BEGIN, _FINISH, _EMPTY, _BREAK, _SKIP = range(5)
_Step: TypeAlias = tuple[int, str, int]
"""What a tag asks for, its element's name and kind."""
_PASSES: _Step = (-1, "", INLINE)


class UncleanError(Exception):
    """The markup needs the HTML parser."""


def walk(content: str, visible: VisibleText) -> None:  # noqa: C901, PLR0912, PLR0915 - flat: every tag comes here
    """Tell `visible` of everything that `content` shows.

    Raises UncleanError where the markup is not clean; what `visible` was told until then is of no use.
    """
    if LINE_MARK in content:
        raise UncleanError
    pieces = chain.from_iterable(_pieces(content))
    steps: dict[str, _Step] = {}
    alone: dict[str, _Step] = {}  # of tags with no text behind them, by all that stands up to the next tag
    resolved: dict[str, str] = {}
    opened = [""]
    add, begin, finish, flush = visible.add, visible.begin, visible.finish, visible.flush
    shown = visible.pieces
    add(unescape(next(pieces)))
    for piece in pieces:
        text = ""
        step = alone.get(piece)
        if step is None:
            tag, mark, text = piece.partition(">")
            if not mark:
                raise UncleanError
            step = steps.get(tag)
            if step is None:
                step = _PASSES if _is_plain_xbrl(tag) else steps.setdefault(tag, _step(tag))
            elif not text:
                alone[piece] = step
        if step is not _PASSES:
            action, name, kind = step
            around = opened[-1]
            if action == _BEGIN:
                if around in _CLOSED_BY_BLOCKS or around not in _AROUND.get(name, (around,)):
                    raise UncleanError
                opened.append(name)
                if kind > PRE:
                    begin(kind)
                elif shown:
                    flush()
            elif action == _FINISH:
                if opened.pop() != name:
                    raise UncleanError
                if kind == TABLE:
                    finish(kind)
                elif shown:
                    flush()
            elif action == _EMPTY:
                if around in _CLOSED_BY_BLOCKS:
                    raise UncleanError
                begin(kind)
                finish(kind)
            elif action == _BREAK:
                add(LINE_MARK)
            else:
                if (kind >= BLOCK and around in _CLOSED_BY_BLOCKS) or (name == "head" and text.strip()):
                    raise UncleanError
                text = _skip(pieces, name)
        if not text:
            continue
        if "&" in text:
            add(resolved.get(text) or resolved.setdefault(text, unescape(text)))
        else:
            add(text)
    if opened != [""]:
        raise UncleanError
    visible.close()


def _is_plain_xbrl(tag: str) -> bool:
    """Whether a tag of inline XBRL is whole and hides nothing."""
    return tag.startswith(_XBRL) and "style" not in tag and "'" not in tag and not tag.count('"') % 2


def _step(tag: str) -> _Step:
    """What a tag asks for; it is given without its angle brackets."""
    if tag.startswith("?") or (tag[:8].lower() == "!doctype" and "[" not in tag):
        return _PASSES
    match = _TAG.fullmatch(tag)
    name = match[2].lower() if match else ""
    if match is None or name in _ODD:
        raise UncleanError
    kind = KIND.get(name, INLINE)
    if match[1]:
        return _PASSES if kind in {INLINE, TAG, HIDDEN} or name in _VOID else (_FINISH, name, kind)
    is_empty = bool(match[4]) or name in _VOID
    style = _STYLE.search(match[3])
    if kind == HIDDEN or (style and HIDING.search(unescape(style[1] or style[2] or style[3] or ""))):
        return _PASSES if is_empty else (_SKIP, name, kind)
    if kind in {INLINE, TAG}:
        return _PASSES
    if kind == LINE:
        return _BREAK, name, kind
    return (_EMPTY if is_empty else _BEGIN), name, kind


def _skip(pieces: Iterator[str], name: str) -> str:
    """Go behind the end of a hidden element that has just opened, and return the text there."""
    same = re.compile(rf"(/?){re.escape(name)}(?=[\s/>])", re.IGNORECASE)
    depth = 1
    for piece in pieces:
        if name in _ENDED_EARLY and _ends(piece, name):
            raise UncleanError
        match = same.match(piece)
        if match:
            tag, _, text = piece.partition(">")
            if not tag.endswith("/"):
                depth += -1 if match[1] else 1
            if not depth:
                return text
    raise UncleanError


def _ends(piece: str, hidden: str) -> bool:
    """Whether the HTML parser would read this tag, or the text behind it, otherwise than as hidden with the rest."""
    match = _NAME.match(piece)
    name = match[1].lower() if match else ""
    if name == hidden:
        return not piece.startswith("/")
    if hidden == "title":
        return True
    kind = KIND.get(name, INLINE)
    if hidden == "head":
        return kind not in {INLINE, TAG, HIDDEN} or (kind != HIDDEN and not piece.partition(">")[2].isspace())
    return kind >= BLOCK or name == "title"


def _pieces(content: str) -> Iterator[list[str]]:
    """What `content` without the unread holds between `<` and `<`, a list a stretch: never all of it at once."""
    pending: list[str] = []
    for stretch in _read_stretches(content):
        pieces = stretch.split("<")
        if len(pieces) > 1:
            pieces[0] = "".join([*pending, pieces[0]])
            pending = [pieces.pop()]
            yield pieces
        else:
            pending += pieces
    yield ["".join(pending)]


def _read_stretches(content: str) -> Iterator[str]:
    """The content without comments, scripts and the XBRL header. Raises UncleanError where their end is not plain."""
    position = 0
    while position < len(content):
        begin = _UNREAD_BEGINS.search(content, position)
        until = begin.start() if begin else len(content)
        for start in range(position, until, _STRETCH):
            yield content[start : min(until, start + _STRETCH)]
        if begin is None:
            return
        mark = begin[0]
        end = content.find(_UNREAD[mark], until)
        if end < 0:
            raise UncleanError
        inside = content[begin.end() : end].lower()
        if any(sign in inside for sign in _NOT_PLAIN[mark]) or inside.partition(">")[0].endswith("/"):
            raise UncleanError
        position = end + len(_UNREAD[mark])
