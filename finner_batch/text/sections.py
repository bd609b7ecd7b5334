"""Sections: the Part, Item and note heading in force at every block."""

import re
from collections.abc import Sequence

from finner_batch.text.headings import (
    ItemHeading,
    NoteHeading,
    closes_notes,
    is_first_note,
    is_title,
    is_title_case,
    item_heading,
    note_heading,
    opens_notes,
    part_heading,
)

_CONTENTS_RUN = 4
_PARTS_RUN = 2
_TEXT_LENGTH = 80
_CANDIDATE = re.compile(
    r"part\b|items?\b|notes?\b|\(?\d{1,2}\b|\(?[A-Z][.)]|[\w&.,'\u2019 -]{0,60}notes to "
    r"|signature|exhibit|index|schedule|report|independent|management|quantitative|controls|form 10|10-",
    re.IGNORECASE,
)


def sections(texts: Sequence[str]) -> list[str | None]:
    """For each block, e.g. `Part II, Item 8 > Note 7 - Debt`; None before the first heading. A heading names itself."""
    headings = _headings(texts)
    for index in _contents(texts, headings):
        del headings[index]
    place = _Place()
    result: list[str | None] = []
    for index, text in enumerate(texts):
        if index in headings:
            following = texts[index + 1] if index + 1 < len(texts) else ""
            place.enter(text, headings[index], following)
        result.append(place.label)
    return result


Heading = str | ItemHeading | NoteHeading | None
"""A Part, an Item, something numbered like a note, or None: a heading that opens or closes the notes."""


def _headings(texts: Sequence[str]) -> dict[int, Heading]:
    """Blocks that look like headings, by position."""
    found: dict[int, Heading] = {}
    for index, text in enumerate(texts):
        if not _CANDIDATE.match(text):
            continue
        heading = item_heading(text) or part_heading(text) or note_heading(text)
        if heading or opens_notes(text) or closes_notes(text):
            found[index] = heading
    return found


def _contents(texts: Sequence[str], headings: dict[int, Heading]) -> set[int]:
    """Headings of a table of contents: a run of Parts, of Parts and items, or of notes, with no text between them."""
    result: set[int] = set()
    for kinds, length in ((str, _PARTS_RUN), ((str, ItemHeading), _CONTENTS_RUN), (NoteHeading, _CONTENTS_RUN)):
        positions = [index for index, heading in headings.items() if isinstance(heading, kinds)]
        run: list[int] = []
        for position in [*positions, len(texts)]:
            if run and (position == len(texts) or _has_text(texts[run[-1] + 1 : position])):
                if len(run) >= length:
                    followed = run[-1] + 1 < len(texts) and len(texts[run[-1] + 1]) >= _TEXT_LENGTH
                    result.update(run[:-1] if followed else run)
                run = []
            run.append(position)
    return result


def _has_text(texts: Sequence[str]) -> bool:
    return any(len(text) > 40 or text.endswith(".") for text in texts)


class _Place:
    """Where the reader is: changes as headings pass."""

    def __init__(self) -> None:
        self.label: str | None = None
        self._part: str | None = None
        self._item: str | None = None
        self._in_notes = False
        self._style: str | None = None
        self._number = 0
        self._note: str | None = None

    def enter(self, text: str, heading: Heading, following: str) -> None:
        """Pass a heading; `following` is the block after it, which may be its title."""
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
        place = ", ".join(name for name in (part, self._item) if name)
        self.label = " > ".join(name for name in (place, self._note) if name) or None

    def _enter_part(self, part: str) -> None:
        if part != self._part:
            self._part = part
            self._item = None
            self._leave_notes()

    def _enter_item(self, heading: ItemHeading) -> None:
        part = heading.part or self._part
        if (part, heading.name) != (self._part, self._item):
            self._part, self._item = part, heading.name
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
        """Financial statements that follow Item 16 (`Form 10-K Summary`: `None.`) or signatures stand in no Item."""
        if self._item == "Item 16":
            self._part = self._item = None

    def _leave_notes(self) -> None:
        self._in_notes = False
        self._style = self._note = None
        self._number = 0
