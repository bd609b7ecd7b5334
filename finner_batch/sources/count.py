"""The number of documents in each source, where it is known without parsing the source."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from finner_batch.errors import DocumentError
from finner_batch.sources.archive import is_archive, members
from finner_batch.sources.compression import decompressed
from finner_batch.sources.discover import reason_not_a_filing
from finner_batch.sources.document import MEMBER_MARK, Source
from finner_batch.sources.kind import SHARD_NAME
from finner_batch.sources.streams import chunks_of, is_url

_LINES = {"jsonl", "ndjson"}


def count_documents(sources: Iterable[Source], *, with_csv: bool = False) -> Iterator[tuple[Source, int | None]]:
    """Yield each source with its number of documents: each archive member and other file counts 1, a shard its rows.

    A submission counts 1, although it may hold more. None means that the number is unknown until the source has been
    fetched or read. `with_csv`: as in `discover`. Raises what `sources` raises.
    """
    for source in sources:
        if not is_archive(source.uri):
            yield source, _count_in_file(source)
        elif is_url(source.uri):
            yield source, None
        else:
            with suppress(DocumentError):
                for member in members(source):
                    if not reason_not_a_filing(f"{source.uri}{MEMBER_MARK}{member.name}", with_csv=with_csv):
                        yield source, 1


def _count_in_file(source: Source) -> int | None:
    shard = SHARD_NAME.search(source.uri)
    if shard is None:
        return 1
    if is_url(source.uri):
        return None
    try:
        if shard[1].lower() in _LINES:
            with Path(source.path).open("rb") as stream:
                return sum(chunk.count(b"\n") for chunk in decompressed(chunks_of(stream)))
        if shard[0].lower() == ".parquet":
            with pq.ParquetFile(source.path) as table:
                return int(table.metadata.num_rows)
    except (OSError, DocumentError, pa.ArrowException):
        return 1  # an unreadable file is one failed document
    return None
