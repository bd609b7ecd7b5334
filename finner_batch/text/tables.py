"""Tables: which rows a reader would call prose, and how a row reads as one block."""

import re

from finner_batch.text.paragraph import Paragraph, Table

_LABEL_LENGTH = 24
_PROSE_WORDS = 8
_WORD = re.compile(r"[A-Za-z]{2,}")
_FIGURE = re.compile(r"[\d\W_]*\d[\d\W_]*|[$€£¥%()\u2013\u2014-]+|N/?[AM]", re.IGNORECASE)


def resolve(table: Table, *, tables: bool) -> list[Paragraph]:
    """The paragraphs a table contributes: prose rows as paragraphs; other rows left out, or one block each."""
    rows = [cells for row in table.rows if (cells := [cell for cell in row if cell])]
    data = any(len(cells) > 1 and _FIGURE.fullmatch(_cell_text(cells[-1])) for cells in rows)
    result: list[Paragraph] = []
    for cells in rows:
        if _is_prose(cells, data=data):
            result += _as_prose(cells)
        elif tables:
            result.append(_as_row(cells))
    return result


def _is_prose(cells: list[list[Paragraph]], *, data: bool) -> bool:
    *labels, body = cells
    if any(len(_cell_text(label)) > _LABEL_LENGTH for label in labels) or len(labels) > 2:
        return False
    if any(len(_WORD.findall(paragraph.text)) >= _PROSE_WORDS for paragraph in body):
        return True
    return not data and not _FIGURE.fullmatch(_cell_text(body))


def _cell_text(cell: list[Paragraph]) -> str:
    return " ".join(paragraph.text for paragraph in cell)


def _as_prose(cells: list[list[Paragraph]]) -> list[Paragraph]:
    *labels, body = cells
    if not labels:
        return body
    return [_joined([*(p for label in labels for p in label), body[0]]), *body[1:]]


def _as_row(cells: list[list[Paragraph]]) -> Paragraph:
    row = _joined([paragraph for cell in cells for paragraph in cell])
    row.row = True
    return row


def _joined(paragraphs: list[Paragraph]) -> Paragraph:
    return Paragraph(
        " ".join(paragraph.text for paragraph in paragraphs),
        tuple(segment for paragraph in paragraphs for segment in paragraph.segments),
    )
