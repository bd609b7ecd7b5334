"""CSV and TSV shards: a header, then one record per row (RFC 4180), read as a stream.

Quoting follows RFC 4180 strictly, because after a quote that does not end its cell the rows cannot be told apart.
Cells keep their bytes, so that a cell that is not UTF-8 fails only its own row.
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
from finner_batch.sources.streams import ChunkStream

_OTHER_DELIMITERS = ",;\t|"
"""Delimiters that programs write instead of the one the file name implies; spreadsheets choose by country."""
_STATED_DELIMITER = re.compile(r"\s*sep=(.)\s*", re.IGNORECASE)
_MOST_ROW_CHARACTERS = 128 << 20
"""A longer row has an unclosed quote. A row takes eight times as many bytes of memory."""


def read_delimited(chunks: Iterable[bytes], rows: RowReader, delimiter: str) -> Iterator[Document | FailedDocument]:
    """Read the documents of a CSV shard, in order. Blank lines are skipped; a row with too many or few cells fails.

    `chunks` are the file's bytes. If the header does not contain `delimiter` but another one (`;`, tab, `|`), that one
    is used. A line before the header may state it (`sep=;`), as Excel writes it.
    Raises DocumentError (stage `read`) if the header lacks a column and, after the rows before it, if the end of a row
    cannot be found.
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
    index_of, counts = {name: index for index, name in enumerate(names)}, Counter(names)
    indexes = {name: index_of[name] for name in columns.names()}
    if repeated := [name for name in indexes if counts[name] > 1]:
        raise DocumentError("read", f"several columns are named {repeated[0]}: give each column its own name")
    for row, (line, cells) in enumerate(records):
        if len(cells) == len(names):
            values = {name: _raw(cells[index]) for name, index in indexes.items()}
            yield from rows.documents(row, columns, values)
        else:
            error = DocumentError(
                "read",
                f"the row at line {line} has {len(cells)} cells, the header {len(names)}: quote cells that contain "
                "delimiters or line ends",
            )
            yield from rows.failed(f"{rows.source.name}#{row}", error, raw=_raw(delimiter.join(cells)))


def _records(lines: "_Lines", first: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the first line's number and the cells of each record, without blank lines."""
    csv.field_size_limit(_MOST_ROW_CHARACTERS)  # set for the whole process; the default is 128 KiB
    begin = lines.number
    reader = csv.reader(chain([first], lines), delimiter=delimiter, strict=True)
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise DocumentError(
                "read",
                f"the row at line {begin} cannot be told from the next ({error}): double the quotes inside "
                "quotes and end lines with line feeds, or write Parquet",
            ) from error
        if cells is None:
            return
        if cells:
            yield begin, cells
        begin = lines.begin_record()


class _Lines:
    """The lines of a stream with their ends, numbered from 1. The length of one record's lines together is bounded."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.number = 0
        self._left = _MOST_ROW_CHARACTERS
        stream = io.BufferedReader(ChunkStream(iter(chunks)))
        self._text = io.TextIOWrapper(stream, encoding="utf-8", errors="surrogateescape", newline="\n")

    def begin_record(self) -> int:
        """Return the number of the next line."""
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
                f"the row at line {self.number} has more than {_MOST_ROW_CHARACTERS >> 20} MiB: a quote before it is "
                "not closed; close it, or write Parquet",
            )
        return line


def _raw(cell: str) -> bytes:
    return cell.encode("utf-8", "surrogateescape")
