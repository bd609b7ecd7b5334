"""What travels between this process and the actors, as rows of a Ray dataset: results, numbered, each pickled."""

import pickle
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import pyarrow as pa

from finner_batch.engine.parse import ParsedDocument
from finner_batch.engine.pool import SourceDone
from finner_batch.engine.record import Opened
from finner_batch.engine.tag import TaggedDocument
from finner_batch.engine.worker import Task
from finner_batch.errors import FinnerError
from finner_batch.sources.document import FailedDocument
from finner_batch.tagger.tagger import TaggingStatistics

BESIDE = -1
"""The number of a row that belongs to no task."""
Numbered: TypeAlias = tuple[int, Task]
SCHEMA = pa.schema([("number", pa.int64()), ("position", pa.int64()), ("payload", pa.large_binary())])


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """What an actor says of itself now and then. `peak_bytes` is of it and the processes it started."""

    actor: str
    peak_bytes: int
    opened: Opened | None = None
    statistics: TaggingStatistics | None = None
    tag_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Broken:
    """The run cannot go on, as it could not in one process: the model is damaged, the session fails, there is a bug."""

    error: FinnerError


Payload: TypeAlias = ParsedDocument | TaggedDocument | FailedDocument | SourceDone | Worked | Broken


class Row(NamedTuple):
    """`position` counts the documents of task `number`; its `SourceDone` stands behind the last of them."""

    number: int
    position: int
    payload: Payload


def beside(payload: Worked | Broken) -> Row:
    """What belongs to no task, as a row."""
    return Row(BESIDE, BESIDE, payload)


def table_of(rows: Iterable[Row]) -> pa.Table:
    """Rows as an Arrow table, their payloads pickled."""
    packed = [(row.number, row.position, pickle.dumps(row.payload, pickle.HIGHEST_PROTOCOL)) for row in rows]
    return pa.Table.from_arrays(list(map(list, zip(*packed, strict=True))) or [[], [], []], schema=SCHEMA)


def rows_of(table: pa.Table) -> Iterator[Row]:
    """The rows of `table_of`."""
    columns = (table.column(name).to_pylist() for name in SCHEMA.names)
    for number, position, payload in zip(*columns, strict=True):
        yield Row(number, position, pickle.loads(payload))  # noqa: S301 - of this run's own processes


def pack_tasks(tasks: Iterable[Numbered]) -> dict[str, bytes]:
    """Numbered tasks as one item of a dataset: what a reading actor is given at once."""
    return {"tasks": pickle.dumps(list(tasks), pickle.HIGHEST_PROTOCOL)}


def unpack_tasks(table: pa.Table) -> list[Numbered]:
    """The tasks of every item in the table."""
    return [task for packed in table.column("tasks").to_pylist() for task in pickle.loads(packed)]  # noqa: S301 - ours
