"""Superscripts and subscripts: keeps footnote marks and exponents apart from the number before them.

`$250<sup>2</sup> million` becomes `$250² million`, `6.25<sup>(1)</sup>%` becomes `6.25⁽¹⁾%`, and the fraction
`6<sup>1</sup>/<sub>4</sub>%` becomes `6 1/4%`. Only marks after a number change: `1<sup>st</sup>` becomes `1st`, and a
mark after a word is unchanged.
"""

import re
from collections.abc import Sequence

_PLAIN = "0123456789+-\u2212=()abcdefghijklmnoprstuvwxyz"
_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ"
_AS_SUPERSCRIPTS = str.maketrans(_PLAIN, _SUPERSCRIPTS) | str.maketrans(
    "ABCDEFGHIJKLMNOPRSTUVWXYZ[]", "ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ⁽⁾"
)
_AS_SUBSCRIPTS = str.maketrans("0123456789+-\u2212=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎")

PLACEHOLDER = "\u00ad"
"""Marks where a superscript begins until it is resolved; no character of the text."""

_FRACTION = re.compile(r"[0-9]{1,2}\s?(?:[/\u2044]\s?[0-9]{0,3})?")
_REST_OF_FRACTION = re.compile(r"\s?[/\u2044]\s?[0-9]")
_LETTER = "[A-PR-Za-pr-z]"
_MARK = re.compile(
    rf"(?:(?:[0-9]{{1,3}}|[(\[](?:[0-9]{{1,3}}|{_LETTER})[)\]]|{_LETTER}(?![A-Za-z]))[\s,*\u2020\u2021]*){{1,4}}"
    r"|[-+\u2212][0-9]{1,3}"
)
_LONGEST = 16
_NUMBER_ENDS = re.compile(r"(?:[0-9\u00bc-\u00be\u2150-\u215e]\s?%?[)\]]?)\Z")
_REACH = 8
_BEGINS_NUMBER = frozenset("$(\u20ac\u00a3\u00a5")


def set_raised(pieces: list[str], spans: Sequence[tuple[int, int, bool]]) -> None:
    """Rewrite a block's pieces in place. `spans`, in order: (index of a `PLACEHOLDER` piece, end, whether lowered).

    Every piece keeps its length. Takes time linear in the text of the spans.
    """
    for begin, end, lowered in spans:
        inside = pieces[begin + 1 : end]
        if sum(map(len, inside)) > _LONGEST:
            continue
        text = "".join(inside).strip()
        before = _tail(pieces, begin)
        if not _NUMBER_ENDS.search(before):
            continue
        if not lowered and _is_fraction(text, _head(pieces, end)):
            if before[-1].isdigit():
                pieces[begin] = " "
        elif _MARK.fullmatch(text):
            table = _AS_SUBSCRIPTS if lowered else _AS_SUPERSCRIPTS
            pieces[begin + 1 : end] = [piece.translate(table) for piece in inside]


def set_gaps(pieces: list[str], places: Sequence[int]) -> None:
    """Replace a `PLACEHOLDER` piece at one of `places` by a space if it would join two words."""
    for place in places:
        before = next((piece[-1] for piece in reversed(pieces[max(0, place - _REACH) : place]) if piece), "")
        after = next((piece[0] for piece in pieces[place + 1 : place + _REACH] if piece), "")
        if before.isalnum() and (after.isalnum() or after in _BEGINS_NUMBER):
            pieces[place] = " "


def _is_fraction(text: str, after: str) -> bool:
    match = _FRACTION.fullmatch(text)
    if match is None:
        return False
    if text[-1].isdigit():
        return "/" in text or "\u2044" in text or _REST_OF_FRACTION.match(after) is not None
    return after.lstrip()[:1].isdigit()


def _tail(pieces: list[str], end: int) -> str:
    """Return the last characters before a piece."""
    text = ""
    for piece in reversed(pieces[max(0, end - _REACH) : end]):
        text = piece[-_REACH:].replace(PLACEHOLDER, "") + text
        if len(text) >= _REACH:
            break
    return text.rstrip()


def _head(pieces: list[str], begin: int) -> str:
    """Return the first characters from a piece on."""
    return "".join(piece[:_REACH] for piece in pieces[begin : begin + _REACH]).replace(PLACEHOLDER, "")
