"""Inline XBRL facts: collected while the markup is read, then located in the extracted text.

Sources: Inline XBRL 1.1 (https://www.xbrl.org/specification/inlinexbrl-part1/rec-2013-11-18/), nonFraction section 10,
nonNumeric section 11, continuation section 4.1; for the values of printed numbers, Transformation Registry 1 to 5
(https://www.xbrl.org/specification/inlinexbrl-transformationregistry/) and the SEC's own registry (EDGAR Filer Manual,
`ixt-sec`).
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from finner_batch.text.block import Fact
from finner_batch.text.characters import collapse, collapsed_offsets
from finner_batch.text.pages import MOST_TITLES
from finner_batch.text.paragraph import Paragraph

_UNITS = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
nineteen
"""
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_SMALL = {word: value for value, word in enumerate(_UNITS.split())}
_SMALL |= {word: 10 * value for value, word in enumerate(_TENS.split(), 2)}
_SMALL |= {"no": 0, "none": 0, "nil": 0, "a": 1, "an": 1, "hundred": 100}
_LARGE = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_DOT_DECIMAL = ("", "numdotdecimal", "numcommadot", "numspacedot", "numunitdecimal", "numdotdecimalapos")
_COMMA_DECIMAL = ("numcommadecimal", "numdotcomma", "numspacecomma", "numcommadecimalapos")
_ZERO = ("fixedzero", "zerodash", "numdash", "nocontent", "fixedempty")
VISIBLE_TAGS = frozenset(("ix:nonfraction", "ix:nonnumeric", "ix:continuation"))
"""Elements of the text that `TagReader` receives; lower-case names, as the HTML parser gives them."""
HIDDEN_TAGS = frozenset(("unit", "measure", "unitdenominator"))
"""Local names of the elements of `ix:resources` that `TagReader` receives."""
_NOT_NOTES = frozenset(("dei", "ecd", "cyd"))
"""Taxonomies whose text blocks are not notes: cover page, executive compensation, cybersecurity."""


@dataclass(slots=True)
class Tagged:
    """An element that tags text: its attributes, and the span of its content in the visible raw text."""

    attributes: Mapping[str, str]
    start: int
    end: int = -1


class TagReader:
    """Collects a document's inline XBRL elements; positions are offsets in the visible raw text."""

    def __init__(self) -> None:
        self.numbers: list[Tagged] = []
        self.units: dict[str, str] = {}
        self._texts: list[Tagged] = []
        self._continuations: dict[str, Tagged] = {}
        self._open: list[Tagged] = []
        self._unit = ""
        self._measures: list[str] = []
        self._measure_from = 0

    def start(self, attributes: Mapping[str, str], position: int) -> None:
        """Handle the start of one of `VISIBLE_TAGS`."""
        self._open.append(Tagged(dict(attributes), position))

    def end(self, tag: str, position: int) -> None:
        """Handle the end of one of `VISIBLE_TAGS`."""
        tagged = self._open.pop()
        tagged.end = position
        if tag == "ix:nonfraction":
            self.numbers.append(tagged)
        elif tag == "ix:nonnumeric":
            self._texts.append(tagged)
        else:
            self._continuations[tagged.attributes.get("id", "")] = tagged

    def start_hidden(self, name: str, attributes: Mapping[str, str], pieces: int) -> None:
        """Handle the start of one of `HIDDEN_TAGS`; `pieces` is the number of text pieces so far."""
        if name == "unit":
            self._unit = attributes.get("id", "")
            self._measures = []
        elif name == "measure":
            self._measure_from = pieces
        else:
            self._measures.append("/")

    def end_hidden(self, name: str, pieces: Sequence[str]) -> None:
        """Handle the end of one of `HIDDEN_TAGS`; `pieces` is the text so far."""
        if name == "measure":
            self._measures.append("".join(pieces[self._measure_from :]).strip().rpartition(":")[2])
            self._measure_from = len(pieces)
        elif name == "unit":
            self.units[self._unit] = "*".join(self._measures).replace("*/*", "/")

    def note_ranges(self) -> list[tuple[int, int]]:
        """Return the merged, sorted ranges of raw text inside notes' text blocks and their continuations."""
        ranges = []
        followed: set[str] = set()
        for text in self._texts:
            prefix, _, name = text.attributes.get("name", "").rpartition(":")
            if not name.endswith("TextBlock") or prefix in _NOT_NOTES:
                continue
            part: Tagged | None = text
            while part is not None:
                ranges.append((part.start, part.end))
                reference = part.attributes.get("continuedat", "")
                part = None if reference in followed else self._continuations.get(reference)
                followed.add(reference)
        return merged(ranges)


def merged(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the sorted union of half-open ranges; ranges that touch are merged."""
    result: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        elif end > start:
            result.append((start, end))
    return result


class Placement:
    """Maps positions in the raw text to offsets in the extracted text."""

    def __init__(self, paragraphs: Iterable[Paragraph], starts: Iterable[int]) -> None:
        self._segments: list[tuple[int, str, int]] = []
        for paragraph, start in zip(paragraphs, starts, strict=True):
            offset = start
            for position, raw in paragraph.segments:
                self._segments.append((position, raw, offset))
                offset += len(collapse(raw))
                offset += paragraph.text[offset - start : offset - start + 1] == " "
        self._segments.sort(key=lambda segment: segment[0])
        self._positions = [position for position, _, _ in self._segments]
        self._offsets: dict[int, list[int]] = {}

    def place(self, start: int, end: int) -> tuple[int, int] | None:
        """Return the raw range's span in the extracted text; None if it is empty or was not extracted."""
        first = max(bisect_right(self._positions, start) - 1, 0)
        last = bisect_left(self._positions, end) - 1
        opening = self._first_spans(range(first, last + 1), start, end)
        closing = self._first_spans(range(last, first - 1, -1), start, end)
        if not opening:
            return None
        return min(span[0] for span in opening), max(span[1] for span in closing)

    def _first_spans(self, indices: Iterable[int], start: int, end: int) -> list[tuple[int, int]]:
        """Return the spans of the first segments with text. At most `MOST_TITLES` segments are out of order."""
        spans = (span for index in indices if (span := self._span_in_segment(index, start, end)))
        return list(islice(spans, MOST_TITLES + 1))

    def _span_in_segment(self, index: int, start: int, end: int) -> tuple[int, int] | None:
        position, raw, offset = self._segments[index]
        begin = max(start - position, 0)
        inside = raw[begin : max(end - position, 0)]
        text = collapse(inside)
        if not text:
            return None
        if index not in self._offsets:
            self._offsets[index] = collapsed_offsets(raw)
        opening = offset + self._offsets[index][begin + inside.index(text[0])]
        return opening, opening + len(text)


def resolve(tags: TagReader, placement: Placement, text: str) -> tuple[tuple[Fact, ...], tuple[tuple[int, int], ...]]:
    """Return the facts whose numbers are in `text`, in order, and the spans of `text` inside notes."""
    placed = (placement.place(start, end) for start, end in tags.note_ranges())
    separated = merged((start, end + 1) for start, end in filter(None, placed))  # a page end does not divide a note
    notes = tuple((start, end - 1) for start, end in separated)
    note_starts = [start for start, _ in notes]
    facts = []
    for tagged in tags.numbers:
        span = placement.place(tagged.start, tagged.end)
        if span is None:
            continue
        start, end = span
        attributes = tagged.attributes
        prefix, _, concept = attributes.get("name", "").rpartition(":")
        index = bisect_right(note_starts, start) - 1
        scale = _integer(attributes.get("scale"))
        facts.append(
            Fact(
                concept=concept,
                prefix=prefix,
                text=text[start:end],
                start=start,
                end=end,
                value=_value(attributes, text[start:end], scale),
                unit=tags.units.get(attributes.get("unitref", "")),
                scale=scale,
                context=attributes.get("contextref", ""),
                in_note=index >= 0 and end <= notes[index][1],
            )
        )
    facts.sort(key=lambda fact: (fact.start, -fact.end))
    return tuple(facts), notes


def _value(attributes: Mapping[str, str], text: str, scale: int) -> float | None:
    if attributes.get("xsi:nil") in ("true", "1"):
        return None
    printed = number(text, attributes.get("format"))
    if printed is None:
        return None
    value: float = printed * 10**scale if scale >= 0 else printed / 10**-scale
    return -value if attributes.get("sign") == "-" else value


def _integer(text: str | None) -> int:
    try:
        return int(text or 0)
    except ValueError:
        return 0


def number(text: str, format_name: str | None) -> float | None:
    """Read `text` in a format (`ixt:num-dot-decimal`); None if the format is unknown or does not fit."""
    name = (format_name or "").rpartition(":")[2].replace("-", "").lower()
    reader = _READERS.get(name)
    return reader(text.strip()) if reader else None


def _dot_decimal(text: str) -> float | None:
    return _float(re.sub(r"[,\s'\u2019]", "", text))


def _comma_decimal(text: str) -> float | None:
    return _float(re.sub(r"[.\s'\u2019]", "", text).replace(",", "."))


def _float(text: str) -> float | None:
    return float(text) if re.fullmatch(r"\d+\.?\d*|\.\d+", text, re.ASCII) else None


def _words(text: str) -> float | None:
    """Read `twenty-five`, `one hundred and two`, `no`."""
    total = group = 0
    words = [word for word in re.split(r"[\s,-]+", text.lower()) if word and word != "and"]
    if not words:
        return None
    for word in words:
        if word == "hundred":
            group = max(group, 1) * 100
        elif word in _SMALL:
            group += _SMALL[word]
        elif word in _LARGE:
            total += max(group, 1) * _LARGE[word]
            group = 0
        else:
            return _dot_decimal(text)
    return float(total + group)


_READERS: dict[str, Callable[[str], float | None]] = {
    **dict.fromkeys(_DOT_DECIMAL, _dot_decimal),
    **dict.fromkeys(_COMMA_DECIMAL, _comma_decimal),
    **dict.fromkeys(_ZERO, lambda _: 0.0),
    "numwordsen": _words,
}
