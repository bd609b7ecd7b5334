"""The tagger's logit cache: windows that this or an earlier run has tagged get the same logits, to the last bit."""

from array import array
from collections.abc import Sequence
from hashlib import blake2b
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from finner_batch.tagger.tokens import Window

DIGEST_BYTES = 16
_LOGIT_BYTES = 4


class LogitStore(Protocol):
    """Keeps bytes by digest, and may forget any of them at any time; `results.logit_cache.LogitCache` is one."""

    def find(self, digests: Sequence[bytes], sizes: Sequence[int]) -> list[bytes | None]:
        """Return the value of each digest, or None. `sizes` are the lengths in bytes that the values must have."""

    def keep(self, digests: Sequence[bytes], values: Sequence[bytes]) -> None:
        """Keep the values of digests that were not found."""


def window_digest(window: Window, key: bytes = b"") -> bytes:
    """Return a digest of 16 bytes of a window's ids and number positions, which also depends on `key`."""
    positions = array("i", (len(window.positions), *window.positions)).tobytes()
    return blake2b(positions + window.packed_ids, digest_size=DIGEST_BYTES, key=key).digest()


class CachedLogits:
    """Logits in a store, by their window and by everything else that determines them, `computed_by`."""

    def __init__(self, store: LogitStore, *, computed_by: str, labels: int) -> None:
        self._store = store
        self._key = blake2b(computed_by.encode(), digest_size=DIGEST_BYTES).digest()
        self._row_bytes = labels * _LOGIT_BYTES

    def find(self, windows: Sequence[Window]) -> tuple[list[bytes], list[bytes | None]]:
        """Return the digests of the windows and, for each cached window, the logits of its numbers, packed float32."""
        digests = [window_digest(window, self._key) for window in windows]
        return digests, self._store.find(digests, [len(window.positions) * self._row_bytes for window in windows])

    def keep(self, digests: Sequence[bytes], tables: Sequence[NDArray[np.float32]]) -> None:
        """Keep the logits `[numbers, labels]` of windows that were not cached."""
        self._store.keep(digests, [table.astype(np.float32, copy=False).tobytes() for table in tables])
