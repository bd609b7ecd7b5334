"""Worker processes, their results in the order of the tasks, and what happens when one of them dies.

Results come in task order whatever the number of workers, so everything after this point is the same for 1 and for 16.
What is read ahead is bounded: a worker whose results wait for their turn blocks on its pipe.
"""

import multiprocessing
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from time import monotonic
from types import TracebackType
from typing import Self, TypeAlias

from finner_batch.engine.parse import ParsedDocument
from finner_batch.engine.worker import Began, Ended, Task, WorkerOptions, failed_document, failed_source, work
from finner_batch.sources.document import Document, FailedDocument

READ_AHEAD_DOCUMENTS = 8
"""Documents of one source that wait for their turn at most."""
TASKS_PER_WORKER = 4
"""Sources begun and not yet delivered, per worker."""
GRACE_S = 10.0
"""Beyond its time limit, a worker that answers nothing (stuck outside Python) is killed after this long."""


@dataclass(frozen=True, slots=True)
class SourceDone:
    """Every document of the task's source was delivered. `complete` is False where reading it broke off.

    `kept`: digests of the shard's rows that were done before.
    """

    task: Task
    complete: bool
    kept: tuple[bytes, ...] = ()


Result: TypeAlias = ParsedDocument | FailedDocument | SourceDone


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    connection: Connection


@dataclass(slots=True)
class _Running:
    task: Task
    worker: _Worker | None
    results: deque[Result] = field(default_factory=deque)
    delivered: int = 0
    begun: Document | None = None
    heard_at: float = field(default_factory=monotonic)


class Pool:
    """A fixed number of worker processes. Use as a context manager: leaving it ends them."""

    def __init__(self, workers: int, options: WorkerOptions) -> None:
        self._options = options
        method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
        self._context: ForkServerContext | SpawnContext
        if method == "forkserver":
            self._context = multiprocessing.get_context("forkserver")
            self._context.set_forkserver_preload(["finner_batch.engine.worker"])
        else:
            self._context = multiprocessing.get_context("spawn")
        self._size = workers
        self._idle: list[_Worker] = []
        self._busy: list[_Worker] = []
        self._peaks: dict[int, int] = {}

    def __enter__(self) -> Self:
        self._idle = [self._start() for _ in range(self._size)]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in (*self._idle, *self._busy):
            worker.connection.close()
            worker.process.terminate()
        for worker in (*self._idle, *self._busy):
            worker.process.join(5)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()

    @property
    def peak_bytes(self) -> int:
        """Sum of the workers' peak resident memory, an upper bound of what they held at once."""
        return sum(sorted(self._peaks.values(), reverse=True)[: self._size])

    def results(self, tasks: Iterator[Task]) -> Iterator[Result | None]:
        """Run the tasks; yield their results in task order, and None now and then while there is nothing to yield."""
        running: deque[_Running] = deque()
        exhausted = False
        while True:
            while not exhausted and self._idle and len(running) < self._size * TASKS_PER_WORKER:
                task = next(tasks, None)
                if task is None:
                    exhausted = True
                else:
                    running.append(self._dispatch(task))
            if not running:
                return
            head = running[0]
            while head.results:
                yield head.results.popleft()
            if head.worker is None:
                running.popleft()
                continue
            listening = {
                item.worker.connection: item
                for item in running
                if item.worker is not None and (item is head or len(item.results) < READ_AHEAD_DOCUMENTS)
            }
            ready = wait(list(listening), timeout=0.5)
            for connection in ready:
                self._receive(listening[connection])  # type: ignore[index]
            for item in listening.values():
                self._kill_if_stuck(item)
            if not ready:
                yield None

    def _start(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=work, args=(theirs, self._options), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours)

    def _dispatch(self, task: Task) -> _Running:
        worker = self._idle.pop()
        self._busy.append(worker)
        running = _Running(task, worker)
        self._send(running)
        return running

    def _send(self, running: _Running) -> None:
        assert running.worker is not None  # noqa: S101 - narrows the type
        running.heard_at = monotonic()
        try:
            running.worker.connection.send(replace(running.task, skip=running.delivered))
        except (BrokenPipeError, ConnectionResetError):
            self._bury(running)

    def _receive(self, running: _Running) -> None:
        worker = running.worker
        assert worker is not None  # noqa: S101 - narrows the type
        try:
            message = worker.connection.recv()
        except (EOFError, ConnectionResetError):
            self._bury(running)
            return
        running.heard_at = monotonic()
        match message:
            case Began(document):
                running.begun = document
            case Ended(peak_bytes, complete, kept):
                self._peaks[worker.process.pid or 0] = peak_bytes
                self._finish(running, complete=complete, kept=kept)
            case _:
                running.begun = None
                running.delivered += 1
                running.results.append(message)

    def _finish(self, running: _Running, *, complete: bool, kept: tuple[bytes, ...] = ()) -> None:
        if running.worker is not None:
            self._busy.remove(running.worker)
            self._idle.append(running.worker)
            running.worker = None
        running.results.append(SourceDone(running.task, complete, kept))

    def _bury(self, running: _Running, reason: str | None = None) -> None:
        """Record a worker's death as the failure of what it was doing, and go on with a new worker."""
        worker = running.worker
        assert worker is not None  # noqa: S101 - narrows the type
        worker.process.join(5)
        self._busy.remove(worker)
        worker.connection.close()
        stage, kind = "extract", "WorkerDied"
        reason = reason or f"the reading process died (exit code {worker.process.exitcode}): out of memory or a crash"
        replacement = self._start()
        self._busy.append(replacement)
        running.worker = replacement
        running.delivered += 1
        if running.begun is None:
            running.results.append(failed_source(running.task, "read", kind, reason))
            self._finish(running, complete=False)
            return
        running.results.append(failed_document(running.begun, stage, kind, reason))
        running.begun = None
        self._send(running)

    def _kill_if_stuck(self, running: _Running) -> None:
        worker = running.worker
        limit = self._options.timeout_s + GRACE_S
        if worker is None or monotonic() - running.heard_at < limit or worker.connection.poll():
            return
        worker.process.kill()
        self._bury(running, f"the reading process did not answer for {limit:g} s and was killed")
