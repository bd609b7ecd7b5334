"""Line breaks: whether the text goes on behind one, and how two lines join.

Filings use `<br>` between a heading and its text, between lines of an address, and to wrap a sentence; hard-wrapped
text filings break every line.
"""

import re

_UNFINISHED = re.compile(
    r"(?:[,(\u2013\u2014&/]|\b(?:a|an|and|as|at|between|by|for|from|in|into|its|of|on|or|our|than|that|the|their|to"
    r"|under|upon|which|with))\Z",
    re.IGNORECASE,
)
_HYPHENATED = re.compile(r"[^\W\d_]-\Z")
_SUSPENDED = re.compile(r"(?:and|or|to)\b")


def continues(before: str, after: str) -> bool:
    """Whether `after`, on a new line, continues the sentence of `before`."""
    return after[:1].islower() or _UNFINISHED.search(before, max(0, len(before) - 12)) is not None


def separator(before: str, after: str) -> str:
    """What joins two lines: nothing for `long-` and `term`, a space for `short-` and `and long-term`."""
    hyphenated = _HYPHENATED.search(before, max(0, len(before) - 2)) and after[:1].islower()
    return "" if hyphenated and not _SUSPENDED.match(after) else " "
