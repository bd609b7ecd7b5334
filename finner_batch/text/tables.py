"""Tables: separates rows that are prose from table rows, which become one block each.

Filings use tables to lay out prose: a bullet or a footnote mark next to its text, a heading next to its paragraphs, a
whole note in one cell. The content of the cells decides, not the markup. A row is prose if

- it has one cell, or list labels (a bullet, `(a)`, `1.`) and one cell. If the table has figures, that cell must be a
  sentence, otherwise any words will do;
- or it is the heading of a Part or item, in one cell or several (`Item` | `2.03` | `Creation of ...`), and no entry of
  a table of contents: neither it nor a row near it has a page number;
- or every cell is running text, except at most one heading (`Description of the Matter` | ...);
- or its first cell is running text and the others are figures: the text is prose, the figures are a row.

Every other row is a table row.
"""

import re
from itertools import chain

from finner_batch.text.headings import HEADING_LENGTH, PART_OR_ITEM, is_item_label, item_heading, part_heading
from finner_batch.text.paragraph import Cell, Paragraph, join_cells

_LIST_LABEL = re.compile(
    r"""[^\w\s$\u20ac\u00a3\u00a5%]{1,3}                         # a bullet, a footnote mark
      | [\W_]{0,2}[\da-z][\W_]{0,2}                              # 1, (a), *b, o
      | \(?(?:\d{1,3}|[a-z]{2}|[ivx]{1,5})[.):\]]{1,2}           # 12., iv), (10)
      | (?:\(\w{1,4}\)\s*){1,4}                                  # (a)(ii)
      | (?:item|part|note|section)\s+\w{1,4}(?:\(\w\))?[.:]?\s*\W?  # Item 7A., Part II, Note 3 -
      """,
    re.IGNORECASE | re.VERBOSE,
)
_LETTER = re.compile(r"[^\W\d_]")
_DIGIT = re.compile(r"\d")
_WORD = re.compile(r"[^\W\d_]{2,}")
_SENTENCE_END = re.compile(r"(?:[.;!?]|[;,] (?:and|or))[\"'\u201d\u2019)\]*\u2020]{0,4}\Z")
_LABEL_LENGTH = 16
_HEADING_LENGTH = 60
_HEADING_WORDS = 3
_SENTENCE_WORDS = 8
_RUNNING_WORDS = 15
_PLACE = re.compile(PART_OR_ITEM, re.IGNORECASE)
_FIRST_OF_PLACE = "IiPp[*"
"""First characters of such a heading, so that rows of figures need no regular expression."""
_PAGE = re.compile(r"(?:[A-Z]{1,2}-?)?\d{1,3}(?:\s?[-,\u2013]\s?\d{1,3})*", re.IGNORECASE)
_NEAR = 3
"""Rows above and below a heading that show whether it is in a table of contents."""


def read_table(rows: list[list[Cell]], *, tables: bool) -> list[Paragraph]:
    """Return a table's prose and, with `tables`, its other rows. Nested tables have been read before."""
    rows = [filled for row in rows if (filled := [cell for cell in row if cell])]
    texts = [[text for cell in cells if (text := _text(cell))] for cells in rows]
    headings = {
        index for index, row in enumerate(texts) if row and row[0][0] in _FIRST_OF_PLACE and _is_item_heading(row)
    }
    others = [row for index, row in enumerate(texts) if index not in headings] if headings else texts
    has_figures = any(_is_figure(text) for row in others for text in row[1:])
    result: list[Paragraph] = []
    for index, (cells, row) in enumerate(zip(rows, texts, strict=True)):
        if not tables and index not in headings and (not row or _is_plain_row(row)):
            continue
        with_text = cells if len(cells) == len(row) else [cell for cell in cells if _text(cell)]
        if index in headings and not (has_figures and _is_among_contents(texts, index)):
            result += _as_prose(with_text, is_heading=True) + _nested_rows(cells, with_text)
        elif _is_prose(with_text, row, has_figures=has_figures):
            result += _as_prose(with_text) + _nested_rows(cells, with_text)
        elif _is_described(with_text, row):
            result += with_text[0] + (_as_row(with_text[1:]) if tables else []) + _nested_rows(cells, with_text)
        elif tables:
            result += _as_row(cells)
    return result


def _nested_rows(cells: list[Cell], with_text: list[Cell]) -> list[Paragraph]:
    """Return the rows of nested tables from cells without other text; they do not affect the row's kind."""
    return [] if with_text is cells else [paragraph for cell in cells if not _text(cell) for paragraph in cell]


def _text(cell: Cell) -> str:
    """Return the start of the cell's text without nested table rows, enough to classify the cell."""
    if len(cell) == 1:
        return "" if cell[0].row else cell[0].text
    text = ""
    for paragraph in cell:
        if not paragraph.row:
            text = f"{text} {paragraph.text}" if text else paragraph.text
            if len(text) > _HEADING_LENGTH:
                break
    return text


def _is_prose(cells: list[Cell], texts: list[str], *, has_figures: bool) -> bool:
    if not texts or _is_figure(texts[-1]):
        return False
    if all(map(_is_list_label, texts[:-1])):
        return not has_figures or any(_is_sentence(paragraph.text, _SENTENCE_WORDS) for paragraph in cells[-1])
    if _is_heading(texts[0]):
        cells, texts = cells[1:], texts[1:]
    return all(any(_is_sentence(paragraph.text, _RUNNING_WORDS) for paragraph in cell) for cell in cells if _text(cell))


def _is_item_heading(texts: list[str]) -> bool:
    """Whether the row is `Item 2.03` | `Creation of ...`; the last cell may also contain the text after the heading."""
    if not _PLACE.match(texts[0]):
        return False
    label = " ".join(texts[:-1])
    whole = f"{label} {texts[-1]}" if label else texts[0]
    if part_heading(whole):
        return True
    heading = item_heading(whole) if not label or is_item_label(label) else None
    return heading is not None and not heading.is_listed


def _is_among_contents(texts: list[list[str]], index: int) -> bool:
    """Whether rows near a heading have page numbers; if text follows the heading, the rows before it do not matter."""
    for row in texts[index + 1 : index + 1 + _NEAR]:
        if _is_entry(row):
            return True
        if row and any(_is_sentence(text, _RUNNING_WORDS) for text in row):
            return False
    return any(map(_is_entry, texts[max(0, index - _NEAR) : index]))


def _is_entry(texts: list[str]) -> bool:
    """Whether the row is words and one page number: `Item 2.` | `Properties` | `25`."""
    return len(texts) > 1 and _PAGE.fullmatch(texts[-1]) is not None and not _is_figure(texts[-2])


def _is_described(cells: list[Cell], texts: list[str]) -> bool:
    """Whether figures follow text: `On March 25, 2020 the Company signed a note ... at 8% per year.` | `338,625`."""
    if len(texts) < 2 or len(texts[0]) < _HEADING_LENGTH or not all(map(_is_figure, texts[1:])):
        return False
    return any(_is_sentence(paragraph.text, _RUNNING_WORDS) for paragraph in cells[0] if not paragraph.row)


def _is_plain_row(texts: list[str]) -> bool:
    """Whether the row is a few words with a figure at the end, as most are; such a row is never prose."""
    return len(texts[0]) < _HEADING_LENGTH and not _LETTER.search(texts[-1])


def _is_figure(text: str) -> bool:
    return not _LETTER.search(text)


def _is_list_label(text: str) -> bool:
    return len(text) <= _LABEL_LENGTH and _LIST_LABEL.fullmatch(text) is not None


def _is_heading(text: str) -> bool:
    """Whether `text` is words and not an identifier such as an exhibit number."""
    return len(text) <= _HEADING_LENGTH and (not _DIGIT.search(text) or len(_WORD.findall(text)) >= _HEADING_WORDS)


def _is_sentence(text: str, words: int) -> bool:
    return _SENTENCE_END.search(text, max(0, len(text) - 12)) is not None and len(_WORD.findall(text, 0, 2000)) >= words


def _as_prose(cells: list[Cell], *, is_heading: bool = False) -> list[Paragraph]:
    """Return the row's paragraphs; list labels, or all but the last cell of a heading, precede the first paragraph.

    The lines of a heading's title may be separate paragraphs.
    """
    labels: list[Paragraph] = []
    for cell in cells[:-1]:
        if not (is_heading or _is_list_label(_text(cell))):
            break
        labels += cell
    paragraphs = list(chain.from_iterable(cells))[len(labels) :]
    if labels:
        first = next((index for index, paragraph in enumerate(paragraphs) if not paragraph.row), 0)
        last = first + 1
        while is_heading and last < len(paragraphs) and _continues_title(paragraphs[last - 1], paragraphs[last]):
            last += 1
        paragraphs[first:last] = [join_cells([*labels, *paragraphs[first:last]])]
    return paragraphs


def _continues_title(before: Paragraph, paragraph: Paragraph) -> bool:
    return paragraph.text[0].islower() and not paragraph.row and len(before.text) + len(paragraph.text) < HEADING_LENGTH


def _as_row(cells: list[Cell]) -> list[Paragraph]:
    """Return one paragraph for the whole row, then the rows of tables nested in it."""
    texts = [paragraph for cell in cells for paragraph in cell if not paragraph.row]
    nested = [paragraph for cell in cells for paragraph in cell if paragraph.row]
    return [join_cells(texts, row=True), *nested] if texts else nested
