"""What a number token is: the one definition that labelling, decoding, values and evaluation share.

A token is digits with their separators, and no sign, currency or unit around them:

- digits in groups: `1,500,000`, `12,34,567` (Indian), `1'500'000` (Swiss), `1.500.000` and `1.234,56` (European);
- a decimal point: `2.25`, `3,000.5`; a leading one (`.75`) unless a letter, digit, point or `)` is before it (`No.5`);
- a vulgar fraction, and a whole number with one: `1/2`, `7½`, `3 1/4`, `3-1/4`; `61/4` before `%` (superscript lost);
- a dotted chain is one token though no number: `4.1.2`, `31.12.2023`.

Everything else ends a token. A comma that does not group (`1,2`; `31,2023`), a slash that makes no vulgar fraction
(`12/31/2023`, `50/50`, `97/2Q`), a hyphen (`364-day`, `2022-2023`, `555-0199`), a letter (`10b-5`, `Q3`, `7.5x`,
`$1.5B`, `1.5e9`), a sign (`5.250%Notes`), a bracket (`500(1)`) and the full stop of a sentence stay outside.
Identifiers, years and dates are tokens too: telling them from amounts is the tagger's task. So every digit 0-9 lies in
exactly one token.
"""

import re
from decimal import Decimal

VULGAR_FRACTIONS = {
    "¼": (1, 4), "½": (1, 2), "¾": (3, 4), "⅓": (1, 3), "⅔": (2, 3), "⅕": (1, 5), "⅖": (2, 5), "⅗": (3, 5), "⅘": (4, 5),
    "⅙": (1, 6), "⅚": (5, 6), "⅛": (1, 8), "⅜": (3, 8), "⅝": (5, 8), "⅞": (7, 8),
}  # fmt: skip
"""Single characters that print a fraction: character -> (numerator, denominator)."""

_SIGNS = "".join(VULGAR_FRACTIONS)
_DIGIT = re.compile(rf"[0-9{_SIGNS}]")
_SLASH = "[/\u2044]"
_PROPER = (
    rf"(?:1{_SLASH}2|[12]{_SLASH}3|[1-3]{_SLASH}4|[1-4]{_SLASH}5|[1-5]{_SLASH}6|[1-7]{_SLASH}8|[1-9]{_SLASH}10"
    rf"|(?:1[0-5]|[1-9]){_SLASH}16|(?:3[01]|[12]?[1-9]|[12]0){_SLASH}32|[1-6]?[0-9]{_SLASH}64|[0-9]{{1,2}}{_SLASH}1000?)"
    r"(?![0-9/\u2044]|[.,][0-9])"
)
_DECIMAL = rf"""
  [0-9.{_SIGNS}] (?:                                           # the first character alone is tested at most places
    (?<=[0-9]) (?:
        [0-9]{{0,2}} \ ? [{_SIGNS}]                              # 7½
      | [0-9]{{0,2}} (?:\.[0-9]{{3}})+ ,[0-9]{{1,2}} (?![0-9]|[.,][0-9])    # 1.234,56
      | (?: [0-9]{{0,2}} (?:,[0-9]{{3}})+                        # 1,500,000
          | [0-9]? (?:,[0-9]{{2}})+ ,[0-9]{{3}}                  # 12,34,567
          | [0-9]{{0,2}} (?:['\u2019][0-9]{{3}})+                # 1'500'000
        ) (?![0-9]) (?:\.[0-9]+)?
      | [0-9]* (?:\.[0-9]+)*                                   # 2.25  1.500.000  4.1.2
    )
  | (?<=\.) (?<![A-Za-z0-9.)]\.) [0-9]+                        # .75
  | (?<=[{_SIGNS}])                                            # ½
  )
"""
_FRACTION = rf"(?<![/\u2044]) (?: (?:[0-9]{{1,3}}[\ -])? {_PROPER} | [0-9]{{1,2}} {_PROPER} (?=\s?(?:%|per)) )"
_WITHOUT_SLASH = re.compile(_DECIMAL, re.VERBOSE)
_TOKEN = re.compile(f"{_FRACTION} | {_DECIMAL}", re.VERBOSE)

_DECIMALS: tuple[tuple[re.Pattern[str], dict[int, None], str], ...] = (
    (re.compile(r"[0-9]*\.?[0-9]+"), {}, "."),
    (re.compile(r"[0-9]{1,3}(?:,[0-9]{2,3})*,[0-9]{3}(?:\.[0-9]+)?"), {ord(","): None}, "."),
    (re.compile(r"[0-9]{1,3}(?:['\u2019][0-9]{3})+(?:\.[0-9]+)?"), {ord("'"): None, 0x2019: None}, "."),
    (re.compile(r"[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]{1,2}|[0-9]{1,3}(?:\.[0-9]{3}){2,}"), {ord("."): None}, ","),
)
"""Ways to write a decimal number: pattern, characters that only group, decimal point."""
_MIXED = re.compile(rf"(?:([0-9]+)[ -])?([0-9]+){_SLASH}([0-9]+)")
_MIXED_SIGN = re.compile(rf"([0-9]*)\ ?([{_SIGNS}])")


def number_tokens(sentence: str) -> list[tuple[int, int]]:
    """Find the number tokens of a sentence, in order: `(start, end)` code points, apart from each other.

    The list is empty exactly where the sentence holds no digit 0-9 and no vulgar fraction character.
    """
    if not _DIGIT.search(sentence):
        return []
    token = _TOKEN if "/" in sentence or "\u2044" in sentence else _WITHOUT_SLASH
    return [match.span() for match in token.finditer(sentence)]


def magnitude(token: str) -> Decimal | None:
    """Say which number a token prints, without sign, scale or unit; None where it prints none (`4.1.2`).

    A comma groups and a point is decimal, as filings in English write; `1.234,56` and `1.500.000` can only be European.
    `61/4` is 6 1/4 if it can be read in one way: a numerator above its denominator swallowed a whole number (6¼ printed
    with a superscript that was lost).
    """
    for pattern, dropped, point in _DECIMALS:
        if pattern.fullmatch(token):
            return Decimal(token.translate(dropped).replace(point, "."))
    if match := _MIXED_SIGN.fullmatch(token):
        numerator, denominator = VULGAR_FRACTIONS[match[2]]
        return Decimal(match[1] or 0) + Decimal(numerator) / denominator
    match = _MIXED.fullmatch(token)
    return _mixed(match[1], match[2], int(match[3])) if match else None


def _mixed(whole: str | None, numerator: str, denominator: int) -> Decimal | None:
    """Add whole and fraction; a numerator that swallowed the whole number is split where just one split fits."""
    if whole is not None or int(numerator) < denominator:
        return Decimal(whole or 0) + Decimal(int(numerator)) / denominator if int(numerator) < denominator else None
    splits = [(numerator[:cut], numerator[cut:]) for cut in range(1, len(numerator))]
    fits = [
        (front, back) for front, back in splits
        if not back.startswith("0") and int(back) < denominator and (int(back) % 2 or denominator % 2)
    ]  # fmt: skip
    return _mixed(*fits[0], denominator) if len(fits) == 1 else None
