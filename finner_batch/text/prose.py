"""Prose of a shard row: paragraphs that keep their place in the row's own text."""

import re

from finner_batch.text.breaks import continues

_LINE = re.compile(r"[^\r\n]+")
_SENTENCE_END = re.compile(r"[.:;!?][\"'\u201d\u2019)\]]*\Z")
_WRAPPED_WIDTH = range(50, 101)
_WRAPPED_SHARE = 0.5


def read_prose(text: str) -> list[tuple[int, int]]:
    """Spans (start, end) of the paragraphs of `text`, without surrounding white space.

    A blank line ends a paragraph. So does a line break, unless the sentence goes on behind it; in hard-wrapped text,
    where most lines have 50 to 100 characters, such a line goes on where it does not end like a sentence.
    """
    lines = [span for match in _LINE.finditer(text) if (span := _stripped(text, *match.span()))]
    wrapped = sum(end - start in _WRAPPED_WIDTH for start, end in lines) >= _WRAPPED_SHARE * len(lines)
    result: list[tuple[int, int]] = []
    previous = None
    for line in lines:
        if previous and _goes_on(text, previous, line, wrapped=wrapped):
            result[-1] = (result[-1][0], line[1])
        else:
            result.append(line)
        previous = line
    return result


def _goes_on(text: str, line: tuple[int, int], following: tuple[int, int], *, wrapped: bool) -> bool:
    if len(text[line[1] : following[0]].splitlines()) > 2:
        return False
    before, after = text[max(line[0], line[1] - 40) : line[1]], text[following[0] : following[1]][:40]
    if _SENTENCE_END.search(before):
        return False
    return continues(before, after) or (wrapped and line[1] - line[0] in _WRAPPED_WIDTH)


def _stripped(text: str, start: int, end: int) -> tuple[int, int] | None:
    line = text[start:end].rstrip()
    return (start + len(line) - len(line.lstrip()), start + len(line)) if line else None
