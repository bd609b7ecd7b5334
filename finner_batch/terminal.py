"""A table for a terminal, fitted to its width, in which every character that a terminal acts on is escaped."""

import unicodedata
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

NARROWEST = 8
SENTENCE = 64
"""A wider column holds sentences: it keeps three times the width of other wide columns, up to `ENOUGH`."""
ENOUGH = 54
GAP = "  "


def table_lines(names: Sequence[str], rows: Sequence[Sequence[Any]], *, width: int) -> Iterator[str]:
    """Lay out rows under their column names in at most `width` terminal cells, if need be cutting the widest columns.

    Numbers are aligned to the right. Null is empty. Control and formatting characters are shown as escapes.
    """
    header = [visible(name) for name in names]
    cells = [["" if value is None else visible(shown(value)) for value in row] for row in rows]
    widths = _fitted([max(map(cells_wide, column)) for column in zip(header, *cells, strict=True)], width)
    right = [_is_number(column) for column in zip(*rows, strict=True)] if rows else [False] * len(names)
    yield _line(header, widths, right)
    yield GAP.join("-" * column for column in widths)
    for row in cells:
        yield _line(row, widths, right)


def shown(value: Any) -> str:
    """Format a value for a person."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return value.hex() if isinstance(value, bytes) else str(value)


def visible(text: str) -> str:
    """Escape the characters that a terminal acts on or hides: control characters, bidirectional marks, line breaks."""
    if text.isprintable():
        return text
    return "".join(_visible_character(character) for character in text)


def cells_wide(text: str) -> int:
    """Return the terminal cells of a printable text: two for a wide East Asian character, none for a combining mark."""
    if text.isascii():
        return len(text)
    return sum(_cells(character) for character in text)


def _visible_character(character: str) -> str:
    if character.isprintable():
        return character
    if unicodedata.category(character) == "Zs":
        return " "
    return character.encode("unicode_escape").decode("ascii")


def _cells(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _fitted(widths: list[int], width: int) -> list[int]:
    """Cut the widest columns to one common width so that all fit, sentences less than others.

    No column is cut below `NARROWEST`.
    """
    room = max(width - len(GAP) * (len(widths) - 1), 1)
    if sum(widths) <= room:
        return widths

    def cut_to(common: int) -> list[int]:
        sentence = max(common, min(3 * common, ENOUGH)) if spare_sentences else common
        return [min(column, sentence if column > SENTENCE else common) for column in widths]

    spare_sentences = True
    spare_sentences = sum(cut_to(NARROWEST)) <= room
    low, high = NARROWEST, max(widths)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if sum(cut_to(middle)) <= room else (low, middle - 1)
    cut = cut_to(low)
    widest = widths.index(max(widths))
    cut[widest] += min(max(room - sum(cut), 0), widths[widest] - cut[widest])  # what division left over
    return cut


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    return GAP.join(_placed(*cell) for cell in zip(cells, widths, right, strict=True)).rstrip()


def _placed(text: str, width: int, to_right: bool) -> str:
    text = _cut(text, width)
    filler = " " * (width - cells_wide(text))
    return filler + text if to_right else text + filler


def _cut(text: str, width: int) -> str:
    if cells_wide(text) <= width:
        return text
    taken, room = [], width - 1
    for character in text:
        room -= _cells(character)
        if room < 0:
            break
        taken.append(character)
    return "".join(taken) + "…"


def _is_number(column: Sequence[Any]) -> bool:
    return all(
        value is None or (isinstance(value, int | float | Decimal) and not isinstance(value, bool)) for value in column
    )
