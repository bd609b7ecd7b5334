"""Page furniture of text filings: page ends, page numbers, running heads and feet; and whether a line is a table row.

EDGAR marks a page end with `<PAGE>`; other filings have a form feed, or a number on a line of its own. In tables,
EDGAR's marks are `<TABLE>`, `<CAPTION>`, `<S>`, `<C>` and `<FN>`.
"""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain, pairwise

from finner_batch.text.characters import collapse
from finner_batch.text.headings import PART_OR_ITEM, closes_notes, item_heading, note_heading, opens_notes, part_heading
from finner_batch.text.line_breaks import continues, ends_item, is_unfinished
from finner_batch.text.pages import (
    LEAST_PAGES,
    head_pattern,
    is_continued,
    is_page_number,
    looks_like_title,
    may_be_head,
    states_scale,
)

ROW_LENGTH = 300
"""Most characters of a row."""
TABLE_MARK = re.compile(r"</?TABLE\b[^<>]{0,80}>", re.IGNORECASE)
MARK = re.compile(r"</?(?:TABLE|CAPTION|S|C|FN|F\d{1,2}|TEXT|PRE|HTML|BODY|B|I|U|CENTER)\b[^<>]{0,80}>", re.IGNORECASE)

_FIGURE = r"[$(]?\s?(?:\d[\d,]*(?:\.\d+)?|\.\d+|-{1,2}|N/?[AM])[)%x]{0,2}"
_RULE = re.compile(r"[\s\-=_.*+|]+\Z")
_DRAWN = re.compile(r"[-=_]{3}")
_LEADERS = re.compile(r"\.{4}|(?:\. ){4}")
_GAP = re.compile(r"(?<=\S) {3,}(?=\S)")
_LAST_FIGURE = re.compile(rf"\S {{3,}}{_FIGURE}\s*\Z", re.IGNORECASE)
_TWO_FIGURES = re.compile(rf"(?<!\s)\s{{2,}}{_FIGURE}\s{{2,}}{_FIGURE}\s*\Z", re.IGNORECASE)
_WIDEST_JUSTIFIED_GAP = 5
"""Most spaces between two words of a fully justified line."""
_WORD_REACH = 40
"""Characters before a gap that include the last word."""
_PLACE = re.compile(rf"\s*{PART_OR_ITEM}", re.IGNORECASE)
_PROSE_WORDS = 5
_PROSE_SHARE = 0.4
PAGE_END = "\f"
"""Replaces everything that a page end puts between two lines."""
_PAGE = re.compile(r"</?PAGE>.{0,12}\Z", re.IGNORECASE)
_LONE_NUMBER = re.compile(r"-{0,2}\s{0,20}\d{1,3}\s{0,20}-{0,2}\Z")
_LONE_NUMBER_LENGTH = 40
_HEAD_LINES = 5
"""Most lines of a running head, rules between them included."""
_MOST_TITLES = 2
_FOOT_LENGTH = 100
_LAST_NUMBER = re.compile(r"(?<!\d)\d{1,3}\Z")
_FIRST_NUMBER = re.compile(r"\d{1,3}(?!\d)")
_LETTER = re.compile(r"[^\W\d_]")
_PREFIX = 4


def without_furniture(lines: list[str]) -> list[str]:
    """Return the lines with one `PAGE_END` for each page end, its number, its foot and the running heads after it.

    A running head that is a section heading is kept where it first occurs.
    """
    ends = list(_page_ends(lines))
    if not ends:
        return lines
    furniture = _Furniture(lines, ends)
    result: list[str] = []
    scales: list[str] = []
    begin = 0
    for page, (last, following) in enumerate(ends):
        end = furniture.without_foot(last, begin)
        scales = _append_page(result, lines[begin:end], scales)
        result.append(PAGE_END)
        kept, begin, within_sentence = furniture.without_heads(page, end, following)
        if within_sentence:
            scales += kept
        else:
            result += kept
    result += _append_page(result, lines[begin:], scales)
    return result


def _append_page(result: list[str], lines: list[str], scales: list[str]) -> list[str]:
    """Append a page's lines, `scales` after its first paragraph; return `scales` if the page has no paragraph end."""
    end = next((index for index, line in enumerate(lines) if not line.strip()), None) if scales else None
    if end is None:
        result += lines
        return scales
    result += [*lines[:end], "", *scales, *lines[end:]]
    return []


def is_rule(line: str) -> bool:
    """Whether the line is a drawn rule: `-----  -----`."""
    return _RULE.match(line[:ROW_LENGTH]) is not None and _DRAWN.search(line, 0, ROW_LENGTH) is not None


def is_row(line: str) -> bool:
    """Whether the line has dot leaders, two figures at the end, one after a wide gap, or three columns."""
    if len(line) > ROW_LENGTH:
        return False
    if _LEADERS.search(line):
        return True
    has_columns = (
        _LAST_FIGURE.search(line) is not None or _TWO_FIGURES.search(line) is not None or len(_GAP.findall(line)) >= 2
    )
    return has_columns and not (is_justified(line) or _is_justified_heading(line))


def is_justified(line: str) -> bool:
    """Whether the line is fully justified prose: most of its gaps are within a sentence."""
    gaps = list(_GAP.finditer(line))
    if not gaps or not has_words_of_prose(line):
        return False
    within = sum(
        gap.end() - gap.start() <= _WIDEST_JUSTIFIED_GAP
        and (line[gap.end()].islower() or is_unfinished(line[max(0, gap.start() - _WORD_REACH) : gap.start()]))
        for gap in gaps
    )
    return within > len(gaps) / 2


def _is_justified_heading(line: str) -> bool:
    """Whether the line is a justified heading: `ITEM  12.  CERTAIN   RELATIONSHIPS  AND   RELATED   TRANSACTIONS`."""
    if not _PLACE.match(line) or any(gap.end() - gap.start() > _WIDEST_JUSTIFIED_GAP for gap in _GAP.finditer(line)):
        return False
    heading = item_heading(collapse(line))
    return heading is not None and heading.has_title and not heading.is_listed


def has_words_of_prose(line: str) -> bool:
    """Whether the line has some words, many of which begin with a lower-case letter."""
    words = line.split()
    return len(words) >= _PROSE_WORDS and sum(word[0].islower() for word in words) >= _PROSE_SHARE * len(words)


def is_one_sentence(before: str, after: str) -> bool:
    """Whether two lines that a page end or a rule separates are one sentence."""
    return not ends_item(before) and continues(before, after)


class _Furniture:
    """The running heads and feet of a document."""

    def __init__(self, lines: list[str], ends: list[tuple[int, int]]) -> None:
        self._lines = lines
        self._tops = [_top(lines, following) for _, following in ends]
        self._openings = Counter(_head_pattern_of(lines[top[0]]) for top in self._tops if top)
        self._heads = Counter(_head_pattern_of(lines[index]) for top in self._tops for index in top)
        self._feet = _feet([lines[last - 1] for last, _ in ends if last])
        self._first = self._first_headings()

    def without_foot(self, last: int, begin: int) -> int:
        """Return the end of the text of a page that spans the lines `begin` to `last`."""
        if last > begin and _head_pattern_of(self._lines[last - 1]) in self._feet:
            return max(begin, _back_over_blank(self._lines, last - 1))
        return last

    def without_heads(self, page: int, last: int, following: int) -> tuple[list[str], int, bool]:
        """Return the head lines to keep, where the next page's text begins, and whether it continues a sentence."""
        lines = self._lines
        top = self._tops[page]
        texts = [collapse(lines[index]) for index in top]
        head_count = _count_heads(texts, self._openings, self._heads)
        after_heads = _line_after(lines, top, head_count)
        gap = after_heads - top[head_count - 1] > 1 or is_continued(texts[head_count - 1]) if head_count else True
        within_sentence = gap and self._is_within_sentence(last, after_heads)
        if not (within_sentence or head_count):
            head_count = self._count_titles_within_sentence(last, top, texts)
            after_heads = _line_after(lines, top, head_count)
            within_sentence = head_count > 0
        if not within_sentence:
            head_count = _count_heads(texts[:head_count], self._openings, None)
            after_heads = _line_after(lines, top, head_count)
        if not head_count:
            return [], following, within_sentence
        kept: list[str] = []
        for text, index in zip(texts[:head_count], top, strict=False):
            if states_scale(text):
                kept.append(lines[index])
            elif not within_sentence and self._first.get(head_pattern(text)) == index:
                return kept + lines[index:after_heads], after_heads, False
        return kept, after_heads, within_sentence

    def _is_within_sentence(self, last: int, after_heads: int) -> bool:
        if not last or after_heads >= len(self._lines):
            return False
        before = self._lines[last - 1]
        if MARK.search(before) or is_row(before):
            return False
        return is_one_sentence(before.strip(), self._lines[after_heads].strip())

    def _count_titles_within_sentence(self, last: int, top: list[int], texts: list[str]) -> int:
        """Return how many lines look like running heads and precede the second half of a sentence."""
        titles = next(
            (index for index, text in enumerate(texts) if not looks_like_title(text) or ":" in text), len(texts)
        )
        after_heads = _line_after(self._lines, top, titles)
        has_gap = 0 < titles <= _MOST_TITLES and after_heads - top[titles - 1] >= 2
        if not (has_gap and self._is_within_sentence(last, after_heads)):
            return 0
        before = collapse(" ".join(self._lines[max(0, last - 2) : last]))
        return titles if self._lines[after_heads].lstrip()[0].islower() and not looks_like_title(before) else 0

    def _first_headings(self) -> dict[str, int]:
        """Return the first line of every section heading that is a running head."""
        wanted = set()
        for index in chain.from_iterable(self._tops):
            text = collapse(self._lines[index])
            if self._heads[head_pattern(text)] >= LEAST_PAGES and _is_section(text):
                wanted.add(head_pattern(text))
        prefixes = {head[:_PREFIX] for head in wanted}
        first: dict[str, int] = {}
        for index, line in enumerate(self._lines if wanted else ()):
            if head_pattern(line.lstrip()[:_PREFIX]) in prefixes and (head := _head_pattern_of(line)) in wanted:
                first.setdefault(head, index)
        return first


def _page_ends(lines: list[str]) -> Iterator[tuple[int, int]]:
    """Yield, for each page end, the line after the page's last text and the next page's first line of text."""
    index = 0
    while index < len(lines):
        if not _ends_page(lines[index]):
            index += 1
            continue
        last = _back_over_blank(lines, index)
        if last and _is_number(lines[last - 1]):
            last = _back_over_blank(lines, last - 1)
        while index < len(lines) and (not (text := lines[index].strip()) or _PAGE.match(text) or _is_number(text)):
            index += 1
        yield last, index


def _ends_page(line: str) -> bool:
    if "\f" in line:
        return True
    text = line.strip()
    if text.startswith("<"):
        return _PAGE.match(text) is not None
    return len(text) <= _LONE_NUMBER_LENGTH and _LONE_NUMBER.match(text) is not None


def _is_number(line: str) -> bool:
    return len(line) <= ROW_LENGTH and is_page_number(collapse(line))


def _back_over_blank(lines: list[str], index: int) -> int:
    while index and not lines[index - 1].strip():
        index -= 1
    return index


def _head_pattern_of(line: str) -> str:
    return head_pattern(collapse(line[:ROW_LENGTH]))


def _top(lines: list[str], index: int) -> list[int]:
    """Return the lines of text at a page's top that may be running heads; a `<TABLE>` mark ends them."""
    top: list[int] = []
    while index < len(lines) and len(top) < _HEAD_LINES:
        line = lines[index]
        if len(line) > ROW_LENGTH or _ends_page(line):
            break
        if line.strip():
            top.append(index)
        if TABLE_MARK.search(line):
            break
        index += 1
    return top


def _count_heads(texts: list[str], openings: Counter[str], heads: Counter[str] | None) -> int:
    """Return how many of a page's first lines are running heads.

    The first line is one if it opens several pages. The lines after it are if `heads` counts them on several pages;
    without `heads` they are not, since tables repeat headings too. All titles before a "(continued)" line count.
    """
    head_count = 0
    for place, text in enumerate(texts):
        counts = heads if place else openings
        is_head = counts is not None and counts[head_pattern(text)] >= LEAST_PAGES and (not place or may_be_head(text))
        if is_continued(text) or (head_count == place and (is_head or (place > 0 and is_rule(text)))):
            head_count = place + 1
        elif not (is_rule(text) or looks_like_title(text)):
            break
    return head_count


def _line_after(lines: list[str], top: list[int], head_count: int) -> int:
    if head_count < len(top):
        return top[head_count]
    index = top[-1] + 1 if top else len(lines)
    while index < len(lines) and not lines[index].strip():
        index += 1
    return index


def _is_section(text: str) -> bool:
    is_heading = (
        item_heading(text) or part_heading(text) or note_heading(text) or opens_notes(text) or closes_notes(text)
    )
    return bool(is_heading) and not is_continued(text)


def _feet(lines: list[str]) -> set[str]:
    """Return the patterns of last lines whose page numbers rise: `Example Company 10-K 1997   Page 5`, `... Page 6`."""
    counted: dict[str, list[int]] = {}
    for line in lines:
        text = collapse(line[:ROW_LENGTH])
        if len(text) <= _FOOT_LENGTH and _LETTER.search(text):
            number = _LAST_NUMBER.search(text, max(0, len(text) - 3)) or _FIRST_NUMBER.match(text)
            if number:
                counted.setdefault(head_pattern(text), []).append(int(number[0]))
    return {
        head
        for head, numbers in counted.items()
        if len(numbers) >= LEAST_PAGES and all(before < after for before, after in pairwise(numbers))
    }
