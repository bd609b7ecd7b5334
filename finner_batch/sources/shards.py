"""Shards: files whose rows are documents (Parquet, JSON Lines, CSV, TSV)."""

import io
from collections.abc import Iterator
from typing import BinaryIO

from finner_batch.sources.columns import ColumnChoice
from finner_batch.sources.compression import compression_of, decompressed
from finner_batch.sources.delimited import read_delimited
from finner_batch.sources.document import Document, FailedDocument, Source
from finner_batch.sources.encoding import as_utf8, as_utf8_stream
from finner_batch.sources.jsonl import read_json, read_jsonl
from finner_batch.sources.kind import FileFormat
from finner_batch.sources.rows import RowReader, Skip
from finner_batch.sources.streams import bounded, chunks_of

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
            yield from read_jsonl(chunks, rows)
        else:
            yield from read_delimited(chunks, rows, _DELIMITER[file_format])
    elif file_format == "json":
        yield from read_json(as_utf8(_decompressed_whole(stream, max_document_bytes)), rows)
    else:
        from finner_batch.sources.parquet import read_parquet  # noqa: PLC0415 - pyarrow is slow to import

        if compression_of(stream.read(4)):
            stream.seek(0)
            stream = io.BytesIO(_decompressed_whole(stream, max_document_bytes))
        stream.seek(0)
        yield from read_parquet(stream, rows)


def _decompressed_whole(stream: BinaryIO, limit: int) -> bytes:
    return b"".join(bounded(decompressed(chunks_of(stream)), limit))
