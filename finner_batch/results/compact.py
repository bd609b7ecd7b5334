"""Compaction: copies the rows in force into fewer, larger parts, and drops the rows that were replaced or removed.

A crash at any step loses nothing, and no step changes a view. New parts are complete before any of them is published.
They are published newest first, so that rows with the same document_id keep their order. Then the old parts are
deleted, oldest first, so that a tombstone is deleted after the rows that it hides.
"""

from collections.abc import Callable, Iterator, Sequence
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
"""Pause between publishing and deleting, so that a listing that started before finds the old or the new parts."""
BATCH_ROWS = 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """The size of some parts: their number, the bytes of their files, and their rows."""

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
    bounded by the row groups, disk space by twice the rows in force. Raises UsageError if there are no results,
    LockedError while a run holds the lock, FinnerError if the storage refuses or a file is damaged; nothing is lost
    then.
    """
    require_results(results)
    with results.lock() as check:
        parts = open_results(results)
        rows = read_rows(results, parts, model_id="", config_id="")
        kept = in_force(rows)
        with _reading(results):
            sizes = list(map_in_order(results, lambda part: _size(results, part), parts))
        begin = _first_to_rewrite(sizes, rows, kept, target_bytes)
        if begin < len(parts):
            _rewrite(results, parts, begin, kept, target_bytes, check)
            results.clock.sleep(settle_s)
            check()
            with storage_errors(results):
                replace_parts(results, parts[begin:])
        with _reading(results):
            after = list(map_in_order(results, lambda part: _size(results, part), list_parts(results)))
            return CompactReport(before=_total(sizes), after=_total(after))


def _first_to_rewrite(sizes: list[Size], rows: Rows, kept: Rows, target_bytes: int) -> int:
    """Return the index of the first part to rewrite; `len(sizes)` if the only one left would just be copied."""
    all_rows, rows_kept = (np.bincount(some.part, minlength=len(sizes)) for some in (rows, kept))
    is_kept = all_rows == rows_kept
    begin = 0
    while begin < len(sizes) and is_kept[begin] and sizes[begin].bytes >= target_bytes // 2:
        begin += 1
    is_only_copied = begin == len(sizes) - 1 and is_kept[begin]
    return len(sizes) if is_only_copied else begin


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


def _copy(layout: Layout, name: str, rows_kept: npt.NDArray[np.int32], part: PartFile) -> None:
    """Append those rows of a part that are in force to another part."""
    with _open(layout.documents(name)) as file:
        is_kept = np.zeros(file.metadata.num_rows, np.bool_)
        is_kept[rows_kept] = True
        dropped = None
        if not is_kept.all():
            identities = _identities(file.read(columns=["source", "document_id"], use_threads=False))
            kept = identities.filter(pa.array(is_kept))
            dropped = identities.filter(pc.invert(pc.is_in(identities, kept)))
        begin = 0
        for batch in file.iter_batches(BATCH_ROWS, use_threads=False):
            end = begin + batch.num_rows
            part.documents.append(with_all_columns(batch, DOCUMENTS).filter(pa.array(is_kept[begin:end])))
            begin = end
    with _open(layout.entities(name)) as file:
        for batch in file.iter_batches(BATCH_ROWS, use_threads=False):
            if dropped is not None and len(dropped):
                batch = batch.filter(pc.invert(pc.is_in(_identities(batch), dropped)))  # noqa: PLW2901
            part.entities.append(with_all_columns(batch, ENTITIES))


def _identities(rows: pa.Table | pa.RecordBatch) -> pa.Array:
    """Return (source, document_id) of each row as one string, with a separator that no path holds."""
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


def _size(results: Place, part: str) -> Size:
    (documents_bytes, documents), (entities_bytes, entities) = (
        _bytes_and_rows(file) for file in (Layout(results).documents(part), Layout(results).entities(part))
    )
    return Size(parts=1, bytes=documents_bytes + entities_bytes, documents=documents, entities=entities)


def _total(sizes: Sequence[Size]) -> Size:
    return Size(
        parts=len(sizes),
        bytes=sum(size.bytes for size in sizes),
        documents=sum(size.documents for size in sizes),
        entities=sum(size.entities for size in sizes),
    )


def _bytes_and_rows(path: Place) -> tuple[int, int]:
    with path.open() as file:
        return file.seek(0, SEEK_END), int(pq.read_metadata(file).num_rows)
