"""Counts how often work was begun, all over the cluster: to tell what was repeated, and to end what kills actors."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

MOST_BEGUN = 2
"""So often a block is begun in one pass; Ray itself would repeat for ever what dies with its actor."""


class _Tally:
    def __init__(self) -> None:
        self._documents: Counter[str] = Counter()
        self._times: Counter[tuple[str, int, int, int]] = Counter()

    def begin(self, stage: str, block: tuple[int, int, int], amount: int) -> bool:
        self._times[stage, *block] += 1
        self._documents[stage] += amount
        return self._times[stage, *block] <= MOST_BEGUN

    def begun(self) -> dict[str, int]:
        self._times.clear()
        return dict(self._documents)


@dataclass(frozen=True, slots=True)
class Tally:
    """A counter in an actor beside the main process, where a dying node does not take it away."""

    handle: Any

    @classmethod
    def start(cls) -> "Tally":
        """Start the actor on the main process's own node."""
        import ray  # noqa: PLC0415 - an extra

        here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
            ray.get_runtime_context().get_node_id(), soft=False
        )
        return cls(ray.remote(_Tally).options(num_cpus=0, scheduling_strategy=here).remote())

    def begin(self, stage: str, block: tuple[int, int, int], amount: int) -> bool:
        """Note that a block of so many sources (`read`) or documents (`tag`) is taken up; False: once too often.

        `block`: the pass, and number and position of its first row.
        """
        import ray  # noqa: PLC0415 - an extra

        return bool(ray.get(self.handle.begin.remote(stage, block, amount)))

    def end_pass(self) -> dict[str, int]:
        """Sources and documents taken up so far, by stage; the blocks of the pass are forgotten."""
        import ray  # noqa: PLC0415 - an extra

        begun: dict[str, int] = ray.get(self.handle.begun.remote())
        return begun
