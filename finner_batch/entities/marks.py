"""Footnote marks directly after a number in text filings: `$500(1) million`, `6.875%(2)`, `$250* million`.

In HTML they are superscripts, which extraction converts to superscript characters (`$250² million`). Values are read
as if the mark were not there, and its digits are no number token.
"""

import re

_LABEL = r"(?:[1-9][0-9]?|[A-Za-z]|[ivx]{2,4})"
_SUPERSCRIPTS = "\u00b9\u00b2\u00b3\u2070-\u207f\u02b0-\u02b8\u1d2c-\u1d6a"
_MARKS = re.compile(
    rf"(?:\({_LABEL}(?:,\s?{_LABEL}){{0,5}}\)|\[{_LABEL}(?:,\s?{_LABEL}){{0,5}}\]|\(?\*{{1,3}}\)?|[\u2020\u2021\u00a7#]{{1,2}}"
    rf"|\s?[{_SUPERSCRIPTS}]{{1,12}}){{1,4}}"
)
NUMBERED_MARK = re.compile(
    r"[(\[](?:(?<=[0-9%)\u00bc-\u00be\u2150-\u215ekmnst].)|(?<=[0-9]\s.))[1-9][0-9]?[)\],]", re.IGNORECASE
)
"""Where a mark with digits may begin: after a number, its `%`, scale word or bracket, or a space after the number."""
MOST_NUMBERS = 24
"""Most numbers in the marks after one number: four marks of six labels each."""
_LONGEST_SCALE = 20
_SCALE_BEFORE = re.compile(
    r"\s?[%\uff05]|[\s-]?(?:per[\s-]?cent|pct|basis\s+points?|bps|thousand|million|[bt]illion|m[mn]|bn|[mbk])",
    re.IGNORECASE,
)
"""Text between a number and its mark (`$500 million(1)`)."""
_SPACED_MARK = re.compile(
    rf"\s[(\[]{_LABEL}(?:,\s?{_LABEL}){{0,5}}[)\]](?=\s(?:hundred|thousand|million|[bt]illion|basis\spoints)\b)"
)
_YEAR = re.compile(r"(?:19|20)[0-9]{2}")
_DUE = re.compile(r"(?:\bdue|\bmaturing|\bmatures?(?:\sin)?|[a-z.]\s[0-9]{1,2},)\s$", re.IGNORECASE)
"""A year after these is not a section or rule number: `due 2031(4)`, `June 1, 2031(4)`."""
_SCALE = re.compile(
    r"[\s-]?(?:[%\uff05]|per[\s-]?cent|pct|basis\s+points?|bps|hundred|thousand|lakh|million|crore|[bt]illion"
    r"|m[mn](?![a-z])|bn(?![a-z])|(?:to|-|\u2013)\s?[0-9.]{1,12}(?:\([1-9a-z]\))?\s?%)",
    re.IGNORECASE,
)
_MONEY_BEFORE = re.compile(r"[$\u20ac\u00a3\u00a5\u20b9]\s?\(?$")


def end_of_marks(text: str, end: int, *, of_amount: bool = False) -> int:
    """Return the end of the footnote marks directly after `text[:end]`; `end` if there are none.

    `of_amount`: an amount or a rate ends there. After other numbers, what could be a reference (`Section 4(2)`,
    `401(k)`) is a mark only before a scale (`500(1) million`). A superscript always is a mark.
    """
    match = _MARKS.match(text, end)
    if match is None:
        spaced = _SPACED_MARK.match(text, end)
        return spaced.end() if spaced else end
    if of_amount or text[end] not in "([*#\u00a7\u2020\u2021" or _SCALE.match(text, match.end()):
        return match.end()
    return end


def end_of_numbered_mark(text: str, number: tuple[int, int], opening: int) -> int:
    """Return the end of the marks at `text[opening:]`; at most `opening` if they do not belong to that number."""
    start, end = number
    if opening > end + _LONGEST_SCALE:
        return opening
    if text.startswith(")", end) and text[start - 1 : start] == "(":
        start, end = start - 1, end + 1
    if opening in (end, end + 1) and not text[end:opening].strip():
        return end_of_marks(text, end, of_amount=opening == end and _takes_marks(text, start, end))
    is_scaled = _SCALE_BEFORE.fullmatch(text, end, opening) is not None
    return end_of_marks(text, opening, of_amount=True) if is_scaled else opening


def _takes_marks(text: str, start: int, end: int) -> bool:
    """Whether a number is an amount (thousands in groups, or a money sign before it) or the year of a date."""
    if "," in text[start:end] or _MONEY_BEFORE.search(text, max(0, start - 3), start):
        return True
    return _YEAR.fullmatch(text, start, end) is not None and _DUE.search(text, max(0, start - 15), start) is not None
