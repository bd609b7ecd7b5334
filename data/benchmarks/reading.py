"""Measures how fast 1, 2, 4, … reading processes read, without the model.

    python data/benchmarks/reading.py PATH…

The processes are those of a run: they read, extract, split, find the numbers, tokenise and send. The main process
receives the results and drops them. The numbers of processes are measured in turns, up to one for each CPU. The rate of
a larger machine is extrapolated.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter, process_time

from finner_batch.benchmark.input_counts import Spread, count, distinct_sources
from finner_batch.config import RunConfig
from finner_batch.machine import usable_cpus
from finner_batch.readers.discover import discover
from finner_batch.readers.document import Source
from finner_batch.runner.parse_document import Stopwatch
from finner_batch.runner.worker import Task, WorkerOptions
from finner_batch.runner.worker_pool import Pool
from finner_batch.tagging.model import load_model

REPEATS = 3
EXTRAPOLATED_TO = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingRate:
    """Prose tokens a second, wall clock, from `processes` processes that had started before.

    `receiving`: CPU seconds of the main process for one token. Its inverse is the most that one main process can take.
    """

    processes: int
    tokens_per_second: Spread
    receiving: float


def reading_rates(paths: Sequence[str], process_counts: Sequence[int], repeats: int = REPEATS) -> list[ReadingRate]:
    """Measure each number of processes `repeats` times. Raises UsageError as `discover` and FinnerError as a run do."""
    model = load_model()
    sources = list(distinct_sources(discover(paths), Stopwatch()))
    tokens = count(sources, model)[0].prose_tokens
    options = WorkerOptions.of(RunConfig(input=tuple(paths)), model)
    seconds: dict[int, list[float]] = {number: [] for number in process_counts}
    receiving: dict[int, list[float]] = {number: [] for number in process_counts}
    for _ in range(repeats):
        for number in process_counts:
            with Pool(number, options) as pool:
                _take(pool, sources[:1] * number)  # every process has started
                started, own = perf_counter(), process_time()
                _take(pool, sources)
                seconds[number].append(perf_counter() - started)
                receiving[number].append(process_time() - own)
    return [
        ReadingRate(
            processes=number,
            tokens_per_second=Spread.of(seconds[number]).rate(tokens),
            receiving=Spread.of(receiving[number]).median / tokens,
        )
        for number in process_counts
    ]


def extrapolated(found: Sequence[ReadingRate], processes: int) -> float:
    """Tokens a second of more processes than measured, up to what the main process can take.

    Each process is assumed to have a CPU of its own and to keep the rate it has in the largest measured number. The
    memory bandwidth of a larger machine is not taken into account.
    """
    most = max(found, key=lambda one: one.processes)
    return min(most.tokens_per_second.median / most.processes * processes, 1 / most.receiving)


def table(found: Sequence[ReadingRate]) -> str:
    """Lay out the measured rates and the extrapolated one."""
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
    if found[-1].processes < EXTRAPOLATED_TO:
        lines.append(
            f"extrapolated to {EXTRAPOLATED_TO} processes: {extrapolated(found, EXTRAPOLATED_TO):,.0f} tokens/s"
        )
    return "\n".join(lines)


def powers_of_two(most: int) -> list[int]:
    """1, 2, 4, … and `most` itself."""
    return sorted({1 << power for power in range(most.bit_length())} | {most})


def _take(pool: Pool, sources: Sequence[Source]) -> None:
    tasks = (Task(source=source, sha256=None, size=None) for source in sources)
    for _ in pool.results(tasks):
        pass


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measure how fast 1, 2, 4, … processes read, without the model.")
    parser.add_argument("paths", nargs="+", metavar="PATH", help="filings, as `finner-batch run --input` takes them")
    print(table(reading_rates(parser.parse_args().paths, powers_of_two(usable_cpus()))))
