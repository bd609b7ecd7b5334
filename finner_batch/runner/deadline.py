"""A time limit that counts only while the process runs.

The documents of a job that was suspended (SIGSTOP, a frozen container, a sleeping machine) must not count as late. So
an interval between two readings of the clock counts at most as the CPU time that it took, plus one step.
"""

from time import monotonic, process_time

from finner_batch.errors import OutOfTimeError

STEP_S = 1.0
"""The longest time between two readings of the clock while the process runs."""


class Deadline:
    """A limit of `limit_s` seconds from now."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self.renew()

    def renew(self) -> None:
        """Start the limit again."""
        self._spent_s = 0.0
        self._read_at, self._cpu = monotonic(), process_time()

    def left_s(self) -> float:
        """Read the clock and return the seconds that are left, 0 or less after the limit."""
        now, cpu = monotonic(), process_time()
        self._spent_s += min(now - self._read_at, STEP_S + cpu - self._cpu)
        self._read_at, self._cpu = now, cpu
        return self._limit_s - self._spent_s

    @property
    def error(self) -> OutOfTimeError:
        """What to raise once the limit has passed."""
        return OutOfTimeError(f"took longer than {self._limit_s:g} s: raise --timeout-s, then `finner-batch retry`")

    def check(self) -> None:
        """Raise OutOfTimeError if no time is left."""
        if self.left_s() <= 0:
            raise self.error
