"""A time limit that counts only while the process runs.

After a job was suspended (SIGSTOP, a frozen container, a sleeping machine) its documents must not count as late. So an
interval between two looks at the clock counts at most as the CPU time that it took, plus one step.
"""

from time import monotonic, process_time

from finner_batch.errors import OutOfTimeError

STEP_S = 1.0
"""The longest time between two looks at the clock while the process runs."""


class Deadline:
    """A limit of `limit_s` seconds from now on."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self.renew()

    def renew(self) -> None:
        """Start the limit again."""
        self._spent_s = 0.0
        self._looked_at, self._cpu = monotonic(), process_time()

    def left_s(self) -> float:
        """Look at the clock and return the seconds that are left, 0 or less once the limit has passed."""
        now, cpu = monotonic(), process_time()
        self._spent_s += min(now - self._looked_at, STEP_S + cpu - self._cpu)
        self._looked_at, self._cpu = now, cpu
        return self._limit_s - self._spent_s

    @property
    def error(self) -> OutOfTimeError:
        """What to raise once the limit has passed."""
        return OutOfTimeError(f"took longer than {self._limit_s:g} s: raise --timeout-s, then `finner-batch retry`")

    def check(self) -> None:
        """Raise OutOfTimeError if no time is left."""
        if self.left_s() <= 0:
            raise self.error
