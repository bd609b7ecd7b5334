"""Summarises repeats of a measurement: the median, the lowest and the highest."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Median, lowest and highest of `n` repeats. For a handful of repeats the range says more than an interval."""

    median: float
    lowest: float
    highest: float
    n: int

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Summarise the values. Raises ValueError if there are none."""
        if not values:
            raise ValueError("no repeat was measured")
        return cls(median=median(values), lowest=min(values), highest=max(values), n=len(values))

    def rate(self, amount: float) -> "Spread":
        """Convert seconds for `amount` to amount per second. A time below the clock's resolution counts as 1 ns."""
        seconds = (max(value, 1e-9) for value in (self.median, self.highest, self.lowest))
        middle, low, high = (amount / value for value in seconds)
        return Spread(median=middle, lowest=low, highest=high, n=self.n)


def ratios(slower: Sequence[float], faster: Sequence[float]) -> Spread:
    """Return how many times as long `slower` took as `faster`; both hold seconds, measured in turns.

    The median is the ratio of the medians. Lowest and highest are those of the pairs, so that a disturbance of both
    cancels out.
    """
    pairs = Spread.of([one / max(other, 1e-9) for one, other in zip(slower, faster, strict=True)])
    middle = median(slower) / max(median(faster), 1e-9)
    return Spread(median=middle, lowest=min(pairs.lowest, middle), highest=max(pairs.highest, middle), n=pairs.n)
