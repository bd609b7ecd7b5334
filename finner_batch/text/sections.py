"""Sections: the Part, Item and note of every block."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from finner_batch.text.headings import (
    PART_OR_ITEM,
    ItemHeading,
    NoteHeading,
    closes_notes,
    is_first_note,
    is_item_word,
    is_title,
    is_title_case,
    item_heading,
    note_heading,
    opens_notes,
    part_heading,
)
from finner_batch.text.items import CURRENT_REPORT

_CONTENTS_RUN = 4
_PARTS_RUN = 2
_TEXT_LENGTH = 80
_TITLE_LENGTH = 160
_NOTES_WITHIN = 69
_PARTS = ("I", "II", "III", "IV")
_CANDIDATE = re.compile(
    rf"{PART_OR_ITEM}|"
    r"notes?\b|\(?\d{1,2}\b|\d{1,2}[A-K]\b|\(?[A-Z][.)]"
    r"|signature|exhibit|index|schedule|report|independent|management|quantitative|controls|form 10|10-",
    re.IGNORECASE,
)

_PLACE = re.compile(rf"{PART_OR_ITEM}|\d{{1,2}}\.?[A-K]\b", re.IGNORECASE)
_SIGNATURES = re.compile(r"signatures?\W*\Z", re.IGNORECASE)
_ANSWER = re.compile(
    r"\W*(?:none|not (?:applicable|required)|n/a|omitted|incorporated|see|refer|no|there|the"
    r"|information (?:required|called))\b",
    re.IGNORECASE,
)
Heading = str | ItemHeading | NoteHeading | None
"""A Part, an Item, a heading numbered like a note, or None for a heading that opens or closes the notes."""


def sections(texts: Sequence[str]) -> list[str | None]:
    """Return each block's section, e.g. `Part II, Item 8 > Note 7 - Debt`; None before the first heading.

    A heading is in the section that it opens.
    """
    headings = _headings(texts)
    for index in _contents(texts, headings):
        del headings[index]
    for index in _parts_of_cover(headings):
        del headings[index]
    section = _CurrentSection()
    result: list[str | None] = []
    for index, text in enumerate(texts):
        if index in headings:
            section.enter(text, headings[index], _at(texts, index + 1))
        result.append(section.label)
    return result


def _headings(texts: Sequence[str]) -> dict[int, Heading]:
    """Return the blocks that look like headings, by index."""
    headings: dict[int, Heading] = {}
    for index, text in enumerate(texts):
        if not _CANDIDATE.match(text) and "notes to " not in text[:_NOTES_WITHIN].lower():
            continue
        heading = (_PLACE.match(text) and (_item_heading(texts, index) or part_heading(text))) or note_heading(text)
        if heading or opens_notes(text) or closes_notes(text):
            headings[index] = heading
    items = [(index, heading) for index, heading in headings.items() if isinstance(heading, ItemHeading)]
    roman = [index for index, heading in items if heading.is_roman]
    if len(roman) * 2 < len(items):  # among items with plain numbers, the X of "Item X" is not a number
        for index in roman:
            del headings[index]
    return headings


def _item_heading(texts: Sequence[str], index: int) -> ItemHeading | None:
    """Return the item heading at `index`; its number and its title may be in the next blocks."""
    text = texts[index]
    if is_item_word(text):
        text = f"{text} {_at(texts, index := index + 1)}"
    heading = item_heading(text)
    title = _at(texts, index + 1)
    if heading and not heading.has_title and len(title) <= _TITLE_LENGTH:
        joined = item_heading(f"{text} {title}")
        if joined and not joined.is_listed:
            return heading._replace(numbers=joined.numbers, part=joined.part)
    return heading


def _at(texts: Sequence[str], index: int) -> str:
    return texts[index] if index < len(texts) else ""


def _contents(texts: Sequence[str], headings: dict[int, Heading]) -> set[int]:
    """Return the headings in tables of contents: runs of Parts and items, or of notes, with no text between them."""
    result: set[int] = set()
    for run in _runs(texts, headings):
        result.update(run.contents(texts))
    positions = [index for index, heading in headings.items() if isinstance(heading, NoteHeading)]
    notes: list[int] = []
    for position in [*positions, len(texts)]:
        if notes and (position == len(texts) or _has_text(texts[notes[-1] + 1 : position])):
            if len(notes) >= _CONTENTS_RUN:
                result.update(_but_last_before_text(notes, texts))
            notes = []
        notes.append(position)
    return result


@dataclass(slots=True)
class _Run:
    """Parts and items with no text between them, each occurring once."""

    positions: list[int] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    items: dict[tuple[str, ...], set[str | None]] = field(default_factory=dict)
    """Numbers of an item -> the Parts in which it occurred; None if no Part was known."""
    last_item: tuple[str, ...] = ()
    listed: int = 0
    begins_again: bool = False
    """The next heading repeats one of the run or follows signatures: the run was a table of contents."""

    def has(self, heading: str | ItemHeading, part: str | None) -> bool:
        """Whether a heading in `part` occurred before the run's last heading."""
        if not isinstance(heading, ItemHeading):
            return part in self.parts[:-1]
        if heading.part in self.parts[:-1]:
            return True
        passed = self.items.get(heading.numbers) if heading.numbers != self.last_item else None
        return passed is not None and (part is None or None in passed or part in passed)

    def add(self, position: int, heading: str | ItemHeading, part: str | None) -> None:
        """Append a heading in `part`."""
        self.positions.append(position)
        if isinstance(heading, ItemHeading):
            self.items.setdefault(heading.numbers, set()).add(part)
            self.last_item = heading.numbers
            self.listed += heading.is_listed
        elif heading not in self.parts:
            self.parts.append(heading)

    def contents(self, texts: Sequence[str]) -> list[int]:
        """Return the positions that are entries of a table of contents."""
        if self.begins_again or self.listed * 2 > len(self.items):
            return self.positions
        several = len(self.parts) + len(self.items)
        if several >= _CONTENTS_RUN or (several >= _PARTS_RUN and not self.items):
            return _but_last_before_text(self.positions, texts)
        return []


def _runs(texts: Sequence[str], headings: dict[int, Heading]) -> Iterator[_Run]:
    run = _Run()
    part: str | None = None
    for position, heading in headings.items():
        if not isinstance(heading, (str, ItemHeading)):
            continue
        part = heading if isinstance(heading, str) else heading.part or part
        if run.positions:
            between = texts[run.positions[-1] + 1 : position]
            has_text = _has_text_but_titles(between)
            again = run.has(heading, part)
            if not has_text:
                goes_back = heading in _PARTS and run.parts and _PARTS.index(heading) < _PARTS.index(run.parts[-1])
                again = again or goes_back or any(map(_SIGNATURES.match, between))
            if again or has_text:
                run.begins_again = again
                yield run
                run = _Run()
        run.add(position, heading, part)
    if run.positions:
        yield run


def _parts_of_cover(headings: dict[int, Heading]) -> list[int]:
    """Return Parts named on the cover, e.g. as incorporated by reference: an earlier Part follows before any item."""
    result: list[int] = []
    before: tuple[int, str] | None = None
    for position, heading in headings.items():
        if isinstance(heading, (str, ItemHeading)):
            part = heading if isinstance(heading, str) else heading.part
            if before and part and part in _PARTS and _PARTS.index(part) < _PARTS.index(before[1]):
                result.append(before[0])
            before = (position, heading) if isinstance(heading, str) else None
    return result


def _but_last_before_text(run: list[int], texts: Sequence[str]) -> list[int]:
    """Exclude the last heading of a run if text follows it."""
    return run[:-1] if len(_at(texts, run[-1] + 1)) >= _TEXT_LENGTH else run


def _has_text_but_titles(texts: Sequence[str]) -> bool:
    """Whether there is more than titles, page numbers and ends of lines; `None.` is text."""
    return any(_ANSWER.match(text) or (_has_text((text,)) and not _is_part_of_title(text)) for text in texts)


def _is_part_of_title(text: str) -> bool:
    """Whether `text` is a title or the end of one: `and Financial Disclosure.`."""
    if len(text) > _TITLE_LENGTH:
        return False
    return is_title(text) or (is_title_case(text) and is_title(text[:1].upper() + text[1:].rstrip(".")))


def _has_text(texts: Sequence[str]) -> bool:
    return any(len(text) > 40 or text.endswith(".") for text in texts)


class _CurrentSection:
    """The section at the current block, updated by each heading."""

    def __init__(self) -> None:
        self.label: str | None = None
        self._part: str | None = None
        self._item: str | None = None
        self._order = 0
        self._in_notes = False
        self._style: str | None = None
        self._number = 0
        self._note: str | None = None

    def enter(self, text: str, heading: Heading, following: str) -> None:
        """Update the section at a heading; `following` is the next block, which may be the title."""
        if isinstance(heading, ItemHeading):
            self._enter_item(heading)
        elif isinstance(heading, NoteHeading):
            self._enter_note(heading, following)
        elif heading is not None:
            self._enter_part(heading)
        if closes_notes(text):
            self._leave_notes()
            self._leave_last_item()
        elif opens_notes(text):
            self._in_notes = True
            self._leave_last_item()
        part = f"Part {self._part}" if self._part else None
        section = ", ".join(name for name in (part, self._item) if name)
        self.label = " > ".join(name for name in (section, self._note) if name) or None

    def _enter_part(self, part: str) -> None:
        if part != self._part:
            self._part = part
            self._item, self._order = None, 0
            self._leave_notes()

    def _enter_item(self, heading: ItemHeading) -> None:
        if heading.is_listed:
            return
        part = heading.part or self._part
        if heading.part == CURRENT_REPORT:
            # In a periodic report it is in a list of reports on Form 8-K, or in the item for what they omitted.
            if self._part and ("." in heading.numbers[0] or heading.order < self._order):
                return
            part = self._part
        if (part, heading.name) != (self._part, self._item):
            self._part, self._item, self._order = part, heading.name, heading.order
            self._leave_notes()

    def _enter_note(self, heading: NoteHeading, following: str) -> None:
        if heading.number == self._number and heading.style == self._style:
            return
        title = heading.title or (following if is_title(following) else "")
        if heading.style == "note":
            expected = bool(title) or self._style == "note"
        elif self._style is None:
            expected = heading.number == 1 and (
                is_first_note(title) or (self._in_notes and title > "" and is_title_case(title))
            )
        else:
            expected = heading.style == self._style and 0 < heading.number - self._number <= 2 and bool(title)
        if expected:
            self._in_notes = True
            self._style, self._number = heading.style, heading.number
            self._note = f"Note {heading.label} - {title}" if title else f"Note {heading.label}"

    def _leave_last_item(self) -> None:
        """Leave Item 16 (`Form 10-K Summary`: `None.`): financial statements after it are in no Item."""
        if self._item == "Item 16":
            self._part = self._item = None

    def _leave_notes(self) -> None:
        self._in_notes = False
        self._style = self._note = None
        self._number = 0
