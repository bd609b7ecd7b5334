"""A session that is opened while the first documents are read: that takes longer than reading a small filing."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from finner_batch.engine.worker import Task
from finner_batch.tagger.session import AnySession


class LazySession:
    """Opens a session in its own thread once there is a task; without a task no session is opened.

    Use as a context manager: leaving it waits until a session that is being opened is open.
    """

    def __init__(self, open_session: Callable[[], AnySession]) -> None:
        self._open_session = open_session
        self._thread = ThreadPoolExecutor(1, "open")
        self._opening: Future[AnySession] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown()

    def from_first_of(self, tasks: Iterator[Task | None]) -> Iterator[Task | None]:
        """Pass the tasks on; start to open the session at the first that is not None."""
        for task in tasks:
            if task is not None:
                self._start()
            yield task

    def wait(self) -> AnySession:
        """Return the session once it is open. Raises what opening it raises."""
        return self._start().result()

    def _start(self) -> Future[AnySession]:
        if self._opening is None:
            self._opening = self._thread.submit(self._open_session)
        return self._opening
