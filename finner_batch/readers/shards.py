"""Shards: files whose rows are documents. Each is read as a stream or in batches of bounded size.

- Parquet (https://parquet.apache.org/docs/file-format/): the needed columns only, in batches.
- JSON Lines (https://jsonlines.org): one object per line.
- CSV and TSV (RFC 4180): a header, then one record per row. Quoting is strict, because after a quote that does not end
  its cell the ends of rows are unknown. Cells keep their bytes, so that a cell that is not UTF-8 fails its row only.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, BinaryIO, Self

import pyarrow as pa
import pyarrow.parquet as pq

from finner_batch.errors import DocumentError
from finner_batch.readers.compression import compression_of, decompress, decompressed
from finner_batch.readers.document import Document, FailedDocument, Source
from finner_batch.readers.encoding import as_utf8, as_utf8_stream
from finner_batch.readers.format import FileFormat
from finner_batch.readers.shard_columns import UNREADABLE, ColumnChoice, Columns
from finner_batch.readers.shard_rows import RowReader, Skip
from finner_batch.readers.streams import ChunkStream, chunks_of, too_large

_OTHER_DELIMITERS = ",;\t|"
"""Delimiters that programs write instead of the one the file name implies; spreadsheets choose by country."""
_STATED_DELIMITER = re.compile(r"\s*sep=(.)\s*", re.IGNORECASE)
_MOST_ROW_CHARACTERS = 128 << 20
"""A longer row has an unclosed quote. A row takes eight times as many bytes of memory."""
_JSON_SPACE = b" \t\r\n\xef\xbb\xbf"
_BATCH_BYTES = 16 << 20
_BATCH_ROWS = 4096
_BUFFER_BYTES = 1 << 20
SHARDS: tuple[FileFormat, ...] = ("parquet", "jsonl", "json", "csv", "tsv")
_KIND_COLUMN = {"json": "jsonl", "tsv": "csv"}
_DELIMITER = {"csv": ",", "tsv": "\t"}


def read_shard(
    source: Source,
    file_format: FileFormat,
    stream: BinaryIO,
    *,
    columns: ColumnChoice,
    max_document_bytes: int,
    skip: Skip | None,
) -> Iterator[Document | FailedDocument]:
    """Yield the documents of a shard lazily, in row order. `stream` is at the shard's start.

    JSON Lines and CSV are decompressed as a stream; a compressed Parquet file is decompressed into memory, up to
    `max_document_bytes`.
    Raises DocumentError if the shard as a whole cannot be read or lacks a column.
    """
    rows = RowReader(
        source, _KIND_COLUMN.get(file_format, file_format), columns, max_document_bytes=max_document_bytes, skip=skip
    )
    if file_format in {"jsonl", "csv", "tsv"}:
        chunks = as_utf8_stream(decompressed(chunks_of(stream)))
        if file_format == "jsonl":
            yield from _read_jsonl(chunks, rows)
        else:
            yield from _read_delimited(chunks, rows, _DELIMITER[file_format])
    elif file_format == "json":
        yield from _read_json(as_utf8(decompress(chunks_of(stream), max_document_bytes)), rows)
    else:
        if compression_of(stream.read(4)):
            stream.seek(0)
            stream = io.BytesIO(decompress(chunks_of(stream), max_document_bytes))
        stream.seek(0)
        yield from _read_parquet(stream, rows)


def _read_parquet(stream: BinaryIO, rows: RowReader) -> Iterator[Document | FailedDocument]:
    """Read the documents of a Parquet shard, in order. A damaged row group is one failed row; the others are read.

    Raises DocumentError (stage `read`) if the file as a whole cannot be read or lacks a column.
    """
    try:
        file = pq.ParquetFile(stream, buffer_size=_BUFFER_BYTES, pre_buffer=False)
    except (pa.ArrowException, OSError) as error:
        raise DocumentError("read", f"damaged or truncated Parquet ({_first_line(error)}): write it again") from error
    columns = rows.columns(tuple(file.schema_arrow.names))
    for name in columns.text:
        if not _holds_text(arrow_type := file.schema_arrow.field(name).type):
            raise DocumentError("read", f"column {name} holds {arrow_type}, not text: choose with --text-column")
    row = 0
    for group in range(file.num_row_groups):
        end = row + file.metadata.row_group(group).num_rows
        try:
            for values in _parquet_rows(file, group, columns):
                yield from rows.documents(row, columns, values)
                row += 1
        except MemoryError:  # ArrowMemoryError too
            raise
        except (pa.ArrowException, OSError, OverflowError) as error:
            failure = DocumentError(
                "read", f"rows {row} to {end - 1} are damaged ({_first_line(error)}): write the shard again"
            )
            failure.__cause__ = error
            yield from rows.failed(f"{rows.source.name}#{row}-{end - 1}", failure)
        row = end


def _parquet_rows(file: Any, group: int, columns: Columns) -> Iterator[dict[str, Any]]:
    """Yield the rows of a row group by column; one at a time if memory does not suffice for a batch."""
    size = _batch_rows(file.metadata.row_group(group), columns)
    yielded = 0
    while True:
        try:
            at = 0
            for batch in file.iter_batches(size, row_groups=[group], columns=columns.names(), use_threads=False):
                new = batch.slice(max(0, yielded - at))
                at += batch.num_rows
                lists = [_column_values(column) for column in new.columns]
                for values in zip(*lists, strict=True):
                    yielded += 1
                    yield dict(zip(batch.schema.names, values, strict=True))
        except MemoryError:
            if size == 1:
                raise
            size = 1
        else:
            return


def _batch_rows(group: Any, columns: Columns) -> int:
    """Return the number of rows whose needed columns have about 16 MiB."""
    wanted = set(columns.names())
    size: int = sum(
        chunk.total_uncompressed_size
        for chunk in map(group.column, range(group.num_columns))
        if chunk.path_in_schema in wanted or chunk.path_in_schema.partition(".")[0] in wanted
    )
    return min(_BATCH_ROWS, max(1, _BATCH_BYTES * int(group.num_rows) // max(1, size)))


def _column_values(column: Any) -> list[Any]:
    """Return a column's values, with text as bytes, so that a value that is not UTF-8 fails only its own row.

    A value that Python cannot represent (a nanosecond, a year beyond 9999, an unknown time zone) is `UNREADABLE`.
    """
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if _is_string(column.type):
        column = column.cast(pa.large_binary())
    elif _is_list(column.type) and _is_string(_plain_type(column.type.value_type)):
        column = column.cast(pa.large_list(_plain_type(column.type.value_type)))
        column = column.cast(pa.large_list(pa.large_binary()))
    try:
        return list(column.to_pylist())
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - each Arrow type raises its own errors for such a value
        if pa.types.is_timestamp(column.type) and _scalar_value(pa.scalar(0, column.type)) is UNREADABLE:
            return [UNREADABLE] * len(column)  # the search for an unknown time zone is slow
        return [_scalar_value(scalar) for scalar in column]


def _scalar_value(scalar: Any) -> Any:
    try:
        return scalar.as_py()
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - as above
        return UNREADABLE


def _holds_text(arrow_type: Any) -> bool:
    plain = _plain_type(arrow_type)
    if _is_list(plain):
        plain = _plain_type(plain.value_type)
    return _is_string(plain) or pa.types.is_binary(plain) or pa.types.is_large_binary(plain)


def _plain_type(arrow_type: Any) -> Any:
    return arrow_type.value_type if pa.types.is_dictionary(arrow_type) else arrow_type


def _is_list(arrow_type: Any) -> bool:
    is_one_of = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return any(is_type(arrow_type) for is_type in is_one_of)


def _is_string(arrow_type: Any) -> bool:
    is_one_of = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(is_type(arrow_type) for is_type in is_one_of)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _read_jsonl(chunks: Iterable[bytes], rows: RowReader) -> Iterator[Document | FailedDocument]:
    """Read the documents of a JSON Lines shard, in order. Blank lines are skipped; an invalid line is one failed row.

    Raises DocumentError (stage `read`) if the first object lacks a requested column: then the choice of columns is
    wrong, not the row.
    """
    row = -1
    columns: Columns | None = None
    for number, line in enumerate(_json_lines(chunks, rows.max_document_bytes), start=1):
        if line is not None and not line.strip(_JSON_SPACE):
            continue
        row += 1
        try:
            values = rows.row_of(_json_object(number, line, rows.max_document_bytes))
        except DocumentError as error:
            yield from rows.failed(f"{rows.source.name}#{row}", error, raw=line or b"")
            continue
        try:
            columns = rows.columns(tuple(values), of_row=columns is not None)
        except DocumentError as error:
            if columns is None:
                raise
            yield from rows.failed(f"{rows.source.name}#{row}", error, raw=line or b"")
            continue
        yield from rows.documents(row, columns, values)


def _read_json(data: bytes, rows: RowReader) -> Iterator[Document | FailedDocument]:
    """Read the documents of a file with one JSON object over several lines, a shard of one row."""
    values = rows.row_of(_json_object(1, data, rows.max_document_bytes))
    yield from rows.documents(0, rows.columns(tuple(values)), values)


def _json_object(number: int, line: bytes | None, limit: int) -> dict[str, Any]:
    if line is None:
        raise too_large(limit)
    try:
        values = json.loads(line.strip(_JSON_SPACE).decode("utf-8"))
    except UnicodeDecodeError as error:
        raise DocumentError("decode", f"line {number} is not UTF-8 ({error.reason}): write it again") from error
    except (ValueError, RecursionError) as error:
        raise DocumentError("decode", f"line {number} is not JSON ({error}): write it again") from error
    if not isinstance(values, dict):
        raise DocumentError("read", f"line {number} is not a JSON object: write one object per line")
    return values


def _json_lines(chunks: Iterable[bytes], limit: int) -> Iterator[bytes | None]:
    """Yield lines without their line feed, and None in place of a line longer than `limit`, which is discarded."""
    held: list[bytes] = []
    size = 0
    for chunk in chunks:
        *ended, rest = chunk.split(b"\n")
        for line in ended:
            held.append(line)
            size += len(line)
            yield b"".join(held) if size <= limit else None
            held, size = [], 0
        size += len(rest)
        if size <= limit:
            held.append(rest)
        else:
            held = []
    if size:
        yield b"".join(held) if size <= limit else None


def _read_delimited(chunks: Iterable[bytes], rows: RowReader, delimiter: str) -> Iterator[Document | FailedDocument]:
    """Read the documents of a CSV shard, in order. Blank lines are skipped; a row with too many or few cells fails.

    `chunks` are the file's bytes. If the header does not contain `delimiter` but another one (`;`, tab, `|`), that one
    is used. A line before the header may state it (`sep=;`), as Excel writes it.
    Raises DocumentError (stage `read`) if the header lacks a column and, after the rows before it, if the end of a row
    cannot be found.
    """
    lines = _CsvLines(chunks)
    first = next((line for line in lines if line.strip()), "")
    if stated := _STATED_DELIMITER.fullmatch(first):
        delimiter, first = stated[1], next((line for line in lines if line.strip()), "")
    elif delimiter not in first:
        delimiter = next((other for other in _OTHER_DELIMITERS if other in first), delimiter)
    records = _csv_records(lines, first, delimiter)
    _, header = next(records, (1, []))
    names = tuple(name.strip() for name in header)
    columns = rows.columns(names)
    index_of = {name: index for index, name in enumerate(names)}
    indexes = {name: index_of[name] for name in columns.names()}
    for row, (line, cells) in enumerate(records):
        if len(cells) == len(names):
            values = {name: _cell_bytes(cells[index]) for name, index in indexes.items()}
            yield from rows.documents(row, columns, values)
        else:
            error = DocumentError(
                "read",
                f"the row at line {line} has {len(cells)} cells, the header {len(names)}: quote cells that contain "
                "delimiters or line ends",
            )
            yield from rows.failed(f"{rows.source.name}#{row}", error, raw=_cell_bytes(delimiter.join(cells)))


def _csv_records(lines: "_CsvLines", first: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
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
                f"the row at line {begin} cannot be separated from the next ({error}): double the quotes inside "
                "quotes and end lines with line feeds, or write Parquet",
            ) from error
        if cells is None:
            return
        if cells:
            yield begin, cells
        begin = lines.begin_record()


class _CsvLines:
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


def _cell_bytes(cell: str) -> bytes:
    return cell.encode("utf-8", "surrogateescape")
