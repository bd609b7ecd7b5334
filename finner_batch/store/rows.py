"""The rows of the `documents` files as arrays: which of them are in force, and where they stand.

The rule, the same as in `sql/views.sql`: of the rows with one (source, document_id) the newest is in force, unless it
is a tombstone. Newer is the later part, then the later row of a part. Rows that close a shard are kept apart.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from finner_batch.errors import FinnerError
from finner_batch.store.atomic import reason_of, storage_errors
from finner_batch.store.digest import Words, content_digests, name_digests
from finner_batch.store.part import Layout, list_parts
from finner_batch.store.place import Place, map_in_order, parquet_source, waits_for_answers
from finner_batch.store.schema import FAILED, FINISHED, READ_AGAIN, REMOVED, SCHEMA_VERSION, SHARD_KINDS

IS_FAILED = 1
IS_REMOVED = 2
IS_FINISHED = 4
IS_SHARD_ROW = 8
IS_CURRENT_SETTING = 16
"""Model and configuration are those asked for."""
IS_NEWEST = 32
"""The newest row of its source."""
IS_READ_AGAIN = 64
"""A failed document that the next run reads again."""

BATCH_ROWS = 65_536
_COLUMNS = ["document_id", "source", "sha256", "kind", "status", "error_type", "model_id", "config_id"]


@dataclass(frozen=True, slots=True)
class Rows:
    """Parallel arrays, one item a row: digests, `IS_…` flags, and the place (index of the part, row in it)."""

    source: Words
    document: Words
    content_high: Words
    content_low: Words
    flags: npt.NDArray[np.uint8]
    part: npt.NDArray[np.int32]
    row: npt.NDArray[np.int32]

    def take(self, selection: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> "Rows":
        """Rows by index or mask."""
        return Rows(*(getattr(self, field.name)[selection] for field in fields(self)))

    def __len__(self) -> int:
        return len(self.source)


def read_rows(results: Place, parts: Sequence[str], *, model_id: str, config_id: str) -> Rows:
    """Read all rows of the given parts, oldest first. Raises FinnerError for a damaged or too new file."""
    read = [_none()]
    places = list(enumerate(parts))
    for rows in map_in_order(results, lambda at: list(_read_part(results, at[1], at[0], model_id, config_id)), places):
        read += rows
    return Rows(*(np.concatenate([getattr(rows, field.name) for rows in read]) for field in fields(Rows)))


def in_force(rows: Rows) -> Rows:
    """Keep the rows in force, sorted by source, then document; the newest row of a source gets `IS_NEWEST`.

    A row that closes a shard stays only while it is the newest of its source: any later row means that the shard was
    begun again.
    """
    flags = rows.flags.copy()
    by_source = np.argsort(rows.source, kind="stable")
    flags[by_source[_ends(rows.source[by_source])]] |= IS_NEWEST
    closing = flags & IS_FINISHED
    order = np.lexsort((closing, rows.document, rows.source))
    last = order[_ends(rows.source[order], rows.document[order], closing[order])]
    stands = np.where(closing[last], flags[last] & IS_NEWEST, ~flags[last] & IS_REMOVED) != 0
    return replace(rows, flags=flags).take(last[stands])


def list_committed(results: Place) -> list[str]:
    """Names of the parts; none where there is no results folder yet. Raises FinnerError where it cannot be listed."""
    with storage_errors(results):
        try:
            return list_parts(results)
        except FileNotFoundError:
            return []


def _none() -> Rows:
    words, places = np.empty(0, np.uint64), np.empty(0, np.int32)
    return Rows(words, words, words, words, np.empty(0, np.uint8), places, places)


def _read_part(results: Place, name: str, index: int, model_id: str, config_id: str) -> Iterator[Rows]:
    begin = 0
    with open_documents(results, name) as file:
        for batch in file.iter_batches(BATCH_ROWS, columns=_COLUMNS, use_threads=False):
            high, low = content_digests(batch.column("sha256").to_pylist())
            status = batch.column("status")
            current = pc.and_(
                pc.equal(batch.column("model_id"), model_id), pc.equal(batch.column("config_id"), config_id)
            )
            yield Rows(
                source=_digests_of_repeated(batch.column("source")),
                document=name_digests(batch.column("document_id").to_pylist()),
                content_high=high,
                content_low=low,
                flags=_flag(pc.equal(status, FAILED), IS_FAILED)
                | _flag(pc.equal(status, REMOVED), IS_REMOVED)
                | _flag(pc.equal(status, FINISHED), IS_FINISHED)
                | _flag(pc.is_in(batch.column("kind"), pa.array(sorted(SHARD_KINDS))), IS_SHARD_ROW)
                | _flag(current, IS_CURRENT_SETTING)
                | _flag(pc.is_in(batch.column("error_type"), pa.array(sorted(READ_AGAIN))), IS_READ_AGAIN),
                part=np.full(batch.num_rows, index, np.int32),
                row=np.arange(begin, begin + batch.num_rows, dtype=np.int32),
            )
            begin += batch.num_rows


@contextmanager
def open_documents(results: Place, name: str) -> Iterator[pq.ParquetFile]:
    """Open the documents file of a part. Raises FinnerError where it is damaged, or newer than this program."""
    path = Layout(results).documents(name)
    try:
        with pq.ParquetFile(parquet_source(path), pre_buffer=waits_for_answers(path)) as file:
            version = int((file.schema_arrow.metadata or {}).get(b"finner_batch.schema_version", 0))
            if version > SCHEMA_VERSION:
                raise FinnerError(f"{path} was written by a newer finner-batch (schema {version}): upgrade")
            yield file
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        if isinstance(error, OSError) and error.errno:  # the system refuses; the file may be whole
            raise FinnerError(f"{path} cannot be read: {reason_of(error)}. Put that right and start again") from error
        raise FinnerError(
            f"{path} cannot be read: {error}. Restore it, or delete it and its twin of the same name in entities/: "
            "the next run does its documents again"
        ) from error


def _digests_of_repeated(column: pa.Array) -> Words:
    encoded = column.dictionary_encode()
    digests: Words = name_digests(encoded.dictionary.to_pylist())[encoded.indices.to_numpy()]
    return digests


def _flag(mask: pa.Array, flag: int) -> npt.NDArray[np.uint8]:
    values: npt.NDArray[np.uint8] = pc.fill_null(mask, False).to_numpy(zero_copy_only=False).astype(np.uint8)
    return values * np.uint8(flag)


def _ends(*keys: npt.NDArray[np.generic]) -> npt.NDArray[np.bool_]:
    """Mark the last item of each run of equal keys."""
    ends = np.ones(len(keys[0]), np.bool_)
    ends[:-1] = False
    for key in keys:
        ends[:-1] |= key[1:] != key[:-1]
    return ends
