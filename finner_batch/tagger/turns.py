"""Runs batches one by one, or several concurrently while the next are prepared. Results keep the batches' order."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from finner_batch.tagger.batches import Batch
from finner_batch.tagger.memory import RunBatch

BatchLogits: TypeAlias = tuple[Batch, NDArray[np.float32]]
"""A batch, and the logits `[numbers, labels]` of its numbers, row by row."""

_BATCHES_PREPARED = 256
"""Batches that are prepared before they run: preparing one between two runs would find the processor's caches cold."""
_BATCHES_WAITING = 2
"""Batches prepared beyond those that run concurrently."""


def run_one_by_one(
    batches: Iterator[Batch], run_batch: RunBatch, interrupted: Callable[[], bool]
) -> Iterator[BatchLogits]:
    """Run one batch after the other. Raises InterruptedError if `interrupted()` is true between two batches."""
    while prepared := list(islice(batches, _BATCHES_PREPARED)):
        logits = []
        for batch in prepared:
            _check(interrupted)
            logits.append(_number_logits(batch, run_batch))
        yield from zip(prepared, logits, strict=True)


def run_concurrently(
    batches: Iterator[Batch],
    run_batch: RunBatch,
    interrupted: Callable[[], bool],
    threads: ThreadPoolExecutor,
    number: int,
) -> Iterator[BatchLogits]:
    """Run `number` batches at a time in `threads`, while the calling thread prepares the next.

    Raises what `run_one_by_one` raises; no batch is still running then.
    """
    waiting: deque[tuple[Batch, Future[NDArray[np.float32]]]] = deque()
    try:
        for batch in batches:
            _check(interrupted)
            waiting.append((batch, threads.submit(_number_logits, batch, run_batch)))
            if len(waiting) >= number + _BATCHES_WAITING:
                yield _first(waiting)
        while waiting:
            _check(interrupted)
            yield _first(waiting)
    finally:
        wait([future for _, future in waiting if not future.cancel()])


def _first(waiting: deque[tuple[Batch, Future[NDArray[np.float32]]]]) -> BatchLogits:
    """Wait for the first batch. It is removed only after it has ended, even if the wait is interrupted."""
    batch, future = waiting[0]
    ran = batch, future.result()
    waiting.popleft()
    return ran


def _check(interrupted: Callable[[], bool]) -> None:
    if interrupted():
        raise InterruptedError("a stop was requested")


def _number_logits(batch: Batch, run_batch: RunBatch) -> NDArray[np.float32]:
    result = run_batch(batch.input_ids, batch.attention_mask)
    return result.reshape(-1, result.shape[2])[batch.number_places]
