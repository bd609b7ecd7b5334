"""Reads a source into its documents, one at a time."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain

from finner_batch.errors import DocumentError
from finner_batch.readers.archive import is_archive
from finner_batch.readers.compression import compression_of, decompress, decompressed
from finner_batch.readers.document import Document, FailedDocument, Source
from finner_batch.readers.edgar_path import document_name, edgar_url, path_document_id, path_file_name, path_header
from finner_batch.readers.encoding import as_utf8
from finner_batch.readers.filing import StoredFile, read_document, read_submission
from finner_batch.readers.format import SNIFF_BYTES, FileFormat, sniff
from finner_batch.readers.shard_columns import ColumnChoice
from finner_batch.readers.shard_rows import Skip, path_keys
from finner_batch.readers.shards import SHARDS, read_shard
from finner_batch.readers.stored import open_stored
from finner_batch.readers.streams import bounded, chunks_of, seekable
from finner_batch.readers.submission import DocumentChoice
from finner_batch.readers.wrappers import without_page


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """How sources are read."""

    documents: DocumentChoice = "main"
    """Which documents of a submission are read."""
    text_columns: tuple[str, ...] | None = None
    """Text columns of a shard, or patterns (`section_*`); None means `text`."""
    id_column: str | None = None
    """Column of a shard with the ids of its rows; None means `id` if there is such a column."""
    keep_columns: tuple[str, ...] = ()
    """Columns of a shard whose values are copied into `documents`."""
    max_document_bytes: int = 512 << 20
    """Largest decompressed size of one document: a file that is not a shard, or a row of a shard."""
    user_agent: str | None = None
    """Names this program to web servers, for sources that were not fetched before."""


def read_documents(
    source: Source, options: ReadOptions, *, skip: Skip | None = None
) -> Iterator[Document | FailedDocument]:
    """Yield the documents of a source lazily, in order.

    A shard is read by row groups or lines, and rows for which `skip(document_id, sha256)` is true are left out. Any
    other file is read into memory, up to `options.max_document_bytes`. A row or a document of a submission that cannot
    be read is a FailedDocument. Raises DocumentError (stage `read` or `decode`) if the source as a whole cannot be
    read; for a shard, this may happen after some of its rows.
    """
    if is_archive(source.uri) and not source.error:
        return  # its members are separate sources
    with open_stored(source, options.user_agent) as stored, seekable(stored) as stream:
        head = stream.read(SNIFF_BYTES)
        file_format = file_format_of(head, source)
        if file_format in SHARDS:
            stream.seek(0)
            yield from read_shard(
                source,
                file_format,
                stream,
                columns=ColumnChoice(text=options.text_columns, id=options.id_column, keep=options.keep_columns),
                max_document_bytes=options.max_document_bytes,
                skip=skip,
            )
            return
        raw = b"".join(bounded(chain([head], chunks_of(stream)), options.max_document_bytes))
    file = StoredFile(source, sha256=hashlib.sha256(raw).hexdigest(), bytes=len(raw))
    data = as_utf8(decompress([raw], options.max_document_bytes))
    kept = tuple(path_keys(source).items())
    if file_format == "submission":
        for document in read_submission(file, without_page(data), options.documents):
            yield replace(document, kept=kept)
    else:
        yield replace(read_document(file, data), kept=kept)


def failed_file(
    source: Source,
    *,
    sha256: str,
    bytes: int,  # noqa: A002 - the column of `documents`
    stage: str,
    error_type: str,
    error: str,
) -> FailedDocument:
    """Return the failure of a whole file that could not be read, with the header fields that its path states."""
    header = path_header(source.uri)
    return FailedDocument(
        document_id=path_document_id(source),
        source=source.uri,
        kind=None,
        header=header,
        sha256=sha256,
        bytes=bytes,
        stage=stage,
        error_type=error_type,
        error=error,
        sec_url=edgar_url(header, path_file_name(source.uri)),
        kept=tuple(path_keys(source).items()),
    )


def file_format_of(head: bytes, source: Source) -> FileFormat:
    """Detect a source's format from its first `SNIFF_BYTES`."""
    return sniff(decompressed_head(head), document_name(source.name))


def decompressed_head(head: bytes) -> bytes:
    """Decompress the first bytes of a file if they are compressed, without an error because they end early."""
    if compression_of(head) is None:
        return head
    parts: list[bytes] = []
    size = 0
    try:
        for part in decompressed([head]):
            parts.append(part)
            size += len(part)
            if size >= SNIFF_BYTES:
                break
    except DocumentError:
        if len(head) < SNIFF_BYTES or not size:
            raise
    return b"".join(parts)[:SNIFF_BYTES]
