"""Currencies as filings write them: signs, ISO 4217 codes and names, before or after the amount.

`$` and `dollars` alone are US dollars, `¥` is Japanese and `pesos` are Mexican, the usage of filings with the SEC. What
several currencies share and no such usage settles (`kr`, `francs`, and `pounds`, also a weight) states no currency.
"""

import re

CODES = frozenset((
    "AED", "ARS", "AUD", "BRL", "CAD", "CHF", "CLP", "CNH", "CNY", "COP", "CZK", "DKK", "EGP", "EUR", "GBP",
    "HKD", "HUF", "IDR", "ILS", "INR", "ISK", "JPY", "KRW", "KWD", "MXN", "MYR", "NGN", "NOK", "NZD", "PEN",
    "PHP", "PKR", "PLN", "QAR", "RON", "RUB", "SAR", "SEK", "SGD", "THB", "TRY", "TWD", "UAH", "USD", "VND",
    "ZAR",
))  # fmt: skip
"""ISO 4217 codes that are read when they stand beside a number."""

_DOLLARS = {
    "US": "USD", "U.S.": "USD", "USD": "USD", "U.S": "USD", "C": "CAD", "CA": "CAD", "CAD": "CAD", "CDN": "CAD",
    "Cdn": "CAD", "Cdn.": "CAD", "A": "AUD", "AU": "AUD", "AUD": "AUD", "NZ": "NZD", "NZD": "NZD", "HK": "HKD",
    "HKD": "HKD", "S": "SGD", "SG": "SGD", "SGD": "SGD", "NT": "TWD", "Mex": "MXN", "MX": "MXN", "MXN": "MXN",
    "R": "BRL", "Canadian": "CAD", "Australian": "AUD", "": "USD",
}  # fmt: skip
"""What stands before `$` -> code: `C$`, `HK$`, `R$`."""

_SIGNS = {
    "€": "EUR", "£": "GBP", "¥": "JPY", "￥": "JPY", "RMB¥": "CNY", "CN¥": "CNY", "RMB": "CNY", "₹": "INR",
    "Rs.": "INR", "Rs": "INR", "₩": "KRW", "₪": "ILS", "NIS": "ILS", "₱": "PHP", "₽": "RUB", "₺": "TRY",
    "zł": "PLN", "฿": "THB", "₫": "VND", "SFr.": "CHF", "SFr": "CHF", "SKr": "SEK", "NKr": "NOK", "DKr": "DKK",
    "Euro": "EUR", "Euros": "EUR", "euro": "EUR", "euros": "EUR",
}  # fmt: skip
"""Signs and words before an amount -> code."""

_NAMES = {
    r"(?:u\.?s\.?|united\s+states)\s+dollars?": "USD", r"canadian\s+dollars?": "CAD", r"australian\s+dollars?": "AUD",
    r"new\s+zealand\s+dollars?": "NZD", r"hong\s+kong\s+dollars?": "HKD", r"singapore\s+dollars?": "SGD",
    r"(?:new\s+)?taiwan\s+dollars?": "TWD", r"dollars?": "USD", r"euros?": "EUR",
    r"pounds?\s+sterling|british\s+pounds?(?:\s+sterling)?|sterling|u\.?k\.?\s+pounds?": "GBP",
    r"philippine\s+pesos?": "PHP", r"(?:japanese\s+)?yen": "JPY", r"(?:chinese\s+)?(?:yuan|renminbi)|rmb": "CNY",
    r"swiss\s+francs?": "CHF",
    r"swedish\s+kron(?:a|or)": "SEK", r"norwegian\s+kron(?:e|er)": "NOK", r"danish\s+kron(?:e|er)": "DKK",
    r"(?:indian\s+)?rupees?": "INR", r"(?:brazilian\s+)?reais|brazilian\s+reals?": "BRL",
    r"(?:mexican\s+)?pesos?": "MXN", r"(?:south\s+)?korean\s+won": "KRW",
    r"(?:new\s+)?israeli\s+(?:new\s+)?shekels?|nis": "ILS",
    r"(?:south\s+african\s+)?rand": "ZAR", r"(?:russian\s+)?rubles?": "RUB", r"turkish\s+lira": "TRY",
    r"polish\s+zlot(?:y|ys|ych)": "PLN",
}  # fmt: skip
"""Names after an amount (patterns, any case) -> code."""


def _alternatives(words: list[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


_LETTER = _alternatives([word for word in _DOLLARS if len(word) == 1])
_WORD = _alternatives([word for word in _DOLLARS if len(word) > 1])
_CODE = "|".join(sorted(CODES))
_BEFORE = re.compile(
    rf"""(?: (?:(?<![A-Za-z])(?:(?P<letter>{_LETTER}) | (?P<word>{_WORD}) \s?))? \$ \s? (?P<after>USD?|CAD|AUD)?
           | (?<![A-Za-z]) (?P<code>{_CODE})
           | (?P<mark>{_alternatives([sign for sign in _SIGNS if not sign[0].isalpha()])})
           | (?<![A-Za-z]) (?P<sign>{_alternatives([sign for sign in _SIGNS if sign[0].isalpha()])}) ) \s*$""",
    re.VERBOSE,
)
_NAME = "|".join(f"(?P<n{i}>{pattern})" for i, pattern in enumerate(_NAMES))
_AFTER = re.compile(rf"\s*(?:(?P<sign>€|£)|(?P<code>{_CODE}|RMB)(?![A-Za-z])|(?P<name>(?i:{_NAME}))\b)")
_SHARED_SIGNS = {"USD": frozenset({"AUD", "CAD", "HKD", "MXN", "NZD", "SGD", "TWD"}), "JPY": frozenset({"CNY"})}
"""Codes of `$` and `¥` -> the currencies whose sign these also are: a name after the amount decides."""
_REACH = 24
"""Longest currency mark that is looked for, in characters."""


def currency_before(text: str, end: int) -> tuple[str, int] | None:
    """Currency directly before `text[end:]`, white space between allowed: its code and where it starts."""
    begin = max(0, end - _REACH)
    match = _BEFORE.search(text[begin:end])
    if match is None:
        return None
    sign = match["sign"] or match["mark"]
    code = match["code"] or (
        _SIGNS[sign] if sign else _DOLLARS[match["letter"] or match["word"] or match["after"] or ""]
    )
    return code, begin + match.start()


def currency_after(text: str, start: int, before: str | None) -> tuple[str, int] | None:
    """Currency directly after `text[:start]` (`euros`, `Canadian dollars`, `CAD`): its code and where it ends.

    `before` is the code of the mark before the amount. It prevails unless its sign is also that of the currency after.
    """
    match = _AFTER.match(text, start)
    if match is None:
        return None
    if match["name"]:
        code = next(code for i, code in enumerate(_NAMES.values()) if match[f"n{i}"])
    else:
        code = "CNY" if match["code"] == "RMB" else match["code"] or _SIGNS[match["sign"]]
    if before is not None and code not in _SHARED_SIGNS.get(before, ()):
        return None
    return code, match.end()
