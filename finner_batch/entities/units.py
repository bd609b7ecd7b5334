"""What a number counts, other than money and rates: shares, money per share, ratios."""

import re

_SECURITY = (
    r"(?:shares?|units?(?!\s+of\b)|stock\s+options?|share\s+options?|options|warrants|(?:R|P|PR|M|D)SUs?|RSAs?|PSAs?|SARs|AD[SR]s?"
    r"|(?:equity|stock|share|PSU|RSU|performance)(?:-based)?\s+awards?|awards|(?:dilutive|antidilutive)\s+securities"
    r"|(?:common|preferred|ordinary|capital)\s+stock)"
)
_STOP = (
    r"(?:to|for|in|at|by|with|from|per|as|was|were|is|are|or|than|that|which|who|on|under|during|into|through|upon|between|until"
    r"|if|we|it|they|our\s+own|has|have|had|will|would|may|million|billion|thousand|years?|months?|days?)\b"
)
_SHARES_AFTER = re.compile(
    rf"(?:,?\s+respectively,?)?\s+(?:of\s+)?(?:(?:the|our|its|their)\s+)?(?:(?!{_STOP})\(?[A-Za-z][A-Za-z.\u2019'&-]*\)?\s+){{0,5}}?"
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
_SHARES = re.compile(rf"\b{_SECURITY}\b", re.IGNORECASE)
_OTHER_NOUN = re.compile(
    r"\b(?:price|value|cost|expense|years?|months?|days?|employees|holders)\b|[;$%]", re.IGNORECASE
)
"""Text between `shares` and a number that counts something else."""
_COUNTED = re.compile(
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
_REACH = 300
"""Characters before a number that are searched for what it counts."""


def shares_after(text: str, start: int) -> int | None:
    """Return the end of the words that make the number before `text[start:]` a count of shares (options, units)."""
    match = _SHARES_AFTER.match(text, start)
    return match.end() if match else None


def counts_shares(head: str, tail: str) -> bool:
    """Whether a bare number between `head` and `tail` counts shares named before it (`shares outstanding were 9`)."""
    if not _NO_NOUN_AFTER.match(tail):
        return False
    near = head[-_REACH:]
    verb = _COUNTED.search(near)
    if verb is None:
        return False
    start = _end_of_last(_OTHER_NOUN, near, verb.start())
    return _SHARES.search(near, start, verb.start()) is not None


def _end_of_last(pattern: re.Pattern[str], text: str, end: int) -> int:
    """Return the end of the last match before `end`, or 0."""
    return max((match.end() for match in pattern.finditer(text, 0, end)), default=0)


def per_share_after(text: str, start: int) -> int | None:
    """Return the end of `per share`, `a share` or `par value` after an amount of money, or None."""
    match = _PER_SHARE_AFTER.match(text, start)
    return match.end() if match else None


def is_share_price(text: str, token: tuple[int, int], start: int) -> bool:
    """Whether an amount of money (number `token`, its sign at `start`) is per share though no `per share` follows.

    It is after `par value`, or if printed to the cent after a price or dividend, unless it is per something else.
    """
    head = text[max(0, start - _REACH) : start]
    if _PAR_VALUE_BEFORE.search(head):
        return True
    if not _CENTS.fullmatch(text, *token) or _PER_OTHER.match(text, token[1]):
        return False
    return _PRICE.search(head, _end_of_last(_NO_PRICE, head, len(head))) is not None


def is_ratio(text: str, start: int, end: int) -> bool:
    """Whether the number `text[start:end]` is a term of a ratio: `3.5x`, `3.50 to 1.00`, `20-for-1`."""
    is_one = text[start:end].rstrip("0").rstrip(".") == "1"
    return bool(_RATIO_AFTER.match(text, end) or (is_one and _RATIO_BEFORE.search(text[max(0, start - 12) : start])))
