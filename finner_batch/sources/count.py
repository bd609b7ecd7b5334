"""How many documents sources hold, as far as that is told without taking them apart."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from finner_batch.errors import DocumentError
from finner_batch.sources.archive import is_archive, members
from finner_batch.sources.compression import decompressed
from finner_batch.sources.discover import no_filing
from finner_batch.sources.document import MEMBER_MARK, Source
from finner_batch.sources.kind import SHARD_NAME
from finner_batch.sources.streams import chunks_of, is_url

_LINES = {"jsonl", "ndjson"}


def count_documents(sources: Iterable[Source], *, with_csv: bool = False) -> Iterator[tuple[Source, int | None]]:
    """Yield each source with the documents it holds: members of an archive, rows of a shard, 1 for any other file.

    A submission may turn out to hold more. None: not known before all of it is fetched or read. `with_csv`: as in
    `discover`. Raises as `sources` does.
    """
    for source in sources:
        if not is_archive(source.uri):
            yield source, _in_file(source)
        elif is_url(source.uri):
            yield source, None
        else:
            with suppress(DocumentError):
                for member in members(source):
                    if not no_filing(f"{source.uri}{MEMBER_MARK}{member.name}", with_csv=with_csv):
                        yield source, 1


def _in_file(source: Source) -> int | None:
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
        return 1  # it fails as one document
    return None
