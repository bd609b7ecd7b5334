"""A number and the marks directly around it: sign, currency, scale (percent, million, …), and what it counts."""

import re
from dataclasses import dataclass
from decimal import Decimal

from finner_batch.text.numbers import end_of_marks, magnitude
from finner_batch.values.currencies import currency_after, currency_before

POWERS = {
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
_SCALE_WORD = re.compile(
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
_SECURITY = (
    r"(?:shares?|units?(?!\s+of\b)|stock\s+options?|share\s+options?|options|warrants|(?:R|P|PR|M|D)SUs?|RSAs?|PSAs?|SARs|AD[SR]s?"
    r"|(?:equity|stock|share|PSU|RSU|performance)(?:-based)?\s+awards?|awards|(?:dilutive|antidilutive)\s+securities"
    r"|(?:common|preferred|ordinary|capital)\s+stock)"
)
_NO_NOUN = (
    r"(?:to|for|in|at|by|with|from|per|as|was|were|is|are|or|than|that|which|who|on|under|during|into|through|upon|between|until"
    r"|if|we|it|they|our\s+own|has|have|had|will|would|may|million|billion|thousand|years?|months?|days?)\b"
)
_SHARES_AFTER = re.compile(
    rf"(?:,?\s+respectively,?)?\s+(?:of\s+)?(?:(?:the|our|its|their)\s+)?(?:(?!{_NO_NOUN})\(?[A-Za-z][A-Za-z.\u2019'&-]*\)?\s+){{0,5}}?"
    rf"{_SECURITY}(?![A-Za-z])",
    re.IGNORECASE,
)
_PER_SHARE_AFTER = re.compile(
    r"(?:,?\s+respectively,?)?(?:\s+in\s+cash)?\s*(?:(?:per|a|an|each|for\s+each|for\s+every)\s+"
    r"(?:(?!in\b|for\b|to\b)[A-Za-z][A-Za-z-]*\s+){0,4}?(?:shares?|unit|ADS|warrant|option|RSU|PSU|common\s+stock)(?![A-Za-z])|/\s?share|(?:,\s*)?par(?:\s+value)?(?![a-z]))",
    re.IGNORECASE,
)
_PAR_VALUE_BEFORE = re.compile(r"par\s+value(?:\s+per\s+share)?(?:\s+of)?\s*$", re.IGNORECASE)
_PRICE = re.compile(
    r"\b(?:per[\s-]+(?:[a-z]+\s+){0,2}(?:share|unit|warrant|option)|prices?|valued\s+at|par\s+value|(?<!aggregate\s)fair\s+values?"
    r"|dividends?|VWAP|EPS|net\s+asset\s+value)\b",
    re.IGNORECASE,
)
_NO_PRICE = re.compile(r"\b(?:million|billion|aggregate)\b|;", re.IGNORECASE)
"""Text between a price word and an amount that is no price."""
_PER_OTHER = re.compile(r"\s*(?:per|/|an?)\s*[A-Za-z]", re.IGNORECASE)
_CENTS = re.compile(r"[0-9,]{0,5}\.[0-9]{2,8}")
_SHARES_WORD = re.compile(rf"\b{_SECURITY}\b", re.IGNORECASE)
_OTHER_NOUN = re.compile(
    r"\b(?:price|value|cost|expense|years?|months?|days?|employees|holders)\b|[;$%]", re.IGNORECASE
)
"""Text between `shares` and a number that counts something else."""
_VERB_OF_COUNT = re.compile(
    r"(?:\b(?:was|were|is|are|be|totall?ed|totall?ing|comprised\s+of|reached|reaches|exceed|excludes?|excluded|than|been|of\s+which)|:|(?<=s)\s+of\s)\s*"
    r"(?:(?:a\s+total\s+of|approximately|about|nearly|over|than|less\s+than|more\s+than)\s+)*"
    r"(?:[0-9]+(?:[.,]+[0-9]+)*\.?(?:\s+(?:thousand|million|billion))?(?:,\s+and|,|\s+and|\s+or)?\s+)*\Z",
    re.IGNORECASE,
)
"""The verb and the earlier numbers of a list: `shares outstanding were 5, 6 and`."""
_NO_NOUN_AFTER = re.compile(
    r"\s*(?:$|[.,;:)(]|(?:and|or|as|at|in|for|on|during|under|through|to|were|respectively|related)\b)", re.IGNORECASE
)
_RATIO_AFTER = re.compile(
    r"\s*(?:x(?![A-Za-z0-9])|times(?![a-z])"
    r"|(?:to\s+|:\s?|-\s?(?:for|to)\s?-\s?)(?:one|1(?:\.0+)?)(?![.,]?[0-9]|[a-z]|\s?(?:%|[a-z]+illion|percent)"
    r"|[\s-]{1,3}[0-9]{1,2}[/\u2044]|\s?[\u00bc-\u00be\u2150-\u215e]))",
    re.IGNORECASE,
)
_RATIO_BEFORE = re.compile(r"[0-9]x?\s*(?:to|:)\s*$")
_UNIT_REACH = 300
"""Characters before a number that are searched for what it counts."""
_NEGATIVE_WORD = re.compile(r"(?<!plus or )(?<![A-Za-z])(?:minus|negative)\s+(?:of\s+)?$", re.IGNORECASE)
_NUMBER_WORD = re.compile(
    r"(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|teen|twenty|thirty|forty|fifty|sixty|seventy|eighty"
    r"|ninety|hundred|thousand|half|third|quarter|percent)\s*$",
    re.IGNORECASE,
)
_DASHES = "-\u2212\u2013"
_WORDS_REACH = 40
"""Characters before a number that are searched for its words."""


@dataclass(frozen=True, slots=True)
class Scale:
    """The factor `10**exponent` of a number, and whether it makes the number a rate (percent, basis points)."""

    exponent: int
    is_rate: bool
    end: int
    """End of the scale words in the text."""


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
    scale = _scale_after(sentence, right, money=currency is not None)
    if scale:
        right = end_of_marks(sentence, scale.end, of_amount=True)
    if opened and not closed and sentence.startswith(")", right):
        right += 1
    is_rate = scale is not None and scale.is_rate
    if not is_rate and (after := currency_after(sentence, right, currency)):
        currency, right = after
    unit, per_share, right = _what_it_counts(sentence, (start, end), (left, right), currency, scale)
    head = sentence[max(0, left - _WORDS_REACH) : left]
    if number is not None and is_rate and (fraction := _fraction_before(head)):
        number *= fraction
    elif number is not None and is_rate and number < 1 and not sentence[start:end].replace(".", "").isdecimal():
        number += _whole_before(head)
    money_in_brackets = (currency is not None and opened) or (outer and closed and bool(scale or per_share))
    negative = minus or signed or money_in_brackets or bool(_NEGATIVE_WORD.search(head))
    bracketed = closed and opened and currency is None and not _NUMBER_WORD.search(head)
    return Quantity(left, right, number, negative, bracketed, currency, scale, unit, per_share)


def _marks_before(sentence: str, end: int) -> tuple[int, bool, bool]:
    """Return the start of the minus sign and bracket directly before `sentence[end:]`, and which of them exist."""
    minus = end > 0 and sentence[end - 1] in _DASHES and _is_minus(sentence, end - 1)
    end -= minus
    opened = end > 0 and sentence[end - 1] == "("
    return end - opened, minus, opened


def _is_minus(sentence: str, dash: int) -> bool:
    """Whether a dash is a minus sign and not a hyphen or a range: no word and no amount ends before it."""
    head = sentence[max(0, dash - _WORDS_REACH) : dash]
    if not head or head.endswith("(") or currency_before(sentence, dash):
        return True
    return head[-1].isspace() and head.rstrip()[-1:] not in "0123456789%)"


def _scale_after(text: str, start: int, *, money: bool) -> Scale | None:
    """Return the scale directly after `text[:start]`, or None.

    Scale words multiply (`hundred million`). `money`: a currency precedes the number; only then are `MM`, `mm`, `M`,
    `B`, `K` and `T` scales.
    """
    for pattern, exponent in ((_PERCENT, -2), (_BASIS_POINTS, -4), (_OF_ONE_PERCENT, -2)):
        if match := pattern.match(text, start):
            return Scale(exponent, is_rate=True, end=match.end())
    exponent, end = 0, start
    while match := _SCALE_WORD.match(text, end) or (_MONEY_WORD.match(text, end) if money and end == start else None):
        word = match.groupdict().get("word") or match["short"]
        exponent, end = exponent + POWERS[word.lower()], match.end()
    return Scale(exponent, is_rate=False, end=end) if end > start else None


def _fraction_before(head: str) -> Decimal | None:
    """Return the fraction at the end of `head`: 0.5 for `one-half of` and `1/2 of`, or None."""
    match = _FRACTION_OF.search(head)
    if match is None:
        return None
    if match["count"]:
        return Decimal(_NUMBERS[match["count"].lower()]) / _PARTS[match["part"].lower()]
    return Decimal(match["numerator"]) / int(match["denominator"]) if int(match["denominator"]) else None


def _whole_before(head: str) -> int:
    """Return the whole percents in words at the end of `head`: 6 for `six and` before `7/8%`, or 0."""
    match = _WHOLE_AND.search(head)
    return _NUMBERS[match[1].lower()] if match else 0


def _what_it_counts(
    sentence: str, token: tuple[int, int], span: tuple[int, int], currency: str | None, scale: Scale | None
) -> tuple[str | None, bool, int]:
    """Return what a number counts (`shares`, `pure` for a ratio), whether it is money per share, and the words' end."""
    left, right = span
    if currency is not None:
        if scale is not None:
            return None, False, right
        if match := _PER_SHARE_AFTER.match(sentence, right):
            return None, True, match.end()
        return None, _is_share_price(sentence, token, left), right
    if scale is not None and scale.is_rate:
        return None, False, right
    if match := _SHARES_AFTER.match(sentence, right):
        return "shares", False, match.end()
    return "pure" if scale is None and _is_ratio(sentence, *token) else None, False, right


def counts_shares(head: str, tail: str) -> bool:
    """Whether a bare number between `head` and `tail` counts shares named before it (`shares outstanding were 9`)."""
    if not _NO_NOUN_AFTER.match(tail):
        return False
    near = head[-_UNIT_REACH:]
    verb = _VERB_OF_COUNT.search(near)
    if verb is None:
        return False
    start = _end_of_last(_OTHER_NOUN, near, verb.start())
    return _SHARES_WORD.search(near, start, verb.start()) is not None


def _end_of_last(pattern: re.Pattern[str], text: str, end: int) -> int:
    """Return the end of the last match before `end`, or 0."""
    return max((match.end() for match in pattern.finditer(text, 0, end)), default=0)


def _is_share_price(text: str, token: tuple[int, int], start: int) -> bool:
    """Whether an amount of money (number `token`, its sign at `start`) is per share though no `per share` follows.

    It is after `par value`, or if printed to the cent after a price or dividend, unless it is per something else.
    """
    head = text[max(0, start - _UNIT_REACH) : start]
    if _PAR_VALUE_BEFORE.search(head):
        return True
    if not _CENTS.fullmatch(text, *token) or _PER_OTHER.match(text, token[1]):
        return False
    return _PRICE.search(head, _end_of_last(_NO_PRICE, head, len(head))) is not None


def _is_ratio(text: str, start: int, end: int) -> bool:
    """Whether the number `text[start:end]` is a term of a ratio: `3.5x`, `3.50 to 1.00`, `20-for-1`."""
    is_one = text[start:end].rstrip("0").rstrip(".") == "1"
    return bool(_RATIO_AFTER.match(text, end) or (is_one and _RATIO_BEFORE.search(text[max(0, start - 12) : start])))
