"""What HTML and inline XBRL elements and their styles do to the visible text: hide, strike out, raise, separate it.

Source: CSS 2.2 (https://www.w3.org/TR/CSS22/): display 9.2.4, visibility 11.2, position 9.3, vertical-align 10.8.1,
white-space 16.6; CSS Text Decoration 3, text-decoration-line (https://www.w3.org/TR/css-text-decor-3/).
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TypeAlias

from finner_batch.text.ixbrl_facts import VISIBLE_TAGS

INLINE, TAG, STRUCK, RAISED, LOWERED, DOCUMENT_END, HIDDEN, LINE, BLOCK, PRE, ROW, CELL, CAPTION, TABLE = range(14)
"""Kinds of elements. Those from `BLOCK` on separate the text before and after them; `TAG` is inline XBRL."""

_BLOCKS = """
address article aside blockquote body center col colgroup dd details dialog dir div dl dt fieldset figcaption
figure footer form frameset h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu nav noframes ol optgroup option
p page search section summary tbody tfoot thead ul
"""
_NEVER_SHOWN = "head title script style template noscript object select ix:header ix:hidden"
_PREFORMATTED = "pre listing plaintext textarea xmp"
KIND = (
    dict.fromkeys(_BLOCKS.split(), BLOCK)
    | dict.fromkeys(_NEVER_SHOWN.split(), HIDDEN)
    | dict.fromkeys(_PREFORMATTED.split(), PRE)
    | dict.fromkeys(VISIBLE_TAGS, TAG)
    | {"br": LINE, "pre-table": BLOCK, "tr": ROW, "td": CELL, "th": CELL, "caption": CAPTION, "table": TABLE}
    | {"del": STRUCK, "sup": RAISED, "sub": LOWERED, "document-end": DOCUMENT_END}
)
"""Lower-case element name -> kind; any other element is `INLINE`."""

STRUCK_NAMES = frozenset(("del", "s", "strike"))
"""Elements that strike their text out. They are renamed to `del` for the HTML parser, which closes the others early."""

HIDES, STRIKES, RAISES, LOWERS, AS_TYPED = 1, 2, 4, 8, 16
"""Flags: the effects of a style on its element's text."""

_Declarations: TypeAlias = dict[str, str]
_Weight: TypeAlias = tuple[int, int]
"""Specificity of a rule's selector and number of the rule in the page: the greater prevails."""
_Selector: TypeAlias = tuple[str, frozenset[str]]
"""Element name or `*`, and the classes and id that the element must have."""

_PROPERTIES = {
    **{
        name: name
        for name in ("display", "visibility", "text-decoration", "vertical-align", "position", "top", "bottom")
    },
    "white-space": "white-space",
    "text-decoration-line": "text-decoration",
    "-webkit-text-decoration": "text-decoration",
    "-webkit-text-decoration-line": "text-decoration",
}
"""Properties that are read -> name under which they are kept."""
_SHIFT = re.compile(r"vertical-align\s*:\s*[-+.0-9]")
_LENGTH = re.compile(r"\s*([-+]?)(?=[0-9.]*[1-9])\.?[0-9]")
_CACHED_LENGTH = 1000

_STYLE_OPENS = re.compile(r"<style\b([^<>]*)>", re.IGNORECASE)
_STYLE_CLOSES = re.compile(r"</style", re.IGNORECASE)
_OTHER_MEDIA = re.compile(r"\b(?:not|print|speech|aural|braille|embossed|handheld|projection|tty|tv)\b", re.IGNORECASE)
_NO_RULES = re.compile(r"/\*.*?(?:\*/|\Z)|<!--|-->", re.DOTALL)
_BRACE = re.compile(r"[{}]")
_SELECTOR = re.compile(r"(?:.*[\s>+~])?([a-z][\w-]*|\*)?((?:[.#][\w-]+)*)", re.IGNORECASE | re.DOTALL)
_LONGEST_SELECTOR = 200
_MOST_ALIKE = 64
"""Most selectors looked up under one name, which bounds the time for an element."""
_MARK = re.compile(r"[.#][\w-]+")


def style_flags(style: str) -> int:
    """Return the flags of a style attribute's value."""
    return _cached_flags(style) if len(style) < _CACHED_LENGTH else _flags_of_text(style)


def _flags_of_text(style: str) -> int:
    text = style.lower()
    return _flags(declarations(text)) if _may_have_flags(text) else 0


def _may_have_flags(text: str) -> bool:
    """Quick test whether a style may have flags; most have none."""
    return (
        ("display" in text and "none" in text)
        or ("vertical-align" in text and ("sub" in text or "super" in text or _SHIFT.search(text) is not None))
        or "line-through" in text
        or "visibility" in text
        or "relative" in text
        or ("white-space" in text and "pre" in text)
    )


_cached_flags = lru_cache(maxsize=8192)(_flags_of_text)


def declarations(style: str) -> _Declarations:
    """Return the declarations that are read, in lower case; the last prevails if a property occurs several times."""
    declared = {}
    for declaration in style.lower().split(";"):
        name, _, value = declaration.partition(":")
        if known := _PROPERTIES.get(name.strip()):
            declared[known] = value.strip()
    return declared


def _flags(declared: Mapping[str, str]) -> int:
    if not declared:
        return 0
    flags = 0
    if _word(declared, "display") == "none" or _word(declared, "visibility") in {"hidden", "collapse"}:
        flags |= HIDES
    if "line-through" in declared.get("text-decoration", "").replace("!", " ").split():
        flags |= STRIKES
    if _word(declared, "white-space") == "pre":
        flags |= AS_TYPED
    return flags | _shift(declared)


def _word(declared: Mapping[str, str], name: str) -> str:
    return declared.get(name, "").partition("!")[0].strip()


def _shift(declared: Mapping[str, str]) -> int:
    align = _word(declared, "vertical-align")
    if align in {"super", "sub"}:
        return RAISES if align == "super" else LOWERS
    up = _sign(align)
    if not up and _word(declared, "position") == "relative":
        up = -_sign(declared.get("top", "")) or _sign(declared.get("bottom", ""))
    return RAISES if up > 0 else LOWERS if up < 0 else 0


def _sign(length: str) -> int:
    """Return 1, 0 or -1: the sign of a length."""
    match = _LENGTH.match(length)
    return 0 if match is None else -1 if match[1] == "-" else 1


class StyleSheet:
    """The rules of a page's `<style>` elements that affect visible text.

    It reads selectors by element, class and id, alone or combined (`p.old`), and the last of a chain (`td .old`) if it
    has a class or an id. It ignores pseudo-classes and rules for media other than the screen.
    """

    def __init__(self, content: str) -> None:
        self._rules: dict[str, dict[_Selector, dict[str, tuple[_Weight, str]]]] = {}
        self._flags = 0
        count = 0
        for selector, declared in _rules(content):
            if len(selector) > _LONGEST_SELECTOR or (match := _SELECTOR.fullmatch(selector)) is None:
                continue
            element, marks = (match[1] or "*").lower(), _MARK.findall(match[2])
            if not marks and (element == "*" or match.end(2) != len(selector) or match.start(1) != 0):
                continue
            alike = min((self._rules.setdefault(name, {}) for name in marks or [element]), key=len)
            key = (element, frozenset(marks))
            if len(alike) >= _MOST_ALIKE and key not in alike:
                continue
            count += 1
            self._flags |= _flags(declared)
            weight = (sum(10 if mark[0] == "#" else 1 for mark in marks), count)
            alike.setdefault(key, {}).update({name: (weight, value) for name, value in declared.items()})

    def __bool__(self) -> bool:
        """Whether any rule has a flag."""
        return self._flags != 0

    def flags_of(self, tag: str, attributes: Mapping[str, str]) -> int:
        """Return the flags of an element from the rules of the sheet and the element's own style."""
        marks = {f".{name}" for name in attributes.get("class", "").split()}
        marks.add(f"#{attributes.get('id', '')}")
        prevailing: dict[str, tuple[_Weight, str]] = {}
        for key in (tag, *marks):
            for (element, needed), rule in self._rules.get(key, {}).items():
                if element in {"*", tag} and needed <= marks:
                    for name, declared in rule.items():
                        prevailing[name] = max(declared, prevailing.get(name, declared))
        inherited = {name: value for name, (_, value) in prevailing.items()}
        return _flags(inherited | declarations(attributes.get("style", "")))


def _rules(content: str) -> Iterator[tuple[str, _Declarations]]:
    """Yield the selectors of the page's sheets with their declarations. Takes time linear in `content`."""
    position = 0
    while opening := _STYLE_OPENS.search(content, position):
        closing = _STYLE_CLOSES.search(content, opening.end())
        position = closing.start() if closing else len(content)
        if not _OTHER_MEDIA.search(opening[1]):
            yield from _rules_of_sheet(_NO_RULES.sub(" ", content[opening.end() : position]))


def _rules_of_sheet(sheet: str) -> Iterator[tuple[str, _Declarations]]:
    """Yield the rules at the top of a sheet and in `@media` for the screen; other at-rules are skipped."""
    position = skipped_depth = 0
    for brace in _BRACE.finditer(sheet):
        text = sheet[position : brace.start()]
        position = brace.end()
        if brace[0] == "}":
            skipped_depth = max(0, skipped_depth - 1)
            continue
        prelude = text.rpartition(";")[2].strip()
        if skipped_depth:
            skipped_depth += 1
        elif prelude.startswith("@"):
            skipped_depth = int(not prelude.startswith("@media") or _OTHER_MEDIA.search(prelude) is not None)
        else:
            declared = declarations(sheet[position : _end_of(sheet, position)])
            if declared:
                for selector in prelude.split(","):
                    yield selector.strip(), declared


def _end_of(sheet: str, position: int) -> int:
    closing = _BRACE.search(sheet, position)
    return closing.start() if closing else len(sheet)
