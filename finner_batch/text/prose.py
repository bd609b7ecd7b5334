"""Prose of a shard row: paragraphs as spans of the row's text."""

import re

from finner_batch.text.breaks import continues

_LINE = re.compile(r"[^\r\n]+")
_SENTENCE_END = re.compile(r"[.:;!?][\"'\u201d\u2019)\]]*\Z")
_WRAPPED_WIDTH = range(50, 101)
_WRAPPED_SHARE = 0.5


def read_prose(text: str) -> list[tuple[int, int]]:
    """Return spans (start, end) of the paragraphs of `text`, without surrounding white space.

    A blank line ends a paragraph, and so does a line break unless the sentence continues after it. In hard-wrapped text
    (half the lines have 50 to 100 characters), a line of that length continues unless it ends like a sentence.
    """
    lines = [span for match in _LINE.finditer(text) if (span := _without_surrounding_space(text, *match.span()))]
    wrapped = sum(end - start in _WRAPPED_WIDTH for start, end in lines) >= _WRAPPED_SHARE * len(lines)
    result: list[tuple[int, int]] = []
    previous = None
    for line in lines:
        if previous and _line_continues(text, previous, line, wrapped=wrapped):
            result[-1] = (result[-1][0], line[1])
        else:
            result.append(line)
        previous = line
    return result


def _line_continues(text: str, line: tuple[int, int], following: tuple[int, int], *, wrapped: bool) -> bool:
    if len(text[line[1] : following[0]].splitlines()) > 2:
        return False
    before, after = text[max(line[0], line[1] - 40) : line[1]], text[following[0] : following[1]][:40]
    if _SENTENCE_END.search(before):
        return False
    return continues(before, after) or (wrapped and line[1] - line[0] in _WRAPPED_WIDTH)


def _without_surrounding_space(text: str, start: int, end: int) -> tuple[int, int] | None:
    line = text[start:end].rstrip()
    return (start + len(line) - len(line.lstrip()), start + len(line)) if line else None
