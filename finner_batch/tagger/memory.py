"""Batches that do not fit into a device's memory are halved, and so are those that follow. Rows do not change."""

import logging
import re
from collections.abc import Callable
from threading import Lock
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from finner_batch.errors import OutOfMemoryError

LOG = logging.getLogger(__name__)

Logits: TypeAlias = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float32]]
"""`Session.logits`: ids and mask `[batch, length]` to logits `[batch, length, labels]`."""

_OUT_OF_MEMORY = re.compile(
    r"Failed to allocate memory|smaller than requested bytes|out of memory|bad_alloc|BFCArena|_STATUS_ALLOC_FAILED"
)
"""How onnxruntime's arenas, the C++ library, CUDA, cuBLAS and cuDNN say it; there is no class of exception for it."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether onnxruntime failed for want of memory."""
    return isinstance(error, MemoryError) or _OUT_OF_MEMORY.search(str(error)) is not None


class WithinMemory:
    """Runs batches by `logits`, in pieces of as many tokens as have turned out to fit. Threads may share it.

    `budget_tokens` is what a batch may have at most; it only ever falls.
    """

    def __init__(self, logits: Logits, budget_tokens: int) -> None:
        self._logits = logits
        self.budget_tokens = budget_tokens
        self._lock = Lock()

    def __call__(self, input_ids: NDArray[np.int64], attention_mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """Logits of the whole batch. Raises OutOfMemoryError where a single window does not fit."""
        rows, length = input_ids.shape
        most = max(1, self.budget_tokens // length)
        if rows > most:
            starts = range(0, rows, most)
            parts = [self(input_ids[start : start + most], attention_mask[start : start + most]) for start in starts]
            return np.concatenate(parts)
        try:
            return self._logits(input_ids, attention_mask)
        except OutOfMemoryError as error:
            if rows == 1:
                raise OutOfMemoryError(
                    f"one window of {length} tokens does not fit into the device's memory: end what else uses it, or "
                    f"give --device cpu. What was committed stays, and the job goes on from there ({error.__cause__})"
                ) from error
            self._lower(rows // 2 * length)
        return self(input_ids, attention_mask)

    def _lower(self, budget_tokens: int) -> None:
        with self._lock:
            if budget_tokens < self.budget_tokens:
                LOG.warning("event=memory-ran-out batch_tokens=%d before=%d", budget_tokens, self.budget_tokens)
                self.budget_tokens = budget_tokens
