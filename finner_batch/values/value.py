"""Reads the value of a number token: the grammar of amounts and rates in English filings."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from finner_batch.text.numbers import number_tokens, without_invisible
from finner_batch.values.currencies import UNKNOWN
from finner_batch.values.document_scale import scale_in_sentence
from finner_batch.values.quantity import Quantity, counts_shares, read_quantity

_RANGE = r"to|through|[-\u2013\u2014]"
_CONNECTOR = re.compile(
    rf"\s*(?:(?P<range>{_RANGE})|(?P<list>(?:[,;]\s*)?(?:and/or|and|or|&)|/)|(?P<comma>[,;]))\s*", re.IGNORECASE
)
_RANGE_AT_END = re.compile(rf"(?:{_RANGE})\s*\Z", re.IGNORECASE)
_YEAR = re.compile(r"(?:19|20)[0-9]{2}")
_REFERENCE = re.compile(
    r"(?:\b(?:notes?|items?|parts?|sections?|articles?|rules?|levels?|classe?s?|series|tranches?|steps?|phases?|pages?|tables?"
    r"|exhibits?|schedules?|topics?|forms?|january|february|march|april|may|june|july|august|september|october|november|december"
    r"|jan\.|feb\.|mar\.|apr\.|aug\.|sept?\.|oct\.|nov\.|dec\.))\s+$|[a-z][-\u2013]?$",
    re.IGNORECASE,
)
_THOUSANDS = re.compile(r",[0-9]{3}")
_PRICE = re.compile(r"\.[0-9]{2,}$")
_DENOMINATION = re.compile(r"(?<![a-z])(?:per|each|every|multiples\s+of|denominations\s+of)\s+$", re.IGNORECASE)
_INVESTED = re.compile(r"\s+invested\b")
"""`$100 invested` in the graph of Item 201(e) of Regulation S-K."""
_LARGEST_STATED = Decimal(10) ** 12
"""Amounts that the document's scale would raise to a trillion are printed in full."""
_MOST_DIGITS = 30
"""A longer run of digits is not a number (encoded data in old filings)."""
_FAR_LARGER = 50
"""In `$949 and $2.7 billion`, the first amount is not in billions."""
_LIST_REACH = 500
"""Characters after a number that are searched for the rest of its list."""
_CONNECTED = 12
"""Most characters of the word between the ends of a range, with its spaces."""
_RANGE_REACH = 100
"""Characters before the upper end of a range that are searched for the lower end."""
_WINDOW = 1000
"""Characters on either side of a number that are read as its context, which bounds the time."""
_LONGEST_LIST = 24
"""Most numbers of a range or list that share a scale; long lists would take quadratic time."""


@dataclass(frozen=True, slots=True)
class Value:
    """A number's value, unit and scale, read from its context."""

    value: float | None
    """`2.25%` 0.0225 · `175 basis points` 0.0175 · `$1.5 billion` 1.5e9; None if the digits are not a number."""
    unit: str | None
    """`pure` for rates and ratios, an ISO 4217 code for money, `shares`, …; None if the context states none."""
    scale: int
    """Power of ten between the printed number and `value`: -2 percent, -4 basis points, 6 million, 0 none."""


def read_value(sentence: str, start: int, end: int, *, document_scale: int = 0) -> Value:
    """Return the value of the number token `sentence[start:end]` with the scale and unit from the sentence.

    Marks at the number itself are read first: `2.25%` 0.0225 pure, `€400 million` 4e8 EUR, `$(1.5) million` -1.5e6 USD,
    `3 1/4%` 0.0325, `$0.01 per share` USD/shares, `3.50 to 1.00` 3.5 pure. Missing marks are taken from the other
    numbers of a range or list: `1.25 to 1.75 percentage points`, `$1.0, $1.5 and $2.0 billion`, `$200 to 300 million`.
    Last, amounts of money are scaled by `(in millions)` before them in the sentence, or by `document_scale`: the power
    of ten that the document states for bare amounts (see `document_scales`), or 0. Arithmetic is decimal, so `2.25%` is
    exactly the float 0.0225.

    `value` is None if the digits print no number (`4.1.2`), `unit` if the sentence states none. Words that give a
    number its accounting sign (a loss, a decrease) do not change it.
    """
    cut = max(0, start - _WINDOW)
    sentence, start, end = without_invisible(sentence[cut : end + _WINDOW], start - cut, end - cut)
    quantity = read_quantity(sentence, start, end)
    number = quantity.number
    if number is None or number.adjusted() > _MOST_DIGITS:
        return Value(None, None, 0)
    if _may_take_marks(sentence, start, end, quantity):
        quantity = _with_shared_marks(sentence, start, end, quantity)
    is_rate = quantity.scale is not None and quantity.scale.is_rate
    exponent = (
        quantity.scale.exponent if quantity.scale else _bare_scale(sentence, start, end, quantity, document_scale)
    )
    value = float(number.scaleb(exponent))
    if value and (quantity.negative or (quantity.bracketed and is_rate)):
        value = -value
    unit = "pure" if is_rate else quantity.unit
    if quantity.currency is not None and not is_rate:
        unit = f"{quantity.currency}/shares" if quantity.per_share else quantity.currency
        unit = None if quantity.currency == UNKNOWN else unit
    return Value(value, unit, exponent)


def _may_take_marks(sentence: str, start: int, end: int, quantity: Quantity) -> bool:
    """Whether a number lacks marks that others may supply: it is no year, date, reference or part of a name."""
    if quantity.unit or quantity.per_share or (quantity.scale and (quantity.scale.is_rate or quantity.currency)):
        return False
    head = sentence[max(0, start - 20) : start]
    return quantity.currency is not None or not (_YEAR.fullmatch(sentence, start, end) or _REFERENCE.search(head))


def _with_shared_marks(sentence: str, start: int, end: int, quantity: Quantity) -> Quantity:
    """Add missing marks: scale and unit of later numbers, else the currency of the one before, else `shares`."""
    scale, unit, per_share = quantity.scale, quantity.unit, quantity.per_share
    for other in _joined_after(sentence, end, quantity):
        scale = scale or other.scale
        unit = unit or other.unit
        per_share = per_share or (quantity.scale is None and other.per_share)
    quantity = replace(quantity, scale=scale, unit=unit, per_share=per_share)
    if quantity.currency or quantity.unit or (scale and scale.is_rate):
        return quantity
    if currency := _currency_joined_before(sentence, start, quantity):
        return replace(quantity, currency=currency)
    heading = scale_in_sentence(sentence, quantity.start)
    if (heading and heading.of_shares) or counts_shares(sentence[:start], sentence[quantity.end :]):
        return replace(quantity, unit="shares")
    return quantity


def _bare_scale(sentence: str, start: int, end: int, quantity: Quantity, document_scale: int) -> int:
    """Return the power of ten of a bare number: the sentence's `(in millions)`, else `document_scale`."""
    if quantity.per_share or quantity.number is None or not (quantity.currency or quantity.unit == "shares"):
        return 0
    heading = scale_in_sentence(sentence, quantity.start)
    if heading and (quantity.currency or heading.of_shares):
        return heading.exponent
    head = sentence[max(0, quantity.start - 20) : quantity.start]
    is_price = _PRICE.search(sentence, start, end) or _DENOMINATION.search(head)
    in_full = quantity.number.scaleb(document_scale) >= _LARGEST_STATED or _INVESTED.match(sentence, quantity.end)
    return document_scale if quantity.currency and not is_price and not in_full else 0


def _joined_after(sentence: str, end: int, quantity: Quantity) -> Iterator[Quantity]:
    """Yield the numbers after `quantity` in the same range or list whose scale and unit it may share.

    A list ends with `and`, `or` or a range; commas alone join nothing.
    """
    if not _CONNECTOR.match(sentence, quantity.end):
        return
    position, listed = quantity.end, []
    for start, stop in _tokens_after(sentence, quantity.start, end)[:_LONGEST_LIST]:
        connector = _CONNECTOR.match(sentence, position)
        if connector is None:
            return
        other = read_quantity(sentence, start, stop)
        if other.start != connector.end() or not _same_kind(quantity, other, in_range=connector["range"] is not None):
            return
        if other.scale and quantity.scale is None and _outweighs(sentence, quantity, other):
            return
        listed.append(other)
        if not connector["comma"]:
            yield from listed
            listed = []
        position = other.end


def _tokens_after(sentence: str, begin: int, end: int) -> list[tuple[int, int]]:
    """Return the number tokens within a list's reach after the one with marks from `begin` that ends at `end`."""
    reach = min(len(sentence), end + _LIST_REACH)
    tokens = [(begin + start, begin + stop) for start, stop in number_tokens(sentence[begin:reach])]
    return [token for token in tokens if token[0] >= end and (token[1] < reach or reach == len(sentence))]


def _outweighs(sentence: str, quantity: Quantity, other: Quantity) -> bool:
    """Whether `quantity` does not share `other`'s scale: printed in full (`$750,000 and $1 million`) or far larger."""
    if _THOUSANDS.search(sentence, quantity.start, quantity.end):
        return True
    return quantity.number is not None and other.number is not None and quantity.number > _FAR_LARGER * other.number > 0


def _same_kind(quantity: Quantity, other: Quantity, *, in_range: bool) -> bool:
    """Whether two joined numbers count the same thing: same currency, which a range may name once, or none."""
    if quantity.currency == other.currency:
        return True
    is_rate = other.scale is not None and other.scale.is_rate
    return quantity.currency is not None and other.currency is None and in_range and not is_rate and other.unit is None


def _currency_joined_before(sentence: str, start: int, quantity: Quantity) -> str | None:
    """Return the currency of the lower end of the range that `quantity` ends (`$200 to 300 million`), or None."""
    if not _RANGE_AT_END.search(sentence, max(0, quantity.start - _CONNECTED), quantity.start):
        return None
    cut = max(0, start - _RANGE_REACH)
    before = [(cut + first, cut + last) for first, last in number_tokens(sentence[cut:start])]
    if not before:
        return None
    other = read_quantity(sentence, *before[-1])
    connector = _CONNECTOR.fullmatch(sentence, other.end, quantity.start)
    return other.currency if connector and connector["range"] and not other.per_share else None
