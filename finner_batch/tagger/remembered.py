"""Windows that were tagged before, in this run or another: their logits are looked up, to the last bit the same."""

from array import array
from collections.abc import Sequence
from hashlib import blake2b
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from finner_batch.tagger.tokens import Window

DIGEST_BYTES = 16
_LOGIT_BYTES = 4


class Memory(Protocol):
    """Keeps bytes by digest, and may forget any of them at any time; `results.logit_cache.LogitCache` is one."""

    def find(self, digests: Sequence[bytes], sizes: Sequence[int]) -> list[bytes | None]:
        """Return what was kept under each digest, None where nothing is; `sizes` are the lengths it must have."""

    def keep(self, digests: Sequence[bytes], values: Sequence[bytes]) -> None:
        """Keep values under digests that were not found."""


def window_digest(window: Window, key: bytes = b"") -> bytes:
    """16 bytes that stand for a window's ids and the positions of its numbers, other ones for another `key`."""
    positions = array("i", (len(window.positions), *window.positions)).tobytes()
    return blake2b(positions + window.packed_ids, digest_size=DIGEST_BYTES, key=key).digest()


class Remembered:
    """The logits of windows, by what the window holds and by all that they depend on besides, `computed_by`."""

    def __init__(self, memory: Memory, *, computed_by: str, labels: int) -> None:
        self._memory = memory
        self._key = blake2b(computed_by.encode(), digest_size=DIGEST_BYTES).digest()
        self._row_bytes = labels * _LOGIT_BYTES

    def find(self, windows: Sequence[Window]) -> tuple[list[bytes], list[bytes | None]]:
        """Digests of the windows, and of each that is known the logits of its numbers, packed float32."""
        digests = [window_digest(window, self._key) for window in windows]
        return digests, self._memory.find(digests, [len(window.positions) * self._row_bytes for window in windows])

    def keep(self, digests: Sequence[bytes], tables: Sequence[NDArray[np.float32]]) -> None:
        """Keep the logits `[numbers, labels]` of windows that were not known."""
        self._memory.keep(digests, [table.astype(np.float32, copy=False).tobytes() for table in tables])
