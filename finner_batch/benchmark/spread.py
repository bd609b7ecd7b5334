"""What repeats of a measurement give: the median, and the lowest and highest of n."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Median, lowest and highest of `n` repeats. With a handful of repeats the range says more than an interval."""

    median: float
    lowest: float
    highest: float
    n: int

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Raises ValueError where there is no value."""
        if not values:
            raise ValueError("no repeat was measured")
        return cls(median=median(values), lowest=min(values), highest=max(values), n=len(values))

    def rate(self, amount: float) -> "Spread":
        """`amount` a second, where this is seconds for it. Time that the clock cannot see counts as a nanosecond."""
        seconds = (max(value, 1e-9) for value in (self.median, self.highest, self.lowest))
        middle, low, high = (amount / value for value in seconds)
        return Spread(median=middle, lowest=low, highest=high, n=self.n)


def ratios(slower: Sequence[float], faster: Sequence[float]) -> Spread:
    """How many times as long `slower` took, in seconds. The two were measured in turns.

    The middle is the ratio of the medians; lowest and highest are of the pairs, so what disturbs both cancels out.
    """
    pairs = Spread.of([one / max(other, 1e-9) for one, other in zip(slower, faster, strict=True)])
    middle = median(slower) / max(median(faster), 1e-9)
    return Spread(median=middle, lowest=min(pairs.lowest, middle), highest=max(pairs.highest, middle), n=pairs.n)
