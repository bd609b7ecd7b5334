"""The stage's function: a source into its documents, one at a time."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from finner_batch.errors import DocumentError
from finner_batch.sources.archive import is_archive
from finner_batch.sources.columns import Wanted
from finner_batch.sources.compression import compression_of, decompress, decompressed
from finner_batch.sources.document import Document, FailedDocument, Source
from finner_batch.sources.edgar_path import (
    document_name,
    edgar_url,
    path_document_id,
    path_file_name,
    path_header,
)
from finner_batch.sources.encoding import as_utf8
from finner_batch.sources.envelope import without_page
from finner_batch.sources.filing import read_document, read_submission
from finner_batch.sources.hive import path_keys
from finner_batch.sources.kind import SNIFF_BYTES, Container, sniff
from finner_batch.sources.rows import Skip
from finner_batch.sources.shards import SHARDS, read_shard
from finner_batch.sources.storage import fingerprint, open_seekable, read_stored
from finner_batch.sources.submission import Chosen

__all__ = ["ReadOptions", "failed_file", "fingerprint", "read_documents"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """How sources are read."""

    documents: Chosen = "main"
    """Which documents of a submission."""
    text_columns: tuple[str, ...] | None = None
    """Text columns of a shard, or patterns of them (`section_*`); None is `text`."""
    id_column: str | None = None
    """Column of a shard that names its rows; None is `id` where there is one."""
    keep_columns: tuple[str, ...] = ()
    """Columns of a shard whose values go into `documents`."""
    max_document_bytes: int = 512 << 20
    """Bound of one document, decompressed: a file that is no shard, or a row of one."""
    user_agent: str | None = None
    """How web servers are asked, for what was not fetched before."""


def read_documents(
    source: Source, options: ReadOptions, *, skip: Skip | None = None
) -> Iterator[Document | FailedDocument]:
    """Read the documents of a source, in order, lazily.

    A shard is read row group by row group or line by line, and `skip(document_id, sha256)` leaves out rows that are
    done; any other file is held in memory once, within `options.max_document_bytes`. A row, or a document of a
    submission, that cannot be read is a `FailedDocument`. Raises `DocumentError` (stage `read` or `decode`) where the
    source as a whole cannot be read, for a shard possibly after some of its rows.
    """
    if is_archive(source.uri) and not source.error:
        return  # its members are sources of their own
    with open_seekable(source, options.user_agent) as stream:
        head = stream.read(SNIFF_BYTES)
        container = container_of(head, source)
        if container in SHARDS:
            stream.seek(0)
            yield from read_shard(
                source,
                container,
                stream,
                wanted=Wanted(text=options.text_columns, id=options.id_column, keep=options.keep_columns),
                max_document_bytes=options.max_document_bytes,
                skip=skip,
            )
            return
        stored = read_stored(head, stream, options.max_document_bytes)
    data = as_utf8(decompress(stored.data, options.max_document_bytes))
    kept = tuple(path_keys(source).items())
    if container == "submission":
        for document in read_submission(source, stored, without_page(data), options.documents):
            yield replace(document, kept=kept)
    else:
        yield replace(read_document(source, stored, data), kept=kept)


def failed_file(
    source: Source,
    *,
    sha256: str,
    bytes: int,  # noqa: A002 - the column of `documents`
    stage: str,
    error_type: str,
    error: str,
) -> FailedDocument:
    """Return the row of a whole file that could not be read; its header is what its path states."""
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


def container_of(head: bytes, source: Source) -> Container:
    """Tell a source's kind by its first `SNIFF_BYTES`."""
    return sniff(decompressed_head(head), document_name(source.name))


def decompressed_head(head: bytes) -> bytes:
    """Decompress the first bytes, where they are compressed; that the data goes on behind `head` is no error."""
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
