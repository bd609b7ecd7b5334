"""The writer: commits documents and their entities as parts.

All documents of a file are committed together, with the tombstones of documents that it no longer holds; rows of a
shard are committed as they come. Rows that were added but not committed are lost when the process dies, and the next
run makes them again.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self, TypeAlias

import pyarrow as pa

from finner_batch.errors import DocumentError
from finner_batch.results.ledger import Ledger
from finner_batch.results.part import PartFile, PartNames
from finner_batch.results.results_folder import open_results
from finner_batch.results.schema import (
    DOCUMENTS,
    ENTITIES,
    ENTITY_OWN,
    FINISHED,
    FROM_DOCUMENT,
    OK,
    REFUSED,
    REMOVED,
    SCHEMA_VERSION,
    SHARD_KINDS,
)
from finner_batch.storage.bucket import no_check
from finner_batch.storage.file_system import storage_errors
from finner_batch.storage.place import Place

Row: TypeAlias = dict[str, Any]

_FILLED = {"entities", "model_id", "config_id", "run_id"}
_TO_GIVE = set(DOCUMENTS.names) - _FILLED
_OWN = set(ENTITY_OWN.names)
_SLICE_CHARACTERS = 16 << 20
"""Maximum text of an Arrow batch: its offsets have 32 bits."""
_REPEATED = pa.dictionary(pa.int32(), pa.string())
_SHARED_TEXT = tuple(name for name in FROM_DOCUMENT if ENTITIES.field(name).type == pa.string())
_HELD_OWN, _HELD = (
    pa.schema([field.with_type(_REPEATED) if field.type == pa.string() else field for field in schema])
    for schema in (ENTITY_OWN, ENTITIES)
)
"""The columns of rows that wait, as dictionaries, so that a text of many rows is held once. The files have text."""


class _Held(NamedTuple):
    """Entities that wait: a batch of `_HELD`, and the length of its text without dictionaries."""

    batch: pa.RecordBatch
    characters: int


@dataclass(slots=True)
class _OpenSource:
    """A source that is not finished. The documents of a file wait here until it is."""

    waiting: list[tuple[Row, list[_Held]]] = field(default_factory=list)
    last: Row | None = None
    documents: int = 0

    @property
    def is_refused(self) -> bool:
        """Whether the only row of the source says that it cannot be read because of its content."""
        row = self.last
        return self.documents == 1 and row is not None and row["stage"] == "read" and row["error_type"] in REFUSED


class Writer:
    """Commits documents and their entities to a results folder. The caller holds its lock.

    Use it as a context manager: the exit drops what was not committed. Raises FinnerError if the storage refuses (disk
    full, read-only); what was committed before is not affected, and the writer must not be used any more.
    """

    def __init__(
        self,
        results: Place,
        *,
        ledger: Ledger,
        run_id: str,
        model_id: str,
        config_id: str,
        lock: Callable[[], None] = no_check,
    ) -> None:
        """`lock`: the check that `Place.lock` yields; called before each commit."""
        open_results(results)
        self._check = lock
        self._results = results
        self._ledger = ledger
        with storage_errors(results):
            self._names = PartNames(results, run_id)
        self._settings = {"model_id": model_id, "config_id": config_id, "run_id": run_id}
        self._part: PartFile | None = None
        self._open: dict[str, _OpenSource] = {}
        self._documents: list[Row] = []
        self._tombstones: list[Row] = []
        self._closings: list[Row] = []
        self._outcomes: list[tuple[str, bool, bool]] = []
        self._identities: set[tuple[str, str]] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()

    @property
    def pending_documents(self) -> int:
        """Rows of `documents` that the next commit publishes."""
        return len(self._documents) + len(self._tombstones) + len(self._closings)

    def add(self, document: Mapping[str, Any], entities: Sequence[Mapping[str, Any]] | pa.RecordBatch = ()) -> None:
        """Add a document, ok or failed, with its entities in the order of its text.

        `document` has columns of `DOCUMENTS`, without `entities`, `model_id`, `config_id` and `run_id`, which the
        writer fills in; missing ones are null. An entity has the columns of `ENTITY_OWN`; the others come from its
        document. Documents of a file wait until `finish`, rows of a shard go into the next commit. Raises DocumentError
        if the source already has a document of this document_id, ValueError for other columns or missing values.
        """
        row = self._document_row(document, len(entities))
        identity = (row["source"], row["document_id"])
        if identity in self._identities:
            raise DocumentError("read", f"{identity[1]} is twice in {identity[0]}: a document_id must be unique")
        batches = list(_entity_batches(row, entities))
        self._identities.add(identity)
        source = self._open.setdefault(row["source"], _OpenSource())
        source.last = row
        source.documents += 1
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
        other_forms: bool = False,
    ) -> None:
        """State that every document of a source was added, so that the next commit may hold them.

        `sha256`: of the file; None if it could not be read, and then none of its documents counts as removed.
        `complete`: False if reading ended early; then the old rows of a shard that were not reached are kept.
        `kept`: `row_digest` of the rows of a shard that were done before and were not added again.
        `other_forms`: documents were left out because of their form; if there are no others, the old rows are kept.
        `version`: of the file in an object store, for `Ledger.decide_version`.
        """
        opened = self._open.pop(source, None) or _OpenSource()
        for row, batches in opened.waiting:
            self._take(row, batches)
        if not sha256:
            return
        if other_forms and opened.last is None and not kept:
            self._outcomes.append((sha256, False, True))
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
        self._outcomes.append((sha256, done, opened.is_refused))

    def commit(self) -> str | None:
        """Publish the pending rows in one part and return its name; None if there are none. Raises FinnerError."""
        rows = [*self._tombstones, *self._documents, *self._closings]
        if rows:
            part = self._pending_part()
            with storage_errors(self._results):
                for batch in pa.Table.from_pylist(rows, schema=DOCUMENTS).to_batches():
                    part.documents.append(batch)
                part.seal()
                part.publish(self._check)
        for sha256, done, refused in self._outcomes:
            self._ledger.close(sha256, done=done, refused=refused)
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

    def _take(self, row: Row, batches: list[_Held]) -> None:
        self._ledger.settle(row["source"], row["document_id"])
        self._documents.append(row)
        part = self._pending_part()
        with storage_errors(self._results):
            for held in batches:
                part.entities.append(held.batch, held.characters)

    def _pending_part(self) -> PartFile:
        if self._part is None:
            with storage_errors(self._results):
                self._part = PartFile(self._results, self._names.next())
        return self._part


def _entity_batches(document: Row, entities: Sequence[Mapping[str, Any]] | pa.RecordBatch) -> Iterator[_Held]:
    if isinstance(entities, pa.RecordBatch):
        entities = entities.select(ENTITY_OWN.names).to_pylist()
    for entity in entities:
        if entity.keys() != _OWN:
            raise ValueError(f"entity: columns {sorted(entity.keys() ^ _OWN)} are unknown or missing")
    of_document = sum(len(document[name] or "") for name in _SHARED_TEXT)
    begin, characters = 0, 0
    for count, entity in enumerate(entities, 1):
        characters += of_document + len(entity["sentence"]) + len(entity["section"] or "")
        if characters >= _SLICE_CHARACTERS or count == len(entities):
            yield _Held(_complete(document, entities[begin:count]), characters)
            begin, characters = count, 0


def _complete(document: Row, entities: Sequence[Mapping[str, Any]]) -> pa.RecordBatch:
    """Add the columns that come from the document. Raises ValueError for a null where the schema allows none."""
    own = pa.RecordBatch.from_pylist(list(entities), _HELD_OWN)
    shared = {**document, "schema_version": SCHEMA_VERSION}
    columns = [
        _repeated(shared[item.name], item.type, own.num_rows) if item.name in FROM_DOCUMENT else own.column(item.name)
        for item in _HELD
    ]
    for item, column in zip(_HELD, columns, strict=True):
        if column.null_count and not item.nullable:
            raise ValueError(f"entities.{item.name} of {document['document_id']} is null")
    return pa.RecordBatch.from_arrays(columns, schema=_HELD)


def _repeated(value: object, kind: pa.DataType, rows: int) -> pa.Array:
    if value is None or kind != _REPEATED:
        return pa.repeat(pa.scalar(value, kind), rows) if value is not None else pa.nulls(rows, kind)
    return pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), rows), pa.array([value], pa.string()))
