"""Batches run in turn, or several at once with the next ones made meanwhile. Either way they come back in order."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from finner_batch.tagger.batches import Batch
from finner_batch.tagger.memory import Logits

Ran: TypeAlias = tuple[Batch, NDArray[np.float32]]
"""A batch and the logits `[numbers, labels]` of its numbers, row after row."""

BATCHES_READY = 256
"""So many batches are made before they are run in turn: what runs between two finds the processor's caches cold."""
BATCHES_WAITING = 2
"""Batches made beyond those that run at once."""


def in_turn(made: Iterator[Batch], logits: Logits, interrupted: Callable[[], bool]) -> Iterator[Ran]:
    """Run one batch after the other. Raises InterruptedError as soon as `interrupted()` is true between two."""
    while ready := list(islice(made, BATCHES_READY)):
        found = []
        for batch in ready:
            _go_on(interrupted)
            found.append(_of_numbers(batch, logits))
        yield from zip(ready, found, strict=True)


def at_once(
    made: Iterator[Batch], logits: Logits, interrupted: Callable[[], bool], threads: ThreadPoolExecutor, number: int
) -> Iterator[Ran]:
    """Run `number` batches at once in `threads`, while the calling thread makes the next.

    Raises as `in_turn`, and whatever a batch raises; no batch runs on after that.
    """
    waiting: deque[tuple[Batch, Future[NDArray[np.float32]]]] = deque()
    try:
        for batch in made:
            _go_on(interrupted)
            waiting.append((batch, threads.submit(_of_numbers, batch, logits)))
            if len(waiting) >= number + BATCHES_WAITING:
                yield _first(waiting)
        while waiting:
            _go_on(interrupted)
            yield _first(waiting)
    finally:
        wait([future for _, future in waiting if not future.cancel()])


def _first(waiting: deque[tuple[Batch, Future[NDArray[np.float32]]]]) -> Ran:
    """Wait for the first of them, which counts as waiting until it has ended, also where the wait is broken off."""
    batch, future = waiting[0]
    ran = batch, future.result()
    waiting.popleft()
    return ran


def _go_on(interrupted: Callable[[], bool]) -> None:
    if interrupted():
        raise InterruptedError("a stop was asked for")


def _of_numbers(batch: Batch, logits: Logits) -> NDArray[np.float32]:
    result = logits(batch.input_ids, batch.attention_mask)
    return result.reshape(-1, result.shape[2])[batch.places]
