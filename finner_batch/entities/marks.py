"""Footnote marks that text filings glue to a number: `$500(1) million`, `6.875%(2)`, `$250* million`.

HTML prints them as superscripts, which the reader gives as superscript characters (`$250² million`). A mark says
nothing of the number: values are read as if it were not there, and its digits are no number token.
"""

import re

_LABEL = r"(?:[1-9][0-9]?|[A-Za-z]|[ivx]{2,4})"
_SUPERSCRIPTS = "\u00b9\u00b2\u00b3\u2070-\u207f\u02b0-\u02b8\u1d2c-\u1d6a"
_MARKS = re.compile(
    rf"(?:\({_LABEL}(?:,\s?{_LABEL}){{0,5}}\)|\[{_LABEL}(?:,\s?{_LABEL}){{0,5}}\]|\*{{1,3}}|[\u2020\u2021\u00a7#]{{1,2}}"
    rf"|\s?[{_SUPERSCRIPTS}]{{1,12}}){{1,4}}"
)
NUMBERED_MARK = re.compile(r"[(\[](?<=[0-9%)\u00bc-\u00be\u2150-\u215e].)[1-9][0-9]?[)\],]")
"""Where a mark with digits may begin: directly behind a number, its `%` or its bracket."""
MOST_NUMBERS = 24
"""Numbers that the marks behind one number hold at most: four marks of six labels each."""
_SCALE = re.compile(
    r"[\s-]?(?:[%\uff05]|per[\s-]?cent|pct|basis\s+points?|bps|hundred|thousand|lakh|million|crore|[bt]illion"
    r"|m[mn](?![a-z])|bn(?![a-z])|(?:to|-|\u2013)\s?[0-9.]{1,12}(?:\([1-9a-z]\))?\s?%)",
    re.IGNORECASE,
)
_MONEY_BEFORE = re.compile(r"[$\u20ac\u00a3\u00a5\u20b9]\s?\(?$")


def end_of_marks(text: str, end: int, *, of_amount: bool = False) -> int:
    """Where the footnote marks end that are glued behind `text[:end]`; `end` if there are none.

    `of_amount` says that an amount or a rate ends there. What else could be a reference (`Section 4(2)`, `401(k)`) is a
    mark only before a scale (`500(1) million`); a superscript is one always.
    """
    match = _MARKS.match(text, end)
    if match is None:
        return end
    if of_amount or text[end] not in "([*#\u00a7\u2020\u2021" or _SCALE.match(text, match.end()):
        return match.end()
    return end


def is_amount(text: str, start: int, end: int) -> bool:
    """Whether the number `text[start:end]` is an amount by its form: thousands in groups or a money sign before it."""
    return "," in text[start:end] or _MONEY_BEFORE.search(text, max(0, start - 3), start) is not None
