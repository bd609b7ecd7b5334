"""Short digests instead of strings: what makes a ledger of a million documents fit in some tens of megabytes."""

import hashlib
from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Words: TypeAlias = npt.NDArray[np.uint64]

MERGE_AT = 65_536


def name_digest(name: str) -> int:
    """64 bits of BLAKE2b of a source or a document_id.

    Two of a million names share one with a probability of 3e-8; whoever acts on a name found this way reads it back.
    """
    return int.from_bytes(hashlib.blake2b(name.encode("utf-8", "surrogateescape"), digest_size=8).digest())


def content_digest(sha256: str) -> bytes:
    """Return the first 128 bits of a SHA-256 given in hexadecimal. Raises ValueError for anything else."""
    digest = bytes.fromhex(sha256)
    if len(digest) != 32:
        raise ValueError(f"not a SHA-256: {sha256!r}")
    return digest[:16]


def row_digest(document_id: str, sha256: str) -> bytes:
    """16 bytes that stand for a shard row: 8 of its document_id, 8 of its text's hash."""
    return name_digest(document_id).to_bytes(8) + content_digest(sha256)[:8]


def name_digests(names: Iterable[str]) -> Words:
    """`name_digest` of each name."""
    return np.fromiter((name_digest(name) for name in names), np.uint64)


def content_digests(hashes: Iterable[str | None]) -> tuple[Words, Words]:
    """High and low 64 bits of `content_digest` of each hash; zeros where there is none."""
    packed = b"".join(content_digest(sha256) if sha256 else bytes(16) for sha256 in hashes)
    words = np.frombuffer(packed, ">u8").astype(np.uint64).reshape(-1, 2)
    return np.ascontiguousarray(words[:, 0]), np.ascontiguousarray(words[:, 1])


class DigestSet:
    """A growing set of 16-byte digests at about 16 bytes each: a sorted array, and a small set of the newest."""

    def __init__(self) -> None:
        self._new: set[bytes] = set()
        self._high: Words = np.empty(0, np.uint64)
        self._low: Words = np.empty(0, np.uint64)

    def __contains__(self, digest: bytes) -> bool:
        if digest in self._new:
            return True
        high, low = np.frombuffer(digest, ">u8").astype(np.uint64)
        first, last = np.searchsorted(self._high, high, "left"), np.searchsorted(self._high, high, "right")
        return bool((self._low[first:last] == low).any())

    def __len__(self) -> int:
        return len(self._new) + len(self._high)

    def add(self, digest: bytes) -> None:
        """Add a digest of 16 bytes; once more is harmless."""
        if digest in self:
            return
        self._new.add(digest)
        if len(self._new) >= MERGE_AT:
            words = np.frombuffer(b"".join(self._new), ">u8").astype(np.uint64).reshape(-1, 2)
            high, low = np.concatenate([self._high, words[:, 0]]), np.concatenate([self._low, words[:, 1]])
            order = np.argsort(high, kind="stable")
            self._high, self._low = high[order], low[order]
            self._new.clear()
