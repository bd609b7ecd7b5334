"""Digests of names and contents, and compact indexes of them.

With short digests instead of strings a ledger of a million documents fits in some tens of megabytes, and the index of a
cache of a million windows in 8 megabytes.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Words64: TypeAlias = npt.NDArray[np.uint64]
Words32: TypeAlias = npt.NDArray[np.uint32]
Positions: TypeAlias = npt.NDArray[np.int64]

MERGE_AT = 65_536
NOWHERE = -1
SEGMENT = 65_536
"""Maximum number of positions in a segment. A search visits every segment; adding sorts the last one."""


def name_digest(name: str) -> int:
    """Return 64 bits of BLAKE2b of a source or a document_id.

    Among a million names two share a digest with a probability of 3e-8: read the name back before acting on it.
    """
    return int.from_bytes(hashlib.blake2b(name.encode("utf-8", "surrogateescape"), digest_size=8).digest())


def content_digest(sha256: str) -> bytes:
    """Return the first 128 bits of a SHA-256 given in hexadecimal. Raises ValueError for anything else."""
    digest = bytes.fromhex(sha256)
    if len(digest) != 32:
        raise ValueError(f"not a SHA-256: {sha256!r}")
    return digest[:16]


def row_digest(document_id: str, sha256: str) -> bytes:
    """Return 16 bytes that identify a row of a shard: 8 of its document_id, 8 of the hash of its text."""
    return name_digest(document_id).to_bytes(8) + content_digest(sha256)[:8]


def name_digests(names: Iterable[str]) -> Words64:
    """Return the `name_digest` of each name."""
    return np.fromiter((name_digest(name) for name in names), np.uint64)


def content_digests(hashes: Iterable[str | None]) -> tuple[Words64, Words64]:
    """Return the high and low 64 bits of the `content_digest` of each hash; zeros for None."""
    packed = b"".join(content_digest(sha256) if sha256 else bytes(16) for sha256 in hashes)
    words = np.frombuffer(packed, ">u8").astype(np.uint64).reshape(-1, 2)
    return np.ascontiguousarray(words[:, 0]), np.ascontiguousarray(words[:, 1])


class DigestSet:
    """A growing set of 16-byte digests in about 16 bytes each: a sorted array, and a small set of the newest."""

    def __init__(self) -> None:
        self._new: set[bytes] = set()
        self._high: Words64 = np.empty(0, np.uint64)
        self._low: Words64 = np.empty(0, np.uint64)

    def __contains__(self, digest: bytes) -> bool:
        if digest in self._new:
            return True
        high, low = np.frombuffer(digest, ">u8").astype(np.uint64)
        first, last = np.searchsorted(self._high, high, "left"), np.searchsorted(self._high, high, "right")
        return bool((self._low[first:last] == low).any())

    def __len__(self) -> int:
        return len(self._new) + len(self._high)

    def add(self, digest: bytes) -> None:
        """Add a digest of 16 bytes."""
        if digest in self:
            return
        self._new.add(digest)
        if len(self._new) >= MERGE_AT:
            words = np.frombuffer(b"".join(self._new), ">u8").astype(np.uint64).reshape(-1, 2)
            high, low = np.concatenate([self._high, words[:, 0]]), np.concatenate([self._low, words[:, 1]])
            order = np.argsort(high, kind="stable")
            self._high, self._low = high[order], low[order]
            self._new.clear()


@dataclass(slots=True)
class _Segment:
    """Words at the positions from `first` on, in order; once sorted, `order` has their offsets from `first`."""

    first: int
    words: Words32
    order: npt.NDArray[np.uint32] | None = None


class DigestIndex:
    """An index from the first 32 bits of digests to their positions, which increase; 8 bytes each.

    Of digests with the same first bits, the newest is found: compare the whole digest at its position. Among a million
    digests, one in 4,000 is not found for this reason.
    """

    def __init__(self) -> None:
        self._segments: list[_Segment] = []

    def find(self, words: Words32) -> Positions:
        """Return the position of each word, `NOWHERE` if it has none."""
        found: Positions = np.full(len(words), NOWHERE, np.int64)
        by_word = np.argsort(words)
        asked = words[by_word]
        for segment in self._segments:
            if segment.order is None:
                order = np.argsort(segment.words, kind="stable")
                segment.words, segment.order = segment.words[order], order.astype(np.uint32)
            at = np.searchsorted(segment.words, asked, side="right") - 1
            hits = np.flatnonzero((at >= 0) & (segment.words[at] == asked))
            found[by_word[hits]] = segment.first + segment.order[at[hits]].astype(np.int64)
        return found

    def put(self, words: Words32, first: int, *, oldest: int) -> None:
        """Add words at the positions from `first` on, above all earlier ones; forget positions below `oldest`."""
        self._segments = [one for one in self._segments if one.first + len(one.words) > oldest]
        last = self._segments[-1] if self._segments else None
        if last is not None and last.first + len(last.words) == first and len(last.words) + len(words) <= SEGMENT:
            before = np.empty_like(last.words)
            before[last.order if last.order is not None else slice(None)] = last.words
            self._segments[-1] = _Segment(last.first, np.concatenate([before, words]))
        else:
            self._segments.append(_Segment(first, words))
