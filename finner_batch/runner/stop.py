"""SIGTERM and Ctrl-C: the first requests a stop at a safe point, the second has its effect from before the run."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass(slots=True)
class Stop:
    """Whether a stop was requested, and by which signal."""

    signal_number: int = 0

    @property
    def requested(self) -> bool:
        """Whether a signal was received."""
        return self.signal_number != 0

    @property
    def exit_code(self) -> int:
        """130 for Ctrl-C, 143 for SIGTERM (128 + signal number, as shells report it)."""
        return 128 + self.signal_number


@contextmanager
def stop_on_signals() -> Iterator[Stop]:
    """Turn SIGINT and SIGTERM into a request to stop inside the block (main thread only)."""
    stop = Stop()

    def request(number: int, _frame: FrameType | None) -> None:
        stop.signal_number = number
        restore()

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, request)
    try:
        yield stop
    finally:
        restore()
