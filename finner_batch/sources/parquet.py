"""Parquet shards, read in batches of bounded size, with the needed columns only.

Source: Apache Parquet format, https://parquet.apache.org/docs/file-format/.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from finner_batch.errors import DocumentError
from finner_batch.sources.cells import UNREADABLE
from finner_batch.sources.columns import Columns
from finner_batch.sources.document import Document, FailedDocument
from finner_batch.sources.rows import RowReader

_BATCH_BYTES = 16 << 20
_BATCH_ROWS = 4096
_BUFFER_BYTES = 1 << 20


def read_parquet(stream: BinaryIO, rows: RowReader) -> Iterator[Document | FailedDocument]:
    """Read the documents of a Parquet shard, in order. A damaged row group is one failed row; the others are read.

    Raises DocumentError (stage `read`) if the file as a whole cannot be read or lacks a column.
    """
    try:
        file = pq.ParquetFile(stream, buffer_size=_BUFFER_BYTES, pre_buffer=False)
    except (pa.ArrowException, OSError) as error:
        raise DocumentError("read", f"damaged or truncated Parquet ({_first_line(error)}): write it again") from error
    names = file.schema_arrow.names
    columns = rows.columns(tuple(names))
    counts = Counter(names)
    if repeated := [name for name in columns.names() if counts[name] > 1]:
        raise DocumentError("read", f"several columns are named {repeated[0]}: give each column its own name")
    for name in columns.text:
        if not _holds_text(arrow_type := file.schema_arrow.field(name).type):
            raise DocumentError("read", f"column {name} holds {arrow_type}, not text: choose with --text-column")
    row = 0
    for group in range(file.num_row_groups):
        end = row + file.metadata.row_group(group).num_rows
        try:
            for values in _rows(file, group, columns):
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


def _rows(file: Any, group: int, columns: Columns) -> Iterator[dict[str, Any]]:
    """Yield the rows of a row group by column; one at a time if memory does not suffice for a batch."""
    size = _batch_rows(file.metadata.row_group(group), columns)
    yielded = 0
    while True:
        try:
            at = 0
            for batch in file.iter_batches(size, row_groups=[group], columns=columns.names(), use_threads=False):
                new = batch.slice(max(0, yielded - at))
                at += batch.num_rows
                lists = [_values(column) for column in new.columns]
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


def _values(column: Any) -> list[Any]:
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
        if pa.types.is_timestamp(column.type) and _value(pa.scalar(0, column.type)) is UNREADABLE:
            return [UNREADABLE] * len(column)  # the search for an unknown time zone is slow
        return [_value(scalar) for scalar in column]


def _value(scalar: Any) -> Any:
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
