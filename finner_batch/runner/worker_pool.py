"""The pool of reading processes: yields their results in the order of the tasks, and replaces a process that dies.

The order does not depend on the number of processes, so all later stages are the same for 1 and for 16. Reading ahead
is bounded: a process whose results wait for their turn blocks on its pipe.
"""

import multiprocessing
import signal
import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import ForkingPickler
from time import monotonic
from typing import Self, TypeAlias

from finner_batch.errors import FinnerError
from finner_batch.readers.document import Document, FailedDocument
from finner_batch.runner.outcomes import SourceFinished
from finner_batch.runner.parse_document import ParsedDocument
from finner_batch.runner.worker import Alive, Began, Ended, Ready, Task, WorkerOptions, work

READ_AHEAD_DOCUMENTS = 8
"""The most documents of one source that wait for their turn."""
READ_AHEAD_BYTES = 64 << 20
"""Approximate pickled size of all documents that wait for their turn."""
TASKS_PER_WORKER = 4
"""Sources that are begun and not yet delivered, for each worker."""
GRACE_S = 10.0
"""A worker that does not answer (stuck outside Python) is killed this long after its time limit."""
AWAY_S = 5.0
"""Time does not count against a worker while this process listens to none for longer than this: it was suspended, or
it tagged."""
WORKER_DIED = "WorkerDied"
"""`error_type` of a document over which a reading process died."""


_END = object()

Result: TypeAlias = ParsedDocument | FailedDocument | SourceFinished


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    connection: Connection
    is_ready: bool = False


@dataclass(slots=True)
class _Running:
    task: Task
    worker: _Worker | None
    results: deque[Result] = field(default_factory=deque)
    delivered: int = 0
    begun: Document | None = None
    resent_at: int = -1
    """How many documents were delivered when a worker died between two documents."""
    heard_at: float = field(default_factory=monotonic)
    held_bytes: int = 0
    """Pickled size of the results."""


def _end(workers: Sequence[_Worker]) -> None:
    for worker in workers:
        worker.connection.close()
        worker.process.terminate()
    for worker in workers:
        worker.process.join(5)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()


class Pool:
    """Reading processes that start when there is work for them. As a context manager, it ends them on exit."""

    def __init__(self, workers: int, options: WorkerOptions) -> None:
        """`workers` is the most that run at a time."""
        self._options = options
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["finner_batch.runner.worker"])
        self._size = workers
        self._idle: list[_Worker] = []
        self._busy: list[_Worker] = []
        self._peaks: dict[int, int] = {}
        self._listened_at = monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        _end([*self._idle, *self._busy])

    @property
    def peak_bytes(self) -> int:
        """The sum of the processes' peak resident memory: an upper bound of their memory at any time."""
        return sum(sorted(self._peaks.values(), reverse=True)[: self._size])

    def results(self, tasks: Iterator[Task | None]) -> Iterator[Result | None]:  # noqa: C901 - one loop, one state
        """Do the tasks; yield their results in task order, and None at least twice a second while there are none.

        A None among the tasks stands for a source that needs no work; it is passed on. Raises FinnerError if a
        process cannot start.
        """
        running: deque[_Running] = deque()
        exhausted = False
        self._listened_at = monotonic()
        while True:
            while not exhausted and self._has_a_worker_free and len(running) < self._size * TASKS_PER_WORKER:
                task = next(tasks, _END)
                if isinstance(task, Task):
                    running.append(self._dispatch(task))
                elif task is None:
                    yield None
                else:
                    exhausted = True
            if not running:
                return
            head = running[0]
            while head.results:
                yield head.results.popleft()
            head.held_bytes = 0
            if head.worker is None:
                running.popleft()
                continue
            has_room = sum(item.held_bytes for item in running) < READ_AHEAD_BYTES
            listening = {
                item.worker.connection: item
                for item in running
                if item.worker is not None and (item is head or (has_room and len(item.results) < READ_AHEAD_DOCUMENTS))
            }
            ready = wait(list(listening), timeout=0.5)
            self._subtract_time_away(running)
            for connection in ready:
                self._receive(listening[connection])  # type: ignore[index]
            for item in listening.values():
                self._kill_if_stuck(item)
            if not ready:
                yield None

    @property
    def _has_a_worker_free(self) -> bool:
        return bool(self._idle) or len(self._busy) < self._size

    def _start(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=work, args=(theirs, self._options), daemon=True)
        try:
            _start_fork_server()
            process.start()
        except (EOFError, OSError) as error:
            raise FinnerError(f"cannot start a reading process: {error or type(error).__name__}") from error
        theirs.close()
        return _Worker(process, ours)

    def _dispatch(self, task: Task) -> _Running:
        worker = self._idle.pop() if self._idle else self._start()
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
            packed = worker.connection.recv_bytes()
        except (EOFError, OSError):  # it died, perhaps in the middle of a message
            self._bury(running)
            return
        message = ForkingPickler.loads(packed)
        running.heard_at = monotonic()
        match message:
            case Ready():
                worker.is_ready = True
            case Alive():
                pass
            case Began(document):
                running.begun = document
            case Ended(peak_bytes, complete, kept, is_worn, other_forms):
                self._peaks[worker.process.pid or 0] = peak_bytes
                self._finish(running, complete=complete, kept=kept, other_forms=other_forms)
                if is_worn:
                    self._idle.remove(worker)
                    _end([worker])
            case _:
                running.begun = None
                running.delivered += 1
                running.results.append(message)
                running.held_bytes += len(packed)

    def _finish(self, running: _Running, *, complete: bool, kept: tuple[bytes, ...] = (), other_forms: int = 0) -> None:
        if running.worker is not None:
            self._busy.remove(running.worker)
            self._idle.append(running.worker)
            running.worker = None
        running.results.append(SourceFinished(running.task, complete, kept, other_forms))

    def _bury(self, running: _Running, reason: str | None = None) -> None:
        """Turn the death of a process into a failure of its current document, and go on with a new process."""
        worker = running.worker
        assert worker is not None  # noqa: S101 - narrows the type
        worker.process.join(5)
        self._busy.remove(worker)
        worker.connection.close()
        if not worker.is_ready:
            raise FinnerError(
                f"a reading process ended as it started (exit code {worker.process.exitcode}; stderr may say why)."
                " A higher --memory-limit-mb may help; a script that calls run() needs `if __name__ == '__main__':`"
            )
        reason = reason or f"the reading process died (exit code {worker.process.exitcode}): out of memory or a crash"
        running.worker = self._start()
        self._busy.append(running.worker)
        if running.begun is not None:
            failed = FailedDocument.of_document(running.begun, stage="extract", error_type=WORKER_DIED, error=reason)
            running.results.append(failed)
            running.begun = None
            running.delivered += 1
        elif running.resent_at == running.delivered:
            running.results.append(running.task.failed("read", WORKER_DIED, reason))
            self._finish(running, complete=False)
            return
        else:  # between two documents: the source may not be the cause, so it is tried once more
            running.resent_at = running.delivered
        self._send(running)

    def _subtract_time_away(self, running: deque[_Running]) -> None:
        now = monotonic()
        away, self._listened_at = now - self._listened_at, now
        if away > AWAY_S:
            for item in running:
                item.heard_at = min(now, item.heard_at + away)

    def _kill_if_stuck(self, running: _Running) -> None:
        worker = running.worker
        limit = self._options.timeout_s + GRACE_S
        if worker is None or monotonic() - running.heard_at < limit or worker.connection.poll():
            return
        worker.process.kill()
        self._bury(running, f"the reading process did not answer for {limit:g} s and was killed")


def _start_fork_server() -> None:
    """Start the server that the reading processes are forked from, unless it runs. Raises OSError."""
    resource_tracker.ensure_running()  # it would undo the block below
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # Ctrl-C is for the run only, also while the
    try:  # server still imports: it inherits the block
        forkserver.ensure_running()
    except OSError as error:
        if error.errno is None:  # the socket's path: a limit of the kernel, see `man 7 unix`
            raise OSError(f"{error}: set TMPDIR to a shorter folder than {tempfile.gettempdir()}") from error
        raise
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
