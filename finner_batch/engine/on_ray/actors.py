"""The actors of the pipeline. On CPUs each reads and tags; a GPU's actor tags what others read for it.

The stages' own functions do the work. Reading is done in a process of its own under the actor, by the `Pool` of a local
run: time and memory of a document are bounded, and a document that kills its process is one failed row, as there.
"""

import atexit
import os
import sys
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from time import monotonic, perf_counter
from typing import Any, Literal, TypeAlias
from uuid import uuid4

import pyarrow as pa

from finner_batch import __version__
from finner_batch.config import RunConfig
from finner_batch.engine.ahead import SessionAhead
from finner_batch.engine.on_ray.messages import (
    BESIDE,
    Broken,
    Numbered,
    Row,
    Worked,
    beside,
    rows_of,
    table_of,
    unpack_tasks,
)
from finner_batch.engine.on_ray.tally import Tally
from finner_batch.engine.parse import ParsedDocument
from finner_batch.engine.pool import Pool, SourceDone
from finner_batch.engine.record import Opened
from finner_batch.engine.tag import tag_together
from finner_batch.engine.worker import Task, WorkerOptions, own_peak_bytes
from finner_batch.errors import FinnerError
from finner_batch.tagger.model import Model, load_model
from finner_batch.tagger.session import AnySession, open_session
from finner_batch.tagger.tagger import WINDOW_SENTENCES, Tagger

DeviceName: TypeAlias = Literal["cpu", "cuda"]
NAME = uuid4().hex
"""Of this process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What an actor must know of the run; it tells `tally` what it takes up."""

    config: RunConfig
    model_id: str
    version: str
    tally: Tally
    pass_number: int = 0

    def model(self) -> Model:
        """The model as this node has it. Raises FinnerError where it, or the program, is not the run's own."""
        if __version__ != self.version:
            raise FinnerError(f"a node has finner-batch {__version__}, the run {self.version}: install the same on all")
        model = load_model(self.config.model)
        if model.model_id != self.model_id:
            raise FinnerError(f"a node has the model {model.model_id} in {model.folder}, the run {self.model_id}")
        return model

    def begin(self, stage: str, number: int, position: int, amount: int) -> bool:
        """Tell the tally; False: the block killed its actors before and is left alone."""
        return self.tally.begin(stage, (self.pass_number, number, position), amount)


class WorkingActor:
    """Takes tasks; yields tagged and failed documents, in the order of each source. One session.

    It has as many reading processes as CPUs, and tags as many batches at once; the two take turns.
    """

    def __init__(self, order: Order, device: DeviceName, cpus: int) -> None:
        _exit_at_once()
        self._tagging = _Tagging(order, device, cpus)
        self._reading = _Reading(order, device, cpus, self._tagging.ahead)

    def __call__(self, block: pa.Table) -> Iterator[pa.Table]:
        """Do one block of tasks. The session is opened while the first is read."""
        return _tables(map(self._tagging.tag, self._reading.chunks(unpack_tasks(block))))


class ReadingActor:
    """Takes tasks; yields what reading and parsing makes of them, in the order of each source."""

    def __init__(self, order: Order, device: DeviceName) -> None:
        _exit_at_once()
        self._reading = _Reading(order, device, 1)

    def __call__(self, block: pa.Table) -> Iterator[pa.Table]:
        """Read one block of tasks."""
        return _tables(self._reading.chunks(unpack_tasks(block)))


class TaggingActor:
    """Takes what was read; yields tagged documents, and everything else as it came. One session."""

    def __init__(self, order: Order, device: DeviceName) -> None:
        _exit_at_once()
        self._tagging = _Tagging(order, device, 1)

    def __call__(self, block: pa.Table) -> Iterator[pa.Table]:
        """Tag the documents of one block together."""
        return _tables(map(self._tagging.tag, map(list, map(rows_of, [block]))))


class _Reading:
    """Reading processes, and what they make of tasks for a session on `device`."""

    def __init__(self, order: Order, device: DeviceName, processes: int, ahead: SessionAhead | None = None) -> None:
        """`ahead`: opens the session of the same actor."""
        self._order = order
        self._processes = processes
        self._ahead = ahead
        self._window = order.config.window_sentences or WINDOW_SENTENCES[device]
        self._pool: Pool | None = None

    def chunks(self, numbered: list[Numbered]) -> Iterator[list[Row]]:
        """Rows of the tasks, as many together as a local run tags together, or has when it is time for a commit."""
        config = self._order.config
        rows: list[Row] = []
        sentences, began = 0, monotonic()
        for row in self._rows(numbered):
            rows.append(row)
            if isinstance(row.payload, ParsedDocument):
                sentences += len(row.payload.numbered)
            is_due = len(rows) >= config.commit_documents or monotonic() - began >= config.commit_seconds
            if sentences >= self._window or is_due:
                yield rows
                rows, sentences, began = [], 0, monotonic()
        yield rows

    def _rows(self, numbered: list[Numbered]) -> Iterator[Row]:
        tasks = iter(numbered)
        number, task = next(tasks)
        position = task.skip
        if not self._order.begin("read", number, position, len(numbered)):
            return
        pool = self._started_pool()
        to_read: Iterator[Task | None] = iter([task for _, task in numbered])
        for result in pool.results(self._ahead.from_the_first(to_read) if self._ahead else to_read):
            if result is None:
                continue
            if isinstance(result, SourceDone):
                result = replace(result, task=replace(result.task, done=frozenset()))  # noqa: PLW2901 - known there
            yield Row(number, position, result)
            position += 1
            if isinstance(result, SourceDone):
                number, task = next(tasks, (BESIDE, task))
                position = task.skip
        yield beside(Worked(actor=NAME, peak_bytes=own_peak_bytes() + pool.peak_bytes))

    def _started_pool(self) -> Pool:
        if self._pool is None:
            options = WorkerOptions.of(self._order.config, self._order.model())
            main: Any = sys.modules["__main__"]
            main.__file__ = None  # else each reading process would import Ray's own main module, and Ray with it
            self._pool = Pool(self._processes, options).__enter__()  # it ends with this process
        return self._pool


class _Tagging:
    """One session, and what it makes of documents. `ahead` opens it before there are any."""

    def __init__(self, order: Order, device: DeviceName, threads: int) -> None:
        self._order = order
        self._device = device
        self._threads = threads
        self._model: Model | None = None
        self._tagger: Tagger | None = None
        self._seconds = 0.0
        self._opened: Opened | None = None
        self.ahead = SessionAhead(self._open)

    def tag(self, rows: list[Row]) -> list[Row]:
        """The rows with their documents tagged together; none where they killed actors before."""
        untagged = [row for row in rows if isinstance(row.payload, ParsedDocument)]
        if not untagged:
            return rows
        if not self._order.begin("tag", untagged[0].number, untagged[0].position, len(untagged)):
            return []
        self._opened = None
        parsed = [row.payload for row in rows if isinstance(row.payload, ParsedDocument)]
        tagging = tag_together(parsed, self._loaded_tagger, timeout_s=self._order.config.timeout_s)
        done = [
            row._replace(payload=next(tagging.documents)) if isinstance(row.payload, ParsedDocument) else row
            for row in rows
        ]
        worked = Worked(
            actor=NAME,
            peak_bytes=own_peak_bytes(),
            opened=self._opened,
            statistics=tagging.statistics,
            tag_seconds=tagging.seconds,
        )
        return [*done, beside(worked)]

    def _open(self) -> AnySession:
        started = perf_counter()
        self._model = self._order.model()
        session = open_session(self._model, self._device, backend=self._order.config.backend, threads=self._threads)
        self._seconds = perf_counter() - started
        return session

    def _loaded_tagger(self) -> Tagger:
        if self._tagger is None:
            session = self.ahead.session()
            assert self._model is not None  # noqa: S101 - narrows the type
            self._tagger = Tagger(self._model, session, budget_tokens=self._order.config.batch_tokens or None)
            self._opened = Opened.of(session, self._seconds)
        return self._tagger


def _tables(chunks: Iterable[list[Row]]) -> Iterator[pa.Table]:
    """Each chunk as a table. What goes wrong beyond a document is told in a row: Ray is not to try it again."""
    try:
        for rows in chunks:
            yield table_of(rows)
    except Exception as error:  # noqa: BLE001 - it ends the run in the main process
        yield table_of([beside(Broken(_as_finner_error(error)))])


def _exit_at_once() -> None:
    """Let this process end without Ray's destructors: Ray 2.60 now and then waits in them for itself, for ever.

    It ends after Ray has taken leave of the cluster.
    """
    atexit.register(os._exit, 0)


def _as_finner_error(error: Exception) -> FinnerError:
    """An error as it can travel: a user's as it is, a bug with its traceback."""
    if isinstance(error, FinnerError):
        return error
    return FinnerError(f"an actor failed: {''.join(traceback.format_exception(error))}")
