"""Halves batches that do not fit into a device's memory, and all later batches. Rows do not change."""

import logging
import re
from collections.abc import Callable
from threading import Lock
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from finner_batch.errors import OutOfMemoryError

LOG = logging.getLogger(__name__)

RunBatch: TypeAlias = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float32]]
"""`Session.logits`: ids and mask `[batch, length]` to logits `[batch, length, labels]`."""

_OUT_OF_MEMORY = re.compile(
    r"Failed to allocate memory|smaller than requested bytes|out of memory|bad_alloc|BFCArena|_STATUS_ALLOC_FAILED"
)
"""Messages of onnxruntime's arenas, the C++ library, CUDA, cuBLAS and cuDNN; there is no exception class for it."""


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
