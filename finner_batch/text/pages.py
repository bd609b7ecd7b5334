"""Joins paragraphs that layout has cut: by a page end within a sentence, or at every line.

At a page end HTML repeats what is printed on paper: the page number, a link to the contents, running heads, in any
order. This is removed within a sentence and kept elsewhere.
"""

import re
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from itertools import pairwise

from finner_batch.text.headings import is_title_case
from finner_batch.text.line_breaks import (
    begins_mid_sentence,
    continues,
    continues_wrapped_line,
    ends_sentence,
    is_list_item,
    is_unfinished,
    wrapped_width,
)
from finner_batch.text.paragraph import Paragraph, join_lines

HEAD_LENGTH = 150
"""Most characters of a running head."""
LEAST_PAGES = 3
"""Fewest pages on which a running head occurs."""

_SENTENCE_LENGTH = 40
"""Fewest characters of a sentence's first half; a shorter text may be a label or a heading."""
_LINE_LENGTH = 150
"""Most characters of a wrapped line."""
_SHARE_OF_LOWER = 0.15
_NUMBER_LENGTH = 40
_TITLE_LENGTH = 100
_MOST_BETWEEN = 12
"""Most paragraphs between the halves of a sentence, which bounds the time if every paragraph is cut."""
MOST_TITLES = 4
"""Most lines at a page end that look like running heads but occur only once."""

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
    """Whether `text` is a page number: `12`, `- 12 -`, `F-12`, `xii`, `Page 12 of 40`."""
    return len(text) <= _NUMBER_LENGTH and _PAGE_NUMBER.match(text) is not None


def is_continued(text: str) -> bool:
    """Whether `text` is a repeated heading: `NOTES TO FINANCIAL STATEMENTS (Continued)`."""
    return _CONTINUED.search(text, max(0, len(text) - _NUMBER_LENGTH)) is not None


def states_scale(text: str) -> bool:
    """Whether `text` states a scale, such as `(Dollars in millions)`, which applies to the tables on the page."""
    return _SCALE.search(text) is not None


def head_pattern(text: str) -> str:
    """Return what a running head has in common on all pages: the text with its numbers replaced."""
    return _DIGITS.sub("#", text.casefold())


def looks_like_title(text: str) -> bool:
    """Whether a line may be a company's name, a date, a heading: short, in title case, no sentence."""
    if len(text) > _TITLE_LENGTH or text[0].islower() or not is_title_case(text):
        return False
    return not ends_sentence(text) or _is_abbreviated(text)


def may_be_head(text: str) -> bool:
    """Whether `text` is a title or the brackets below one: `(in thousands, except per share data)`."""
    return looks_like_title(text) or (len(text) <= _TITLE_LENGTH and text[0] == "(" and text[-1] == ")")


def _is_abbreviated(text: str) -> bool:
    """Whether the full stop at the end may be that of `Inc.`, `Corp.`, `U.S.`."""
    return text.endswith(_ABBREVIATED)


def join_cut_paragraphs(paragraphs: list[Paragraph], *, tables: bool) -> list[Paragraph]:
    """Join the paragraphs that page ends or wrapped lines have cut.

    A page number may be in a small table, so `paragraphs` always has the rows of small tables; without `tables` they
    are removed. Rows of other tables have no effect, so the prose is the same with and without `tables`.
    """
    page_ends = _PageEnds(paragraphs)
    joiner = _SentenceJoiner(paragraphs, page_ends, _continued_lines(paragraphs, page_ends))
    for index, paragraph in enumerate(paragraphs):
        text = paragraph.text
        if not paragraph.row and (text[-1] not in _ENDS or text.endswith(_ABBREVIATED)) and joiner.is_cut(index, text):
            joiner.join_next(index)
    if not joiner.first:
        return paragraphs if tables else [paragraph for paragraph in paragraphs if not paragraph.row]
    parts: dict[int, list[Paragraph]] = {}
    for index, first in joiner.first.items():
        parts.setdefault(first, [paragraphs[first]]).append(paragraphs[index])
    return [
        join_lines(parts[index]) if index in parts else paragraph
        for index, paragraph in enumerate(paragraphs)
        if (tables or not paragraph.row) and index not in joiner.first and index not in joiner.furniture
    ]


class _SentenceJoiner:
    """Finds the paragraph that continues a sentence after a page end."""

    def __init__(self, paragraphs: list[Paragraph], page_ends: "_PageEnds", lines: dict[int, int]) -> None:
        self.first: dict[int, int] = {}
        """Index of a paragraph that continues a sentence -> index of the one that begins it."""
        self.furniture: set[int] = set()
        """Indices of paragraphs within sentences, to be removed."""
        self._paragraphs = paragraphs
        self._page_ends = page_ends
        self._lines = lines
        self._followed = frozenset(lines.values())
        self._length: dict[int, int] = {}

    def is_cut(self, index: int, text: str) -> bool:
        """Whether a paragraph is a sentence without its end, and neither a list item nor a heading."""
        if index in self._followed:
            return True
        if index in self.first:
            return self._length[index] >= _SENTENCE_LENGTH and (_is_abbreviated(text) or not ends_sentence(text))
        if len(text) < _SENTENCE_LENGTH or text[0].islower():
            return False
        return (text[-1].isalnum() or _is_abbreviated(text) or not ends_sentence(text)) and not is_title_case(text)

    def join_next(self, index: int) -> None:
        """Search for the second half of a sentence that a page end has cut."""
        before = self._paragraphs[index].text
        between: list[int] = []
        titles = 0
        has_mark = False
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
            is_mark = self._page_ends.is_page_mark(text)
            if is_mark or self._page_ends.is_head(text):
                has_mark |= is_mark
                is_next = False
                if not states_scale(text):
                    between.append(place)
            elif paragraph.row:
                has_mark |= _may_be_foot(text)
                is_next = False
                continue
            elif (
                self._lines.get(place) == index
                or (has_mark and self._is_second_half(index, text, titles))
                or (is_next and begins_mid_sentence(text) and not is_list_item(text))
            ):
                self.first[place] = self.first.get(index, index)
                self._length[place] = self._length.get(index, len(before)) + len(text)
                self.furniture.update(between)
                return
            else:
                is_next = False
                has_mark |= _may_be_foot(text)
                titles += 1
                if titles > MOST_TITLES or not may_be_head(text):
                    return

    def _is_second_half(self, index: int, after: str, titles: int) -> bool:
        """Whether `after` is the second half; `titles` is the number of possible running heads between the halves."""
        before = self._paragraphs[index].text
        if is_list_item(after) or (index not in self.first and self._page_ends.is_head(before)):
            return False
        if after[0].islower():
            return True
        if ends_sentence(before) or may_be_head(after):
            return False
        return is_unfinished(before) or (continues(before, after) and not (titles and after[0].isupper()))


class _PageEnds:
    """Recognises page numbers, links to the contents and running heads."""

    def __init__(self, paragraphs: list[Paragraph]) -> None:
        self._paragraphs = paragraphs

    @cached_property
    def _texts(self) -> Counter[str]:
        """Number of occurrences of each text short enough for a running head."""
        return Counter(
            [
                paragraph.text
                for paragraph in self._paragraphs
                if len(paragraph.text) <= HEAD_LENGTH and (not paragraph.row or paragraph.in_small_table)
            ]
        )

    @cached_property
    def _numbered(self) -> Counter[str]:
        """Number of distinct lines with a number at an edge, by their common pattern."""
        return Counter([head_pattern(text) for text in self._texts if text[0].isdigit() or text[-1].isdigit()])

    def is_page_mark(self, text: str) -> bool:
        """Whether a page ends or begins here: its number, a link to the contents, a continued heading."""
        return len(text) <= HEAD_LENGTH and (
            is_page_number(text)
            or _CONTENTS.match(text) is not None
            or _BESIDE_BAR.match(text) is not None
            or is_continued(text)
            or self._is_numbered(text)
        )

    def is_head(self, text: str) -> bool:
        """Whether the same text occurs on several pages."""
        return len(text) <= HEAD_LENGTH and self._texts[text] >= LEAST_PAGES

    def _is_numbered(self, text: str) -> bool:
        """Whether `text` is a head with a page number: `2023 Form 10-Q | 7`, `8 The Example Company`."""
        return (text[0].isdigit() or text[-1].isdigit()) and self._numbered[head_pattern(text)] >= LEAST_PAGES


def _may_be_foot(text: str) -> bool:
    """Whether `text` is a title with a number at an edge: `14 Example Corp 2023 Annual Report`."""
    return _EDGE_NUMBER.match(text) is not None and looks_like_title(text)


def _without_page_ends(run: list[int], paragraphs: list[Paragraph], page_ends: _PageEnds) -> Iterator[int]:
    """Yield the lines of a run except page marks and the titles after them."""
    titles_left = 0
    for index in run:
        text = paragraphs[index].text
        if page_ends.is_page_mark(text) or (_may_be_foot(text) and _LOWER_WORD.search(text) is None):
            titles_left = MOST_TITLES
        elif titles_left and may_be_head(text):
            titles_left -= 1
        else:
            titles_left = 0
            yield index


def _continued_lines(paragraphs: list[Paragraph], page_ends: _PageEnds) -> dict[int, int]:
    """Return index of a wrapped line -> index of the line that it continues."""
    result: dict[int, int] = {}
    run: list[int] = []

    def read_run() -> None:
        lines = list(_without_page_ends(run, paragraphs, page_ends))
        width = wrapped_width([paragraphs[index].text for index in lines])
        if width:
            lines = [index for index in lines if not page_ends.is_head(paragraphs[index].text)]
            result.update(
                (after, before)
                for before, after in pairwise(lines)
                if continues_wrapped_line(paragraphs[before].text, paragraphs[after].text, width)
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
