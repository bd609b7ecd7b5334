"""The clock of the storage: the system's, or one that a simulation provides."""

# ruff: noqa: D102 - `Clock` documents the methods of `SystemClock`

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """A source of time. All durations are in seconds."""

    def now(self) -> datetime:
        """Return the date and time in UTC. It can go backwards when the clock is set."""

    def monotonic(self) -> float:
        """Return seconds that never go backwards and that include the time a machine sleeps."""

    def sleep(self, seconds: float) -> None:
        """Wait this many seconds."""

    def repeat(self, seconds: float, call: Callable[[], None]) -> Callable[[], None]:
        """Call a function in the background every `seconds`. Return a function that stops this."""


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def repeat(self, seconds: float, call: Callable[[], None]) -> Callable[[], None]:
        ended = threading.Event()

        def run() -> None:
            while not ended.wait(seconds):
                call()

        thread = threading.Thread(target=run, name="repeat", daemon=True)
        thread.start()

        def end() -> None:
            ended.set()
            thread.join()

        return end
