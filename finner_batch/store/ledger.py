"""The ledger: what was done, read from the `documents` files, which are its only record.

A file is done when its source's newest rows have its content hash, model and configuration. Its copies and a moved file
are done with it. A shard is done when the row that closes it is its newest; inside an unfinished shard every row counts
by itself.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from finner_batch.store.digest import DigestSet, Words, content_digest, name_digest, row_digest
from finner_batch.store.names import Names
from finner_batch.store.place import Place
from finner_batch.store.rows import (
    IS_CURRENT_SETTING,
    IS_FAILED,
    IS_FINISHED,
    IS_NEWEST,
    IS_READ_AGAIN,
    IS_SHARD_ROW,
    Rows,
    in_force,
    list_committed,
    read_rows,
)

__all__ = ["FailedRow", "Ledger", "Verdict", "row_digest"]


class Verdict(Enum):
    """What is to be done with a source."""

    NEW = "new"
    """Read it: the content, the model or a setting is new."""
    DONE = "done"
    """Its rows are in force."""
    FAILED = "failed"
    """Done, and documents of it failed: left to `retry`."""
    COPY = "copy"
    """The same bytes are done under another source that this one was copied or moved from."""
    CLAIMED = "claimed"
    """The same bytes are being read in this run under another source: ask again when that one is committed."""


@dataclass(frozen=True, slots=True)
class FailedRow:
    """A failed document in force."""

    source: str
    document_id: str
    sha256: str | None
    kind: str | None
    stage: str | None
    error_type: str | None
    error: str | None


class Ledger:
    """What a results folder holds, for one model and configuration, and what this run has begun and committed."""

    def __init__(self, results: Place, parts: list[str], rows: Rows) -> None:
        """`rows`: those in force, as `in_force` returns them. Use `load`."""
        self._names = Names(results, parts)
        self._rows = rows
        self._settled = np.zeros(len(rows), np.bool_)
        """Rows that this run has met again, replaced or removed."""
        self._by_content: npt.NDArray[np.intp] = np.argsort(rows.content_high, kind="stable")
        self._contents: Words = rows.content_high[self._by_content]
        self._claimed: set[bytes] = set()
        self._done = DigestSet()
        self._refused: set[bytes] = set()

    @classmethod
    def load(cls, results: Place, *, model_id: str, config_id: str) -> "Ledger":
        """Read the ledger of a folder; an absent one is empty. Raises FinnerError for a damaged file."""
        parts = list_committed(results)
        return cls(results, parts, in_force(read_rows(results, parts, model_id=model_id, config_id=config_id)))

    def __len__(self) -> int:
        """Return the number of documents in force when the ledger was read."""
        return int(np.count_nonzero(~self._rows.flags & IS_FINISHED))

    def decide(self, source: str, sha256: str, *, retry: bool = False, has_own_rows: bool = False) -> Verdict:
        """Tell what to do with a source of this content; NEW claims the content for it.

        A source with a failed document is NEW with `retry`, and always where a new fetch may have mended it. Ask in an
        order that does not depend on timing: of several sources with the same new bytes the first is the one that is
        read; where it was refused, all the others are, for each needs a row that says so. With `has_own_rows` it is no
        copy of another.
        """
        digest = content_digest(sha256)
        own = self._of_source(source)
        mine = own[self._unsettled(own)]
        same = mine[self._holds(mine, digest)]
        newest = same[self._has(same, IS_NEWEST | IS_CURRENT_SETTING)]
        if len(newest):
            failed = self._has(own, IS_FAILED).any()
            if failed and (retry or self._has(own, IS_READ_AGAIN).any()):
                self._claimed.add(digest)
                return Verdict.NEW
            return Verdict.FAILED if failed else Verdict.DONE
        if len(mine) == len(same) and not has_own_rows:
            if digest in self._claimed and digest not in self._refused:
                return Verdict.CLAIMED
            if digest in self._done or self._home(digest) is not None:
                return Verdict.COPY
        self._claimed.add(digest)
        return Verdict.NEW

    def decide_version(self, source: str, version: str, digest: str, *, retry: bool = False) -> Verdict | None:
        """Tell by an object's version alone whether its source is done; None where the content must be looked at.

        `version` is what `Writer.finish` was told of a file, `digest` what stood for the content of a shard.
        """
        own = self._of_source(source)
        mine = own[self._unsettled(own) & self._has(own, IS_FINISHED | IS_NEWEST | IS_CURRENT_SETTING)]
        is_same = (self._rows.document[mine] == np.uint64(name_digest(version))) | self._holds(
            mine, content_digest(digest)
        )
        if not is_same.any():
            return None
        if self._has(own, IS_FAILED).any():
            return None if retry or self._has(own, IS_READ_AGAIN).any() else Verdict.FAILED
        return Verdict.DONE

    def home(self, sha256: str) -> str | None:
        """Return the source under which this content stood when the ledger was read; None where it did not."""
        place = self._home(content_digest(sha256))
        return None if place is None else self._identities(np.array([place]))[0][0]

    def claim(self, sha256: str) -> None:
        """Claim a content that `decide` called a COPY, when its home turns out to hold something else by now."""
        self._claimed.add(content_digest(sha256))

    def rows_done(self, source: str, *, retry: bool = False) -> frozenset[bytes]:
        """`row_digest` of each row of a shard that needs no work; with `retry` the failed ones are left out."""
        own = self._of_source(source)
        flags = self._rows.flags[own]
        done = (flags & (IS_SHARD_ROW | IS_CURRENT_SETTING | IS_FINISHED)) == (IS_SHARD_ROW | IS_CURRENT_SETTING)
        if retry:
            done &= (flags & IS_FAILED) == 0
        chosen = own[done]
        packed = np.empty((len(chosen), 2), ">u8")
        packed[:, 0], packed[:, 1] = self._rows.document[chosen], self._rows.content_high[chosen]
        flat = packed.tobytes()
        return frozenset(flat[place : place + 16] for place in range(0, len(flat), 16))

    def failed(self) -> Iterator[FailedRow]:
        """Failed documents in force, in the order of their commits."""
        rows = self._rows.take((self._rows.flags & IS_FAILED) != 0)
        for values in self._names.read(rows, FailedRow.__match_args__):
            yield FailedRow(*values)

    def settle(self, source: str, document_id: str) -> None:
        """Note that new rows of this document replace those in force."""
        first, last = self._span(np.uint64(name_digest(source)))
        documents, digest = self._rows.document[first:last], np.uint64(name_digest(document_id))
        begin, end = np.searchsorted(documents, digest, "left"), np.searchsorted(documents, digest, "right")
        self._settled[first + begin : first + end] = True

    def settle_rows(self, source: str, digests: Iterable[bytes]) -> None:
        """Note by `row_digest` which rows of a shard were met again and left as they are."""
        own = self._of_source(source)
        met = np.fromiter((int.from_bytes(digest[:8]) for digest in digests), np.uint64)
        self._settled[own[np.isin(self._rows.document[own], met)]] = True

    def stale(self, source: str, sha256: str, *, complete: bool = True) -> list[tuple[str, str]]:
        """Take and return (source, document_id) of the rows that a finished source leaves without a file.

        These are the rows of that source that it no longer holds (not so the rows of a shard that was not read to its
        end), and the rows of this content that another source brought under another model or configuration.
        """
        own = self._of_source(source)
        if not complete:
            own = own[~self._has(own, IS_SHARD_ROW)]
        digest = content_digest(sha256)
        elsewhere = self._of_content(digest)
        elsewhere = elsewhere[~self._has(elsewhere, IS_CURRENT_SETTING) & self._has(elsewhere, IS_NEWEST)]
        others = [np.arange(*self._span(self._rows.source[place])) for place in elsewhere]
        stale = [pair for pair in self._take(own) if pair[0] == source]
        for places in others:
            stale += self._take(places)
        return stale

    def close(self, sha256: str, *, done: bool, refused: bool = False) -> None:
        """Give up the claim of a content, when its source was committed.

        `done`: with a document that did not fail. `refused`: the content is such that no source of it can be read.
        """
        digest = content_digest(sha256)
        self._claimed.discard(digest)
        if refused:
            self._refused.add(digest)
        if done:
            self._done.add(digest)

    def _take(self, places: npt.NDArray[np.intp]) -> list[tuple[str, str]]:
        left = places[self._unsettled(places) & ~self._has(places, IS_FINISHED)]
        self._settled[places] = True
        return self._identities(left)

    def _of_source(self, source: str) -> npt.NDArray[np.intp]:
        return np.arange(*self._span(np.uint64(name_digest(source))))

    def _span(self, digest: np.uint64) -> tuple[np.intp, np.intp]:
        sources = self._rows.source
        return np.searchsorted(sources, digest, "left"), np.searchsorted(sources, digest, "right")

    def _of_content(self, digest: bytes) -> npt.NDArray[np.intp]:
        high = np.uint64(int.from_bytes(digest[:8]))
        first, last = np.searchsorted(self._contents, high, "left"), np.searchsorted(self._contents, high, "right")
        places = self._by_content[first:last]
        return places[self._holds(places, digest) & self._is_file(places)]

    def _home(self, digest: bytes) -> np.intp | None:
        places = self._of_content(digest)
        wanted = self._has(places, IS_NEWEST | IS_CURRENT_SETTING) & ~self._has(places, IS_FAILED)
        places = places[wanted & self._unsettled(places)]
        return places[0] if len(places) else None

    def _holds(self, places: npt.NDArray[np.intp], digest: bytes) -> npt.NDArray[np.bool_]:
        high, low = (np.uint64(int.from_bytes(half)) for half in (digest[:8], digest[8:]))
        held: npt.NDArray[np.bool_] = (self._rows.content_high[places] == high) & (
            self._rows.content_low[places] == low
        )
        return held

    def _has(self, places: npt.NDArray[np.intp], flags: int) -> npt.NDArray[np.bool_]:
        held: npt.NDArray[np.bool_] = (self._rows.flags[places] & flags) == flags
        return held

    def _is_file(self, places: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
        return ~self._has(places, IS_SHARD_ROW) | self._has(places, IS_FINISHED)

    def _unsettled(self, places: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
        return ~self._settled[places]

    def _identities(self, places: npt.NDArray[np.intp]) -> list[tuple[str, str]]:
        return [(source, name) for source, name in self._names.read(self._rows.take(places), ("source", "document_id"))]
