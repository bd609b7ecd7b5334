"""Splits that are wrong for filings, found by reading what the tokenizer did to 215 of them.

Among their 307,478 sentences it had split 4,863 more: 3,971 behind the label of a heading or reference (`Item 8.`), 808
before a word in lower case (mostly `non-U.S.` | `markets`), 84 within a bracket or quotation. None of those filings
writes `Rs. 500 crore` or `S/. 500`, which it splits too.
"""

import re

REACH = 120
"""How many characters before the split decide."""

_GOES_ON = re.compile(r"(?:[a-z]{2,}|[a-z]\.)(?=[\s,.;:)]|\Z)|[,;:)\]%]")
"""`non-U.S.` | `markets`, `Subs.` | `v. Commissioner`, `(Isr.` | `), a member`; not `iPhone`, nor a check box's `x`."""
_OPENED = re.compile(r"\W{0,2}[(\[\u201c\u2018\"][^()\[\]\u201c\u201d\u2018\u2019\"]*\.\Z")
"""`(\u201cU.S.` | `GAAP\u201d)`: a quotation or bracket that the last word opens and does not close."""
_NUMBER = re.compile(r"[\w-]{1,5}(?:\(\w\))?\.\Z")
_REFERENCE = re.compile(
    r"(?:\A|\([^()]{0,80}\b)(?:note|item|items|part|section|article|schedule|exhibit|table)\s+[\w-]{1,5}(?:\(\w\))?\.\Z",
    re.IGNORECASE,
)
"""`Item 8.` | `Financial Statements`, `(see Note 13.` | `Stockholders' Equity)`."""
_OF_AMOUNT = re.compile(
    r"[(\[\u201c\"]?(?:[Rr]s|Ps|Bs|Bs\.?[FS]|[BCS]/|S[Kk]r|N[Kk]r|D[Kk]r|S[Ff]r|F[Ff]r|B[Ff]r|Lit|Ptas?|Esc|[DH]?[Ff]l|DM|Gs|Lps|Tk"
    r"|Rp|Dhs?|K[Ss]hs?|K[c\u010d]|z\u0142|Bh?t|[Rr]ub|P[Hh][Pp]|INR|SEK|NOK|DKK|CHF|NLG|AED|Cdn|Mex|US|HK|NT"
    r"|approx|max|excl|Nos|Arts)\.\Z"
)
"""`Rs.` | `500 crore`: abbreviations of currencies, and others that stand before a number."""
_AMOUNT = re.compile(r"[$(]{0,2}[0-9]")
_POINT = re.compile(r"\W?[$\u20ac\u00a3][0-9]{1,3}\.\Z")
_DECIMALS = re.compile(r"[0-9]{1,3}\s(?:thousand|million|billion)\b")
"""`$64.` | `9 million`: a stray space behind the decimal point."""


def belongs_together(before: str, after: str) -> bool:
    """Whether a split between two texts is wrong: `before` is the end (`REACH`) of the sentence so far."""
    if _GOES_ON.match(after):
        return True
    word = before[before.rfind(" ") + 1 :]
    if _OPENED.match(word):
        return True
    if _AMOUNT.match(after) and (_OF_AMOUNT.match(word) or (_POINT.match(word) and _DECIMALS.match(after))):
        return True
    return _NUMBER.match(word) is not None and _REFERENCE.search(before) is not None
