"""CSV and TSV shards: a header, then one row a record (RFC 4180), read as a stream.

Quotes, line ends inside them and doubled quotes are read as RFC 4180 has them, and nothing else is forgiven: behind a
quote that does not end its cell no row can be told from the next. Cells keep their bytes, so that one that is not UTF-8
fails with its row alone.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Self

from finner_batch.errors import DocumentError
from finner_batch.sources.document import Document, FailedDocument
from finner_batch.sources.rows import RowReader
from finner_batch.sources.streams import Joined

_OTHER_DELIMITERS = ",;\t|"
"""What programs write between cells in place of the delimiter that the name says; spreadsheets by country."""
_STATED_DELIMITER = re.compile(r"\s*sep=(.)\s*", re.IGNORECASE)
_MOST_ROW_CHARACTERS = 128 << 20
"""A longer row is one whose quote was never closed; the memory that it takes is eight times as many bytes."""


def read_delimited(chunks: Iterable[bytes], rows: RowReader, delimiter: str) -> Iterator[Document | FailedDocument]:
    """Read the documents of a CSV shard, in order; a blank line is no row, a row of too many or few cells fails alone.

    `chunks` are its bytes. Where the header lacks the delimiter and holds another one (`;`, tab, `|`), it is that; or
    the one that a line before it states (`sep=;`), as Excel has it.
    Raises `DocumentError` (stage `read`) where the header lacks a column, and, behind the rows before it, where a row
    cannot be told from the next.
    """
    lines = _Lines(chunks)
    first = next((line for line in lines if line.strip()), "")
    if stated := _STATED_DELIMITER.fullmatch(first):
        delimiter, first = stated[1], next((line for line in lines if line.strip()), "")
    elif delimiter not in first:
        delimiter = next((other for other in _OTHER_DELIMITERS if other in first), delimiter)
    records = _records(lines, first, delimiter)
    _, header = next(records, (1, []))
    names = tuple(name.strip() for name in header)
    columns = rows.columns(names)
    of_names, counts = {name: place for place, name in enumerate(names)}, Counter(names)
    places = {name: of_names[name] for name in columns.names()}
    if repeated := [name for name in places if counts[name] > 1]:
        raise DocumentError("read", f"several columns are named {repeated[0]}: write it again, each with its own name")
    for row, (line, cells) in enumerate(records):
        if len(cells) == len(names):
            values = {name: _stored(cells[place]) for name, place in places.items()}
            yield from rows.documents(row, columns, values)
        else:
            error = DocumentError(
                "read",
                f"the row at line {line} has {len(cells)} cells, the header {len(names)}: put cells that hold "
                "delimiters or line ends in quotes",
            )
            yield from rows.failed(f"{rows.source.name}#{row}", error, stored=_stored(delimiter.join(cells)))


def _records(lines: "_Lines", first: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of the line that a record begins in, and its cells; blank lines are none."""
    csv.field_size_limit(_MOST_ROW_CHARACTERS)  # of the whole process; its own would be 128 KiB
    begin = lines.number
    reader = csv.reader(chain([first], lines), delimiter=delimiter, strict=True)
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise DocumentError(
                "read",
                f"the row at line {begin} cannot be told from the next ({error}): write it again with quotes inside "
                "quotes doubled and line feeds at the ends of lines, or as Parquet",
            ) from error
        if cells is None:
            return
        if cells:
            yield begin, cells
        begin = lines.begin_record()


class _Lines:
    """The lines of a stream with their ends, numbered from 1; those of one record have a bounded length together."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.number = 0
        self._left = _MOST_ROW_CHARACTERS
        stream = io.BufferedReader(Joined(iter(chunks)))
        self._text = io.TextIOWrapper(stream, encoding="utf-8", errors="surrogateescape", newline="\n")

    def begin_record(self) -> int:
        """Return the number of the line that is next."""
        self._left = _MOST_ROW_CHARACTERS
        return self.number + 1

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = self._text.readline(self._left + 1)
        if not line:
            raise StopIteration
        self.number += 1
        self._left -= len(line)
        if self._left < 0:
            raise DocumentError(
                "read",
                f"a row that goes on at line {self.number} has more than {_MOST_ROW_CHARACTERS >> 20} MiB: a quote "
                "before it is not closed, or write it as Parquet",
            )
        return line


def _stored(cell: str) -> bytes:
    return cell.encode("utf-8", "surrogateescape")
