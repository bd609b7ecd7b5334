"""What the reading processes deliver, by their number: `python -m finner_batch.benchmark.reading PATH…`.

The processes are a run's own: they read, extract, split, find the numbers, tokenise and send; the main process takes
what comes and does nothing with it. Numbers of processes are measured in turns, from one to as many as there are CPUs.
More CPUs than these are not measured but reckoned from them.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter, process_time

from finner_batch.benchmark.spread import Spread
from finner_batch.benchmark.survey import count, distinct_sources
from finner_batch.config import RunConfig
from finner_batch.engine.parse import Stopwatch
from finner_batch.engine.pool import Pool
from finner_batch.engine.worker import Task, WorkerOptions
from finner_batch.machine import usable_cpus
from finner_batch.sources.discover import discover
from finner_batch.sources.document import Source
from finner_batch.tagger.model import load_model

REPEATS = 3
RECKONED_FOR = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Prose tokens a second, wall clock, from `processes` processes that were running.

    `receiving` is the main process's CPU time for one token, in seconds: one over it is what one main process can take.
    """

    processes: int
    tokens_per_second: Spread
    receiving: float


def deliveries(paths: Sequence[str], numbers_of_processes: Sequence[int], repeats: int = REPEATS) -> list[Delivery]:
    """Measure each number of processes `repeats` times. Raises UsageError as `discover` and FinnerError as a run do."""
    model = load_model()
    sources = list(distinct_sources(discover(paths), Stopwatch()))
    tokens = count(sources, model)[0].prose_tokens
    options = WorkerOptions.of(RunConfig(input=tuple(paths)), model)
    seconds: dict[int, list[float]] = {number: [] for number in numbers_of_processes}
    receiving: dict[int, list[float]] = {number: [] for number in numbers_of_processes}
    for _ in range(repeats):
        for number in numbers_of_processes:
            with Pool(number, options) as pool:
                _take(pool, sources[:1] * number)  # every process has started
                started, own = perf_counter(), process_time()
                _take(pool, sources)
                seconds[number].append(perf_counter() - started)
                receiving[number].append(process_time() - own)
    return [
        Delivery(
            processes=number,
            tokens_per_second=Spread.of(seconds[number]).rate(tokens),
            receiving=Spread.of(receiving[number]).median / tokens,
        )
        for number in numbers_of_processes
    ]


def reckoned(found: Sequence[Delivery], processes: int) -> float:
    """Tokens a second of more processes: each gives what it gives among the most measured, until the main one is full.

    That each has a CPU for itself is taken for granted; what the memory of a larger machine does is not known here.
    """
    most = max(found, key=lambda one: one.processes)
    return min(most.tokens_per_second.median / most.processes * processes, 1 / most.receiving)


def table(found: Sequence[Delivery]) -> str:
    """Lay out what was measured, and what follows for a larger machine."""
    alone = min(found, key=lambda one: one.processes)
    lines = [f"{'processes':>9} {'tokens/s':>12} {'lowest to highest':>24} {'a process':>10} {'scaling':>8}"]
    for one in found:
        speed = one.tokens_per_second
        scaling = speed.median * alone.processes / (alone.tokens_per_second.median * one.processes)
        lines.append(
            f"{one.processes:>9} {speed.median:>12,.0f} {f'{speed.lowest:,.0f} to {speed.highest:,.0f}':>24}"
            f" {speed.median / one.processes:>10,.0f} {scaling:>8.0%}"
        )
    lines.append(f"one main process can take {1 / found[-1].receiving:,.0f} tokens/s from them")
    if found[-1].processes < RECKONED_FOR:
        lines.append(f"reckoned for {RECKONED_FOR} processes: {reckoned(found, RECKONED_FOR):,.0f} tokens/s")
    return "\n".join(lines)


def powers_of_two(most: int) -> list[int]:
    """1, 2, 4, … and `most` itself."""
    return sorted({1 << power for power in range(most.bit_length())} | {most})


def _take(pool: Pool, sources: Sequence[Source]) -> None:
    tasks = (Task(source=source, sha256=None, size=None) for source in sources)
    for _ in pool.results(tasks):
        pass


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python -m finner_batch.benchmark.reading PATH…")
    print(table(deliveries(sys.argv[1:], powers_of_two(usable_cpus()))))  # noqa: T201
