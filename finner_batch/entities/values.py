"""From a number token to its value: the decimal grammar of amounts and rates in English filings."""

import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from finner_batch.entities.currencies import UNKNOWN
from finner_batch.entities.numbers import number_tokens, visible
from finner_batch.entities.quantity import Quantity, read_quantity
from finner_batch.entities.stated import scale_in
from finner_batch.entities.units import counts_shares
from finner_batch.entities.value import Value

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
"""An amount that a stated scale would lift to a trillion is printed in full."""
_MOST_DIGITS = 30
"""A longer run of digits is no number (encoded data in old filings)."""
_FAR_LARGER = 50
"""`$949 and $2.7 billion` are no two numbers of billions."""
_LIST_REACH = 500
"""Characters behind a number in which the rest of its list is looked for."""
_CONNECTED = 12
"""Characters that a word between the ends of a range fills, with its spaces."""
_RANGE_REACH = 100
"""Characters before the upper end of a range in which the lower one is looked for."""
_WINDOW = 1000
"""Characters on either side of a number that its context may fill; keeps an endless sentence cheap."""
_LONGEST_LIST = 24
"""Numbers of a range or list that share a scale, at most: a list that goes on for ever would cost its square."""


def read_value(sentence: str, start: int, end: int, *, stated: int = 0) -> Value:
    """Value of the number token `sentence[start:end]`, with the scale and unit that the sentence gives it.

    Marks at the number itself come first: `2.25%` 0.0225 pure, `€400 million` 4e8 EUR, `$(1.5) million` -1.5e6 USD,
    `3 1/4%` 0.0325, `$0.01 per share` USD/shares, `3.50 to 1.00` 3.5 pure. What it lacks it shares with the numbers
    that a range or list joins it to: `1.25 to 1.75 percentage points`, `$1.0, $1.5 and $2.0 billion`, `$200 to 300
    million`. Last, `(in millions)` before it in the sentence scales an amount of money, and so does `stated`, the power
    of ten that the document states for bare amounts (see `stated_scales`; 0 where it states none). Arithmetic is
    decimal, so `2.25%` is exactly the float 0.0225.

    `value` is None where the digits print no number (`4.1.2`), `unit` where the sentence states none. Words that give a
    number its accounting sign (a loss, a decrease) do not change it.
    """
    cut = max(0, start - _WINDOW)
    sentence, start, end = visible(sentence[cut : end + _WINDOW], start - cut, end - cut)
    own = read_quantity(sentence, start, end)
    number = own.number
    if number is None or number.adjusted() > _MOST_DIGITS:
        return Value(None, None, 0)
    if _may_borrow(sentence, start, end, own):
        own = _completed(sentence, start, end, own)
    is_rate = own.scale is not None and own.scale.is_rate
    exponent = own.scale.exponent if own.scale else _stated_scale(sentence, start, end, own, stated)
    value = float(number.scaleb(exponent))
    if value and (own.negative or (own.bracketed and is_rate)):
        value = -value
    unit = "pure" if is_rate else own.unit
    if own.currency is not None and not is_rate:
        unit = f"{own.currency}/shares" if own.per_share else own.currency
        unit = None if own.currency == UNKNOWN else unit
    return Value(value, unit, exponent)


def _may_borrow(sentence: str, start: int, end: int, own: Quantity) -> bool:
    """Whether a number lacks something that others may lend: it is no year, date, reference or part of a name."""
    if own.unit or own.per_share or (own.scale and (own.scale.is_rate or own.currency)):
        return False
    head = sentence[max(0, start - 20) : start]
    return own.currency is not None or not (_YEAR.fullmatch(sentence, start, end) or _REFERENCE.search(head))


def _completed(sentence: str, start: int, end: int, own: Quantity) -> Quantity:
    """Give `own` what it lacks: scale and unit of later numbers, else the currency of the one before, else `shares`."""
    scale, unit, per_share = own.scale, own.unit, own.per_share
    for other in _joined_after(sentence, end, own):
        scale = scale or other.scale
        unit = unit or other.unit
        per_share = per_share or (own.scale is None and other.per_share)
    own = replace(own, scale=scale, unit=unit, per_share=per_share)
    if own.currency or own.unit or (scale and scale.is_rate):
        return own
    if currency := _currency_joined_before(sentence, start, own):
        return replace(own, currency=currency)
    heading = scale_in(sentence, own.start)
    if (heading and heading.of_shares) or counts_shares(sentence[:start], sentence[own.end :]):
        return replace(own, unit="shares")
    return own


def _stated_scale(sentence: str, start: int, end: int, own: Quantity, stated: int) -> int:
    """Power of ten for a number without scale words of its own: from the sentence's `(in millions)`, else `stated`."""
    if own.per_share or own.number is None or not (own.currency or own.unit == "shares"):
        return 0
    heading = scale_in(sentence, own.start)
    if heading and (own.currency or heading.of_shares):
        return heading.exponent
    is_price = _PRICE.search(sentence, start, end) or _DENOMINATION.search(sentence[max(0, own.start - 20) : own.start])
    in_full = own.number.scaleb(stated) >= _LARGEST_STATED or _INVESTED.match(sentence, own.end)
    return stated if own.currency and not is_price and not in_full else 0


def _joined_after(sentence: str, end: int, own: Quantity) -> Iterator[Quantity]:
    """Yield the numbers after `own` in the same range or list, as far as `own` may share their scale and unit.

    A comma alone joins nothing: a list ends with `and`, `or` or a range.
    """
    if not _CONNECTOR.match(sentence, own.end):
        return
    position, listed = own.end, []
    for start, stop in _tokens_after(sentence, own.start, end)[:_LONGEST_LIST]:
        connector = _CONNECTOR.match(sentence, position)
        if connector is None:
            return
        other = read_quantity(sentence, start, stop)
        if other.start != connector.end() or not _same_kind(own, other, in_range=connector["range"] is not None):
            return
        if other.scale and own.scale is None and _outweighs(sentence, own, other):
            return
        listed.append(other)
        if not connector["comma"]:
            yield from listed
            listed = []
        position = other.end


def _tokens_after(sentence: str, begin: int, end: int) -> list[tuple[int, int]]:
    """The number tokens behind the one that ends at `end`, its marks from `begin` on, as far as a list may reach."""
    reach = min(len(sentence), end + _LIST_REACH)
    tokens = [(begin + start, begin + stop) for start, stop in number_tokens(sentence[begin:reach])]
    return [token for token in tokens if token[0] >= end and (token[1] < reach or reach == len(sentence))]


def _outweighs(sentence: str, own: Quantity, other: Quantity) -> bool:
    """Whether `own` cannot share the scale of `other`: printed in full (`$750,000 and $1 million`), or far larger."""
    if _THOUSANDS.search(sentence, own.start, own.end):
        return True
    return own.number is not None and other.number is not None and own.number > _FAR_LARGER * other.number > 0


def _same_kind(own: Quantity, other: Quantity, *, in_range: bool) -> bool:
    """Whether two joined numbers count the same thing: one currency or none; a range may name it once."""
    if own.currency == other.currency:
        return True
    is_rate = other.scale is not None and other.scale.is_rate
    return own.currency is not None and other.currency is None and in_range and not is_rate and other.unit is None


def _currency_joined_before(sentence: str, start: int, own: Quantity) -> str | None:
    """Currency of the lower end of the range whose upper end is `own` (`$200 to 300 million`); None without one."""
    if not _RANGE_AT_END.search(sentence, max(0, own.start - _CONNECTED), own.start):
        return None
    cut = max(0, start - _RANGE_REACH)
    before = [(cut + first, cut + last) for first, last in number_tokens(sentence[cut:start])]
    if not before:
        return None
    other = read_quantity(sentence, *before[-1])
    connector = _CONNECTOR.fullmatch(sentence, other.end, own.start)
    return other.currency if connector and connector["range"] and not other.per_share else None
