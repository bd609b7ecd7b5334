"""JSON Lines shards: one object a line (https://jsonlines.org), read as a stream."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from finner_batch.errors import DocumentError
from finner_batch.sources.columns import Columns
from finner_batch.sources.document import Document, FailedDocument
from finner_batch.sources.rows import RowReader
from finner_batch.sources.streams import too_large

_SPACE = b" \t\r\n\xef\xbb\xbf"


def read_jsonl(chunks: Iterable[bytes], rows: RowReader) -> Iterator[Document | FailedDocument]:
    """Read the documents of a JSON Lines shard, in order; a blank line is no row, a broken line fails alone.

    Raises `DocumentError` (stage `read`) where the first object lacks a column that was asked for: then the choice of
    columns is wrong, not a row.
    """
    row = -1
    columns: Columns | None = None
    for number, line in enumerate(_lines(chunks, rows.max_document_bytes), start=1):
        if line is not None and not line.strip(_SPACE):
            continue
        row += 1
        try:
            values = rows.row_of(_object(number, line, rows.max_document_bytes))
        except DocumentError as error:
            yield from rows.failed(f"{rows.source.name}#{row}", error, stored=line or b"")
            continue
        try:
            columns = rows.columns(tuple(values), of_row=columns is not None)
        except DocumentError as error:
            if columns is None:
                raise
            yield from rows.failed(f"{rows.source.name}#{row}", error, stored=line or b"")
            continue
        yield from rows.documents(row, columns, values)


def read_json(data: bytes, rows: RowReader) -> Iterator[Document | FailedDocument]:
    """Read the documents of a file that holds one JSON object over several lines: a shard of one row."""
    values = rows.row_of(_object(1, data, rows.max_document_bytes))
    yield from rows.documents(0, rows.columns(tuple(values)), values)


def _object(number: int, line: bytes | None, limit: int) -> dict[str, Any]:
    if line is None:
        raise too_large(limit)
    try:
        values = json.loads(line.strip(_SPACE).decode("utf-8"))
    except UnicodeDecodeError as error:
        raise DocumentError("decode", f"line {number} is not UTF-8 ({error.reason}): write it again") from error
    except (ValueError, RecursionError) as error:
        raise DocumentError("decode", f"line {number} is no JSON ({error}): write it again") from error
    if not isinstance(values, dict):
        raise DocumentError("read", f"line {number} is no JSON object: write one object a line")
    return values


def _lines(chunks: Iterable[bytes], limit: int) -> Iterator[bytes | None]:
    """Yield lines without their line feed; None for one that is longer than `limit`, which is not kept in memory."""
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
