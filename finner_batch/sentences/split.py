"""The stage's function: blocks into sentences, offsets kept.

The tokenizer is nupunkt's Punkt, trained on legal and financial text (https://pypi.org/project/nupunkt/): of the
splitters tried it alone was right on every hard case (see tests/sentences), at a sixth of the time that parsing takes.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from functools import cache
from operator import itemgetter

from nupunkt import PunktSentenceTokenizer
from nupunkt.models import load_default_model

from finner_batch.sentences.rejoin import REACH, belongs_together
from finner_batch.sentences.sentence import Sentence
from finner_batch.text.block import Extraction

_LINE_BREAKS = str.maketrans("\n\r\v\f\x85\u2028\u2029", "       ")
_UNBROKEN = re.compile(r"\S{200,}")
_STOP = re.compile("[.!?\u2026]")
_GLANCE = 40
LONGEST = 8_000
"""Characters of a sentence, at most: every row of its entities carries it. The longest of those at hand has 4,498."""
_OF_NUMBERS = "0123456789.,'/"
_STOPS = str.maketrans(".!?\u2026", "xxxx")


def split(extraction: Extraction) -> list[Sentence]:
    """Split every block into sentences, in order; a sentence never crosses a block, and a table's row is one.

    What is longer than `LONGEST` becomes several. Takes time linear in the text, whatever it holds.
    """
    sentences: list[Sentence] = []
    for block in extraction.blocks:
        text = block.text if block.text.isprintable() else block.text.translate(_LINE_BREAKS)
        if block.row or not _has_stop_inside(text):
            spans: Iterable[tuple[int, int]] = [(0, len(text))]
        else:
            spans = _tokenizer().span_tokenize(_without_stops_in_unbroken_runs(text))
        for start, end in _of_bounded_length(text, _rejoined(text, spans)):
            struck = _within(block.struck, start, end) if block.struck else ()
            sentences.append(Sentence(len(sentences), text[start:end], block.start + start, block.section, struck))
    return sentences


def _within(struck: tuple[tuple[int, str], ...], start: int, end: int) -> tuple[tuple[int, str], ...]:
    """What was struck out within a sentence of a block or at its ends."""
    low = bisect_left(struck, start, key=itemgetter(0))
    high = bisect_right(struck, end, lo=low, key=itemgetter(0))
    return tuple((at - start, text) for at, text in struck[low:high])


def _has_stop_inside(text: str) -> bool:
    """Whether a stop stands before a space, without which a block is one sentence; most blocks are headings."""
    stop = _STOP.search(text)
    return stop is not None and " " in text[stop.start() :]


@cache
def _tokenizer() -> PunktSentenceTokenizer:
    return load_default_model()


def _rejoined(text: str, spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Spans of the sentences of a block, without surrounding white space."""
    begin = end = 0
    for span_start, span_end in spans:
        piece = text[span_start:span_end]
        start = span_start + len(piece) - len(piece.lstrip())
        if start == span_end:
            continue
        if end and not belongs_together(text[max(begin, end - REACH) : end], text[start : start + _GLANCE]):
            yield begin, end
            begin = start
        elif not end:
            begin = start
        end = span_start + len(piece.rstrip())
    if end:
        yield begin, end


def _of_bounded_length(text: str, spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The spans, those over `LONGEST` cut at a space, or where none is, outside a number if there is such a place."""
    for begin, end in spans:
        start = begin
        while end - start > LONGEST:
            stop = text.rfind(" ", start + 1, start + LONGEST)
            if stop < 0:
                stop = start + LONGEST
                while stop > start + 1 and text[stop - 1] in _OF_NUMBERS:
                    stop -= 1
                stop = stop if stop > start + 1 else start + LONGEST
            yield start, start + len(text[start:stop].rstrip())
            start = stop
            while text[start].isspace():
                start += 1
        yield start, end


def _without_stops_in_unbroken_runs(text: str) -> str:
    """The text as the tokenizer may see it: from every full stop it looks to the next space, so one must come soon."""
    if any(" " not in text[at : at + 100] for at in range(0, len(text) - 99, 100)):
        return _UNBROKEN.sub(lambda run: run[0].translate(_STOPS), text)
    return text
