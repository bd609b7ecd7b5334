"""The scale that a document states once for all its amounts: "(Dollars in millions, except per share data)".

Nearly every filing heads its tables so, but one in eight also writes its prose so (`a new $1,200 revolving credit
agreement` for 1.2 billion). Which of the two a passage does shows in its own amounts: where many of those nearby carry
no scale word, the statement holds; where nearly all do (`$1.2 billion`), the few bare ones are meant as printed. Of
3,221 tagged bare amounts of money in filings with such a statement, 97 % are read right so, 24 % as printed.
"""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate

_POWERS = {"thousand": 3, "million": 6, "billion": 9}
_STATEMENT = re.compile(r"[nN](?<=\b[iI][nN])\s+([tTmMbB](?:housand|illion|HOUSAND|ILLION))[sS]\b")
_LONGEST_HEADING = 300
"""Longest block, in characters, whose statement counts as one about the document."""
_AMOUNT = re.compile(
    r"[$€£]\s?(?=[0-9.,]*[1-9])[0-9][0-9,]*(?:\.[0-9]+)?"
    r"(?P<word>\s?-?\s?(?:thousand|million|billion|trillion|MM\b|mm\b|bn\b|[MBK]\b))?"
    r"(?P<unit>\)?,?\s(?:per|a|each|par|principal)\s|/)?"
)
_NEARBY = 10
"""Amounts on either side of a place that show how the passage writes."""
_SHARE_NEARBY = 0.35
_SHARE_OVERALL = 0.15
"""Least share of bare amounts, nearby and in the document, for the statement to hold."""


def stated_scales(text: str, positions: Sequence[int]) -> list[int]:
    """Power of ten that `text`, a document, gives a bare amount of money at each of `positions`; 0 where it gives none.

    `positions` are code points, one a sentence. Give the result to `read_value` as `stated`.
    """
    statements = Counter(
        _POWERS[match[1].lower()]
        for match in _STATEMENT.finditer(text)
        if _block_length(text, match.start()) < _LONGEST_HEADING
    )
    amounts = [match for match in _AMOUNT.finditer(text) if match["unit"] is None] if statements else []
    bare = [0, *accumulate(match["word"] is None for match in amounts)]
    if not amounts or bare[-1] < _SHARE_OVERALL * len(amounts):
        return [0] * len(positions)
    exponent = max(sorted(statements), key=statements.__getitem__)
    starts = [match.start() for match in amounts]
    scales = []
    for position in positions:
        index = bisect_left(starts, position)
        low, high = max(0, index - _NEARBY), min(len(amounts), index + _NEARBY)
        scales.append(exponent if bare[high] - bare[low] >= _SHARE_NEARBY * (high - low) else 0)
    return scales


def _block_length(text: str, position: int) -> int:
    end = text.find("\n", position)
    return (end if end >= 0 else len(text)) - text.rfind("\n", 0, position) - 1
