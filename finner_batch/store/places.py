"""Where digests stand: what makes an index of a million cached windows fit in 8 megabytes."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Words: TypeAlias = npt.NDArray[np.uint32]
Places: TypeAlias = npt.NDArray[np.int64]

NOWHERE = -1
SEGMENT = 65_536
"""Places a segment has at most. Of more, a search would touch more segments; of fewer, sorting the last costs more."""


@dataclass(slots=True)
class _Segment:
    """Words of the places from `first` on: in the order of the places, or sorted with `order` saying which is where."""

    first: int
    words: Words
    order: npt.NDArray[np.uint32] | None = None


class DigestPlaces:
    """A map of the first 32 bits of digests to the places they stand at, which count up; 8 bytes each.

    Of digests that begin alike the newest is found, so whoever follows a place compares the whole digest there. With a
    million others one in 4,000 is missed for that.
    """

    def __init__(self) -> None:
        self._segments: list[_Segment] = []

    def find(self, words: Words) -> Places:
        """Place of each word, `NOWHERE` where it has none."""
        found: Places = np.full(len(words), NOWHERE, np.int64)
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

    def put(self, words: Words, first: int, *, oldest: int) -> None:
        """Add words that stand at `first` and after it, which is after all before; places below `oldest` may go."""
        self._segments = [one for one in self._segments if one.first + len(one.words) > oldest]
        last = self._segments[-1] if self._segments else None
        if last is not None and last.first + len(last.words) == first and len(last.words) + len(words) <= SEGMENT:
            before = np.empty_like(last.words)
            before[last.order if last.order is not None else slice(None)] = last.words
            self._segments[-1] = _Segment(last.first, np.concatenate([before, words]))
        else:
            self._segments.append(_Segment(first, words))
