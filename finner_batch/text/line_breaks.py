"""Line breaks: whether a sentence continues after one, and how to join the two lines.

Filings use `<br>` between a heading and its text, between lines of an address, and to wrap a sentence. Hard-wrapped
text filings break every line. Converters from PDF make every line a paragraph.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

from finner_batch.text.headings import is_title_case

_TAIL = 20
"""Characters read at the end of a line: more than any word of `_UNFINISHED` has."""
_UNFINISHED_WORD = (
    r"\b(?:a|an|and|approximately|are|as|at|be|been|being|between|bears?|but|by|equals?|exceed|exceeded|exceeding"
    r"|exceeds|for|from|had|has|have|if|in|into|is|its|minus|nor|of|on|or|our|per|plus|than|that|the|their|these|this"
    r"|through|to|totaled|totaling|under|until|upon|versus|vs\.?|was|were|whether|which|with|within|without)\Z"
)
_ENDS_IN_UNFINISHED_WORD = re.compile(_UNFINISHED_WORD, re.IGNORECASE)
_UNFINISHED = re.compile(rf"[,(\u2013\u2014&/+]\Z|{_UNFINISHED_WORD}", re.IGNORECASE)
_LOWER_WORD = re.compile(r"(?:[\s(-]|\A)[a-z][\w'\u2019-]*\Z")
_AMOUNT = re.compile(r"[$\u20ac\u00a3]\s?\d|\d[\d,.]{0,15}\s?(?:%|(?:percent|million|billion|basis points)\b)")
_BEFORE_DIGIT = re.compile(
    r"(?:(?:\A|[^\d-])\d{1,4}-|[$\u20ac\u00a3]"
    r"|\b(?:January|February|March|April|May|June|July|August|September|October|November|December))\Z"
)
_WHOLE = re.compile(r"(?:\A|[^\d.,])\d{1,2}\Z")
_FRACTION = re.compile(r"\d{1,2}/(?:2|4|8|16|32)(?!\d)")
_RUNNING_LENGTH = 30
"""Fewest characters of a line that may continue with an amount; a shorter line may be a label next to a figure."""

_HYPHENATED = re.compile(r"(?:[^\W\d_]|(?<!\d{3})\d)-\Z")
_SUSPENDED = re.compile(r"(?:and|or|to)\b")
_DIGIT_AND_HYPHEN = re.compile(r"(?:\A|[^\d-])\d{1,4}-\Z")
_MONEY_TO_COMMA = re.compile(r"[$\u20ac\u00a3] ?\d{1,3}(?:,\d{3}){0,4},\Z")
_COUNT_TO_COMMA = re.compile(r"\b[a-z]+ \d{1,3},\Z")
_AMOUNT_LENGTH = 40
_GROUP = re.compile(r"\d{3}(?!\d)")
_TWO_GROUPS = re.compile(r"\d{3},\d{3}(?!\d)")

_SENTENCE_END = re.compile(r"(?:[.:;!?]|; (?:and|or))[\"'\u201d\u2019)\]]*\Z")
_ITEM_END = re.compile(r"(?:[.:;!?]|[;,] (?:and|or))[\"')\]]*\Z")
_LABEL = r"(?:\d{1,2}|[a-z]|[ivx]{1,4})"
_LIST_LABEL = re.compile(rf"[-*\u2022\u25cf\u25aa\u00b7o]\s|\(?{_LABEL}\)|{_LABEL}\.(?=\s)", re.IGNORECASE)
_HEADING = re.compile(r"(?:item|note|part|exhibit)\s+[\divx]{1,3}[a-c]?\b", re.IGNORECASE)
_HEADING_LENGTH = 12
_WITHIN_PROSE = re.compile(r"[a-z\d][.;] |\d, ")
_SENTENCE_WITHIN = re.compile(r"[a-z\d%)]\. [A-Z]")

_LEAST_BREAKS = 2
_SHARE_OF_BREAKS = 1 / 3
_SHARE_OF_PROSE = 0.15
_SHARE_OF_WIDTH = 0.65
_SHARE_OF_FULL_LINES = 0.8


def continues(before: str, after: str) -> bool:
    """Whether `after`, on a new line, continues the sentence of `before`."""
    if after[:1].islower() or _UNFINISHED.search(before, max(0, len(before) - _TAIL)) is not None:
        return True
    if after[:1].isdigit():
        tail = before[-_TAIL:]
        if (len(before) > 1 and _BEFORE_DIGIT.search(tail)) or (_FRACTION.match(after) and _WHOLE.search(tail)):
            return True
    return (
        len(before) >= _RUNNING_LENGTH
        and _AMOUNT.match(after) is not None
        and _LOWER_WORD.search(before, len(before) - _TAIL) is not None
    )


def separator(before: str, after: str) -> str:
    """Return what to put between two lines: nothing for `long-` and `term`, a space for `short-` and `and long-term`.

    Halves of a number are joined without a space: `6-` and `7/8%`, `$1,` and `500,000`.
    """
    tail = before[-_AMOUNT_LENGTH:]
    if tail.endswith("-"):
        if after[:1].islower():
            return "" if _HYPHENATED.search(tail) and not _SUSPENDED.match(after) else " "
        return "" if _DIGIT_AND_HYPHEN.search(tail) and after[:1].isdigit() else " "
    if tail.endswith(",") and (
        (_GROUP.match(after) and _MONEY_TO_COMMA.search(tail))
        or (_TWO_GROUPS.match(after) and _COUNT_TO_COMMA.search(tail))
    ):
        return ""
    return " "


def ends_sentence(text: str) -> bool:
    """Whether a line ends like a sentence, the introduction of a list, or a list item."""
    return _SENTENCE_END.search(text, max(0, len(text) - _TAIL)) is not None


def ends_item(text: str) -> bool:
    """Like `ends_sentence`, but `..., and` and `..., or` count too."""
    return _ITEM_END.search(text, max(0, len(text) - _TAIL)) is not None


def is_unfinished(text: str) -> bool:
    """Whether a line ends in a word that cannot end a sentence: `of`, `the`, `plus`."""
    return _ENDS_IN_UNFINISHED_WORD.search(text, max(0, len(text) - _TAIL)) is not None


def begins_mid_sentence(text: str) -> bool:
    """Whether a line begins with a lower-case letter or an amount (`1.75%`, `$5 million`), as no sentence does."""
    return text[:1].islower() or _AMOUNT.match(text) is not None


def is_list_item(text: str) -> bool:
    """Whether a line begins with a bullet or a list label: `(a)`, `2.`, `iv)`."""
    return _LIST_LABEL.match(text) is not None


def wrapped_width(lines: Sequence[str]) -> int:
    """Return the number of characters in a full line if `lines` are wrapped prose, else 0.

    Lines are wrapped prose if a third of the breaks fall within a sentence and nearly all of those follow a full line.
    Some of these lines must end in a word such as `of` or contain the end of a sentence: headings and lists do not.
    """
    if len(lines) <= _LEAST_BREAKS:
        return 0
    unfinished = [before for before, after in pairwise(lines) if not ends_sentence(before) and continues(before, after)]
    if len(unfinished) < max(_LEAST_BREAKS, _SHARE_OF_BREAKS * (len(lines) - 1)):
        return 0
    width = sorted(map(len, lines))[int(0.9 * (len(lines) - 1))]
    prose = sum(line.endswith("-") or is_unfinished(line) for line in unfinished)
    prose += sum(_SENTENCE_WITHIN.search(line) is not None for line in unfinished)
    full = sum(len(line) >= _SHARE_OF_WIDTH * width for line in unfinished)
    wrapped = prose >= max(1, _SHARE_OF_PROSE * len(unfinished)) and full >= _SHARE_OF_FULL_LINES * len(unfinished)
    return width if wrapped else 0


def continues_wrapped_line(before: str, after: str, width: int) -> bool:
    """Whether `after` continues `before` in wrapped prose whose full lines have `width` characters."""
    if ends_sentence(before):
        return False
    if is_unfinished(before):
        return True
    if is_list_item(after) or _HEADING.match(after):
        return False
    if before.isupper() != (after.isupper() and len(after) >= _HEADING_LENGTH):
        return False
    return continues(before, after) or (len(before) >= _SHARE_OF_WIDTH * width and not _looks_like_heading(before))


def _looks_like_heading(line: str) -> bool:
    return _HEADING.match(line) is not None or (is_title_case(line) and _WITHIN_PROSE.search(line) is None)
