"""The actors of the pipeline. On CPUs each reads and tags; a GPU's actor tags what other actors read for it.

They call the stages of a local run. An actor reads in processes under it, by the same `Pool`: time and memory of a
document are bounded, and a document that kills its process is one failed row.
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

from finner_batch.config import RunConfig
from finner_batch.errors import FinnerError
from finner_batch.machine import own_peak_bytes
from finner_batch.runner.on_ray.attempts import AttemptCounter
from finner_batch.runner.on_ray.messages import (
    NO_TASK,
    ActorFailed,
    ActorReport,
    Numbered,
    Row,
    actor_row,
    rows_of,
    table_of,
    unpack_tasks,
)
from finner_batch.runner.outcomes import SessionOpened, SourceFinished
from finner_batch.runner.parse_document import ParsedDocument
from finner_batch.runner.tag_documents import LazySession, tag_together
from finner_batch.runner.worker import Task, WorkerOptions
from finner_batch.runner.worker_pool import Pool
from finner_batch.tagging.model import Model, load_model
from finner_batch.tagging.session import AnySession, open_session
from finner_batch.tagging.tagger import WINDOW_SENTENCES, Tagger
from finner_batch.version import __version__

DeviceName: TypeAlias = Literal["cpu", "cuda"]
ACTOR_ID = uuid4().hex
"""The id of this process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActorOptions:
    """The settings of the run that an actor needs, and the counter of the work that it begins."""

    config: RunConfig
    model_id: str
    version: str
    attempts: AttemptCounter
    pass_number: int = 0

    def model(self) -> Model:
        """Load the model on this node. Raises FinnerError if its id, or the program's version, is not the run's."""
        if __version__ != self.version:
            raise FinnerError(f"a node has finner-batch {__version__}, the run {self.version}: install the same on all")
        model = load_model(self.config.model)
        if model.model_id != self.model_id:
            raise FinnerError(f"a node has the model {model.model_id} in {model.folder}, the run {self.model_id}")
        return model

    def begin(self, stage: str, number: int, position: int, amount: int) -> bool:
        """Count an attempt; False: the block killed its actors before and must be left alone."""
        return self.attempts.begin(stage, (self.pass_number, number, position), amount)


class WorkingActor:
    """Takes tasks; yields tagged and failed documents, in the order of each source. It has one session.

    It has as many reading processes as CPUs, and tags as many batches at once; reading and tagging take turns.
    """

    def __init__(self, options: ActorOptions, device: DeviceName, cpus: int) -> None:
        _exit_without_destructors()
        self._tagging = _Tagging(options, device, cpus)
        self._reading = _Reading(options, device, cpus, self._tagging.session)

    def __call__(self, block: pa.Table) -> Iterator[pa.Table]:
        """Do one block of tasks. The session is opened while the first is read."""
        return _tables(map(self._tagging.tag, self._reading.chunks(unpack_tasks(block))))


class ReadingActor:
    """Takes tasks; yields parsed and failed documents, in the order of each source."""

    def __init__(self, options: ActorOptions, device: DeviceName) -> None:
        _exit_without_destructors()
        self._reading = _Reading(options, device, 1)

    def __call__(self, block: pa.Table) -> Iterator[pa.Table]:
        """Read one block of tasks."""
        return _tables(self._reading.chunks(unpack_tasks(block)))


class TaggingActor:
    """Takes what was read; yields tagged documents, and everything else unchanged. It has one session."""

    def __init__(self, options: ActorOptions, device: DeviceName) -> None:
        _exit_without_destructors()
        self._tagging = _Tagging(options, device, 1)

    def __call__(self, block: pa.Table) -> Iterator[pa.Table]:
        """Tag the documents of one block together."""
        return _tables(self._tagging.tag(list(rows_of(one))) for one in (block,))


class _Reading:
    """Reading processes for a session on `device`; `session` if the same actor opens it."""

    def __init__(
        self, options: ActorOptions, device: DeviceName, processes: int, session: LazySession | None = None
    ) -> None:
        self._options = options
        self._processes = processes
        self._session = session
        self._window = options.config.window_sentences or WINDOW_SENTENCES[device]
        self._pool: Pool | None = None

    def chunks(self, numbered: list[Numbered]) -> Iterator[list[Row]]:
        """Yield the rows of the tasks, grouped as a local run groups them: a window, or until a commit is due."""
        config = self._options.config
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
        if not self._options.begin("read", number, position, len(numbered)):
            return
        pool = self._started_pool()
        to_read: Iterator[Task | None] = iter([task for _, task in numbered])
        for result in pool.results(self._session.from_first_of(to_read) if self._session else to_read):
            if result is None:
                continue
            if isinstance(result, SourceFinished):  # the main process has the digests of the rows that are done
                yield Row(number, position, replace(result, task=replace(result.task, done=frozenset())))
                number, task = next(tasks, (NO_TASK, task))
                position = task.skip
            else:
                yield Row(number, position, result)
                position += 1
        yield actor_row(ActorReport(actor=ACTOR_ID, peak_bytes=own_peak_bytes() + pool.peak_bytes))

    def _started_pool(self) -> Pool:
        if self._pool is None:
            options = WorkerOptions.of(self._options.config, self._options.model())
            main: Any = sys.modules["__main__"]
            main.__file__ = None  # else each reading process would import Ray's own main module, and Ray with it
            self._pool = Pool(self._processes, options).__enter__()  # it ends with this process
        return self._pool


class _Tagging:
    def __init__(self, options: ActorOptions, device: DeviceName, threads: int) -> None:
        self._options = options
        self._device = device
        self._threads = threads
        self._model: Model | None = None
        self._tagger: Tagger | None = None
        self._seconds = 0.0
        self._opened: SessionOpened | None = None
        self.session = LazySession(self._open)

    def tag(self, rows: list[Row]) -> list[Row]:
        """Return the rows with their documents tagged together; no rows if they killed actors before."""
        untagged = [row for row in rows if isinstance(row.payload, ParsedDocument)]
        if not untagged:
            return rows
        if not self._options.begin("tag", untagged[0].number, untagged[0].position, len(untagged)):
            return []
        self._opened = None
        parsed = [row.payload for row in rows if isinstance(row.payload, ParsedDocument)]
        tagger = self._loaded_tagger() if any(document.windows for document in parsed) else None
        tagging = tag_together(parsed, tagger, timeout_s=self._options.config.timeout_s)
        done = [
            row._replace(payload=next(tagging.documents)) if isinstance(row.payload, ParsedDocument) else row
            for row in rows
        ]
        report = ActorReport(actor=ACTOR_ID, peak_bytes=own_peak_bytes(), opened=self._opened, cost=tagging.cost)
        return [*done, actor_row(report)]

    def _open(self) -> AnySession:
        started = perf_counter()
        self._model = self._options.model()
        session = open_session(self._model, self._device, backend=self._options.config.backend, threads=self._threads)
        self._seconds = perf_counter() - started
        return session

    def _loaded_tagger(self) -> Tagger:
        if self._tagger is None:
            session = self.session.wait()
            assert self._model is not None  # noqa: S101 - narrows the type
            self._tagger = Tagger(self._model, session, budget_tokens=self._options.config.batch_tokens or None)
            self._opened = SessionOpened.of(session, self._seconds)
        return self._tagger


def _tables(chunks: Iterable[list[Row]]) -> Iterator[pa.Table]:
    """Yield each chunk as a table. An error that is not of one document becomes a row: Ray must not try again."""
    try:
        for rows in chunks:
            yield table_of(rows)
    except Exception as error:  # noqa: BLE001 - it ends the run in the main process
        yield table_of([actor_row(ActorFailed(_as_finner_error(error)))])


def _exit_without_destructors() -> None:
    """End this process without Ray's destructors, in which Ray 2.60 sometimes waits for itself without end.

    The process ends after Ray has left the cluster.
    """
    atexit.register(os._exit, 0)


def _as_finner_error(error: Exception) -> FinnerError:
    """Return an error that can be pickled: a user's error as it is, a bug with its traceback."""
    if isinstance(error, FinnerError):
        return error
    return FinnerError(f"an actor failed: {''.join(traceback.format_exception(error))}")
