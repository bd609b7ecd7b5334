"""Inline XBRL facts: what the reader of the markup records, and where it stands in the extracted text.

Source: Inline XBRL 1.1 (https://www.xbrl.org/specification/inlinexbrl-part1/rec-2013-11-18/): nonFraction section 10,
nonNumeric section 11, continuation section 4.1.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from finner_batch.text.block import Fact
from finner_batch.text.characters import ZERO_WIDTH, collapse, collapsed_offset
from finner_batch.text.paragraph import Paragraph
from finner_batch.text.transforms import number

_SPACES = "".join(map(chr, [*range(9, 14), *range(28, 33), 0x85, 0xA0, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F]))
_STRIPPED = _SPACES + ZERO_WIDTH + "\u205f\u3000"


@dataclass(slots=True)
class Tagged:
    """An element that tags text: its attributes, and where its content stands in the visible raw text."""

    attributes: Mapping[str, str]
    start: int
    end: int


@dataclass(slots=True)
class Tagging:
    """Everything a document's inline XBRL says about its text."""

    numbers: list[Tagged] = field(default_factory=list)
    texts: list[Tagged] = field(default_factory=list)
    continuations: dict[str, Tagged] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)

    def note_ranges(self) -> list[tuple[int, int]]:
        """Ranges of raw text inside a note's text block, continuations followed; merged and sorted."""
        ranges = []
        for text in self.texts:
            if not text.attributes.get("name", "").endswith("TextBlock"):
                continue
            seen = set()
            part: Tagged | None = text
            while part is not None:
                ranges.append((part.start, part.end))
                following = part.attributes.get("continuedat", "")
                part = None if following in seen else self.continuations.get(following)
                seen.add(following)
        return merged(ranges)


def merged(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Union of half-open ranges, sorted."""
    result: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        elif end > start:
            result.append((start, end))
    return result


class Placement:
    """Maps positions of the raw text to offsets of the extracted text."""

    def __init__(self, paragraphs: Iterable[Paragraph], starts: Iterable[int]) -> None:
        self._segments: list[tuple[int, str, int]] = []
        for paragraph, start in zip(paragraphs, starts, strict=True):
            offset = start
            for position, raw in paragraph.segments:
                self._segments.append((position, raw, offset))
                offset += len(collapse(raw)) + 1
        self._segments.sort(key=lambda segment: segment[0])
        self._positions = [position for position, _, _ in self._segments]

    def place(self, start: int, end: int) -> tuple[int, int] | None:
        """Offsets of the raw range in the extracted text; None where it holds no text or is left out."""
        first = bisect_right(self._positions, start) - 1
        bounds: list[int] = []
        for position, raw, offset in self._segments[max(first, 0) :]:
            if position >= end:
                break
            inside = raw[max(start - position, 0) : max(end - position, 0)]
            text = inside.strip(_STRIPPED)
            if not text:
                continue
            at = max(start - position, 0) + inside.index(text[0])
            at = max(start - position, 0) + len(inside) - len(inside.lstrip(_STRIPPED))
            opening = offset + collapsed_offset(raw, at)
            bounds += [opening, opening + len(collapse(text))]
        return (bounds[0], bounds[-1]) if bounds else None


def resolve(tagging: Tagging, placement: Placement, text: str) -> tuple[tuple[Fact, ...], tuple[tuple[int, int], ...]]:
    """The facts whose numbers stand in `text`, in order, and the spans of `text` inside notes."""
    placed = (placement.place(start, end) for start, end in tagging.note_ranges())
    notes = tuple(merged(span for span in placed if span))
    note_starts = [start for start, _ in notes]
    facts = []
    for tagged in tagging.numbers:
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
                unit=tagging.units.get(attributes.get("unitref", "")),
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
    value = printed * 10**scale if scale >= 0 else printed / 10**-scale
    return -value if attributes.get("sign") == "-" else value


def _integer(text: str | None) -> int:
    try:
        return int(text or 0)
    except ValueError:
        return 0
