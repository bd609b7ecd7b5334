"""Where digests stand: what makes an index of a million cached windows fit in 16 megabytes."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from finner_batch.store.digest import MERGE_AT, Words

Places: TypeAlias = npt.NDArray[np.int64]
NOWHERE = -1


class DigestPlaces:
    """A map of 64 bits of a digest to a place >= 0, at 16 bytes each: sorted arrays, and a dictionary of the newest.

    Of two digests that share the 64 bits the one put in last is found, so whoever follows a place compares the whole
    digest there.
    """

    def __init__(self) -> None:
        self._new: dict[int, int] = {}
        self._words: Words = np.empty(0, np.uint64)
        self._places: Places = np.empty(0, np.int64)

    def find(self, words: Words) -> Places:
        """Place of each word, `NOWHERE` where it has none."""
        found: Places = np.full(len(words), NOWHERE, np.int64)
        if len(self._words):
            at = np.minimum(np.searchsorted(self._words, words), len(self._words) - 1)
            found = np.where(self._words[at] == words, self._places[at], NOWHERE)
        if self._new:
            newest = np.fromiter((self._new.get(word, NOWHERE) for word in words.tolist()), np.int64, len(words))
            found = np.where(newest == NOWHERE, found, newest)
        return found

    def put(self, words: Words, places: Places, *, oldest_place: int) -> None:
        """Add words with their places, which are after all given before; those before `oldest_place` may go."""
        if len(self._new) + len(words) < MERGE_AT:
            self._new.update(zip(words.tolist(), places.tolist(), strict=True))
            return
        newest = np.fromiter(self._new, np.uint64), np.fromiter(self._new.values(), np.int64)
        self._new.clear()
        words = np.concatenate([self._words, newest[0], words])
        places = np.concatenate([self._places, newest[1], places])
        order = np.argsort(words, kind="stable")  # of equal words the newest is the last
        words, places = words[order], places[order]
        kept = places >= oldest_place
        kept[:-1] &= words[:-1] != words[1:]
        self._words, self._places = words[kept], places[kept]
