"""One number with what is written directly around it: sign, currency, scale, unit."""

import re
from dataclasses import dataclass
from decimal import Decimal

from finner_batch.entities.currencies import currency_after, currency_before
from finner_batch.entities.numbers import magnitude
from finner_batch.entities.scales import Scale, fraction_before, scale_after
from finner_batch.entities.units import is_ratio, is_share_price, per_share_after, shares_after

_NEGATIVE_WORD = re.compile(r"(?<!plus or )(?<![A-Za-z])(?:minus|negative)\s+(?:of\s+)?$", re.IGNORECASE)
_NUMBER_WORD = re.compile(
    r"(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|teen|twenty|thirty|forty|fifty|sixty|seventy|eighty"
    r"|ninety|hundred|thousand|half|third|quarter|percent)\s*$",
    re.IGNORECASE,
)
_REACH = 40
"""Characters before a number in which its words are looked for."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number and its own marks; None where the sentence writes none directly at this number."""

    start: int
    end: int
    """Span with its marks, brackets included."""
    number: Decimal | None
    """Magnitude as printed, a fraction before it (`one-half of 1%`) applied."""
    negative: bool
    bracketed: bool
    """`(2.5)` directly around the number with nothing else inside, no number in words before it: negative if a rate."""
    currency: str | None
    scale: Scale | None
    unit: str | None
    """`shares` or, for a ratio, `pure`."""
    per_share: bool


def read_quantity(sentence: str, start: int, end: int) -> Quantity:
    """Read the number token `sentence[start:end]` and the marks that touch it."""
    number = magnitude(sentence[start:end])
    left, minus, opened = _marks_before(sentence, start)
    bare_left, currency, outer_opened = left, None, False
    if before := currency_before(sentence, left):
        currency, left = before
        left, outer_minus, outer_opened = _marks_before(sentence, left)
        minus = minus or outer_minus
    closed = (opened or outer_opened) and sentence.startswith(")", end)
    right = end + closed
    scale = scale_after(sentence, right, money=currency is not None)
    right = scale.end if scale else right
    if opened and not closed and sentence.startswith(")", right):
        right += 1
    after = None if scale and scale.is_rate else currency_after(sentence, right)
    if after and (currency is None or (currency == "USD" and after[0].endswith("D"))):
        currency, right = after
    tail = sentence[max(0, left - _REACH) : left]
    per_share, unit = False, None
    if currency and scale is None:
        if is_share_price(sentence[:left], sentence[start:end]):
            per_share = True
        if stop := per_share_after(sentence, right):
            per_share, right = True, stop
    elif currency is None and (scale is None or not scale.is_rate):
        if stop := shares_after(sentence, right):
            unit, right = "shares", stop
        elif scale is None and is_ratio(sentence, start, end):
            unit = "pure"
    if number is not None and scale and scale.is_rate and (fraction := fraction_before(sentence, left)):
        number *= fraction
    negative = minus or bool(_NEGATIVE_WORD.search(tail))
    if currency and opened and bare_left > left:
        negative = True
    elif outer_opened and closed and (scale or per_share):
        negative = True
    bracketed = closed and opened and currency is None and not _NUMBER_WORD.search(tail)
    return Quantity(left, right, number, negative, bracketed, currency, scale, unit, per_share)


def _marks_before(sentence: str, end: int) -> tuple[int, bool, bool]:
    """Minus sign and opening bracket directly before `sentence[end:]`: where they start, and which there are."""
    minus = sentence[:end].endswith(("-", "−", "–")) and _is_minus(sentence, end - 1)
    end -= minus
    opened = sentence[:end].endswith("(")
    return end - opened, minus, opened


def _is_minus(sentence: str, dash: int) -> bool:
    """Tell a minus sign from a hyphen or a range's dash: no word and no amount ends before it."""
    head = sentence[max(0, dash - _REACH) : dash]
    if not head or head.endswith("(") or currency_before(sentence, dash):
        return True
    return head[-1].isspace() and head.rstrip()[-1:] not in "0123456789%)"
