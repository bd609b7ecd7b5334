"""Finds splits of the tokenizer that are wrong in filings.

In 215 filings with 307,478 sentences the tokenizer made 4,863 wrong splits: 3,971 after the label of a heading or
reference (`Item 8.`), 808 before a lower-case word (mostly `non-U.S.` | `markets`), 84 within brackets or quotations.
It also splits `Rs. 500 crore` and `S/. 500`, which do not occur in those filings.
"""

import re

REACH = 120
"""Characters before a split that are read."""

_CONTINUES = re.compile(r"(?:[a-z]{2,}|[a-z]\.)(?=[\s,.;:)]|\Z)|[,;:)\]%]")
"""`non-U.S.` | `markets`, `Subs.` | `v. Commissioner`, `(Isr.` | `), a member`; not `iPhone`, nor a check box's `x`."""
_OPENED = re.compile(r"\W{0,2}[(\[\u201c\u2018\"][^()\[\]\u201c\u201d\u2018\u2019\"]*\.\Z")
"""`(\u201cU.S.` | `GAAP\u201d)`: the last word opens a quotation or bracket and does not close it."""
_NUMBER = re.compile(r"[\w-]{1,5}(?:\(\w\))?\.\Z")
_REFERENCE = re.compile(
    r"(?:\A|\([^()]{0,80}\b)(?:note|item|items|part|section|article|schedule|exhibit|table)\s+[\w-]{1,5}(?:\(\w\))?\.\Z",
    re.IGNORECASE,
)
"""`Item 8.` | `Financial Statements`, `(see Note 13.` | `Stockholders' Equity)`."""
_BEFORE_AMOUNT = re.compile(
    r"[(\[\u201c\"]?(?:[Rr]s|Ps|Bs|Bs\.?[FS]|[BCS]/|S[Kk]r|N[Kk]r|D[Kk]r|S[Ff]r|F[Ff]r|B[Ff]r|Lit|Ptas?|Esc|[DH]?[Ff]l|DM|Gs|Lps|Tk"
    r"|Rp|Dhs?|K[Ss]hs?|K[c\u010d]|z\u0142|Bh?t|[Rr]ub|P[Hh][Pp]|INR|SEK|NOK|DKK|CHF|NLG|AED|Cdn|Mex|US|HK|NT"
    r"|approx|max|excl|Nos|Arts)\.\Z"
)
"""`Rs.` | `500 crore`: abbreviations of currencies and others that precede a number."""
_AMOUNT = re.compile(r"[$(]{0,2}[0-9]")
_DECIMAL_POINT = re.compile(r"\W?[$\u20ac\u00a3][0-9]{1,3}\.\Z")
_DECIMALS = re.compile(r"[0-9]{1,3}\s(?:thousand|million|billion)\b")
"""`$64.` | `9 million`: a stray space after the decimal point."""


def belongs_together(before: str, after: str) -> bool:
    """Whether a split between two texts is wrong; `before` is the end of the sentence so far, `REACH` characters."""
    if _CONTINUES.match(after):
        return True
    word = before[before.rfind(" ") + 1 :]
    if _OPENED.match(word):
        return True
    if _AMOUNT.match(after) and (_BEFORE_AMOUNT.match(word) or (_DECIMAL_POINT.match(word) and _DECIMALS.match(after))):
        return True
    return _NUMBER.match(word) is not None and _REFERENCE.search(before) is not None
