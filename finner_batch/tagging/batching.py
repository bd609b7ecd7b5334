"""Groups windows into batches under a token budget. A window's logits do not depend on its batch.

Padding and activation ranges can make a sentence's logits depend on its neighbours. Therefore a window's padded length
follows from its own length alone (a multiple of `length_multiple`; 1 means no padding), and only windows of one padded
length share a batch.

On a GPU, lengths are multiples of 8 and numbers of rows are rounded up, so that a job has a few hundred shapes and its
memory stops growing. On 215 filings (windows of 34 tokens on average, 65,536 of them at a time, batches of 32,768
tokens), the model then reads 10 % more tokens: 9 % from the lengths, 2 % from the rows. With multiples of 16 it is
20 %, with multiples of 32 it is 40 %. Packing sentences without padding would thus save less than a tenth, and would
need attention kernels that the model's plain ONNX operators do not have.

A batch that does not fit into a device's memory is halved, and so are all later ones. Batches run one by one, or
several concurrently while the next are prepared; results keep their order.
"""

import logging
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from threading import Lock
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from finner_batch.errors import OutOfMemoryError
from finner_batch.tagging.tokens import ID_BYTES, Window

LOG = logging.getLogger(__name__)
FULL_BATCH_LENGTH = 128
"""Longest window, in tokens, of which a batch may use the whole token budget."""
RunBatch: TypeAlias = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float32]]
"""`Session.logits`: ids and mask `[batch, length]` to logits `[batch, length, labels]`."""
_OUT_OF_MEMORY = re.compile(
    r"Failed to allocate memory|smaller than requested bytes|out of memory|bad_alloc|BFCArena|_STATUS_ALLOC_FAILED"
)
"""Messages of onnxruntime's arenas, the C++ library, CUDA, cuBLAS and cuDNN; there is no exception class for it."""
_BATCHES_PREPARED = 256
"""Batches that are prepared before they run: preparing one between two runs would find the processor's caches cold."""
_BATCHES_WAITING = 2
"""Batches prepared beyond those that run concurrently."""


@dataclass(frozen=True, slots=True)
class Batch:
    """`members[row]` is the index of the window in `input_ids[row]`; ids and mask are int64 `[batch, length]`.

    Rows after the last member are empty: their ids and mask are 0. `number_places` are the indexes of the windows'
    numbers, row by row, among all `batch * length` tokens.
    """

    members: tuple[int, ...]
    input_ids: NDArray[np.int64]
    attention_mask: NDArray[np.int64]
    number_places: NDArray[np.int64]


def batches(
    windows: Sequence[Window],
    *,
    budget_tokens: int,
    length_multiple: int = 1,
    longest: int | None = None,
    few_shapes: bool = False,
) -> Iterator[Batch]:
    """Group windows by padded length; each batch has at most `budget_tokens` tokens, or one window.

    The memory of attention grows with the square of the length, so a batch of windows longer than `FULL_BATCH_LENGTH`
    has fewer of them and needs no more memory than a batch of that length. The longest windows come first, so that
    memory use peaks at the start. `longest` limits the padded length. `few_shapes`: the number of rows is rounded up
    with empty rows.
    """
    groups: dict[int, list[int]] = {}
    for index, window in enumerate(windows):
        length = -(-window.length // length_multiple) * length_multiple
        if longest is not None:
            length = max(window.length, min(length, longest))
        groups.setdefault(length, []).append(index)
    for length in sorted(groups, reverse=True):
        members = groups[length]
        rows = max(1, budget_tokens * min(length, FULL_BATCH_LENGTH) // length**2)
        for start in range(0, len(members), rows):
            chosen = members[start : start + rows]
            empty = min(rows, rounded_rows(len(chosen))) - len(chosen) if few_shapes else 0
            yield _batch(windows, chosen, length, empty)


def rounded_rows(rows: int) -> int:
    """Round up to one of 1 to 8, 10, 12, 14, 16, 20, 24, 28, 32, …: four per doubling, at most a quarter more."""
    step = 1 << max(0, rows.bit_length() - 3)
    return -(-rows // step) * step


def _batch(windows: Sequence[Window], members: Sequence[int], length: int, empty: int) -> Batch:
    """Make a batch of the windows `members`, padded to `length` tokens, with `empty` empty rows at its end."""
    packed = b"".join([windows[index].packed_ids.ljust(length * ID_BYTES, b"\0") for index in members])
    input_ids = np.frombuffer(packed, dtype=np.int32).reshape(len(members), length).astype(np.int64)
    attention_mask = np.ones((len(members), length), dtype=np.int64)
    for row, index in enumerate(members):
        if windows[index].length < length:
            attention_mask[row, windows[index].length :] = 0
    if empty:
        input_ids, attention_mask = (np.pad(array, ((0, empty), (0, 0))) for array in (input_ids, attention_mask))
    places = [row * length + position for row, index in enumerate(members) for position in windows[index].positions]
    return Batch(tuple(members), input_ids, attention_mask, np.array(places, dtype=np.int64))


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error of onnxruntime means that memory ran out."""
    return isinstance(error, MemoryError) or _OUT_OF_MEMORY.search(str(error)) is not None


class ShrinkingBatches:
    """Runs batches with `run`, splitting those of more than `budget_tokens` tokens. Threads may share it.

    `budget_tokens` is lowered whenever a batch does not fit into memory.
    """

    def __init__(self, run: RunBatch, budget_tokens: int) -> None:
        self._run = run
        self.budget_tokens = budget_tokens
        self._lock = Lock()

    def __call__(self, input_ids: NDArray[np.int64], attention_mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the logits of the whole batch. Raises OutOfMemoryError if a single window does not fit."""
        rows, length = input_ids.shape
        most = max(1, self.budget_tokens // length)
        if rows > most:
            starts = range(0, rows, most)
            parts = [self(input_ids[start : start + most], attention_mask[start : start + most]) for start in starts]
            return np.concatenate(parts)
        try:
            return self._run(input_ids, attention_mask)
        except OutOfMemoryError as error:
            if rows == 1:
                raise OutOfMemoryError(
                    f"one window of {length} tokens does not fit into the device's memory: stop what else uses it, or "
                    f"give --device cpu. The next run continues after what was committed ({error.__cause__})"
                ) from error
            self._lower(rows // 2 * length)
        return self(input_ids, attention_mask)

    def _lower(self, budget_tokens: int) -> None:
        with self._lock:
            if budget_tokens < self.budget_tokens:
                LOG.warning("event=memory-ran-out batch_tokens=%d before=%d", budget_tokens, self.budget_tokens)
                self.budget_tokens = budget_tokens


BatchLogits: TypeAlias = tuple[Batch, NDArray[np.float32]]
"""A batch, and the logits `[numbers, labels]` of its numbers, row by row."""


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
