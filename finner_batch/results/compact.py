"""Compaction: copies the rows in force into fewer, larger parts, and drops the rows that were replaced or removed.

A crash at any step loses nothing, and no step changes a view. New parts are complete before any of them is published.
They are published newest first, so that rows with the same document_id keep their order. Then the old parts are
deleted, oldest first, so that a tombstone is deleted after the rows that it hides.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import SEEK_END

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from finner_batch.errors import FinnerError
from finner_batch.results.document_rows import Rows, in_force, read_rows
from finner_batch.results.part import Layout, PartFile, PartNames, list_parts, open_parquet
from finner_batch.results.results_folder import open_results, replace_parts, require_results
from finner_batch.results.run_reports import new_run_id
from finner_batch.results.schema import DOCUMENTS, ENTITIES, with_all_columns
from finner_batch.storage.file_system import storage_errors
from finner_batch.storage.place import Place, map_in_order

TARGET_BYTES = 128 << 20
SETTLE_S = 1.0
"""Pause between publishing and deleting, so that a listing that started before it finds the old or the new parts."""
BATCH_ROWS = 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """The size of a results folder: parts, bytes of their files, rows."""

    parts: int
    bytes: int
    documents: int
    entities: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactReport:
    """The size of a results folder before and after a compaction."""

    before: Size
    after: Size


def compact(results: Place, *, target_bytes: int = TARGET_BYTES, settle_s: float = SETTLE_S) -> CompactReport:
    """Rewrite a results folder into parts of about `target_bytes` that hold only rows in force.

    Takes the lock. The oldest parts are kept as they are if they are large and all their rows are in force. Memory is
    bounded by the row groups, disk space by twice the rows in force. Raises UsageError where there are no results,
    LockedError while a run holds the lock, FinnerError where the storage refuses or a file is damaged (nothing is lost
    then).
    """
    require_results(results)
    with results.lock() as check:
        parts = open_results(results)
        rows = read_rows(results, parts, model_id="", config_id="")
        kept = in_force(rows)
        with _reading(results):
            before = _size(results, parts)
            begin = _first_to_rewrite(results, parts, rows, kept, target_bytes)
        if begin < len(parts):
            _rewrite(results, parts, begin, kept, target_bytes, check)
            results.clock.sleep(settle_s)
            check()
            with storage_errors(results):
                replace_parts(results, parts[begin:])
        with _reading(results):
            return CompactReport(before=before, after=_size(results, list_parts(results)))


def _first_to_rewrite(results: Place, parts: list[str], rows: Rows, kept: Rows, target_bytes: int) -> int:
    """Return the index of the first part to rewrite; `len(parts)` where the only one left would just be copied."""
    held, standing = (np.bincount(some.part, minlength=len(parts)) for some in (rows, kept))
    layout = Layout(results)
    begin = 0
    while begin < len(parts) and held[begin] == standing[begin] and layout.bytes(parts[begin]) >= target_bytes // 2:
        begin += 1
    alone = begin == len(parts) - 1 and held[begin] == standing[begin]
    return len(parts) if alone else begin


def _rewrite(
    results: Place, parts: list[str], begin: int, kept: Rows, target_bytes: int, check: Callable[[], None]
) -> None:
    written: list[PartFile] = []
    try:
        with storage_errors(results):
            names = PartNames(results, new_run_id(results.clock.now()))
            for index in range(begin, len(parts)):
                if not written or written[-1].bytes_on_disk >= target_bytes:
                    if written:
                        written[-1].seal()
                    written.append(PartFile(results, names.next()))
                _copy(Layout(results), parts[index], kept.row[kept.part == index], written[-1])
            written[-1].seal()
    except BaseException:
        for part in written:
            part.discard()
        raise
    with storage_errors(results):
        for part in reversed(written):
            part.publish(check)


def _copy(layout: Layout, name: str, standing: npt.NDArray[np.int32], part: PartFile) -> None:
    """Append those rows of a part that are in force to another part."""
    with _open(layout.documents(name)) as file:
        stands = np.zeros(file.metadata.num_rows, np.bool_)
        stands[standing] = True
        dropped = None
        if not stands.all():
            identities = _identities(file.read(columns=["source", "document_id"], use_threads=False))
            kept = identities.filter(pa.array(stands))
            dropped = identities.filter(pc.invert(pc.is_in(identities, kept)))
        begin = 0
        for batch in file.iter_batches(BATCH_ROWS, use_threads=False):
            end = begin + batch.num_rows
            part.documents.append(with_all_columns(batch, DOCUMENTS).filter(pa.array(stands[begin:end])))
            begin = end
    with _open(layout.entities(name)) as file:
        for batch in file.iter_batches(BATCH_ROWS, use_threads=False):
            if dropped is not None and len(dropped):
                batch = batch.filter(pc.invert(pc.is_in(_identities(batch), dropped)))  # noqa: PLW2901
            part.entities.append(with_all_columns(batch, ENTITIES))


def _identities(rows: pa.Table | pa.RecordBatch) -> pa.Array:
    """Return (source, document_id) of each row as one string: a path cannot hold the separator."""
    joined = pc.binary_join_element_wise(rows.column("source"), rows.column("document_id"), "\0")
    return joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined


@contextmanager
def _open(path: Place) -> Iterator[pq.ParquetFile]:
    with _reading(path):
        file = open_parquet(path)
    with _reading(path, (pa.ArrowException,)), file:  # an OSError can come from the file that is being written
        yield file


@contextmanager
def _reading(place: Place, kinds: tuple[type[Exception], ...] = (pa.ArrowException, OSError)) -> Iterator[None]:
    try:
        yield
    except kinds as error:
        raise FinnerError(f"{place} cannot be read: {error}. No row is lost; put that right and start again") from error


def _size(results: Place, parts: list[str]) -> Size:
    layout = Layout(results)
    documents, entities = (
        list(map_in_order(results, _bytes_and_rows, map(file, parts))) for file in (layout.documents, layout.entities)
    )
    return Size(
        parts=len(parts),
        bytes=sum(size for size, _ in (*documents, *entities)),
        documents=sum(rows for _, rows in documents),
        entities=sum(rows for _, rows in entities),
    )


def _bytes_and_rows(path: Place) -> tuple[int, int]:
    with path.open() as file:
        return file.seek(0, SEEK_END), int(pq.read_metadata(file).num_rows)
