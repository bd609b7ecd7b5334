"""Number tokens: one definition for labelling, decoding, values and evaluation.

A token is digits with their separators, without sign, currency or unit:

- digits in groups: `1,500,000`, `12,34,567` (Indian), `1'500'000` (Swiss), `1.500.000` and `1.234,56` (European);
- a decimal point: `2.25`, `3,000.5`; a leading one (`.75`) unless a letter, digit, point or `)` precedes it (`No.5`);
- a decimal comma if the context allows no other reading: `7,40%`, `7,40 to 7,90%`, `EUR 1,5 million`;
- a vulgar fraction, and a whole number with one: `1/2`, `7½`, `3 1/4`, `3-1/4` with any dash; `61/4` before `%`
  (superscript lost); before `%` also `3 - 1/4`, `3 and 1/4`, `3 1 / 4`;
- a stray space at the decimal point of an amount of money or a rate (`$64. 9 million`, `$250 .0 million`, `at 6 .875%`)
  and at the comma of an amount with no other reading (`$250, 000`, `$1, 500,000`);
- a dotted chain, which is one token but no number: `4.1.2`, `31.12.2023`.

Everything else ends a token. A comma that does not group (`1,2`; `31,2023`), a slash that makes no vulgar fraction
(`12/31/2023`, `50/50`, `97/2Q`), a hyphen (`364-day`, `2022-2023`, `555-0199`), a letter (`10b-5`, `Q3`, `7.5x`,
`$1.5B`, `1.5e9`), a sign (`5.250%Notes`), a bracket (`144(1)`) and the full stop of a sentence are outside.
Identifiers, years and dates are tokens too: the tagger distinguishes them from amounts. So every digit 0-9 is in
exactly one token, except those of footnote marks directly after a number, which are in none: `$500(1) million`,
`6.875%(2)`, `$250* million`. In HTML such marks are superscripts, which extraction converts to superscript characters
(`$250² million`). Values are read as if the mark were not there.
Invisible characters (a soft hyphen, a zero-width space) are ignored: a token may contain them.
"""

import re
from bisect import bisect_right
from decimal import Decimal
from fractions import Fraction
from unicodedata import numeric

_LABEL = r"(?:[1-9][0-9]?|[A-Za-z]|[ivx]{2,4})"
_SUPERSCRIPTS = "\u00b9\u00b2\u00b3\u2070-\u207f\u02b0-\u02b8\u1d2c-\u1d6a"
_MARKS = re.compile(
    rf"(?:\({_LABEL}(?:,\s?{_LABEL}){{0,5}}\)|\[{_LABEL}(?:,\s?{_LABEL}){{0,5}}\]|\(?\*{{1,3}}\)?|[\u2020\u2021\u00a7#]{{1,2}}"
    rf"|\s?[{_SUPERSCRIPTS}]{{1,12}}){{1,4}}"
)
_NUMBERED_MARK = re.compile(
    r"[(\[](?:(?<=[0-9%)\u00bc-\u00be\u2150-\u215ekmnst].)|(?<=[0-9]\s.))[1-9][0-9]?[)\],]", re.IGNORECASE
)
"""Where a mark with digits may begin: after a number, its `%`, scale word or bracket, or a space after the number."""
_MOST_NUMBERS = 24
"""Most numbers in the marks after one number: four marks of six labels each."""
_LONGEST_SCALE = 20
_SCALE_BEFORE = re.compile(
    r"\s?[%\uff05]|[\s-]?(?:per[\s-]?cent|pct|basis\s+points?|bps|thousand|million|[bt]illion|m[mn]|bn|[mbk])",
    re.IGNORECASE,
)
"""Text between a number and its mark (`$500 million(1)`)."""
_SPACED_MARK = re.compile(
    rf"\s[(\[]{_LABEL}(?:,\s?{_LABEL}){{0,5}}[)\]](?=\s(?:hundred|thousand|million|[bt]illion|basis\spoints)\b)"
)
_YEAR = re.compile(r"(?:19|20)[0-9]{2}")
_DUE = re.compile(r"(?:\bdue|\bmaturing|\bmatures?(?:\sin)?|[a-z.]\s[0-9]{1,2},)\s$", re.IGNORECASE)
"""A year after these is not a section or rule number: `due 2031(4)`, `June 1, 2031(4)`."""
_SCALE = re.compile(
    r"[\s-]?(?:[%\uff05]|per[\s-]?cent|pct|basis\s+points?|bps|hundred|thousand|lakh|million|crore|[bt]illion"
    r"|m[mn](?![a-z])|bn(?![a-z])|(?:to|-|\u2013)\s?[0-9.]{1,12}(?:\([1-9a-z]\))?\s?%)",
    re.IGNORECASE,
)
_MONEY_BEFORE = re.compile(r"[$\u20ac\u00a3\u00a5\u20b9]\s?\(?$")
FRACTION_CHARACTERS = "¼½¾⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"
_DIGIT = re.compile(rf"[0-9{FRACTION_CHARACTERS}]")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_DASH = "[-\u2010-\u2015\u2212\ufe58\ufe63\uff0d]"
_JOINT = rf"(?:\s?{_DASH}\s?|\s?&\s?|[\s-]and[\s-])"
"""Text between a whole number and its fraction, other than a space."""
_RATE = r"\s?(?:[%\uff05]|(?i:per[\s-]?cent|pct))"
_SCALE_WORD = r"\s?(?i:[mb]illion|thousand|ml?n\b|bl?n\b)"
_SIGNED = rf"""
    [0-9]{{0,2}} (?:\s? | {_DASH}) [{FRACTION_CHARACTERS}]                              # 7½
  | [0-9]{{0,2}} {_JOINT} [{FRACTION_CHARACTERS}] (?={_RATE}) |
"""
_SIGNS_OF_MONEY = "$\u20ac\u00a3\u00a5"
_OF_MONEY = rf"(?:(?<=[{_SIGNS_OF_MONEY}][0-9]) | (?<=[{_SIGNS_OF_MONEY}]\s[0-9])) [0-9]{{0,2}}"
_OF_SECURITIES = r"\s+(?i:(?:[a-z]{1,20}\s+){0,3}(?:shares?|units|warrants|options|authori[sz]ed|issued|outstanding)\b)"
"""`par value $1, 500,000 shares authorized` are two numbers."""
_OF_NAMED_MONEY = r"(?:(?<=[A-Z][0-9]) | (?<=[A-Z]{3}\s[0-9]) | (?<=[Ee]uro\s[0-9]) | (?<=kr\s[0-9])) [0-9]{0,2}"
_SPACES: dict[int, None] = dict.fromkeys(map(ord, " \t\n\u00a0\u2009\u202f"))
_DECIMALS: tuple[tuple[re.Pattern[str], dict[int, None], str], ...] = (
    (re.compile(r"[0-9]+(?:\.[0-9]+)?|\.[0-9]+"), {}, "."),
    (re.compile(r"[1-9][0-9]{0,2},[0-9]{1,2}|0,[0-9]{1,3}"), {}, ","),
    (re.compile(r"[0-9]{1,3}(?:,[0-9]{2,3})*,[0-9]{3}(?:\.[0-9]+)?"), {ord(","): None}, "."),
    (re.compile(r"[0-9]{1,3}(?:\s?,\s?[0-9]{3})+(?:\.[0-9]+)?"), _SPACES | {ord(","): None}, "."),
    (re.compile(r"[0-9]{1,3}(?:['\u2019][0-9]{3})+(?:\.[0-9]+)?"), {ord("'"): None, 0x2019: None}, "."),
    (re.compile(r"[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]{1,2}|[0-9]{1,3}(?:\.[0-9]{3}){2,}"), {ord("."): None}, ","),
    (re.compile(r"[0-9]{1,3}(?:\.\s|\s\.)[0-9]{1,3}"), _SPACES, "."),
)
"""Ways to write a decimal number: pattern, grouping characters, decimal point."""
_JOINED = rf"(?:\s|{_DASH}|{_JOINT})"
_MIXED = re.compile(rf"(?:([0-9]+){_JOINED})?([0-9]+)\s?[/\u2044\u2215]\s?([0-9]+)")
_MIXED_SIGN = re.compile(rf"([0-9]*){_JOINED}?([{FRACTION_CHARACTERS}])")


def end_of_marks(text: str, end: int, *, of_amount: bool = False) -> int:
    """Return the end of the footnote marks directly after `text[:end]`; `end` if there are none.

    `of_amount`: an amount or a rate ends there. After other numbers, what could be a reference (`Section 4(2)`,
    `401(k)`) is a mark only before a scale (`500(1) million`). A superscript always is a mark.
    """
    match = _MARKS.match(text, end)
    if match is None:
        spaced = _SPACED_MARK.match(text, end)
        return spaced.end() if spaced else end
    if of_amount or text[end] not in "([*#\u00a7\u2020\u2021" or _SCALE.match(text, match.end()):
        return match.end()
    return end


def _end_of_numbered_mark(text: str, number: tuple[int, int], opening: int) -> int:
    """Return the end of the marks at `text[opening:]`; at most `opening` if they do not belong to that number."""
    start, end = number
    if opening > end + _LONGEST_SCALE:
        return opening
    if text.startswith(")", end) and text[start - 1 : start] == "(":
        start, end = start - 1, end + 1
    if opening in (end, end + 1) and not text[end:opening].strip():
        return end_of_marks(text, end, of_amount=opening == end and _takes_marks(text, start, end))
    is_scaled = _SCALE_BEFORE.fullmatch(text, end, opening) is not None
    return end_of_marks(text, opening, of_amount=True) if is_scaled else opening


def _takes_marks(text: str, start: int, end: int) -> bool:
    """Whether a number is an amount (thousands in groups, or a money sign before it) or the year of a date."""
    if "," in text[start:end] or _MONEY_BEFORE.search(text, max(0, start - 3), start):
        return True
    return _YEAR.fullmatch(text, start, end) is not None and _DUE.search(text, max(0, start - 15), start) is not None


def _proper(slash: str) -> str:
    """Return the pattern of proper fractions in filings: halves to eighths, tenths, 16ths, 32nds, 64ths, 100ths."""
    return (
        rf"(?:1{slash}2|[12]{slash}3|[1-3]{slash}4|[1-4]{slash}5|[1-5]{slash}6|[1-7]{slash}8|[1-9]{slash}10"
        rf"|(?:1[0-5]|[1-9]){slash}16|(?:3[01]|[12]?[1-9]|[12]0){slash}32|[1-6]?[0-9]{slash}64"
        rf"|[0-9]{{1,2}}{slash}1000?)(?![0-9/\u2044\u2215]|[.,][0-9])"
    )


_PROPER = _proper("[/\u2044\u2215]")
_SPACED_PROPER = _proper(r"\s?[/\u2044\u2215]\s?")
_FRACTION = rf"""
    (?<![/\u2044\u2215]) (?:
      (?:[0-9]{{1,3}}\s | [1-9][0-9]{{0,2}}{_DASH})? {_PROPER}              # 1/2  3 1/4  3-1/4
    | [0-9]{{1,2}} {_PROPER} (?=\s?(?:%|per))                              # 61/4%
    | [1-9][0-9]{{0,2}} (?:\s | {_JOINT}) {_SPACED_PROPER} (?={_RATE})      # 3 - 1/4%  3 and 1/4%  3 1 / 4%
    )
"""


def _decimal(signed: str) -> str:
    """Return the pattern of tokens without a slash; `signed` are the alternatives for fraction characters."""
    return rf"""
  [0-9.{FRACTION_CHARACTERS}] (?:                                           # most positions fail at the first character
    (?<=[0-9]) (?: {signed}
        [0-9]* (?![0-9.,'\u2019] | \s[.,])                       # 250  2023: most numbers end here
      | [0-9]*\.[0-9]+ (?![0-9.,])                             # 2.25
      | {_OF_MONEY} (?:,[0-9]{{3}})* (?:,\s | \s,\s?) (?:
            000 (?:,000)* | [0-9]{{3}} (?:,[0-9]{{3}})+ (?!{_OF_SECURITIES})              # $250, 000  $1, 500,000
        ) (?:\.[0-9]{{1,2}})? (?![0-9]|[.,][0-9])
      | (?: [0-9]{{0,2}} (?:,[0-9]{{3}})+                        # 1,500,000
          | [0-9]? (?:,[0-9]{{2}}){{1,6}} ,[0-9]{{3}}              # 12,34,567
          | [0-9]{{0,2}} (?:['\u2019][0-9]{{3}})+                # 1'500'000
        ) (?![0-9]) (?:\.[0-9]+)?
      | (?<![0-9],[0-9]) [0-9]{{0,2}} ,[0-9]{{1,2}} (?![0-9]|[.,][0-9]) (?=              # 7,40%
            {_RATE} | \s?(?:to|and|or|{_DASH})\s?[0-9]{{1,2}},[0-9]{{1,2}}{_RATE})
      | (?:{_OF_MONEY} | {_OF_NAMED_MONEY}) ,[0-9]{{1,2}} (?={_SCALE_WORD})             # EUR 1,5 million
      | {_OF_MONEY} (?:\.\s | \s\.) [0-9]{{1,3}} (?={_SCALE_WORD})                     # $64. 9 million
      | (?:(?<=at\s[0-9]) | (?<=of\s[0-9]) | (?<=by\s[0-9]) | (?<=plus\s[0-9])) [0-9]? \s\.[0-9]{{1,3}}
          (?={_RATE})                                                                    # at 6 .875%
      | [0-9]{{0,2}} (?:\.[0-9]{{3}})+ ,[0-9]{{1,2}} (?![0-9]|[.,][0-9])                 # 1.234,56
      | [0-9]* (?:\.[0-9]+)*                                   # 2.25  1.500.000  4.1.2
    )
  | (?<=\.) (?<![A-Za-z0-9.)]\.) [0-9]+                        # .75
  | (?<=[{FRACTION_CHARACTERS}])                                            # ½
  )
"""


_PLAIN = re.compile(_decimal(""), re.VERBOSE)
_WITHOUT_SLASH = re.compile(_decimal(_SIGNED), re.VERBOSE)
_TOKEN = re.compile(f"{_FRACTION} | {_decimal(_SIGNED)}", re.VERBOSE)


def number_tokens(sentence: str) -> list[tuple[int, int]]:
    """Return the number tokens of a sentence in order, as disjoint spans `(start, end)` of code points.

    The list is empty if and only if the sentence has no digit 0-9 and no fraction character. Takes time linear in the
    sentence.
    """
    if not _DIGIT.search(sentence):
        return []
    if not sentence.isascii() and _INVISIBLE.search(sentence):
        shown = [place for place, character in enumerate(sentence) if not _INVISIBLE.match(character)]
        tokens = number_tokens("".join([sentence[place] for place in shown]))
        return [(shown[start], shown[end - 1] + 1) for start, end in tokens]
    without_slash = _PLAIN if sentence.isascii() else _WITHOUT_SLASH
    pattern = _TOKEN if "/" in sentence or "\u2044" in sentence or "\u2215" in sentence else without_slash
    tokens = [match.span() for match in pattern.finditer(sentence)]
    return _without_marks(sentence, tokens) if _NUMBERED_MARK.search(sentence) else tokens


def _without_marks(sentence: str, tokens: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Remove the tokens in footnote marks of an amount, a rate or a year, or before a scale."""
    marks: set[tuple[int, int]] = set()
    for match in _NUMBERED_MARK.finditer(sentence):
        opening = match.start()
        index = bisect_right(tokens, (opening, opening)) - 1
        if index < 0:
            continue
        start, end = tokens[index]
        stop = _end_of_numbered_mark(sentence, (start, end), opening)
        marks.update(token for token in tokens[index + 1 : index + 1 + _MOST_NUMBERS] if token[1] <= stop)
    return [token for token in tokens if token not in marks]


def without_invisible(text: str, start: int, end: int) -> tuple[str, int, int]:
    """Return the text without invisible characters, and `start` and `end` in it."""
    if text.isascii() or not _INVISIBLE.search(text):
        return text, start, end
    head, inside = _INVISIBLE.sub("", text[:start]), _INVISIBLE.sub("", text[start:end])
    return head + inside + _INVISIBLE.sub("", text[end:]), len(head), len(head) + len(inside)


def magnitude(token: str) -> Decimal | None:
    """Return the number that a token prints, without sign, scale or unit; None if it is none (`4.1.2`).

    A comma groups and a point is decimal, as in English; `1.234,56`, `1.500.000`, `7,40` and `0,125` can only be
    European. `61/4` is 6 1/4 (its superscript was lost) if the digits can be split in only one way.
    """
    if not token.isascii():
        token = _INVISIBLE.sub("", token)
    for pattern, dropped, point in _DECIMALS:
        if pattern.fullmatch(token):
            return Decimal(token.translate(dropped).replace(point, "."))
    if match := _MIXED_SIGN.fullmatch(token):
        fraction = Fraction(numeric(match[2])).limit_denominator(8)
        return Decimal(match[1] or 0) + Decimal(fraction.numerator) / fraction.denominator
    match = _MIXED.fullmatch(token)
    return _mixed(match[1], match[2], int(match[3])) if match else None


def _mixed(whole: str | None, numerator: str, denominator: int) -> Decimal | None:
    """Add whole and fraction; split a numerator that contains the whole number if only one split fits."""
    if whole is not None or int(numerator) < denominator:
        return Decimal(whole or 0) + Decimal(int(numerator)) / denominator if int(numerator) < denominator else None
    splits = [(numerator[:cut], numerator[cut:]) for cut in range(1, len(numerator))]
    fits = [
        (front, back) for front, back in splits
        if not back.startswith("0") and int(back) < denominator and (int(back) % 2 or denominator % 2)
    ]  # fmt: skip
    return _mixed(*fits[0], denominator) if len(fits) == 1 else None
