"""Counts in the whole cluster how often work was begun, to find repeated work and blocks that kill their actors."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

MOST_ATTEMPTS = 2
"""How often a block is begun in one pass; Ray itself would repeat a block that kills its actor forever."""


class _Counter:
    def __init__(self) -> None:
        self._amounts: Counter[str] = Counter()
        self._attempts: Counter[tuple[str, int, int, int]] = Counter()

    def begin(self, stage: str, block: tuple[int, int, int], amount: int) -> bool:
        self._attempts[stage, *block] += 1
        self._amounts[stage] += amount
        return self._attempts[stage, *block] <= MOST_ATTEMPTS

    def end_pass(self) -> dict[str, int]:
        self._attempts.clear()
        return dict(self._amounts)


@dataclass(frozen=True, slots=True)
class AttemptCounter:
    """A counter in an actor of its own on the main process's node, so that it survives other nodes."""

    handle: Any

    @classmethod
    def start(cls) -> "AttemptCounter":
        """Start the actor."""
        import ray  # noqa: PLC0415 - an extra

        here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
            ray.get_runtime_context().get_node_id(), soft=False
        )
        return cls(ray.remote(_Counter).options(num_cpus=0, scheduling_strategy=here).remote())

    def begin(self, stage: str, block: tuple[int, int, int], amount: int) -> bool:
        """Count that a block of `amount` sources (`read`) or documents (`tag`) is begun; False: too often.

        `block`: the pass, and the number and position of its first row.
        """
        import ray  # noqa: PLC0415 - an extra

        return bool(ray.get(self.handle.begin.remote(stage, block, amount)))

    def end_pass(self) -> dict[str, int]:
        """Return the sources and documents begun so far, by stage; forget the blocks of the pass."""
        import ray  # noqa: PLC0415 - an extra

        begun: dict[str, int] = ray.get(self.handle.end_pass.remote())
        return begun
