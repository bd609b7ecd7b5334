"""Scales of a number: percent, basis points, thousand to trillion, and a fraction of one percent."""

import re
from dataclasses import dataclass
from decimal import Decimal

_POWERS = {
    "hundred": 2, "thousand": 3, "lakh": 5, "lac": 5, "million": 6, "crore": 7, "billion": 9, "trillion": 12,
    "mn": 6, "mln": 6, "mil": 6, "mm": 6, "bn": 9, "bln": 9, "tn": 12, "trn": 12,
    "k": 3, "m": 6, "b": 9, "t": 12,
}  # fmt: skip
"""Lower-case scale word without plural s -> power of ten."""

_PERCENT_WORD = r"per[\s-]?cent(?:um|age[\s-]+points?)?|pct"
_PERCENT = re.compile(rf"[\s-]*(?:[%\uff05]|(?:{_PERCENT_WORD})(?![a-z]))", re.IGNORECASE)
_BASIS_POINTS = re.compile(r"[\s-]*(?:basis[\s-]+(?:point|pt)s?|bps?|bips|b\.p\.s?)(?![a-z])", re.IGNORECASE)
_OF_ONE_PERCENT = re.compile(
    rf"(?:ths?|nds?)?\s+of\s+(?:an?|one|1(?:\.0+)?)\s*(?:%|(?:{_PERCENT_WORD})(?![a-z]))", re.IGNORECASE
)
_WORD = re.compile(
    r"[\s-]*(?:(?P<word>hundred|thousand|lakh|lac|million|crore|billion|trillion)s?|(?P<short>mn|mln|bn|bln|trn))(?![a-z])",
    re.IGNORECASE,
)
_MONEY_WORD = re.compile(r"\s?(?P<short>MM|mm|[Mm]il|tn|(?<=[0-9])[KkMmBbT]|(?<=[0-9] )[MB])(?![A-Za-z0-9&])")
_FRACTION_OF = re.compile(
    r"(?<![a-z0-9])(?:(?P<count>one|two|three|five|seven)[\s-](?P<part>half|third|fourth|quarter|fifth|eighth|tenth)s?"
    r"|(?P<numerator>[0-9]{1,2})/(?P<denominator>[0-9]{1,3}))(?:\s*\([^)]{1,8}\))?\s+of\s+$",
    re.IGNORECASE,
)
_NUMBERS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15,
}  # fmt: skip
_WHOLE_AND = re.compile(rf"(?<![a-z])({'|'.join(_NUMBERS)})[\s-]+and[\s-]+$", re.IGNORECASE)
_PARTS = {"half": 2, "third": 3, "fourth": 4, "quarter": 4, "fifth": 5, "eighth": 8, "tenth": 10}


@dataclass(frozen=True, slots=True)
class Scale:
    """The factor `10**exponent` of a number, and whether it makes the number a rate (percent, basis points)."""

    exponent: int
    is_rate: bool
    end: int
    """End of the scale words in the text."""


def scale_after(text: str, start: int, *, money: bool) -> Scale | None:
    """Return the scale directly after `text[:start]`, or None.

    Scale words multiply (`hundred million`). `money`: a currency precedes the number; only then are `MM`, `mm`, `M`,
    `B`, `K` and `T` scales.
    """
    for pattern, exponent in ((_PERCENT, -2), (_BASIS_POINTS, -4), (_OF_ONE_PERCENT, -2)):
        if match := pattern.match(text, start):
            return Scale(exponent, is_rate=True, end=match.end())
    exponent, end = 0, start
    while match := _WORD.match(text, end) or (_MONEY_WORD.match(text, end) if money and end == start else None):
        word = match.groupdict().get("word") or match["short"]
        exponent, end = exponent + _POWERS[word.lower()], match.end()
    return Scale(exponent, is_rate=False, end=end) if end > start else None


def fraction_before(head: str) -> Decimal | None:
    """Return the fraction at the end of `head`: 0.5 for `one-half of` and `1/2 of`, or None."""
    match = _FRACTION_OF.search(head)
    if match is None:
        return None
    if match["count"]:
        return Decimal(_NUMBERS[match["count"].lower()]) / _PARTS[match["part"].lower()]
    return Decimal(match["numerator"]) / int(match["denominator"]) if int(match["denominator"]) else None


def whole_before(head: str) -> int:
    """Return the whole percents in words at the end of `head`: 6 for `six and` before `7/8%`, or 0."""
    match = _WHOLE_AND.search(head)
    return _NUMBERS[match[1].lower()] if match else 0
