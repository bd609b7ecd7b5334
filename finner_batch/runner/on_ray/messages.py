"""Messages between the main process and the actors: numbered results as rows of a Ray dataset, each pickled."""

import pickle
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import pyarrow as pa

from finner_batch.errors import FinnerError
from finner_batch.runner.outcomes import DocumentOutcome, ModelCost, SessionOpened
from finner_batch.runner.parse_document import ParsedDocument
from finner_batch.runner.worker import Task

NO_TASK = -1
"""Number and position of a row that belongs to no task."""
Numbered: TypeAlias = tuple[int, Task]
SCHEMA = pa.schema([("number", pa.int64()), ("position", pa.int64()), ("payload", pa.large_binary())])


@dataclass(frozen=True, slots=True, kw_only=True)
class ActorReport:
    """The work of an actor since its last report. `peak_bytes` covers the actor and the processes that it started."""

    actor: str
    peak_bytes: int
    opened: SessionOpened | None = None
    cost: ModelCost | None = None


@dataclass(frozen=True, slots=True)
class ActorFailed:
    """An error that ends the run, as it would end a local one: a damaged model, a session that fails, a bug."""

    error: FinnerError


Payload: TypeAlias = ParsedDocument | DocumentOutcome | ActorReport | ActorFailed


class Row(NamedTuple):
    """`position` counts the documents of task `number`; `SourceFinished` has the position after the last of them."""

    number: int
    position: int
    payload: Payload


def actor_row(payload: ActorReport | ActorFailed) -> Row:
    """Return a row that belongs to no task."""
    return Row(NO_TASK, NO_TASK, payload)


def table_of(rows: Iterable[Row]) -> pa.Table:
    """Return rows as an Arrow table, their payloads pickled."""
    packed = [(row.number, row.position, pickle.dumps(row.payload, pickle.HIGHEST_PROTOCOL)) for row in rows]
    return pa.Table.from_arrays(list(map(list, zip(*packed, strict=True))) or [[], [], []], schema=SCHEMA)


def rows_of(table: pa.Table) -> Iterator[Row]:
    """Yield the rows of a table made by `table_of`."""
    columns = (table.column(name).to_pylist() for name in SCHEMA.names)
    for number, position, payload in zip(*columns, strict=True):
        yield Row(number, position, pickle.loads(payload))  # noqa: S301 - of this run's own processes


def pack_tasks(tasks: Iterable[Numbered]) -> dict[str, bytes]:
    """Return numbered tasks as one item of a dataset: the block that a reading actor gets."""
    return {"tasks": pickle.dumps(list(tasks), pickle.HIGHEST_PROTOCOL)}


def unpack_tasks(table: pa.Table) -> list[Numbered]:
    """Return the tasks of every item in the table."""
    return [task for packed in table.column("tasks").to_pylist() for task in pickle.loads(packed)]  # noqa: S301 - ours
