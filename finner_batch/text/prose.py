"""Prose of a shard row: paragraphs that keep their place in the row's own text."""

import re

from finner_batch.text.breaks import continues

_LINE = re.compile(r"[^\r\n]+")
_SENTENCE_END = re.compile(r"[.:;!?][\"'\u201d\u2019)\]]*\Z")
_WRAPPED_WIDTH = range(50, 101)
_WRAPPED_SHARE = 0.5


def read_prose(text: str) -> list[tuple[int, int]]:
    """Spans (start, end) of the paragraphs of `text`, without surrounding white space.

    A blank line ends a paragraph. A line break ends one too, unless the sentence goes on behind it: always so in
    hard-wrapped text, where most lines are between 50 and 100 characters long.
    """
    lines = [span for match in _LINE.finditer(text) if (span := _stripped(text, *match.span()))]
    wrapped = sum(end - start in _WRAPPED_WIDTH for start, end in lines) >= _WRAPPED_SHARE * len(lines)
    result: list[tuple[int, int]] = []
    for start, end in lines:
        if result and _joins(text, result[-1], start, wrapped=wrapped):
            result[-1] = (result[-1][0], end)
        else:
            result.append((start, end))
    return result


def _joins(text: str, before: tuple[int, int], start: int, *, wrapped: bool) -> bool:
    tail = text[max(before[0], before[1] - 40) : before[1]]
    if len(text[before[1] : start].splitlines()) > 2:
        return False
    if text[start].islower() and not _SENTENCE_END.search(tail):
        return True
    return wrapped and not _SENTENCE_END.search(tail) and continues(tail, text[start : start + 40])


def _stripped(text: str, start: int, end: int) -> tuple[int, int] | None:
    line = text[start:end].rstrip()
    return (start + len(line) - len(line.lstrip()), start + len(line)) if line else None
