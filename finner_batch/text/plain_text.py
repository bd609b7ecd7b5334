"""Plain-text filings of the 1990s, and `<PRE>` text in HTML: paragraphs from hard-wrapped lines, without the tables.

Many filers omitted the table marks or did not close them, so rows are recognised by their shape.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from finner_batch.text.characters import collapse
from finner_batch.text.line_breaks import (
    continues,
    continues_wrapped_line,
    ends_item,
    is_unfinished,
    separator,
    wrapped_width,
)
from finner_batch.text.page_furniture import (
    MARK,
    PAGE_END,
    ROW_LENGTH,
    TABLE_MARK,
    has_words_of_prose,
    is_justified,
    is_one_sentence,
    is_row,
    is_rule,
    without_furniture,
)
from finner_batch.text.paragraph import Paragraph

_HEADING = re.compile(r"\s*(?:item|note|part)\s+[\divx]{1,3}[a-c]?\b", re.IGNORECASE)
_LIST_LABEL = re.compile(r"(?:[-*\u2022o]|\(?(?:\d{1,2}|[a-z]|[ivx]{1,4})[.)])\s+\S", re.IGNORECASE)
_SHORT_BY = 12
_FIRST_LINE = 2
_LEAST_DOUBLE_SPACED = 4
_LEAST_OPEN = 20
"""Fewest characters of a single line that continues after a page end or an underline: `By` and `PAGE` do not."""


@dataclass(slots=True)
class _Chunk:
    """Lines without a blank one between them."""

    lines: list[str]
    in_table: bool
    """Between `<TABLE>` and `</TABLE>` or the page end."""
    follows_page: bool
    """Only a page end separates it from the chunk before."""


def read_plain(text: str, *, tables: bool) -> list[Paragraph]:
    """Return the paragraphs of hard-wrapped text in order; `tables` includes table rows, one paragraph per line."""
    reader = _Reader(tables=tables)
    for chunk in _chunks(_single_spaced(without_furniture(_lines(text)))):
        width, indent = max(map(len, chunk.lines)), min(map(_indent, chunk.lines))
        previous = ""
        underlined = False
        for line, in_row in zip(chunk.lines, _rows(chunk), strict=True):
            if in_row:
                underlined = previous != "" and is_rule(line)
                reader.add_row(line, underlines=underlined)
                previous = ""
                continue
            text = line.strip()
            if previous:
                joins = not _begins_paragraph(previous, line, width, indent, first=reader.has_one_line)
            else:
                joins = (chunk.follows_page or underlined) and reader.is_continued_by(text)
            reader.add(text, joins=joins)
            previous, underlined = line, False
    reader.close()
    return reader.paragraphs


class _Reader:
    """Collects lines into paragraphs."""

    def __init__(self, *, tables: bool) -> None:
        self.paragraphs: list[Paragraph] = []
        self._tables = tables
        self._parts: list[str] = []
        """Lines of the open paragraph, alternating with their separators."""
        self._rules: list[Paragraph] = []
        """Rules that underline these lines."""

    @property
    def has_one_line(self) -> bool:
        return len(self._parts) == 1

    def is_continued_by(self, following: str) -> bool:
        """Whether the open paragraph continues with this line after a page end or an underline."""
        if not self._parts or (self.has_one_line and len(self._parts[0]) < _LEAST_OPEN):
            return False
        return is_one_sentence(self._parts[-1], following)

    def add(self, text: str, *, joins: bool) -> None:
        """Add a line of prose."""
        if joins:
            self._parts += (separator(self._parts[-1], text), text)
        else:
            self.close()
            self._parts.append(text)

    def add_row(self, line: str, *, underlines: bool) -> None:
        """Add a table row, or a rule that `underlines` the open paragraph without ending it."""
        if not underlines:
            self.close()
        row = collapse(MARK.sub(" ", line)) if self._tables else ""
        if row:
            (self._rules if underlines else self.paragraphs).append(Paragraph(row, row=True))

    def close(self) -> None:
        """End the open paragraph."""
        if self._parts:
            if text := collapse("".join(self._parts)):
                self.paragraphs.append(Paragraph(text))
            self._parts.clear()
            self.paragraphs += self._rules
            self._rules.clear()


def _lines(text: str) -> list[str]:
    """Return the lines; a line without visible characters becomes blank."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n\f\n")
    lines = text.split("\n")
    if "\t" in text:
        lines = [_without_tabs(line) if "\t" in line else line for line in lines]
    return lines if text.isascii() else [line if line.isascii() or collapse(line) else "" for line in lines]


def _without_tabs(line: str) -> str:
    """Expand tabs between columns to every eighth column; replace tabs within a sentence by one space."""
    indented = line.lstrip("\t ")
    cells = indented.split("\t")
    if len(cells) > 1 and len(line) <= ROW_LENGTH and has_words_of_prose(line):
        within = sum(after[:1].islower() or is_unfinished(before.rstrip()) for before, after in pairwise(cells))
        if within >= (len(cells) - 1) / 2:
            line = line[: len(line) - len(indented)] + " ".join(cells)
    return line.expandtabs(8)


def _single_spaced(lines: list[str]) -> list[str]:
    """Remove the blank lines within the paragraphs of double-spaced text."""
    blank: set[int] = set()
    filled = [index for index, line in enumerate(lines) if line and not line.isspace()]
    region: list[int] = filled[:1]
    for before, after in pairwise([*filled, len(lines)]):
        if after < len(lines) and after - before > 1 and PAGE_END not in lines[before + 1 : after]:
            region.append(after)
            continue
        if len(region) >= _LEAST_DOUBLE_SPACED:
            blank.update(_blank_within_paragraphs(lines, region))
        region = [after]
    return [line for index, line in enumerate(lines) if index not in blank] if blank else lines


def _blank_within_paragraphs(lines: list[str], region: list[int]) -> Iterator[int]:
    """Yield the blank lines of a double-spaced region that fall within a sentence."""
    texts = [lines[index].strip() for index in region]
    width = wrapped_width(texts)
    if not width:
        return
    gaps = Counter(after - before for before, after in pairwise(region))
    narrow = min(gaps, key=lambda gap: (-gaps[gap], gap))
    for (before, after), (text, following) in zip(pairwise(region), pairwise(texts), strict=True):
        apart = after - before > narrow or is_row(lines[before]) or is_row(lines[after])
        if not apart and continues_wrapped_line(text, following, width):
            yield from range(before + 1, after)


def _chunks(lines: list[str]) -> Iterator[_Chunk]:
    chunk = _Chunk([], in_table=False, follows_page=False)
    in_table = follows_page = False
    for line in lines:
        page_ends = line == PAGE_END
        mark = TABLE_MARK.search(line)
        text = "" if page_ends else line if "<" not in line else MARK.sub(" ", line)
        if mark or not text.strip():
            if chunk.lines:
                yield chunk
                in_table = in_table and not (_is_running(chunk.lines) or page_ends)
            if mark:
                in_table = not mark[0].startswith("</")
            follows_page = page_ends or (follows_page and not chunk.lines)
            chunk = _Chunk([], in_table, follows_page)
        if text.strip():
            chunk.lines.append(text)
    if chunk.lines:
        yield chunk


def _rows(chunk: _Chunk) -> list[bool]:
    """Return, for each line of the chunk, whether it is a table row or a rule."""
    if chunk.in_table and not _is_running(chunk.lines):
        return [True] * len(chunk.lines)
    rules = [is_rule(line) for line in chunk.lines]
    rows = [is_row(line) for line in chunk.lines]
    if any(rows) and sum(map(is_justified, chunk.lines)) > sum(rows):
        rows = [False] * len(rows)
    if sum(rows) >= (len(rows) - sum(rules)) / 2:
        return _table_within(chunk.lines, rows, rules)
    neighbours = zip([False, *rows], rows, [*rows[1:], False], strict=False)
    return [rule or (row and (before or after)) for rule, (before, row, after) in zip(rules, neighbours, strict=False)]


def _table_within(lines: list[str], rows: list[bool], rules: list[bool]) -> list[bool]:
    """Mark a table from its first to its last row, without a heading or sentence before it."""
    marked = [index for index, (row, rule) in enumerate(zip(rows, rules, strict=True)) if row or rule]
    if not marked:
        return rules
    heading = int(marked[0] > 0 and _HEADING.match(lines[0]) is not None)
    first = marked[0] if _is_running(lines[: marked[0]]) else heading
    return [first <= index <= marked[-1] for index in range(len(lines))]


def _is_running(lines: list[str]) -> bool:
    """Whether the lines are sentences, not labels: two or more, twelve words, no row, ending like a sentence."""
    if len(lines) < 2 or sum(len(line.split()) for line in lines) < 12:
        return False
    return ends_item(lines[-1].rstrip()) and not any(map(is_row, lines))


def _begins_paragraph(previous: str, line: str, width: int, indent: int, *, first: bool) -> bool:
    """Whether `line` begins a paragraph without a blank line before it.

    `width` and `indent` are those of the chunk, in columns; `first`: `previous` began a paragraph.
    """
    before, text = previous.strip(), line.strip()
    if _HEADING.match(line) and is_row(previous):
        return True
    ended = ends_item(before)
    if ended and _LIST_LABEL.match(text):
        return True
    if text[0].islower():
        return False
    short = len(previous.rstrip()) <= width - _SHORT_BY
    if ended:
        return short or _indent(line) >= indent + _FIRST_LINE
    indented = _indent(line) - _indent(previous) > _FIRST_LINE
    return first and short and indented and not text.isupper() and not continues(before, text)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
