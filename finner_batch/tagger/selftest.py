"""The self-test of a session: whether a window gets the same logits, to the last bit, in every batch.

A runtime may choose how it multiplies by the number of rows, and then it adds in another order for few rows than for
many. So OpenVINO does with int8 weights on a processor without int8 instructions: oneDNN splits the 1,536 inputs of a
product for up to some 80 rows and not for more.
"""

import numpy as np

from finner_batch.errors import DeviceError
from finner_batch.tagger.memory import Logits

WINDOWS = 32
LENGTH = 8
"""Tokens of a window with its padding, of which every fourth window has none."""
SIZES = (1, 4, 9)
"""Windows in the batches that are compared with one of all `WINDOWS`."""
_IDS = 41
"""So few different ones, that every vocabulary has them."""


def batch_dependence(logits: Logits) -> str | None:
    """How the logits of windows depend on the size and order of their batch; None where no bit differs.

    368 tokens are run: 0.04 s at 9,000 tokens/s. Raises DeviceError where what comes out are no logits of the batch,
    and whatever `logits` raises.
    """
    ids = np.arange(WINDOWS * LENGTH, dtype=np.int64).reshape(WINDOWS, LENGTH) % _IDS
    lengths = LENGTH - np.arange(WINDOWS) % 4
    mask = (np.arange(LENGTH) < lengths[:, None]).astype(np.int64)
    ids *= mask
    together = logits(ids, mask)
    if together.ndim != 3 or together.shape[:2] != ids.shape or not np.isfinite(together).all():
        raise DeviceError(f"logits of {WINDOWS} x {LENGTH} tokens have the shape {together.shape} or are no numbers")
    backwards = np.arange(WINDOWS)[::-1]
    start = 0
    for size in SIZES:
        rows = backwards[start : start + size]
        start += size
        difference = np.abs(logits(ids[rows], mask[rows]) - together[rows])[mask[rows] == 1]
        if difference.any():
            return f"logits of {size} windows differ from those among {WINDOWS} by up to {difference.max():.0e}"
    return None
