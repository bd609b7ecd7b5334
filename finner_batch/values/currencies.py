"""Currencies as filings write them: signs, ISO 4217 codes and names, before or after the amount.

As usual in SEC filings, `$` and `dollars` alone are US dollars, `¥` is Japanese and `pesos` are Mexican. Words without
such a usage that several currencies share (`kr`, `francs`, and `pounds`, also a weight) state no currency. Letters
before a sign are part of it: `Ch$` is Chilean, and the unlisted `XY$` is `UNKNOWN`, never US dollars.
"""

import re

UNKNOWN = "XXX"
"""Code of money whose currency the sign does not identify; in ISO 4217 it means "no currency"."""

CODES = frozenset((
    "AED", "AOA", "ARS", "ATS", "AUD", "AZN", "BBD", "BDT", "BEF", "BGN", "BMD", "BND", "BOB", "BRL", "BWP",
    "BYN", "BZD", "CAD", "CHF", "CLF", "CLP", "CNH", "CNY", "COP", "CZK", "DEM", "DKK", "DOP", "DZD", "EGP",
    "ESP", "EUR", "FIM", "FJD", "FRF", "GBP", "GEL", "GHS", "GRD", "GTQ", "GYD", "HKD", "HNL", "HRK", "HUF", "IDR",
    "IEP", "ILS", "INR", "IQD", "ISK", "ITL", "JMD", "JOD", "JPY", "KES", "KRW", "KWD", "KYD", "KZT", "LBP", "LKR",
    "MAD", "MMK", "MNT", "MOP", "MUR", "MXN", "MXP", "MYR", "MZN", "NGN", "NIO", "NLG", "NOK", "NPR", "NZD",
    "OMR", "PAB", "PEN", "PGK", "PHP", "PKR", "PLN", "PYG", "QAR", "RMB", "RON", "RSD", "RUB", "RUR", "RWF",
    "SAR", "SEK", "SGD", "SKK", "SRD", "THB", "TND", "TRL", "TRY", "TTD", "TWD", "TZS", "UAH", "UGX", "USD", "UYU",
    "UZS", "VEB", "VEF", "VES", "VND", "XAF", "XCD", "XEU", "XOF", "ZAR", "ZMW", "ZWD",
))  # fmt: skip
"""Codes that are read next to a number: of ISO 4217, including former ones, without those that are also English words
or abbreviations (`ALL`, `TOP`, `CRC`), and `RMB`."""

_DOLLARS = {
    "US": "USD", "USD": "USD", "UYU": "UYU", "UY": "UYU", "Ur": "UYU", "C": "CAD", "CA": "CAD", "CAD": "CAD",
    "Can": "CAD", "Cdn": "CAD", "CDN": "CAD", "Canadian": "CAD", "A": "AUD", "AU": "AUD", "AUD": "AUD", "Aus": "AUD",
    "Aust": "AUD", "Australian": "AUD", "NZ": "NZD", "NZD": "NZD", "HK": "HKD", "HKD": "HKD", "S": "SGD", "SG": "SGD",
    "SGD": "SGD", "Sing": "SGD", "NT": "TWD", "NTD": "TWD", "TWD": "TWD", "Mex": "MXN", "MX": "MXN", "MXN": "MXN",
    "MXP": "MXN", "Ps": "MXN", "R": "BRL", "BR": "BRL", "BRL": "BRL", "AR": "ARS", "ARS": "ARS", "Arg": "ARS",
    "Ch": "CLP", "CL": "CLP", "CLP": "CLP", "Col": "COP", "CO": "COP", "COP": "COP", "RD": "DOP", "DOP": "DOP",
    "J": "JMD", "JA": "JMD", "Ja": "JMD", "Jam": "JMD", "JMD": "JMD", "TT": "TTD", "TTD": "TTD", "N": "NAD",
    "NAD": "NAD", "Nam": "NAD", "BZ": "BZD", "BZD": "BZD", "Bz": "BZD", "Bds": "BBD", "BBD": "BBD", "BMD": "BMD",
    "BND": "BND", "BN": "BND", "EC": "XCD", "XCD": "XCD", "FJ": "FJD", "FJD": "FJD", "F": "FJD", "L": "LRD",
    "LD": "LRD", "LRD": "LRD", "G": "GYD", "GY": "GYD", "GYD": "GYD", "CI": "KYD", "KY": "KYD", "KYD": "KYD",
    "Sr": "SRD", "SR": "SRD", "SRD": "SRD", "SI": "SBD", "SBD": "SBD", "WS": "WST", "WST": "WST", "T": "TOP",
    "Z": "ZWD", "ZW": "ZWD", "ZWD": "ZWD", "MOP": "MOP", "BSD": "BSD",
}  # fmt: skip
"""Letters before `$`, without full stops -> code: `C$`, `HK$`, `R$`. `B$`, `BS$` and `BD$` are ambiguous."""

_POUNDS = {"": "GBP", "UK": "GBP", "GB": "GBP", "GBP": "GBP", "Stg": "GBP", "STG": "GBP", "IR": "IEP", "Ir": "IEP",
           "E": "EGP", "LE": "EGP", "EG": "EGP", "L": "LBP", "LL": "LBP"}  # fmt: skip
_YENS = {"": "JPY", "JP": "JPY", "J": "JPY", "JPY": "JPY", "RMB": "CNY", "CN": "CNY", "CNY": "CNY"}
_EUROS = {"": "EUR", "EUR": "EUR"}
_PREFIXED = {"$": _DOLLARS | {"": "USD"}, "£": _POUNDS, "¥": _YENS, "￥": _YENS, "€": _EUROS}
"""Sign -> the letters that may stand before it -> code."""
_CAPITALS = {sign: {letters.upper(): code for letters, code in codes.items()} for sign, codes in _PREFIXED.items()}

_SPACED = frozenset((
    "US", "U.S.", "U.S", "USD", "CA", "CAD", "CDN", "Cdn", "Cdn.", "AU", "AUD", "NZ", "NZD", "HK", "HKD", "SG", "SGD",
    "NT", "NTD", "TWD", "Mex", "Mex.", "MX", "MXN", "Canadian", "Australian", "BRL", "ARS", "CLP", "COP", "DOP", "JMD",
    "TTD", "NAD", "BZD", "BBD", "BMD", "BND", "XCD", "FJD", "GYD", "KYD", "SRD", "ZWD", "UYU", "RD", "TT", "Ps.", "Ps",
))  # fmt: skip
"""Letters that belong to `$` even before a space: `US $5`, `Cdn. $5`, but no single letter (`A $650 million fee`)."""

_SIGNS = {
    "₹": "INR", "₩": "KRW", "₪": "ILS", "₱": "PHP", "₽": "RUB", "₺": "TRY", "฿": "THB", "₫": "VND", "₦": "NGN",
    "₴": "UAH", "₸": "KZT", "₾": "GEL", "₡": "CRC", "₲": "PYG", "₵": "GHS", "₭": "LAK", "₮": "MNT", "৳": "BDT",
    "₼": "AZN", "₣": "FRF", "₤": "ITL", "₧": "ESP", "₯": "GRD",
}  # fmt: skip
"""Signs of one currency -> code."""

_ABBREVIATIONS = {
    "Rs": "INR", "SFr": "CHF", "Sfr": "CHF", "SKr": "SEK", "Skr": "SEK", "NKr": "NOK", "Nkr": "NOK", "DKr": "DKK",
    "Dkr": "DKK", "Ps": "MXN", "DM": "DEM", "Dfl": "NLG", "FFr": "FRF", "BFr": "BEF", "Lit": "ITL", "Pta": "ESP",
    "Ptas": "ESP", "Bs": UNKNOWN, "BsF": "VEF", "Rp": "IDR", "Tk": "BDT", "Dhs": "AED", "KShs": "KES", "Kshs": "KES",
}  # fmt: skip
"""Abbreviations that are written with and without a full stop -> code. `Bs.` is Bolivian or Venezuelan."""
_WORDS = {
    **{code: "CNY" if code in ("RMB", "CNH") else code for code in CODES},
    **{f"{word}{stop}": code for word, code in _ABBREVIATIONS.items() for stop in ("", ".")},
    "NIS": "ILS", "zł": "PLN", "Euro": "EUR", "Euros": "EUR", "euro": "EUR", "euros": "EUR", "EURO": "EUR",
    "Eur": "EUR", "ECU": "XEU", "DFl": "NLG", "DFL": "NLG", "FF": "FRF", "Ffr": "FRF", "BF": "BEF", "FMk": "FIM",
    "Fmk": "FIM", "Kč": "CZK", "Bs.F.": "VEF", "S/.": "PEN", "B/.": "PAB", "RM": "MYR", "Php": "PHP", "PhP": "PHP",
    "Dh": "AED", "KSh": "KES", "Ksh": "KES", "GH¢": "GHS", "Yen": "JPY", "yen": "JPY", "Naira": "NGN", "Baht": "THB",
    "Ringgit": "MYR", "Rupiah": "IDR", "UF": "CLF",
}  # fmt: skip
"""Words and abbreviations before an amount -> code."""
_ON_AMOUNTS_ONLY = {"R": "ZAR", "S/": "PEN", "Won": "KRW"}
"""Words or names' beginnings (`Won 2 cases`, `R6 shares`, `S/390`) -> code if an amount follows."""
_AMOUNT = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9][0-9.,]*\s?(?:million|billion|bn|mn)\b")
_SPELLED_SIGNS = {
    "pound": "GBP", "pounds": "GBP", "pound sterling": "GBP", "pounds sterling": "GBP", "sterling": "GBP",
    "euro": "EUR", "euros": "EUR", "yen": "JPY", "y": "JPY", "won": "KRW", "dm": "DEM", "lira": "ITL",
}  # fmt: skip
"""Signs that old text filings, in ASCII, spell in brackets: `(pound)40 million` -> code."""

_OF_DOLLARS = {
    "": "USD", "us": "USD", "united states": "USD", "american": "USD", "canadian": "CAD", "australian": "AUD",
    "new zealand": "NZD", "hong kong": "HKD", "singapore": "SGD", "taiwan": "TWD", "new taiwan": "TWD",
    "jamaican": "JMD", "bahamian": "BSD", "barbados": "BBD", "barbadian": "BBD", "belize": "BZD", "bermuda": "BMD",
    "bermudian": "BMD", "cayman": "KYD", "cayman islands": "KYD", "east caribbean": "XCD", "eastern caribbean": "XCD",
    "fiji": "FJD", "fijian": "FJD", "guyana": "GYD", "guyanese": "GYD", "liberian": "LRD", "namibian": "NAD",
    "namibia": "NAD", "surinamese": "SRD", "suriname": "SRD", "trinidad": "TTD", "trinidad and tobago": "TTD",
    "brunei": "BND", "zimbabwe": "ZWD",
}  # fmt: skip
_OF_PESOS = {"": "MXN", "mexican": "MXN", "philippine": "PHP", "argentine": "ARS", "argentinean": "ARS",
             "chilean": "CLP", "colombian": "COP", "uruguayan": "UYU", "dominican": "DOP"}  # fmt: skip
_OF_FRANCS = {"swiss": "CHF", "french": "FRF", "belgian": "BEF", "cfa": "XOF"}
_OF_KRONA = {"swedish krona": "SEK", "swedish kronor": "SEK", "swedish kroner": "SEK", "norwegian krone": "NOK",
             "norwegian kroner": "NOK", "danish krone": "DKK", "danish kroner": "DKK", "icelandic krona": "ISK",
             "icelandic kronur": "ISK", "czech koruna": "CZK", "czech crown": "CZK"}  # fmt: skip
_NAMES = (
    {f"{whose} dollar".lstrip(): code for whose, code in _OF_DOLLARS.items()}
    | {f"{whose} peso".lstrip(): code for whose, code in _OF_PESOS.items()}
    | {f"{whose} franc": code for whose, code in _OF_FRANCS.items()}
    | _OF_KRONA
    | {
        "euro": "EUR", "pound sterling": "GBP", "british pound": "GBP", "british pound sterling": "GBP",
        "pounds sterling": "GBP", "british pounds sterling": "GBP", "uk pounds sterling": "GBP",
        "sterling": "GBP", "uk pound": "GBP", "uk pound sterling": "GBP", "egyptian pound": "EGP", "irish pound": "IEP",
        "yen": "JPY", "japanese yen": "JPY", "yuan": "CNY", "renminbi": "CNY", "chinese yuan": "CNY",
        "chinese renminbi": "CNY", "rmb": "CNY", "rupee": "INR", "indian rupee": "INR", "pakistani rupee": "PKR",
        "pakistan rupee": "PKR", "sri lankan rupee": "LKR", "reais": "BRL", "brazilian reais": "BRL",
        "brazilian real": "BRL", "korean won": "KRW", "south korean won": "KRW", "shekel": "ILS",
        "israeli shekel": "ILS", "new israeli shekel": "ILS", "israeli new shekel": "ILS",
        "new shekel": "ILS", "nis": "ILS", "rand": "ZAR", "south african rand": "ZAR",
        "ruble": "RUB", "russian ruble": "RUB", "rouble": "RUB", "russian rouble": "RUB", "turkish lira": "TRY",
        "italian lira": "ITL", "italian lire": "ITL", "lire": "ITL", "polish zloty": "PLN", "polish zlotych": "PLN",
        "deutsche mark": "DEM", "deutschemark": "DEM", "deutschmark": "DEM", "german mark": "DEM",
        "dutch guilder": "NLG", "guilder": "NLG", "spanish peseta": "ESP", "peseta": "ESP", "malaysian ringgit": "MYR",
        "ringgit": "MYR", "thai baht": "THB", "baht": "THB", "indonesian rupiah": "IDR", "rupiah": "IDR",
        "hungarian forint": "HUF", "forint": "HUF", "nigerian naira": "NGN", "naira": "NGN", "kenyan shilling": "KES",
        "peruvian sol": "PEN", "peruvian nuevo sol": "PEN", "peruvian sole": "PEN", "peruvian nuevos sole": "PEN",
        "cdn": "CAD", "kuwaiti dinar": "KWD", "saudi riyal": "SAR", "uae dirham": "AED", "ukrainian hryvnia": "UAH",
    }
)  # fmt: skip
"""Names after an amount, in lower case, without full stops and the plural s of the last word -> code."""
_FIRST_WORDS = frozenset(name.split()[0] for name in _NAMES) | {f"{name}s" for name in _NAMES if " " not in name}
_LONGEST_NAME = 4
"""Most words of a name."""

_LETTERS = re.compile(r"[A-Za-z][A-Za-z.]*\Z")
_WORD_AT_END = re.compile(r"(?:(?<![^\W_])[A-Z]/\.?|[^\W\d_]+(?:\.[^\W\d_]+)*\.?|GH\u00a2)\Z")
_BRACKETED = re.compile(r"[(\[](?:([A-Za-z]{2,8}(?: sterling)?)[)\]]\s*|(Y)[)\]])\Z")
_SIGN_THEN_CODE = re.compile(r"([A-Za-z.]*)\$\s?([A-Z]{2,3}|Cdn|(?<=U\$)S)\Z")
_NAME_WORD = re.compile(r"\s*((?:[A-Za-z]\.)+[A-Za-z]?|[A-Za-z]+)")
_AFTER = re.compile(r"\s*(?:([\u20ac\u00a3])|([A-Z]{3})(?![A-Za-z]))")
_SHARED_SIGNS = {
    "USD": frozenset(_DOLLARS.values()) | frozenset(_OF_DOLLARS.values()) | frozenset(_OF_PESOS.values()),
    "JPY": frozenset({"CNY"}),
    "GBP": frozenset(_POUNDS.values()),
    "INR": frozenset({"PKR", "LKR"}),
    "MXN": frozenset(_OF_PESOS.values()),
}
"""Code of an ambiguous sign -> the other currencies with that sign: a name after the amount decides."""
_BEHIND_DOLLAR = {"US": "USD", "S": "USD", "CDN": "CAD", "Cdn": "CAD"}
"""Letters after `$` that are no ISO 4217 code: `$US 5`, `U$S 5` as in Argentina and Uruguay, `$CDN 5`."""
_LONGEST_PREFIX = 4
"""A longer word before a sign is no part of it: a space was lost (`Total$500`)."""
_NO_PREFIX = frozenset((
    "THE", "OF", "TO", "OUR", "IS", "WAS", "ARE", "WERE", "BY", "FOR", "FROM", "AND", "OR", "IN", "AT", "AN", "ITS",
    "THIS", "THAT", "WITH", "THAN", "OVER", "PLUS", "PAID", "ONE", "TWO", "NEW", "ALL", "BOTH", "EACH", "PER", "NET",
))  # fmt: skip
"""Short words before a sign whose space was lost (`The$75 million loan`)."""
_REACH = 24
"""Characters of the longest currency mark."""


def currency_before(text: str, end: int) -> tuple[str, int] | None:
    """Return the currency directly before `text[end:]`, or before white space: its code and its start.

    The code is `UNKNOWN` if a money sign does not identify the currency.
    """
    begin = max(0, end - _REACH)
    head = text[begin:end]
    stem = head.rstrip()
    if not stem:
        return None
    last = stem[-1]
    if last in _PREFIXED:
        code, length = _of_sign(stem[:-1], last)
        return code, begin + len(stem) - 1 - length
    if last in _SIGNS:
        return _SIGNS[last], begin + len(stem) - 1
    if last in ")]":
        spelled = _BRACKETED.search(head)
        word = (spelled[1] or spelled[2]) if spelled else ""
        spelled_code = _SPELLED_SIGNS.get(word.lower()) or (_WORDS[word] if word in CODES else None)
        return (spelled_code, begin + spelled.start()) if spelled and spelled_code else None
    if last.isalpha() or last in "./\u00a2":
        return _of_word(text, stem, begin, end)
    return None


def _of_sign(before: str, sign: str) -> tuple[str, int]:
    """Return the code of a sign with the text before it, and how many of those characters belong to it."""
    match = _LETTERS.search(before)
    if match is None:
        word = before[:-1].rsplit(None, 1)[-1].lstrip("(") if sign == "$" and before[-1:].isspace() else ""
        if word in _SPACED:
            return _DOLLARS[word.replace(".", "")], len(word) + 1
        return _PREFIXED[sign][""], 0
    prefix, codes = match[0], _PREFIXED[sign]
    letters = prefix.replace(".", "")
    code = codes.get(letters)
    if code is None and not letters.islower():
        code = _CAPITALS[sign].get(letters.upper()) or (UNKNOWN if _is_prefix(letters) else None)
    return (code, len(prefix)) if code else (codes[""], 0)


def _is_prefix(letters: str) -> bool:
    return 0 < len(letters) <= _LONGEST_PREFIX and letters.upper() not in _NO_PREFIX


def _of_word(text: str, stem: str, begin: int, end: int) -> tuple[str, int] | None:
    """Return the currency of the last word of `stem`, which begins at `begin` of the text."""
    match = _WORD_AT_END.search(stem.rsplit(None, 1)[-1])
    if match is None:
        return None
    word, start = match[0], begin + len(stem) - len(match[0])
    behind_dollar = _SIGN_THEN_CODE.search(stem) if word[0].isupper() else None
    if behind_dollar and (behind_dollar[2] in _BEHIND_DOLLAR or behind_dollar[2] in CODES):
        code = _BEHIND_DOLLAR.get(behind_dollar[2]) or _DOLLARS.get(behind_dollar[2]) or behind_dollar[2]
        return code, begin + behind_dollar.start()
    if code := _WORDS.get(word):
        return code, start
    if word in _ON_AMOUNTS_ONLY and _AMOUNT.match(text, end):
        return _ON_AMOUNTS_ONLY[word], start
    return None


def currency_after(text: str, start: int, before: str | None) -> tuple[str, int] | None:
    """Return the currency directly after `text[:start]` (`euros`, `Canadian dollars`, `CAD`): its code and its end.

    `before` is the code of the mark before the amount. It prevails unless both currencies share that sign.
    """
    currency = _named_after(text, start)
    if currency is None or before in (None, UNKNOWN) or currency[0] in _SHARED_SIGNS.get(before or "", ()):
        return currency
    return None


def _named_after(text: str, start: int) -> tuple[str, int] | None:
    match = _AFTER.match(text, start)
    if match and match[1]:
        return _PREFIXED[match[1]][""], match.end()
    if match and match[2] in CODES:
        return _WORDS[match[2]], match.end()
    words: list[str] = []
    currency: tuple[str, int] | None = None
    while len(words) < _LONGEST_NAME and (word := _NAME_WORD.match(text, start)):
        words.append(word[1].lower().replace(".", ""))
        if len(words) == 1 and words[0] not in _FIRST_WORDS:
            return None
        start = word.end()
        name = " ".join(words)
        if code := _NAMES.get(name) or _NAMES.get(name.removesuffix("s")):
            currency = code, start
    return currency
