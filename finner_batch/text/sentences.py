"""Splits blocks into sentences and keeps their offsets.

The tokenizer is nupunkt's Punkt, trained on legal and financial text (https://pypi.org/project/nupunkt/). Of the
splitters tried, only it was right on every hard case (see tests/text/test_sentences.py). It takes a sixth of the time
of parsing.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from operator import itemgetter

from nupunkt.models import load_default_model

from finner_batch.text.block import Extraction

_REACH = 120
"""Characters before a split that are read."""
_CONTINUES = re.compile(r"(?:[a-z]{2,}|[a-z]\.)(?=[\s,.;:)]|\Z)|[,;:)\]%]")
"""`non-U.S.` | `markets`, `Subs.` | `v. Commissioner`, `(Isr.` | `), a member`; not `iPhone`, nor a check box's `x`."""
_OPENED = re.compile(r"\W{0,2}[(\[\u201c\u2018\"][^()\[\]\u201c\u201d\u2018\u2019\"]*\.\Z")
"""`(\u201cU.S.` | `GAAP\u201d)`: the last word opens a quotation or bracket and does not close it."""
_LABEL = re.compile(r"[\w-]{1,5}(?:\(\w\))?\.\Z")
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
_LINE_BREAKS = str.maketrans("\n\r\v\f\x85\u2028\u2029", "       ")
_UNBROKEN = re.compile(r"\S{200,}")
_STOP = re.compile("[.!?\u2026]")
_CHARACTERS_AFTER = 40
LONGEST = 8_000
"""Most characters of a sentence, since every entity row has its sentence. The longest sentence seen has 4,498."""
_IN_NUMBERS = "0123456789.,'/"
_STOPS = str.maketrans(".!?\u2026", "xxxx")
_tokenizer = cache(load_default_model)


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence: `text` is `extraction.text[start:start + len(text)]`, without surrounding white space.

    In the text of shard rows, each line break inside a sentence is replaced by one space.
    """

    index: int
    """0-based position among all sentences of the document, including those without a digit."""
    text: str
    start: int
    section: str | None
    struck: tuple[tuple[int, str], ...] = ()
    """Struck-out text, which `text` excludes: (offset in `text` where it stood, the struck text)."""

    def __reduce__(self) -> tuple[type["Sentence"], tuple[int, str, int, str | None, tuple[tuple[int, str], ...]]]:
        """Pickle by fields, in half the time of a frozen dataclass: every sentence goes through a pipe."""
        return Sentence, (self.index, self.text, self.start, self.section, self.struck)


def split(extraction: Extraction) -> list[Sentence]:
    """Split every block into sentences, in order; a table row is one sentence.

    A sentence longer than `LONGEST` is cut. Takes time linear in the text.
    """
    sentences: list[Sentence] = []
    for block in extraction.blocks:
        text = block.text if block.text.isprintable() else block.text.translate(_LINE_BREAKS)
        if block.row or not _has_stop_inside(text):
            spans: Iterable[tuple[int, int]] = [(0, len(text))]
        else:
            spans = _tokenizer().span_tokenize(_without_stops_in_unbroken_runs(text))
        for start, end in _cut_to_length(text, _rejoined(text, spans)):
            struck = _struck_within(block.struck, start, end) if block.struck else ()
            sentences.append(Sentence(len(sentences), text[start:end], block.start + start, block.section, struck))
    return sentences


def _belongs_together(before: str, after: str) -> bool:
    """Whether a split between two texts is wrong; `before` is the end of the sentence so far, `_REACH` characters."""
    if _CONTINUES.match(after):
        return True
    word = before[before.rfind(" ") + 1 :]
    if _OPENED.match(word):
        return True
    if _AMOUNT.match(after) and (_BEFORE_AMOUNT.match(word) or (_DECIMAL_POINT.match(word) and _DECIMALS.match(after))):
        return True
    return _LABEL.match(word) is not None and _REFERENCE.search(before) is not None


def _struck_within(struck: tuple[tuple[int, str], ...], start: int, end: int) -> tuple[tuple[int, str], ...]:
    """Return the struck text within a sentence or at its ends."""
    low = bisect_left(struck, start, key=itemgetter(0))
    high = bisect_right(struck, end, lo=low, key=itemgetter(0))
    return tuple((at - start, text) for at, text in struck[low:high])


def _has_stop_inside(text: str) -> bool:
    """Whether a space follows a stop; without one, as in most blocks, the block is one sentence."""
    stop = _STOP.search(text)
    return stop is not None and " " in text[stop.start() :]


def _rejoined(text: str, spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Undo wrong splits and yield the sentences' spans without surrounding white space."""
    begin = end = 0
    for span_start, span_end in spans:
        piece = text[span_start:span_end]
        start = span_start + len(piece) - len(piece.lstrip())
        if start == span_end:
            continue
        if end and not _belongs_together(text[max(begin, end - _REACH) : end], text[start : start + _CHARACTERS_AFTER]):
            yield begin, end
            begin = start
        elif not end:
            begin = start
        end = span_start + len(piece.rstrip())
    if end:
        yield begin, end


def _cut_to_length(text: str, spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield the spans, those over `LONGEST` cut at a space, else outside a number, else anywhere."""
    for begin, end in spans:
        start = begin
        while end - start > LONGEST:
            stop = text.rfind(" ", start + 1, start + LONGEST)
            if stop < 0:
                stop = start + LONGEST
                while stop > start + 1 and text[stop - 1] in _IN_NUMBERS:
                    stop -= 1
                stop = stop if stop > start + 1 else start + LONGEST
            yield start, start + len(text[start:stop].rstrip())
            start = stop
            while text[start].isspace():
                start += 1
        yield start, end


def _without_stops_in_unbroken_runs(text: str) -> str:
    """Replace stops in long runs without a space: from every stop, the tokenizer searches for the next space."""
    if any(" " not in text[at : at + 100] for at in range(0, len(text) - 99, 100)):
        return _UNBROKEN.sub(lambda run: run[0].translate(_STOPS), text)
    return text
