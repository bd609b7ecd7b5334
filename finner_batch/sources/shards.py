"""Shards: files whose rows are documents (Parquet, JSON Lines, CSV)."""

import io
from collections.abc import Iterator
from typing import BinaryIO

from finner_batch.sources.columns import Wanted
from finner_batch.sources.compression import compression_of, decompress, decompressed
from finner_batch.sources.delimited import read_delimited
from finner_batch.sources.document import Document, FailedDocument, Source
from finner_batch.sources.encoding import as_utf8, as_utf8_stream
from finner_batch.sources.jsonl import read_json, read_jsonl
from finner_batch.sources.kind import Container
from finner_batch.sources.rows import RowReader, Skip
from finner_batch.sources.storage import read_stored
from finner_batch.sources.streams import chunks_of

SHARDS: tuple[Container, ...] = ("parquet", "jsonl", "json", "csv", "tsv")
_KIND = {"json": "jsonl", "tsv": "csv"}
_DELIMITER = {"csv": ",", "tsv": "\t"}


def read_shard(
    source: Source,
    container: Container,
    stream: BinaryIO,
    *,
    wanted: Wanted,
    max_document_bytes: int,
    skip: Skip | None,
) -> Iterator[Document | FailedDocument]:
    """Read the documents of a shard in row order, lazily; `stream` stands at its start.

    JSON Lines and CSV are decompressed as a stream; a compressed Parquet file is held in memory, within
    `max_document_bytes`.
    Raises `DocumentError` where the shard as a whole cannot be read, or lacks a column.
    """
    rows = RowReader(source, _KIND.get(container, container), wanted, max_document_bytes=max_document_bytes, skip=skip)
    if container in {"jsonl", "csv", "tsv"}:
        chunks = as_utf8_stream(decompressed(chunks_of(stream)))
        if container == "jsonl":
            yield from read_jsonl(chunks, rows)
        else:
            yield from read_delimited(chunks, rows, _DELIMITER[container])
    elif container == "json":
        data = decompress(read_stored(b"", stream, max_document_bytes).data, max_document_bytes)
        yield from read_json(as_utf8(data), rows)
    else:
        from finner_batch.sources.parquet import read_parquet  # noqa: PLC0415 - pyarrow is slow to import

        if compression_of(stream.read(4)):
            stream.seek(0)
            data = decompress(read_stored(b"", stream, max_document_bytes).data, max_document_bytes)
            stream = io.BytesIO(data)
        stream.seek(0)
        yield from read_parquet(stream, rows)
