"""Paragraphs that layout has cut: by a page's end within a sentence, or at every line.

At a page's end HTML has what stands on paper: the page's number, a link to the contents, running heads, in an order of
the filer's own. That is taken out where it stands within a sentence, and left where it stands elsewhere.
"""

import re
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from itertools import pairwise

from finner_batch.text.breaks import (
    begins_within,
    continues,
    ends_sentence,
    is_list_item,
    is_unfinished,
    line_goes_on,
    wrapped_width,
)
from finner_batch.text.headings import is_title_case
from finner_batch.text.paragraph import Paragraph, unbroken

HEAD_LENGTH = 150
"""Characters of a running head at most."""
LEAST_PAGES = 3
"""So many pages have a running head at least."""

_SENTENCE_LENGTH = 40
"""Characters of a sentence's first half at least: less may be a label or a heading."""
_LINE_LENGTH = 150
"""Characters of a wrapped line at most."""
_SHARE_OF_LOWER = 0.15
_NUMBER_LENGTH = 40
_TITLE_LENGTH = 100
_MOST_BETWEEN = 12
"""Paragraphs between a sentence's halves at most, which bounds the time where every paragraph breaks off."""
MOST_TITLES = 4
"""Lines at a page's end at most that only look like running heads."""

_PAGE_NUMBER = re.compile(
    r"[\W_]{0,8}(?:page\s{1,3})?(?:[a-z]{1,2}\s?-\s?(?:\d{1,2}-)?)?(?:\d{1,3}|[ivxl]{1,6})(?:\s?(?:of|/)\s?\d{1,4})?[\W_]{0,8}\Z",
    re.IGNORECASE,
)
_BESIDE_BAR = re.compile(r"\d{1,3}\s?\|\s|.{0,100}\s\|\s?\d{1,3}\Z")
_LOWER_WORD = re.compile(r"\b[a-z]{2,}")
_EDGE_NUMBER = re.compile(r"\d{1,3}\s|.{0,100}\s\d{1,3}\Z")
_CONTENTS = re.compile(
    r"\W{0,4}(?:(?:(?:back|return|go) to )?(?:the )?(?:table of contents|contents|index)"
    r"|(?:back|return|go) to (?:the )?top"
    r"|(?:see|the)? ?(?:the )?accompanying notes (?:to|are an integral part of) (?:[a-z]+ ){0,5}statements?)\W{0,4}\Z",
    re.IGNORECASE,
)
_CONTINUED = re.compile(
    r"(?:(?:\(|[-\u2013\u2014,.:]\s?)(?i:continued|cont['\u2019]?d|cont\.)|(?:\A|\s)(?:Continued|CONTINUED|Cont['\u2019]d|CONT['\u2019]D))(?!\w)"
    r"\W{0,4}\Z"
)
_SCALE = re.compile(r"\b(?:thousands|millions|billions)\b|\b000", re.IGNORECASE)
_ABBREVIATED = (
    "Inc.",
    "INC.",
    "Corp.",
    "CORP.",
    "Co.",
    "CO.",
    "Ltd.",
    "LTD.",
    "L.P.",
    "N.A.",
    "U.S.",
    "No.",
    "Nos.",
    "vs.",
)
_ENDS = frozenset(".:;!?")
_DIGITS = re.compile(r"\d+")


def is_page_number(text: str) -> bool:
    """Tell the number of a page: `12`, `- 12 -`, `F-12`, `xii`, `Page 12 of 40`."""
    return len(text) <= _NUMBER_LENGTH and _PAGE_NUMBER.match(text) is not None


def is_continued(text: str) -> bool:
    """Tell a heading that is there again: `NOTES TO FINANCIAL STATEMENTS (Continued)`."""
    return _CONTINUED.search(text, max(0, len(text) - _NUMBER_LENGTH)) is not None


def states_scale(text: str) -> bool:
    """`(Dollars in millions)` counts for the tables on the page, wherever it stands."""
    return _SCALE.search(text) is not None


def head_of(text: str) -> str:
    """What is the same in a running head on every page."""
    return _DIGITS.sub("#", text.casefold())


def looks_like_title(text: str) -> bool:
    """Whether a line may be a company's name, a date, a heading: short, in title case, no sentence."""
    if len(text) > _TITLE_LENGTH or text[0].islower() or not is_title_case(text):
        return False
    return not ends_sentence(text) or is_abbreviated(text)


def may_be_head(text: str) -> bool:
    """A title, or what stands in brackets below one: `(in thousands, except per share data)`."""
    return looks_like_title(text) or (len(text) <= _TITLE_LENGTH and text[0] == "(" and text[-1] == ")")


def is_abbreviated(text: str) -> bool:
    """Whether the full stop at the end may be that of `Inc.`, `Corp.`, `U.S.`."""
    return text.endswith(_ABBREVIATED)


def rejoin(paragraphs: list[Paragraph], *, tables: bool) -> list[Paragraph]:
    """The paragraphs, whole again where a page's end or wrapped lines cut them.

    A page's number may stand in a small table: rows of such are among `paragraphs` in any case, and go unless `tables`
    asks for rows. Rows of other tables have no say, so the prose is the same with and without them.
    """
    furniture = _Furniture(paragraphs)
    halves = _Halves(paragraphs, furniture, _continued_lines(paragraphs, furniture))
    for index, paragraph in enumerate(paragraphs):
        text = paragraph.text
        if (
            not paragraph.row
            and (text[-1] not in _ENDS or text.endswith(_ABBREVIATED))
            and halves.breaks_off(index, text)
        ):
            halves.join_next(index)
    if not halves.first:
        return paragraphs if tables else [paragraph for paragraph in paragraphs if not paragraph.row]
    parts: dict[int, list[Paragraph]] = {}
    for index, first in halves.first.items():
        parts.setdefault(first, [paragraphs[first]]).append(paragraphs[index])
    return [
        unbroken(parts[index]) if index in parts else paragraph
        for index, paragraph in enumerate(paragraphs)
        if (tables or not paragraph.row) and index not in halves.first and index not in halves.furniture
    ]


class _Halves:
    """Finds, for paragraphs that break off, the one that goes on with the sentence behind a page's end."""

    def __init__(self, paragraphs: list[Paragraph], furniture: "_Furniture", lines: dict[int, int]) -> None:
        self.first: dict[int, int] = {}
        """For each paragraph that continues a sentence: the one that begins it, both by index."""
        self.furniture: set[int] = set()
        """What stands within sentences."""
        self._paragraphs = paragraphs
        self._known = furniture
        self._lines = lines
        self._followed = frozenset(lines.values())
        self._length: dict[int, int] = {}

    def breaks_off(self, index: int, text: str) -> bool:
        """Whether a paragraph is a sentence without its end: no list's item, no heading."""
        if index in self._followed:
            return True
        if index in self.first:
            return self._length[index] >= _SENTENCE_LENGTH and (is_abbreviated(text) or not ends_sentence(text))
        if len(text) < _SENTENCE_LENGTH or text[0].islower():
            return False
        return (text[-1].isalnum() or is_abbreviated(text) or not ends_sentence(text)) and not is_title_case(text)

    def join_next(self, index: int) -> None:
        """Look behind a paragraph that breaks off for the page's end and the other half."""
        before = self._paragraphs[index].text
        between: list[int] = []
        titles = 0
        has_sign = False
        is_next = is_unfinished(before)
        seen = 0
        for place in range(index + 1, len(self._paragraphs)):
            paragraph = self._paragraphs[place]
            if paragraph.row and not paragraph.in_small_table:
                continue
            seen += 1
            if seen > _MOST_BETWEEN:
                return
            text = paragraph.text
            is_sign = self._known.is_sign(text)
            if is_sign or self._known.is_head(text):
                has_sign |= is_sign
                is_next = False
                if not states_scale(text):
                    between.append(place)
            elif paragraph.row:
                has_sign |= _may_be_foot(text)
                is_next = False
                continue
            elif (
                self._lines.get(place) == index
                or (has_sign and self._goes_on(index, text, titles))
                or (is_next and begins_within(text) and not is_list_item(text))
            ):
                self.first[place] = self.first.get(index, index)
                self._length[place] = self._length.get(index, len(before)) + len(text)
                self.furniture.update(between)
                return
            else:
                is_next = False
                has_sign |= _may_be_foot(text)
                titles += 1
                if titles > MOST_TITLES or not may_be_head(text):
                    return

    def _goes_on(self, index: int, after: str, titles: int) -> bool:
        """Whether this is the other half, with so many lines between that only look like running heads."""
        before = self._paragraphs[index].text
        if is_list_item(after) or (index not in self.first and self._known.is_head(before)):
            return False
        if after[0].islower():
            return True
        if ends_sentence(before) or may_be_head(after):
            return False
        return is_unfinished(before) or (continues(before, after) and not (titles and after[0].isupper()))


class _Furniture:
    """Tells what stands at a page's end from what is said there."""

    def __init__(self, paragraphs: list[Paragraph]) -> None:
        self._paragraphs = paragraphs

    @cached_property
    def _texts(self) -> Counter[str]:
        """How often what is short enough for a running head is said."""
        return Counter(
            [
                paragraph.text
                for paragraph in self._paragraphs
                if len(paragraph.text) <= HEAD_LENGTH and (not paragraph.row or paragraph.in_small_table)
            ]
        )

    @cached_property
    def _numbered(self) -> Counter[str]:
        """In how many forms a line with a number at its edge is there, by what is the same in them."""
        return Counter([head_of(text) for text in self._texts if text[0].isdigit() or text[-1].isdigit()])

    def is_sign(self, text: str) -> bool:
        """A page ends or begins here: its number, a link to the contents, a heading continued."""
        return len(text) <= HEAD_LENGTH and (
            is_page_number(text)
            or _CONTENTS.match(text) is not None
            or _BESIDE_BAR.match(text) is not None
            or is_continued(text)
            or self._is_numbered(text)
        )

    def is_head(self, text: str) -> bool:
        """The same stands on several pages."""
        return len(text) <= HEAD_LENGTH and self._texts[text] >= LEAST_PAGES

    def _is_numbered(self, text: str) -> bool:
        """`2023 Form 10-Q | 7`, `8 The Example Company`: a head with a number that differs from page to page."""
        return (text[0].isdigit() or text[-1].isdigit()) and self._numbered[head_of(text)] >= LEAST_PAGES


def _may_be_foot(text: str) -> bool:
    """A title with a number at its edge: `14 Example Corp 2023 Annual Report`."""
    return _EDGE_NUMBER.match(text) is not None and looks_like_title(text)


def _without_page_ends(run: list[int], paragraphs: list[Paragraph], furniture: _Furniture) -> Iterator[int]:
    """The lines of a run, but neither the signs of a page's end nor the titles behind one."""
    titles_left = 0
    for index in run:
        text = paragraphs[index].text
        if furniture.is_sign(text) or (_may_be_foot(text) and _LOWER_WORD.search(text) is None):
            titles_left = MOST_TITLES
        elif titles_left and may_be_head(text):
            titles_left -= 1
        else:
            titles_left = 0
            yield index


def _continued_lines(paragraphs: list[Paragraph], furniture: _Furniture) -> dict[int, int]:
    """For each paragraph that is a wrapped line and continues another: that other one, both by index."""
    result: dict[int, int] = {}
    run: list[int] = []

    def read_run() -> None:
        lines = list(_without_page_ends(run, paragraphs, furniture))
        width = wrapped_width([paragraphs[index].text for index in lines])
        if width:
            lines = [index for index in lines if not furniture.is_head(paragraphs[index].text)]
            result.update(
                (after, before)
                for before, after in pairwise(lines)
                if line_goes_on(paragraphs[before].text, paragraphs[after].text, width)
            )

    lower = 0
    for index, paragraph in enumerate(paragraphs):
        if paragraph.row:
            continue
        text = paragraph.text
        if len(text) <= _LINE_LENGTH:
            run.append(index)
            lower += text[0].islower()
        elif run:
            if lower and lower >= _SHARE_OF_LOWER * len(run):
                read_run()
            run = []
            lower = 0
    if lower and lower >= _SHARE_OF_LOWER * len(run):
        read_run()
    return result
