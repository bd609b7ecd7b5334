"""The fast way through clean markup: split at `<`, each distinct tag understood once.

A filing repeats a few thousand distinct tags a hundred thousand times, and programs write nearly all of them. Where
every block ends where it should, this walk tells `VisibleText` the same as the HTML parser would, and the text comes
out the same: tests compare the two on every document they have. At the first sign of anything else it gives up, and
the HTML parser reads the document.
"""

import html
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cache, partial
from itertools import chain
from typing import TypeAlias

from finner_batch.text.characters import collapse
from finner_batch.text.elements import (
    BLOCK,
    CELL,
    HIDDEN,
    INLINE,
    KIND,
    LINE,
    LOWERED,
    PRE,
    RAISED,
    STRUCK,
    STRUCK_NAMES,
    TABLE,
)
from finner_batch.text.styles import AS_TYPED, HIDES, LOWERS, RAISES, STRIKES, StyleSheet, meaning
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
_IN_HEADER = re.compile(r"<(?!/?(?:ix|xbrl))(/?)([^\s/<>:]+)(?=[\s/>])[^<>]*?(/?)>")
"""Tags in the XBRL header, in lower case, that are none of XBRL's."""
_TAG = re.compile(
    r"""(/?)([A-Za-z][-A-Za-z0-9:._]*)((?:\s+[-\w:.]+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'=`/]+))?)*)\s*(/?)"""
)
_STYLE = re.compile(r"""\sstyle\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)
_USUAL_REFERENCES = tuple(
    (f"&#{ord(character)};", character) for character in "\u00a0\u2019\u201c\u201d\u2014\u2013\u2022\u00ae\u00a7"
)
"""The most frequent references to characters: replacing them takes a third of the time of `html.unescape`."""
_XBRL = ("ix:nonFraction ", "ix:nonNumeric ", "ix:continuation ")
"""Inline tags that are nearly all distinct."""
_ODD = frozenset(
    [
        *("dl", "form", "frameset", "iframe", "listing", "math", "noembed", "noframes", "plaintext", "pre", "script"),
        *("select", "svg", "textarea", "title", "xmp"),
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
_HOLDS = {
    "table": frozenset(("caption", "colgroup", "col", "tbody", "thead", "tfoot", "tr")),
    **dict.fromkeys(("tbody", "thead", "tfoot"), frozenset(("tr",))),
    "colgroup": frozenset(("col",)),
    "tr": frozenset(("td", "th")),
}
"""What alone the parts of a table that are no cells hold in clean markup: no text either."""
_PAGES = frozenset(("html", "body"))
_ROOTS = frozenset(("", "html"))
"""Where alone `html`, `head` and `body` stand; elsewhere the HTML parser reads over them."""
_NAME = re.compile(r"/?([A-Za-z][-A-Za-z0-9:._]*)")

_BEGIN, _FINISH, _EMPTY, _BREAK, _SKIP, _STRIKE, _RAISE, _LOWER, _BEGIN_PAGE = range(9)
_WITHIN_MARKED = frozenset((-1, _RAISE, _LOWER))
"""What inline elements within one that is struck out or raised ask for without making a difference."""
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
    sheet = cache(partial(StyleSheet, content))
    steps: dict[str, _Step] = {}
    alone: dict[str, _Step] = {}  # of tags with no text behind them, by all that stands up to the next tag
    resolved: dict[str, str] = {}
    opened = [""]
    is_cell_due = False  # a cell has opened and shown nothing so far: one that ends so is none
    begun: set[str] = set()
    fits: defaultdict[str, set[str]] = defaultdict(set)  # by name, within what it was found to be in place
    add, begin, finish, flush = visible.add, visible.begin, visible.finish, visible.flush
    shown = visible.pieces
    add(_unescaped(next(pieces)))
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
                if around not in fits[name]:
                    _check_place(around, name)
                    fits[name].add(around)
                if shown and around in _HOLDS:
                    _check_blank(shown)
                if is_cell_due:
                    begin(CELL)
                opened.append(name)
                is_cell_due = kind == CELL
                if kind > PRE and not is_cell_due:
                    begin(kind)
                elif shown:
                    flush()
            elif action == _FINISH:
                if opened.pop() != name:
                    raise UncleanError
                if shown:
                    if name in _HOLDS:
                        _check_blank(shown)
                    flush()
                is_cell_due = False
                if kind == TABLE:
                    finish(kind)
            elif action == _EMPTY:
                if around not in fits[name]:
                    _check_place(around, name)
                    fits[name].add(around)
                if is_cell_due:
                    begin(CELL)
                    is_cell_due = False
                if shown:
                    if around in _HOLDS:
                        _check_blank(shown)
                    flush()
                if kind != CELL:  # an empty cell is none
                    begin(kind)
                    finish(kind)
            elif action == _BREAK:
                if shown:
                    add(LINE_MARK)
            elif action == _SKIP:
                if kind >= BLOCK and around in _CLOSED_BY_BLOCKS:
                    raise UncleanError
                if name == "head" and (around not in _ROOTS or text.strip()):
                    raise UncleanError
                if name == "style" and sheet():
                    raise UncleanError
                text = _skip(pieces, name, sheet)
            elif action == _BEGIN_PAGE:
                if around not in _ROOTS or name in begun or visible.paragraphs or collapse("".join(shown)):
                    raise UncleanError
                begun.add(name)
                opened.append(name)
            else:
                if is_cell_due:
                    begin(CELL)
                    is_cell_due = False
                text = _read_marked(pieces, action, name, text, visible)
        if not text:
            continue
        if "&" in text:
            text = resolved.get(text) or resolved.setdefault(text, _unescaped(text))
        if not shown:
            if text.isspace():
                continue
            if is_cell_due:
                begin(CELL)
                is_cell_due = False
        add(text)
    if opened != [""]:
        raise UncleanError
    visible.close()


def _unescaped(text: str) -> str:
    if "&" not in text:
        return text
    for reference, character in _USUAL_REFERENCES:
        text = text.replace(reference, character)
    if "&" not in text:
        return text
    try:
        return html.unescape(text)
    except ValueError:  # a reference of thousands of digits
        raise UncleanError from None


def _is_plain_xbrl(tag: str) -> bool:
    """Whether a tag of inline XBRL is whole and hides nothing."""
    return tag.startswith(_XBRL) and "style" not in tag and "'" not in tag and not tag.count('"') % 2


def _step(tag: str) -> _Step:  # noqa: PLR0911 - one return a kind of tag
    """What a tag asks for; it is given without its angle brackets."""
    if tag.startswith("?") or (tag[:8].lower() == "!doctype" and "[" not in tag):
        return _PASSES
    match = _TAG.fullmatch(tag)
    name = match[2].lower() if match else ""
    if match is None or name in _ODD:
        raise UncleanError
    kind = KIND.get(name, INLINE)
    if match[1]:
        return _PASSES if kind < BLOCK or name in _VOID else (_FINISH, name, kind)
    is_empty = bool(match[4]) or name in _VOID
    style = _STYLE.search(match[3])
    flags = meaning(_unescaped(style[1] or style[2] or style[3] or "")) if style else 0
    if kind == HIDDEN or flags & HIDES:
        return _PASSES if is_empty else (_SKIP, name, kind)
    if kind == LINE:
        return _BREAK, name, kind
    if kind >= BLOCK:
        if flags & (STRIKES | AS_TYPED):
            raise UncleanError
        if name in _PAGES:
            return _BEGIN_PAGE, name, kind
        return (_EMPTY if is_empty else _BEGIN), name, kind
    if is_empty:
        return _PASSES
    return _marked(name, kind, flags) or _PASSES


def _marked(name: str, kind: int, flags: int) -> _Step | None:
    """The step of an inline element whose text is struck out, raised or lowered."""
    if kind == STRUCK or name in STRUCK_NAMES or flags & STRIKES:
        if kind in {RAISED, LOWERED} or flags & (RAISES | LOWERS):
            raise UncleanError
        return _STRIKE, name, kind
    if kind == RAISED or (kind != LOWERED and flags & RAISES):
        return _RAISE, name, kind
    return (_LOWER, name, kind) if kind == LOWERED or flags & LOWERS else None


def _check_place(around: str, name: str) -> None:
    """Raise UncleanError where the HTML parser, or the table around, would not have a block here."""
    if around in _CLOSED_BY_BLOCKS or around not in _AROUND.get(name, (around,)):
        raise UncleanError
    if around in _HOLDS and name not in _HOLDS[around]:
        raise UncleanError


def _check_blank(shown: list[str]) -> None:
    """Raise UncleanError where text stands in a table and in none of its cells."""
    if collapse("".join(shown)):
        raise UncleanError


def _read_marked(  # noqa: C901, PLR0912 - flat: every tag within comes here
    pieces: Iterator[str], action: int, name: str, text: str, visible: VisibleText
) -> str:
    """Read an inline element that is struck out, raised or lowered; return the text behind its end.

    Raises UncleanError where it holds anything but text, line breaks and inline elements that end in order.
    """
    if action == _STRIKE:
        visible.begin_struck()
    else:
        visible.begin_raised(lowered=action == _LOWER)
    visible.add(_unescaped(text))
    opened = [name]
    usual_end = f"/{name}>"
    for piece in pieces:
        if len(opened) == 1 and piece.startswith(usual_end):
            opened.clear()
            text = piece[len(usual_end) :]
            break
        tag, mark, text = piece.partition(">")
        match = _TAG.fullmatch(tag) if mark else None
        if match is None:
            raise UncleanError
        inner = match[2].lower()
        if match[1]:
            if opened.pop() != inner:
                raise UncleanError
            if not opened:
                break
        else:
            step = _step(tag)[0]
            if step == _BREAK:
                visible.add(LINE_MARK)
            elif step not in _WITHIN_MARKED or inner == opened[-1] == "a":
                raise UncleanError
            elif not match[4] and inner not in _VOID:
                opened.append(inner)
        visible.add(_unescaped(text))
    if opened:
        raise UncleanError
    if action == _STRIKE:
        visible.end_struck()
    else:
        visible.end_raised()
    return text


def _skip(pieces: Iterator[str], hidden: str, sheet: Callable[[], StyleSheet]) -> str:
    """Go behind the end of a hidden element that has just opened, and return the text there.

    Raises UncleanError where the HTML parser might see its end elsewhere, as tags inside do not end in order, and where
    it holds a style sheet that says something of the text.
    """
    opened = [hidden]
    usual_end = f"/{hidden}>"
    for piece in pieces:
        if len(opened) == 1 and piece.startswith(usual_end):
            return piece[len(usual_end) :]
        tag, mark, text = piece.partition(">")
        match = _TAG.fullmatch(tag) if mark else None
        if match is None or (hidden in _ENDED_EARLY and _ends(piece, hidden)):
            raise UncleanError
        name = match[2].lower()
        if match[1]:
            if name in _VOID or opened.pop() != name:
                raise UncleanError
            if not opened:
                return text
            continue
        if name == "style" and sheet():
            raise UncleanError
        if (hidden, name) != ("head", "title"):
            _check_hidden(opened, name)
        if not match[4] and name not in _VOID:
            opened.append(name)
    raise UncleanError


def _check_hidden(opened: list[str], name: str) -> None:
    """Raise UncleanError where a tag within what is hidden, `opened[0]`, might end more than the parser lets it end."""
    around = opened[-1]
    if name in _ODD or name in _PAGES or name == around == "a":
        raise UncleanError
    if KIND.get(name, INLINE) >= BLOCK:
        _check_place(around, name)
        if len(opened) > 1 and KIND.get(around, INLINE) < BLOCK:
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
        return kind > HIDDEN or (kind != HIDDEN and piece.partition(">")[2].strip() != "")
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
        if mark == "<ix:header>":
            _check_header(inside)
        position = end + len(_UNREAD[mark])


def _check_header(inside: str) -> None:
    """Raise UncleanError where HTML in the XBRL header does not end in order."""
    opened = [""]
    for is_end, name, is_empty in _IN_HEADER.findall(inside):
        if is_end:
            if opened.pop() != name:
                raise UncleanError
        elif name not in _VOID and not is_empty:
            _check_hidden(opened, name)
            opened.append(name)
    if opened != [""]:
        raise UncleanError
