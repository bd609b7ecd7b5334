"""The session is opened while the first documents are read: it takes longer than a small filing does."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from finner_batch.engine.worker import Task
from finner_batch.tagger.session import AnySession


class SessionAhead:
    """Opens a session in a thread of its own, from the first source on that needs work; never where none does.

    Use as a context manager: leaving it waits for an opening that has begun.
    """

    def __init__(self, open_it: Callable[[], AnySession]) -> None:
        self._open_it = open_it
        self._thread = ThreadPoolExecutor(1, "open")
        self._opening: Future[AnySession] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown()

    def from_the_first(self, tasks: Iterator[Task | None]) -> Iterator[Task | None]:
        """Pass the tasks on, and begin with the first that is one."""
        for task in tasks:
            if task is not None:
                self._begin()
            yield task

    def session(self) -> AnySession:
        """Wait for the session. Raises what opening it raises."""
        return self._begin().result()

    def _begin(self) -> Future[AnySession]:
        if self._opening is None:
            self._opening = self._thread.submit(self._open_it)
        return self._opening
