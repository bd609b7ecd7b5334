"""Inline XBRL transformation formats: converts the printed form of a number to its value.

Source: Inline XBRL Transformation Registry 1 to 5 (https://www.xbrl.org/specification/inlinexbrl-transformationregistry/)
and the SEC's own registry (EDGAR Filer Manual, `ixt-sec`).
"""

import re
from collections.abc import Callable

_UNITS = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
nineteen
"""
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_SMALL = {word: value for value, word in enumerate(_UNITS.split())}
_SMALL |= {word: 10 * value for value, word in enumerate(_TENS.split(), 2)}
_SMALL |= {"no": 0, "none": 0, "nil": 0, "a": 1, "an": 1, "hundred": 100}
_LARGE = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}


def _dot_decimal(text: str) -> float | None:
    return _float(re.sub(r"[,\s'\u2019]", "", text))


def _comma_decimal(text: str) -> float | None:
    return _float(re.sub(r"[.\s'\u2019]", "", text).replace(",", "."))


def _float(text: str) -> float | None:
    return float(text) if re.fullmatch(r"\d+\.?\d*|\.\d+", text, re.ASCII) else None


def _words(text: str) -> float | None:
    """Read `twenty-five`, `one hundred and two`, `no`."""
    total = group = 0
    words = [word for word in re.split(r"[\s,-]+", text.lower()) if word and word != "and"]
    if not words:
        return None
    for word in words:
        if word == "hundred":
            group = max(group, 1) * 100
        elif word in _SMALL:
            group += _SMALL[word]
        elif word in _LARGE:
            total += max(group, 1) * _LARGE[word]
            group = 0
        else:
            return _dot_decimal(text)
    return float(total + group)


_DOT_DECIMAL = ("", "numdotdecimal", "numcommadot", "numspacedot", "numunitdecimal", "numdotdecimalapos")
_COMMA_DECIMAL = ("numcommadecimal", "numdotcomma", "numspacecomma", "numcommadecimalapos")
_ZERO = ("fixedzero", "zerodash", "numdash", "nocontent", "fixedempty")
_READERS: dict[str, Callable[[str], float | None]] = {
    **dict.fromkeys(_DOT_DECIMAL, _dot_decimal),
    **dict.fromkeys(_COMMA_DECIMAL, _comma_decimal),
    **dict.fromkeys(_ZERO, lambda _: 0.0),
    "numwordsen": _words,
}


def number(text: str, format_name: str | None) -> float | None:
    """Read `text` in a format (`ixt:num-dot-decimal`); None if the format is unknown or does not fit."""
    name = (format_name or "").rpartition(":")[2].replace("-", "").lower()
    reader = _READERS.get(name)
    return reader(text.strip()) if reader else None
