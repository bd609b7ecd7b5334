"""A number and the marks directly around it: sign, currency, scale, unit."""

import re
from dataclasses import dataclass
from decimal import Decimal

from finner_batch.entities.currencies import currency_after, currency_before
from finner_batch.entities.marks import end_of_marks
from finner_batch.entities.numbers import magnitude
from finner_batch.entities.scales import Scale, fraction_before, scale_after, whole_before
from finner_batch.entities.units import is_ratio, is_share_price, per_share_after, shares_after

_NEGATIVE_WORD = re.compile(r"(?<!plus or )(?<![A-Za-z])(?:minus|negative)\s+(?:of\s+)?$", re.IGNORECASE)
_NUMBER_WORD = re.compile(
    r"(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|teen|twenty|thirty|forty|fifty|sixty|seventy|eighty"
    r"|ninety|hundred|thousand|half|third|quarter|percent)\s*$",
    re.IGNORECASE,
)
_DASHES = "-\u2212\u2013"
_REACH = 40
"""Characters before a number that are searched for its words."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number and its own marks; each is None if it is not written directly at this number."""

    start: int
    end: int
    """Span of the number with its marks, brackets and footnote marks."""
    number: Decimal | None
    """Magnitude as printed, multiplied by a fraction before it (`one-half of 1%`)."""
    negative: bool
    bracketed: bool
    """`(2.5)`, without a currency inside or a number in words before it: negative if it is a rate."""
    currency: str | None
    """ISO 4217 code; `currencies.UNKNOWN` for a money sign that does not identify the currency."""
    scale: Scale | None
    unit: str | None
    """`shares`, or `pure` for a ratio."""
    per_share: bool


def read_quantity(sentence: str, start: int, end: int) -> Quantity:
    """Read the number token `sentence[start:end]` and the marks that touch it."""
    number = magnitude(sentence[start:end])
    left, minus, opened = _marks_before(sentence, start)
    currency, signed, outer = None, False, False
    if before := currency_before(sentence, left):
        currency, left = before
        left, signed, outer = _marks_before(sentence, left)
    closed = (opened or outer) and sentence.startswith(")", end)
    of_amount = currency is not None or "," in sentence[start:end]
    right = end_of_marks(sentence, end + closed, of_amount=of_amount)
    scale = scale_after(sentence, right, money=currency is not None)
    if scale:
        right = end_of_marks(sentence, scale.end, of_amount=True)
    if opened and not closed and sentence.startswith(")", right):
        right += 1
    is_rate = scale is not None and scale.is_rate
    if not is_rate and (after := currency_after(sentence, right, currency)):
        currency, right = after
    unit, per_share, right = _counted(sentence, (start, end), (left, right), currency, scale)
    head = sentence[max(0, left - _REACH) : left]
    if number is not None and is_rate and (fraction := fraction_before(head)):
        number *= fraction
    elif number is not None and is_rate and number < 1 and not sentence[start:end].replace(".", "").isdecimal():
        number += whole_before(head)
    money_in_brackets = (currency is not None and opened) or (outer and closed and bool(scale or per_share))
    negative = minus or signed or money_in_brackets or bool(_NEGATIVE_WORD.search(head))
    bracketed = closed and opened and currency is None and not _NUMBER_WORD.search(head)
    return Quantity(left, right, number, negative, bracketed, currency, scale, unit, per_share)


def _counted(
    sentence: str, token: tuple[int, int], span: tuple[int, int], currency: str | None, scale: Scale | None
) -> tuple[str | None, bool, int]:
    """Return what a number counts (`shares`, `pure` for a ratio), whether it is money per share, and the words' end."""
    left, right = span
    if currency is not None:
        stop = per_share_after(sentence, right) if scale is None else None
        per_share = stop is not None or (scale is None and is_share_price(sentence, token, left))
        return None, per_share, stop or right
    if scale is not None and scale.is_rate:
        return None, False, right
    if stop := shares_after(sentence, right):
        return "shares", False, stop
    return "pure" if scale is None and is_ratio(sentence, *token) else None, False, right


def _marks_before(sentence: str, end: int) -> tuple[int, bool, bool]:
    """Return the start of the minus sign and bracket directly before `sentence[end:]`, and which of them exist."""
    minus = end > 0 and sentence[end - 1] in _DASHES and _is_minus(sentence, end - 1)
    end -= minus
    opened = end > 0 and sentence[end - 1] == "("
    return end - opened, minus, opened


def _is_minus(sentence: str, dash: int) -> bool:
    """Whether a dash is a minus sign and not a hyphen or a range: no word and no amount ends before it."""
    head = sentence[max(0, dash - _REACH) : dash]
    if not head or head.endswith("(") or currency_before(sentence, dash):
        return True
    return head[-1].isspace() and head.rstrip()[-1:] not in "0123456789%)"
