"""The rows of the `documents` files as arrays, and the selection of those in force.

The rule is that of `sql/views.sql`: of the rows with the same (source, document_id) the newest is in force, unless it
is a tombstone. A row is newer if its part is later, and within a part if it comes later. Rows that close a shard are
kept apart.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from finner_batch.errors import FinnerError
from finner_batch.results.digests import Words64, content_digests, name_digests
from finner_batch.results.part import Layout, list_parts, open_parquet
from finner_batch.results.schema import FAILED, FINISHED, READ_AGAIN, REMOVED, SCHEMA_VERSION, SHARD_KINDS
from finner_batch.storage.file_system import reason_of, storage_errors
from finner_batch.storage.place import Place, map_in_order

IS_FAILED = 1
IS_REMOVED = 2
IS_FINISHED = 4
IS_SHARD_ROW = 8
IS_CURRENT_SETTING = 16
"""Model and configuration are those of this run."""
IS_NEWEST = 32
"""The newest row of its source."""
IS_READ_AGAIN = 64
"""A failed document that the next run reads again."""

BATCH_ROWS = 65_536
KEPT_GROUPS = 4
_COLUMNS = ["document_id", "source", "sha256", "kind", "status", "error_type", "model_id", "config_id"]


@dataclass(frozen=True, slots=True)
class Rows:
    """Parallel arrays with one item per row: digests, `IS_…` flags, and the position (index of the part, row in it)."""

    source: Words64
    document: Words64
    content_high: Words64
    content_low: Words64
    flags: npt.NDArray[np.uint8]
    part: npt.NDArray[np.int32]
    row: npt.NDArray[np.int32]

    def take(self, selection: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> "Rows":
        """Select rows by index or mask."""
        return Rows(*(getattr(self, field.name)[selection] for field in fields(self)))

    def __len__(self) -> int:
        return len(self.source)


def read_rows(results: Place, parts: Sequence[str], *, model_id: str, config_id: str) -> Rows:
    """Read all rows of the given parts, oldest first. Raises FinnerError for a file that is damaged or too new."""

    def read_part(numbered: tuple[int, str]) -> list[Rows]:
        index, name = numbered
        return list(_read_part(results, name, index, model_id, config_id))

    read = [_none()]
    for rows in map_in_order(results, read_part, enumerate(parts)):
        read += rows
    return Rows(*(np.concatenate([getattr(rows, field.name) for rows in read]) for field in fields(Rows)))


def in_force(rows: Rows) -> Rows:
    """Keep the rows in force, sorted by source, then document; the newest row of a source gets `IS_NEWEST`.

    A row that closes a shard is in force only while it is the newest of its source: a later row means that the shard
    was started again.
    """
    flags = rows.flags.copy()
    by_source = np.argsort(rows.source, kind="stable")
    flags[by_source[_ends(rows.source[by_source])]] |= IS_NEWEST
    closing = flags & IS_FINISHED
    order = np.lexsort((closing, rows.document, rows.source))
    last = order[_ends(rows.source[order], rows.document[order], closing[order])]
    is_in_force = np.where(closing[last], flags[last] & IS_NEWEST, ~flags[last] & IS_REMOVED) != 0
    return replace(rows, flags=flags).take(last[is_in_force])


def list_committed(results: Place) -> list[str]:
    """List the parts; none if there is no results folder yet. Raises FinnerError if it cannot be listed."""
    with storage_errors(results):
        try:
            return list_parts(results)
        except FileNotFoundError:
            return []


def _none() -> Rows:
    words, positions = np.empty(0, np.uint64), np.empty(0, np.int32)
    return Rows(words, words, words, words, np.empty(0, np.uint8), positions, positions)


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
    """Open the documents file of a part. Raises FinnerError if it is damaged, or newer than this program."""
    path = Layout(results).documents(name)
    try:
        with open_parquet(path, pre_buffer=path.local_path is None) as file:
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


class DocumentNames:
    """Reads columns of given rows back from the documents files, for which a digest is not enough.

    It reads row groups and keeps the latest, because sources come in about the order in which they were written.
    """

    def __init__(self, results: Place, parts: Sequence[str]) -> None:
        self._results = results
        self._parts = parts
        self._group = lru_cache(KEPT_GROUPS)(self._read_group)
        self._starts = lru_cache(KEPT_GROUPS)(self._read_starts)

    def read(self, rows: Rows, columns: tuple[str, ...]) -> Iterator[tuple[Any, ...]]:
        """Yield the values of the columns in the given rows, in the order of their positions."""
        for part in np.unique(rows.part):
            wanted = np.sort(rows.row[rows.part == part])
            starts = self._starts(int(part))
            groups = np.searchsorted(starts, wanted, "right") - 1
            for group in np.unique(groups):
                table = self._group(int(part), int(group), columns)
                chosen = table.take(pa.array(wanted[groups == group] - starts[group]))
                yield from zip(*(chosen.column(column).to_pylist() for column in columns), strict=True)

    def _read_starts(self, part: int) -> npt.NDArray[np.int64]:
        with open_documents(self._results, self._parts[part]) as file:
            sizes = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
        return np.cumsum([0, *sizes], dtype=np.int64)[:-1]

    def _read_group(self, part: int, group: int, columns: tuple[str, ...]) -> pa.Table:
        with open_documents(self._results, self._parts[part]) as file:
            return file.read_row_group(group, columns=list(columns), use_threads=False)


def _digests_of_repeated(column: pa.Array) -> Words64:
    encoded = column.dictionary_encode()
    digests: Words64 = name_digests(encoded.dictionary.to_pylist())[encoded.indices.to_numpy()]
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
