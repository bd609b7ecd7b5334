"""Splits that are wrong for filings, found by reading what the tokenizer did to 215 of them.

Among their 307,478 sentences it had split 4,863 more: 3,971 behind the label of a heading or reference (`Item 8.`), 808
before a word in lower case (mostly `non-U.S.` | `markets`), 84 within a bracket or quotation.
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


def belongs_together(before: str, after: str) -> bool:
    """Whether a split between two texts is wrong: `before` is the end (`REACH`) of the sentence so far."""
    if _GOES_ON.match(after):
        return True
    word = before[before.rfind(" ") + 1 :]
    if _OPENED.match(word):
        return True
    return _NUMBER.match(word) is not None and _REFERENCE.search(before) is not None
