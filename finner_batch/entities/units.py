"""What a number counts, beside money and rates: shares, money per share, ratios."""

import re

_SECURITY = (
    r"(?:shares?|units?|stock\s+options?|share\s+options?|options|warrants|RSUs?|PSUs?|PRSUs?|MSUs?|DSUs?|SARs|ADSs?|ADRs?"
    r"|(?:equity|stock|share|PSU|RSU|performance)(?:-based)?\s+awards?|awards|(?:dilutive|antidilutive)\s+securities)"
)
_STOP = (
    r"(?:to|for|in|at|by|with|from|per|as|was|were|is|are|or|than|that|which|who|on|under|during|into|through|upon|between|until"
    r"|if|we|it|they|our\s+own|has|have|had|will|would|may|million|billion|thousand|years?|months?|days?)\b"
)
_SHARES_AFTER = re.compile(
    rf"(?:,?\s+respectively,?)?\s+(?:of\s+)?(?:(?:the|our|its|their)\s+)?(?:(?!{_STOP})\(?[A-Za-z][A-Za-z.’'&-]*\)?\s+){{0,5}}?"
    rf"{_SECURITY}(?![A-Za-z])",
    re.IGNORECASE,
)
_PER_SHARE_AFTER = re.compile(
    r"(?:,?\s+respectively,?)?\s*(?:(?:per|a|an|each|for\s+each|for\s+every)\s+(?:(?!in\b|for\b|to\b)[A-Za-z][A-Za-z-]*\s+){0,4}?"
    r"(?:share|unit|ADS|warrant|option|RSU|PSU|common\s+stock)(?![A-Za-z])|/\s?share|,?\s*par(?:\s+value)?(?![a-z]))",
    re.IGNORECASE,
)
_PAR_VALUE_BEFORE = re.compile(r"par\s+value(?:\s+per\s+share)?(?:\s+of)?\s*$", re.IGNORECASE)
_PRICE_BEFORE = re.compile(
    r"\b(?:per\s+(?:[a-z]+\s+){0,2}(?:share|unit|warrant|option)|(?:stock|share|exercise|strike|closing|conversion|purchase"
    r"|offering|trading|sales?|market|average|floor)\s+(?:stock\s+|share\s+)?prices?|grant[\s-]+date\s+fair\s+values?|dividends?"
    r"|VWAP|EPS|net\s+asset\s+value)\b(?:(?!\b(?:million|billion|aggregate)\b)[^;])*$",
    re.IGNORECASE,
)
_CENTS = re.compile(r"[0-9,]{0,5}\.[0-9]{2,4}")
_LIST = r"(?:[0-9][0-9.,]*(?:\s+(?:thousand|million|billion))?(?:,\s+and|,|\s+and|\s+or)?\s+)*"
_SHARES_BEFORE = re.compile(
    rf"\b{_SECURITY}\b(?:(?!\b(?:price|value|cost|expense|years?|months?|days?|employees|holders)\b)[^;$%])*?"
    r"(?:\b(?:was|were|is|are|be|totall?ed|totall?ing|comprised\s+of|reached|reaches|exceed|excludes?|excluded|than|been|of\s+which)|:)\s*"
    rf"(?:(?:a\s+total\s+of|approximately|about|nearly|over|than|less\s+than|more\s+than)\s+)*{_LIST}$",
    re.IGNORECASE,
)
_NO_NOUN_AFTER = re.compile(
    r"\s*(?:$|[.,;:)(]|(?:and|or|as|at|in|for|on|during|under|through|to|were|respectively|related)\b)", re.IGNORECASE
)
_RATIO_AFTER = re.compile(
    r"\s*(?:x(?![A-Za-z0-9])|times(?![a-z])"
    r"|(?:to\s+|:\s?|-\s?(?:for|to)\s?-\s?)(?:one|1(?:\.0+)?)(?![.,]?[0-9]|[a-z]|\s?(?:%|[a-z]+illion|percent)))",
    re.IGNORECASE,
)
_RATIO_BEFORE = re.compile(r"[0-9]x?\s*(?:to|:)\s*$")


def shares_after(text: str, start: int) -> int | None:
    """End of the words that make the number before `text[start:]` a count of shares (or options, units); None if none do."""
    match = _SHARES_AFTER.match(text, start)
    return match.end() if match else None


def counts_shares(head: str, tail: str) -> bool:
    """Whether a bare number between `head` and `tail` counts shares named before it: `shares outstanding were 1,000`."""
    return bool(_NO_NOUN_AFTER.match(tail) and _SHARES_BEFORE.search(head))


def per_share_after(text: str, start: int) -> int | None:
    """End of `per share`, `a share` or `par value` after an amount of money; None if there is none."""
    match = _PER_SHARE_AFTER.match(text, start)
    return match.end() if match else None


def is_share_price(head: str, token: str) -> bool:
    """Whether an amount of money after `head` is one per share: a par value, or a price or dividend to the cent."""
    return bool(_PAR_VALUE_BEFORE.search(head) or (_CENTS.fullmatch(token) and _PRICE_BEFORE.search(head)))


def is_ratio(text: str, start: int, end: int) -> bool:
    """Whether the number `text[start:end]` is a term of a ratio: `3.5x`, `3.50 to 1.00`, `20-for-1`."""
    is_one = text[start:end].rstrip("0").rstrip(".") == "1"
    return bool(_RATIO_AFTER.match(text, end) or (is_one and _RATIO_BEFORE.search(text[max(0, start - 12) : start])))
