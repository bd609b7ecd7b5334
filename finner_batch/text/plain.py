"""Plain-text filings of the 1990s, and `<PRE>` text in HTML: paragraphs from hard-wrapped lines, without the tables.

EDGAR's marks for such text are `<PAGE>` at a page's end and `<TABLE>`, `<CAPTION>`, `<S>`, `<C>`, `<FN>` in tables.
Filers closed them, or left them out, as they pleased: so rows are told from prose by their shape, line by line.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from finner_batch.text.breaks import continues, separator
from finner_batch.text.characters import collapse
from finner_batch.text.paragraph import Paragraph

_PAGE = re.compile(r"\s*</?PAGE>.{0,12}\Z", re.IGNORECASE)
_PAGE_NUMBER = re.compile(
    r"[\s\W]*(?:page\s+)?(?:[a-z]{1,2}-)?(?:\d{1,4}|[ivxl]{1,6})(?:\s+of\s+\d{1,4})?[\s\W]*\Z", re.IGNORECASE
)
_LONE_NUMBER = re.compile(r"\s*-{0,2}\s*\d{1,3}\s*-{0,2}\s*\Z")
_TABLE_MARK = re.compile(r"</?TABLE\b[^<>]{0,80}>", re.IGNORECASE)
_MARK = re.compile(r"</?(?:TABLE|CAPTION|S|C|FN|F\d{1,2}|TEXT|PRE|HTML|BODY|B|I|U|CENTER)\b[^<>]{0,80}>", re.IGNORECASE)

_FIGURE = r"[$(]?\s?(?:\d[\d,]*(?:\.\d+)?|\.\d+|-{1,2}|N/?[AM])[)%x]{0,2}"
_ROW_LENGTH = 300
_RULE = re.compile(r"[\s\-=_.*+|]*[-=_]{3,}[\s\-=_.*+|]*\Z")
_LEADERS = re.compile(r"\.{4}|(?:\. ){4}")
_GAP = re.compile(r"(?<=\S) {3,}(?=\S)")
_LAST_FIGURE = re.compile(rf"\S {{3,}}{_FIGURE}\s*\Z", re.IGNORECASE)
_TWO_FIGURES = re.compile(rf"\s{{2,}}{_FIGURE}\s{{2,}}{_FIGURE}\s*\Z", re.IGNORECASE)

_HEADING = re.compile(r"\s*(?:item|note|part)\s+[\divx]{1,3}[a-c]?\b", re.IGNORECASE)
_LIST_LABEL = re.compile(r"(?:[-*\u2022o]|\(?(?:\d{1,2}|[a-z]|[ivx]{1,4})[.)])\s+\S", re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?:[.:;!?]|[;,] (?:and|or))[\"')\]]*\Z")
_CONTINUED = re.compile(r"\(?(?:continued|cont'd)\.?\)?\W*\Z", re.IGNORECASE)
_SHORT_BY = 12
_FIRST_LINE = 2
_RUNNING_HEADS = 3


@dataclass(slots=True)
class _Chunk:
    """Lines without a blank one between them."""

    lines: list[str]
    in_table: bool
    """Behind `<TABLE>` and before `</TABLE>` or the page's end."""
    follows_page: bool
    """Only a page's end stands between it and the chunk before."""


@dataclass(slots=True, frozen=True)
class _Layout:
    """How a chunk is set, in columns."""

    width: int
    indent: int


def read_plain(text: str, *, tables: bool) -> list[Paragraph]:
    """Paragraphs of hard-wrapped text in order; `tables` includes rows of tables, one paragraph a line."""
    result: list[Paragraph] = []
    parts: list[str] = []
    """Lines of the open paragraph, and between them what joins them."""

    def close() -> None:
        if parts:
            result.append(Paragraph(collapse("".join(parts))))
            parts.clear()

    for chunk in _chunks(_without_page_furniture(_lines(text))):
        layout = _Layout(max(map(len, chunk.lines)), min(map(_indent, chunk.lines)))
        previous = ""
        for line, is_row in zip(chunk.lines, _rows(chunk), strict=True):
            stripped = line.strip()
            if is_row:
                close()
                if tables and (row := collapse(_MARK.sub(" ", line))):
                    result.append(Paragraph(row, row=True))
                previous = ""
                continue
            if previous:
                joins = not _begins_paragraph(previous, line, layout, first=len(parts) == 1)
            else:
                joins = chunk.follows_page and bool(parts) and _breaks_off(parts[-1], stripped)
            if joins:
                parts += (separator(parts[-1], stripped), stripped)
            else:
                close()
                parts.append(stripped)
            previous = line
    close()
    return result


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n\f\n").expandtabs(8).split("\n")


def _without_page_furniture(lines: list[str]) -> Iterator[str]:
    """The lines, with one form feed for each page's end, its number and its running head."""
    heads = Counter(_head(lines[index]) for _, index in _page_ends(lines) if index < len(lines))
    begin = 0
    for last, following in _page_ends(lines):
        yield from lines[begin:last]
        yield "\f"
        begin = following
        if following < len(lines) and (
            heads[_head(lines[following])] >= _RUNNING_HEADS or _CONTINUED.search(lines[following][-_ROW_LENGTH:])
        ):
            begin += 1
            while begin < len(lines) and not lines[begin].strip():
                begin += 1
    yield from lines[begin:]


def _page_ends(lines: list[str]) -> Iterator[tuple[int, int]]:
    """For each page's end: the line behind the page's last text, and the next page's first line of text."""
    index = 0
    while index < len(lines):
        if not _ends_page(lines[index]):
            index += 1
            continue
        last = _back_over_blank(lines, index)
        if last and _PAGE_NUMBER.match(lines[last - 1], max(0, len(lines[last - 1]) - _ROW_LENGTH)):
            last = _back_over_blank(lines, last - 1)
        while index < len(lines) and (not lines[index].strip() or _is_furniture(lines[index])):
            index += 1
        yield last, index


def _ends_page(line: str) -> bool:
    return (
        "\f" in line
        or _PAGE.match(line) is not None
        or (len(line) < _ROW_LENGTH and _LONE_NUMBER.match(line) is not None)
    )


def _is_furniture(line: str) -> bool:
    return _PAGE.match(line) is not None or (len(line) < _ROW_LENGTH and _PAGE_NUMBER.match(line) is not None)


def _back_over_blank(lines: list[str], index: int) -> int:
    while index and not lines[index - 1].strip():
        index -= 1
    return index


def _head(line: str) -> str:
    return re.sub(r"\d+", "#", collapse(line[:_ROW_LENGTH]))


def _chunks(lines: Iterator[str]) -> Iterator[_Chunk]:
    chunk = _Chunk([], in_table=False, follows_page=False)
    in_table = follows_page = False
    for line in lines:
        page_ends = line == "\f"
        mark = _TABLE_MARK.search(line)
        text = "" if page_ends else line if "<" not in line else _MARK.sub(" ", line)
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
    """Which lines of the chunk are rows of a table, or rules between lines."""
    if chunk.in_table and not _is_running(chunk.lines):
        return [True] * len(chunk.lines)
    rules = [_RULE.match(line[:_ROW_LENGTH]) is not None for line in chunk.lines]
    rows = [_is_row(line) for line in chunk.lines]
    if sum(rows) >= (len(rows) - sum(rules)) / 2:
        return _table_within(chunk.lines, rows, rules)
    neighbours = zip([False, *rows], rows, [*rows[1:], False], strict=False)
    return [rule or (row and (before or after)) for rule, (before, row, after) in zip(rules, neighbours, strict=False)]


def _table_within(lines: list[str], rows: list[bool], rules: list[bool]) -> list[bool]:
    """A table with what stands in it, but neither the lines behind its last row nor a heading or sentence before it."""
    shaped = [index for index, (row, rule) in enumerate(zip(rows, rules, strict=True)) if row or rule]
    if not shaped:
        return rules
    heading = int(shaped[0] > 0 and _HEADING.match(lines[0]) is not None)
    first = shaped[0] if _is_running(lines[: shaped[0]]) else heading
    return [first <= index <= shaped[-1] for index in range(len(lines))]


def _is_row(line: str) -> bool:
    """Dot leaders, two figures at the end, one behind a wide gap, or three columns."""
    if len(line) > _ROW_LENGTH:
        return False
    return (
        _LEADERS.search(line) is not None
        or _LAST_FIGURE.search(line) is not None
        or _TWO_FIGURES.search(line) is not None
        or len(_GAP.findall(line)) >= 2
    )


def _is_running(lines: list[str]) -> bool:
    """Sentences, not labels: at least two lines of words, none a row, that end like a sentence."""
    if len(lines) < 2 or sum(len(line.split()) for line in lines) < 12:
        return False
    return _SENTENCE_END.search(lines[-1].rstrip()) is not None and not any(map(_is_row, lines))


def _begins_paragraph(previous: str, line: str, layout: _Layout, *, first: bool) -> bool:
    """Whether `line` opens a paragraph though no blank line stands before it; `first` if `previous` opened one."""
    before, text = previous.strip(), line.strip()
    ended = _SENTENCE_END.search(before) is not None
    if ended and _LIST_LABEL.match(text):
        return True
    if text[0].islower():
        return False
    short = len(previous.rstrip()) <= layout.width - _SHORT_BY
    if ended:
        return short or _indent(line) >= layout.indent + _FIRST_LINE
    indented = _indent(line) - _indent(previous) > _FIRST_LINE
    return first and short and indented and not text.isupper() and not continues(before, text)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _breaks_off(before: str, after: str) -> bool:
    """Whether a page's end stands within a sentence."""
    return not _SENTENCE_END.search(before) and continues(before, after)
