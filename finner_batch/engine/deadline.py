"""A limit of time that counts only while the process runs.

A job that is stopped and goes on later (SIGSTOP, a frozen container, a suspended machine) must not find its documents
late. So a stretch in which nobody looked at the clock counts as the CPU time that it took, and one step more.
"""

from time import monotonic, process_time

from finner_batch.errors import OutOfTimeError

STEP_S = 1.0
"""How often a limit is looked at, at least."""


class Deadline:
    """So many seconds from now on."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self.renew()

    def renew(self) -> None:
        """Begin anew."""
        self._spent_s = 0.0
        self._looked_at, self._cpu = monotonic(), process_time()

    def left_s(self) -> float:
        """Look at the clock; seconds that are left, 0 or less where it is over."""
        now, cpu = monotonic(), process_time()
        self._spent_s += min(now - self._looked_at, STEP_S + cpu - self._cpu)
        self._looked_at, self._cpu = now, cpu
        return self._limit_s - self._spent_s

    @property
    def error(self) -> OutOfTimeError:
        """What to raise once it is over."""
        return OutOfTimeError(f"took longer than {self._limit_s:g} s: raise --timeout-s, then `finner-batch retry`")

    def check(self) -> None:
        """Raise OutOfTimeError where no time is left."""
        if self.left_s() <= 0:
            raise self.error
