"""The writer: rows in, parts out, each commit whole or absent.

What is committed together: all documents of a file, with the tombstones of those it no longer holds; single rows of a
shard, as they come. Whatever was added and not committed is gone when the process dies, and is done again.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeAlias

import pyarrow as pa

from finner_batch.errors import DocumentError
from finner_batch.objects.bucket import always
from finner_batch.store.atomic import storage_errors
from finner_batch.store.folder import open_results
from finner_batch.store.ledger import Ledger
from finner_batch.store.part import PartFile, PartNames
from finner_batch.store.place import Place
from finner_batch.store.schema import (
    DOCUMENTS,
    ENTITIES,
    ENTITY_OWN,
    FINISHED,
    FROM_DOCUMENT,
    OK,
    REMOVED,
    SCHEMA_VERSION,
    SHARD_KINDS,
)

Row: TypeAlias = dict[str, Any]

_FILLED = {"entities", "model_id", "config_id", "run_id"}
_TO_GIVE = set(DOCUMENTS.names) - _FILLED
_SLICE_CHARACTERS = 16 << 20
"""Sentence text that one Arrow batch holds at most (its offsets are 32 bits)."""


@dataclass(slots=True)
class _OpenSource:
    """A source whose documents are coming in. Those of a file wait here until it is finished."""

    waiting: list[tuple[Row, list[pa.RecordBatch]]] = field(default_factory=list)
    last: Row | None = None


class Writer:
    """Commits documents and their entities to a results folder. The caller holds the folder's lock.

    Use as a context manager: leaving it drops what was not committed. A disk that refuses (full, read-only) raises
    FinnerError and leaves what was committed before; the writer is of no use after that.
    """

    def __init__(
        self,
        results: Place,
        *,
        ledger: Ledger,
        run_id: str,
        model_id: str,
        config_id: str,
        lock: Callable[[], None] = always,
    ) -> None:
        """`lock`: what `lock_results` yields; asked before each commit."""
        open_results(results)
        self._lock = lock
        self._results = results
        self._ledger = ledger
        self._names = PartNames(results, run_id)
        self._settings = {"model_id": model_id, "config_id": config_id, "run_id": run_id}
        self._part: PartFile | None = None
        self._open: dict[str, _OpenSource] = {}
        self._documents: list[Row] = []
        self._tombstones: list[Row] = []
        self._closings: list[Row] = []
        self._outcomes: list[tuple[str, bool]] = []
        self._identities: set[tuple[str, str]] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()

    @property
    def pending_documents(self) -> int:
        """Rows of `documents` that the next commit would publish."""
        return len(self._documents) + len(self._tombstones) + len(self._closings)

    def add(self, document: Mapping[str, Any], entities: Sequence[Mapping[str, Any]] | pa.RecordBatch = ()) -> None:
        """Add a document, ok or failed, with its entities in the order of its text.

        `document` has columns of `DOCUMENTS` but for `entities`, `model_id`, `config_id` and `run_id`, which are filled
        in here; absent ones are null. An entity has the columns of `ENTITY_OWN`; the others come from its document.
        Documents of a file are held until `finish`, rows of a shard go into the next commit. Raises DocumentError
        where the source has brought this document_id already, ValueError for other columns or missing values.
        """
        row = self._document_row(document, len(entities))
        identity = (row["source"], row["document_id"])
        if identity in self._identities:
            raise DocumentError("read", f"{identity[1]} stands twice in {identity[0]}: a document_id must be its own")
        batches = list(_entity_batches(row, entities))
        self._identities.add(identity)
        source = self._open.setdefault(row["source"], _OpenSource())
        source.last = row
        if row["kind"] in SHARD_KINDS:
            self._take(row, batches)
        else:
            source.waiting.append((row, batches))

    def finish(
        self,
        source: str,
        sha256: str | None,
        *,
        complete: bool = True,
        kept: Sequence[bytes] = (),
        version: str = "",
    ) -> None:
        """Say that every document of a source was added, so that the next commit may hold them.

        `sha256`: of the file; None where it could not be read, and then nothing of the source is taken for removed.
        `complete`: False where reading broke off; the old rows of a shard that did not come up then stay.
        `kept`: `row_digest` of the shard's rows that were done before and were not added again.
        `version`: what an object store calls this state of the file, so that `Ledger.decide_version` knows it again.
        """
        opened = self._open.pop(source, None) or _OpenSource()
        for row, batches in opened.waiting:
            self._take(row, batches)
        if not sha256:
            return
        is_shard = opened.last is None or opened.last["kind"] in SHARD_KINDS
        self._ledger.settle_rows(source, kept)
        common = {"sha256": sha256, "entities": 0, **self._settings}
        for holder, document_id in self._ledger.stale(source, sha256, complete=complete):
            self._tombstones.append({"document_id": document_id, "source": holder, "status": REMOVED, **common})
        if is_shard and complete:
            self._closings.append({"document_id": source, "source": source, "status": FINISHED, **common})
        done = complete if is_shard else opened.last is not None and opened.last["status"] == OK
        if version and done and not is_shard and all(row["status"] == OK for row, _ in opened.waiting):
            self._closings.append({"document_id": version, "source": source, "status": FINISHED, **common})
        self._outcomes.append((sha256, done))

    def commit(self) -> str | None:
        """Publish what is pending in one part and return its name; None where nothing is. Raises FinnerError."""
        rows = [*self._tombstones, *self._documents, *self._closings]
        if rows:
            part = self._pending_part()
            with storage_errors(self._results):
                for batch in pa.Table.from_pylist(rows, schema=DOCUMENTS).to_batches():
                    part.documents.append(batch)
                part.seal()
                part.publish(self._lock)
        for sha256, done in self._outcomes:
            self._ledger.close(sha256, done=done)
        name = self._part.name if self._part else None
        self._part = None
        self._documents, self._tombstones, self._closings, self._outcomes = [], [], [], []
        self._identities = {
            (row["source"], row["document_id"]) for opened in self._open.values() for row, _ in opened.waiting
        }
        return name

    def discard(self) -> None:
        """Drop what was not committed."""
        self._open.clear()
        if self._part:
            self._part.discard()
            self._part = None

    def _document_row(self, document: Mapping[str, Any], entities: int) -> Row:
        unknown = document.keys() - _TO_GIVE
        missing = [name for name in ("document_id", "source", "status") if not document.get(name)]
        if unknown or missing:
            raise ValueError(f"document row: unknown columns {sorted(unknown)}, missing {missing}")
        row: Row = {name: document.get(name) for name in DOCUMENTS.names} | self._settings | {"entities": entities}
        row["sha256"] = row["sha256"] or None
        return row

    def _take(self, row: Row, batches: list[pa.RecordBatch]) -> None:
        self._ledger.settle(row["source"], row["document_id"])
        self._documents.append(row)
        part = self._pending_part()
        with storage_errors(self._results):
            for batch in batches:
                part.entities.append(batch)

    def _pending_part(self) -> PartFile:
        if self._part is None:
            with storage_errors(self._results):
                self._part = PartFile(self._results, self._names.next())
        return self._part


def _entity_batches(document: Row, entities: Sequence[Mapping[str, Any]] | pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    if isinstance(entities, pa.RecordBatch):
        yield _complete(document, entities.select(ENTITY_OWN.names).cast(ENTITY_OWN))
        return
    for entity in entities:
        if entity.keys() != set(ENTITY_OWN.names):
            raise ValueError(f"entity: columns {sorted(entity.keys() ^ set(ENTITY_OWN.names))} are unknown or missing")
    begin, characters = 0, 0
    for place, entity in enumerate(entities, 1):
        characters += len(entity["sentence"])
        if characters >= _SLICE_CHARACTERS or place == len(entities):
            yield _complete(document, pa.RecordBatch.from_pylist(list(entities[begin:place]), ENTITY_OWN))
            begin, characters = place, 0


def _complete(document: Row, own: pa.RecordBatch) -> pa.RecordBatch:
    """Add the columns that are the document's. Raises ValueError for a null where the schema allows none."""
    shared = {**document, "schema_version": SCHEMA_VERSION}
    columns = [
        pa.repeat(pa.scalar(shared[item.name], item.type), own.num_rows)
        if item.name in FROM_DOCUMENT
        else own.column(item.name)
        for item in ENTITIES
    ]
    for item, column in zip(ENTITIES, columns, strict=True):
        if column.null_count and not item.nullable:
            raise ValueError(f"entities.{item.name} of {document['document_id']} is null")
    return pa.RecordBatch.from_arrays(columns, schema=ENTITIES)
