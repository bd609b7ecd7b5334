"""A fast reader for clean markup: splits at `<` and interprets each distinct tag once.

A filing repeats a few thousand distinct tags a hundred thousand times, and programs write nearly all of them. If every
block ends where it should, `walk` makes the same calls to `VisibleText` as the HTML parser would, and the text is the
same: tests compare the two on all their documents. Otherwise it stops, and the HTML parser reads the document.
"""

import html
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cache, partial
from itertools import chain
from typing import TypeAlias

from finner_batch.text.characters import collapse
from finner_batch.text.markup import (
    AS_TYPED,
    BLOCK,
    CELL,
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
    STRUCK_NAMES,
    TABLE,
    StyleSheet,
    style_flags,
)
from finner_batch.text.visible_text import LINE_MARK, VisibleText

_SKIPPED = {"<!--": "-->", "<script": "</script>", "<ix:header>": "</ix:header>"}
"""Markup skipped before tags are read -> its end; `ix:header` has a quarter of a filing's tags."""
_SKIPPED_BEGINS = re.compile("|".join(map(re.escape, _SKIPPED)))
_STRETCH = 1 << 18
"""Characters of markup split at a time."""
_AMBIGUOUS = {
    "<!--": ("--!>",),
    "<script": ("</script", "<!--"),
    "<ix:header>": ("</ix:header", "<ix:header", "<!--", "<script"),
}
"""Skipped markup -> text inside it that would give it another end in the HTML parser."""
_IN_HEADER = re.compile(r"<(?!/?(?:ix|xbrl))(/?)([^\s/<>:]+)(?=[\s/>])[^<>]*?(/?)>")
"""Lower-case tags in the XBRL header that are not XBRL."""
_TAG = re.compile(
    r"""(/?)([A-Za-z][-A-Za-z0-9:._]*)((?:\s+[-\w:.]+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'=`/]+))?)*)\s*(/?)"""
)
_STYLE = re.compile(r"""\sstyle\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)
_USUAL_REFERENCES = tuple(
    (f"&#{ord(character)};", character) for character in "\u00a0\u2019\u201c\u201d\u2014\u2013\u2022\u00ae\u00a7"
)
"""The most frequent character references: replacing them takes a third of the time of `html.unescape`."""
_XBRL = ("ix:nonFraction ", "ix:nonNumeric ", "ix:continuation ")
"""Inline tags that are nearly all distinct, so that caching them is useless."""
_SPECIAL = frozenset(
    [
        *("dl", "form", "frameset", "iframe", "listing", "math", "noembed", "noframes", "plaintext", "pre", "script"),
        *("select", "svg", "textarea", "title", "xmp"),
    ]
)
"""Elements for which the HTML parser has special rules."""
_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"]
)

_CLOSED_BY_BLOCKS = frozenset(["p", "h1", "h2", "h3", "h4", "h5", "h6", "head"])
"""Elements that the HTML parser ends when a block begins inside them."""
_ENDED_EARLY = _CLOSED_BY_BLOCKS | {"title"}
_SECTIONS = ("table", "tbody", "thead", "tfoot")
_AROUND = {
    **dict.fromkeys(("td", "th"), ("tr",)),
    "tr": _SECTIONS,
    "li": ("ul", "ol"),
    **dict.fromkeys(("caption", "colgroup", "tbody", "thead", "tfoot"), ("table",)),
}
"""Part of a table or list -> the only elements around it in clean markup."""
_HOLDS = {
    "table": frozenset(("caption", "colgroup", "col", "tbody", "thead", "tfoot", "tr")),
    **dict.fromkeys(("tbody", "thead", "tfoot"), frozenset(("tr",))),
    "colgroup": frozenset(("col",)),
    "tr": frozenset(("td", "th")),
}
"""Part of a table -> the only content it has in clean markup; none of these has text of its own."""
_PAGES = frozenset(("html", "body"))
_ROOTS = frozenset(("", "html"))
"""The only elements around `html`, `head` and `body`; elsewhere the HTML parser ignores these."""
_NAME = re.compile(r"/?([A-Za-z][-A-Za-z0-9:._]*)")

_BEGIN, _FINISH, _EMPTY, _BREAK, _SKIP, _STRIKE, _RAISE, _LOWER, _BEGIN_PAGE = range(9)
_WITHIN_MARKED = frozenset((-1, _RAISE, _LOWER))
"""Actions that have no effect inside a struck-out or raised element."""
_Step: TypeAlias = tuple[int, str, int]
"""A tag's action, and the name and kind of its element."""
_PASSES: _Step = (-1, "", INLINE)


class UncleanError(Exception):
    """The markup needs the HTML parser."""


def walk(content: str, visible: VisibleText) -> None:  # noqa: C901, PLR0912, PLR0915 - flat: every tag comes here
    """Pass the visible text of `content` to `visible`.

    Raises UncleanError if the markup is not clean; `visible` is then unusable.
    """
    if LINE_MARK in content:
        raise UncleanError
    pieces = chain.from_iterable(_pieces(content))
    sheet = cache(partial(StyleSheet, content))
    steps: dict[str, _Step] = {}
    alone: dict[str, _Step] = {}  # of tags without text after them, by the whole piece
    resolved: dict[str, str] = {}
    opened = [""]
    is_cell_due = False  # a cell has begun without text so far; an empty cell is no cell
    begun: set[str] = set()
    fits: defaultdict[str, set[str]] = defaultdict(set)  # name -> elements inside which its place was checked
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
                if kind != CELL:
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
    """Whether an inline XBRL tag is complete and has no style."""
    return tag.startswith(_XBRL) and "style" not in tag and "'" not in tag and not tag.count('"') % 2


def _step(tag: str) -> _Step:  # noqa: PLR0911 - one return a kind of tag
    """Interpret a tag, given without its angle brackets."""
    if tag.startswith("?") or (tag[:8].lower() == "!doctype" and "[" not in tag):
        return _PASSES
    match = _TAG.fullmatch(tag)
    name = match[2].lower() if match else ""
    if match is None or name in _SPECIAL:
        raise UncleanError
    kind = KIND.get(name, INLINE)
    if match[1]:
        return _PASSES if kind < BLOCK or name in _VOID else (_FINISH, name, kind)
    is_empty = bool(match[4]) or name in _VOID
    style = _STYLE.search(match[3])
    flags = style_flags(_unescaped(style[1] or style[2] or style[3] or "")) if style else 0
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
    """Return the step of an inline element whose text is struck out, raised or lowered; None for others."""
    if kind == STRUCK or name in STRUCK_NAMES or flags & STRIKES:
        if kind in {RAISED, LOWERED} or flags & (RAISES | LOWERS):
            raise UncleanError
        return _STRIKE, name, kind
    if kind == RAISED or (kind != LOWERED and flags & RAISES):
        return _RAISE, name, kind
    return (_LOWER, name, kind) if kind == LOWERED or flags & LOWERS else None


def _check_place(around: str, name: str) -> None:
    """Raise UncleanError if the HTML parser or the table around would not allow a block here."""
    if around in _CLOSED_BY_BLOCKS or around not in _AROUND.get(name, (around,)):
        raise UncleanError
    if around in _HOLDS and name not in _HOLDS[around]:
        raise UncleanError


def _check_blank(shown: list[str]) -> None:
    """Raise UncleanError if a table has text outside of its cells."""
    if collapse("".join(shown)):
        raise UncleanError


def _read_marked(  # noqa: C901, PLR0912 - flat: every tag within comes here
    pieces: Iterator[str], action: int, name: str, text: str, visible: VisibleText
) -> str:
    """Read an inline element that is struck out, raised or lowered; return the text after its end.

    Raises UncleanError if it has anything but text, line breaks and inline elements that end in order.
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
    """Skip a hidden element that has just begun, and return the text after its end.

    Raises UncleanError if tags inside do not end in order, so that the HTML parser might see another end, or if the
    element has a style sheet that affects the text.
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
    """Raise UncleanError if a tag inside the hidden element `opened[0]` might end other elements in the HTML parser."""
    around = opened[-1]
    if name in _SPECIAL or name in _PAGES or name == around == "a":
        raise UncleanError
    if KIND.get(name, INLINE) >= BLOCK:
        _check_place(around, name)
        if len(opened) > 1 and KIND.get(around, INLINE) < BLOCK:
            raise UncleanError


def _ends(piece: str, hidden: str) -> bool:
    """Whether this tag, or the text after it, would end the hidden element in the HTML parser."""
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
    """Yield the text between one `<` and the next, without skipped markup: a list per stretch, to bound memory."""
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
    """Yield the content without comments, scripts and XBRL header. Raises UncleanError if their end is ambiguous."""
    position = 0
    while position < len(content):
        begin = _SKIPPED_BEGINS.search(content, position)
        until = begin.start() if begin else len(content)
        for start in range(position, until, _STRETCH):
            yield content[start : min(until, start + _STRETCH)]
        if begin is None:
            return
        mark = begin[0]
        end = content.find(_SKIPPED[mark], until)
        if end < 0:
            raise UncleanError
        inside = content[begin.end() : end].lower()
        if any(sign in inside for sign in _AMBIGUOUS[mark]) or inside.partition(">")[0].endswith("/"):
            raise UncleanError
        if mark == "<ix:header>":
            _check_header(inside)
        position = end + len(_SKIPPED[mark])


def _check_header(inside: str) -> None:
    """Raise UncleanError if HTML elements in the XBRL header do not end in order."""
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
