"""The ledger: which sources are done. The `documents` files are its only record.

A file is done when the newest rows of its source have its content hash, model and configuration. Its copies are then
done too, and so is the file after a move. A shard is done when the row that closes it is its newest; in an unfinished
shard every row counts by itself.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from finner_batch.results.digests import DigestSet, Words64, content_digest, name_digest
from finner_batch.results.document_rows import (
    IS_CURRENT_SETTING,
    IS_FAILED,
    IS_FINISHED,
    IS_NEWEST,
    IS_READ_AGAIN,
    IS_SHARD_ROW,
    DocumentNames,
    Rows,
    in_force,
    list_committed,
    read_rows,
)
from finner_batch.storage.place import Place


class Decision(Enum):
    """What to do with a source."""

    NEW = "new"
    """Read it: its content, the model or a setting is new."""
    DONE = "done"
    """Its rows are in force."""
    FAILED = "failed"
    """Done, with failed documents: `retry` reads it again."""
    COPY = "copy"
    """Done: it has the same bytes as a source that is done, and is a copy of that one or was moved from there."""
    CLAIMED = "claimed"
    """Another source with the same bytes is being read in this run: ask again when that one is committed."""


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
    """The documents in a results folder for one model and configuration, and those of this run."""

    def __init__(self, results: Place, parts: list[str], rows: Rows) -> None:
        """`rows`: those in force, as `in_force` returns them. Use `load`."""
        self._names = DocumentNames(results, parts)
        self._rows = rows
        self._settled = np.zeros(len(rows), np.bool_)
        """Rows that are unchanged, replaced or removed in this run."""
        self._by_content: npt.NDArray[np.intp] = np.argsort(rows.content_high, kind="stable")
        self._contents: Words64 = rows.content_high[self._by_content]
        self._claimed: set[bytes] = set()
        self._done = DigestSet()
        self._refused: set[bytes] = set()

    @classmethod
    def load(cls, results: Place, *, model_id: str, config_id: str) -> "Ledger":
        """Read the ledger of a folder; it is empty if there is no folder. Raises FinnerError for a damaged file."""
        parts = list_committed(results)
        return cls(results, parts, in_force(read_rows(results, parts, model_id=model_id, config_id=config_id)))

    def __len__(self) -> int:
        """Return the number of documents in force when the ledger was read."""
        return int(np.count_nonzero(~self._rows.flags & IS_FINISHED))

    def decide(self, source: str, sha256: str, *, retry: bool = False, has_own_rows: bool = False) -> Decision:
        """Decide what to do with a source of this content; NEW claims the content for it.

        A source with a failed document is NEW with `retry`, and also if fetching it again may have corrected it. Call
        this in an order that does not depend on timing: of several sources with the same new bytes the first is read.
        If it was refused, the others are read too, because each needs a row that says so. `has_own_rows`: the source
        is not a copy of another one.
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
                return Decision.NEW
            return Decision.FAILED if failed else Decision.DONE
        if len(mine) == len(same) and not has_own_rows:
            if digest in self._claimed and digest not in self._refused:
                return Decision.CLAIMED
            if digest in self._done or self._home(digest) is not None:
                return Decision.COPY
        self._claimed.add(digest)
        return Decision.NEW

    def decide_version(self, source: str, version: str, digest: str, *, retry: bool = False) -> Decision | None:
        """Decide by the version of an object alone; None if its content must be read.

        `version` is what `Writer.finish` was given for a file, `digest` what was used as the hash of a shard.
        """
        own = self._of_source(source)
        mine = own[self._unsettled(own) & self._has(own, IS_FINISHED | IS_NEWEST | IS_CURRENT_SETTING)]
        is_same = (self._rows.document[mine] == np.uint64(name_digest(version))) | self._holds(
            mine, content_digest(digest)
        )
        if not is_same.any():
            return None
        if self._has(own, IS_FAILED).any():
            return None if retry or self._has(own, IS_READ_AGAIN).any() else Decision.FAILED
        return Decision.DONE

    def home(self, sha256: str) -> str | None:
        """Return the source that had this content when the ledger was read, or None."""
        position = self._home(content_digest(sha256))
        return None if position is None else self._identities(np.array([position]))[0][0]

    def claim(self, sha256: str) -> None:
        """Claim a content that `decide` called a COPY, because the source that had it has other content now."""
        self._claimed.add(content_digest(sha256))

    def rows_done(self, source: str, *, retry: bool = False) -> frozenset[bytes]:
        """Return the `row_digest` of each row of a shard that is done; with `retry`, without the failed ones."""
        own = self._of_source(source)
        flags = self._rows.flags[own]
        done = (flags & (IS_SHARD_ROW | IS_CURRENT_SETTING | IS_FINISHED)) == (IS_SHARD_ROW | IS_CURRENT_SETTING)
        if retry:
            done &= (flags & IS_FAILED) == 0
        chosen = own[done]
        packed = np.empty((len(chosen), 2), ">u8")
        packed[:, 0], packed[:, 1] = self._rows.document[chosen], self._rows.content_high[chosen]
        flat = packed.tobytes()
        return frozenset(flat[start : start + 16] for start in range(0, len(flat), 16))

    def failed(self) -> Iterator[FailedRow]:
        """Yield the failed documents in force, in the order of their commits."""
        rows = self._rows.take((self._rows.flags & IS_FAILED) != 0)
        for values in self._names.read(rows, FailedRow.__match_args__):
            yield FailedRow(*values)

    def settle(self, source: str, document_id: str) -> None:
        """Record that new rows of this document replace those in force."""
        first, last = self._span(np.uint64(name_digest(source)))
        documents, digest = self._rows.document[first:last], np.uint64(name_digest(document_id))
        begin, end = np.searchsorted(documents, digest, "left"), np.searchsorted(documents, digest, "right")
        self._settled[first + begin : first + end] = True

    def settle_rows(self, source: str, digests: Iterable[bytes]) -> None:
        """Record by `row_digest` which rows of a shard are unchanged."""
        own = self._of_source(source)
        found = np.fromiter((int.from_bytes(digest[:8]) for digest in digests), np.uint64)
        self._settled[own[np.isin(self._rows.document[own], found)]] = True

    def stale(self, source: str, sha256: str, *, complete: bool = True) -> list[tuple[str, str]]:
        """Remove and return (source, document_id) of the rows in force that a finished source makes obsolete.

        These are the rows of that source that it no longer holds (rows of a shard only if it was read to its end), and
        the rows of this content from another source, under another model or configuration.
        """
        own = self._of_source(source)
        if not complete:
            own = own[~self._has(own, IS_SHARD_ROW)]
        digest = content_digest(sha256)
        elsewhere = self._of_content(digest)
        elsewhere = elsewhere[~self._has(elsewhere, IS_CURRENT_SETTING) & self._has(elsewhere, IS_NEWEST)]
        others = [np.arange(*self._span(self._rows.source[position])) for position in elsewhere]
        stale = [pair for pair in self._take(own) if pair[0] == source]
        for positions in others:
            stale += self._take(positions)
        return stale

    def close(self, sha256: str, *, done: bool, refused: bool = False) -> None:
        """End the claim of a content whose source was committed.

        `done`: a document of it did not fail. `refused`: no source with this content can be read.
        """
        digest = content_digest(sha256)
        self._claimed.discard(digest)
        if refused:
            self._refused.add(digest)
        if done:
            self._done.add(digest)

    def _take(self, positions: npt.NDArray[np.intp]) -> list[tuple[str, str]]:
        left = positions[self._unsettled(positions) & ~self._has(positions, IS_FINISHED)]
        self._settled[positions] = True
        return self._identities(left)

    def _of_source(self, source: str) -> npt.NDArray[np.intp]:
        return np.arange(*self._span(np.uint64(name_digest(source))))

    def _span(self, digest: np.uint64) -> tuple[np.intp, np.intp]:
        sources = self._rows.source
        return np.searchsorted(sources, digest, "left"), np.searchsorted(sources, digest, "right")

    def _of_content(self, digest: bytes) -> npt.NDArray[np.intp]:
        high = np.uint64(int.from_bytes(digest[:8]))
        first, last = np.searchsorted(self._contents, high, "left"), np.searchsorted(self._contents, high, "right")
        positions = self._by_content[first:last]
        return positions[self._holds(positions, digest) & self._is_file(positions)]

    def _home(self, digest: bytes) -> np.intp | None:
        positions = self._of_content(digest)
        wanted = self._has(positions, IS_NEWEST | IS_CURRENT_SETTING) & ~self._has(positions, IS_FAILED)
        positions = positions[wanted & self._unsettled(positions)]
        return positions[0] if len(positions) else None

    def _holds(self, positions: npt.NDArray[np.intp], digest: bytes) -> npt.NDArray[np.bool_]:
        high, low = (np.uint64(int.from_bytes(half)) for half in (digest[:8], digest[8:]))
        held: npt.NDArray[np.bool_] = (self._rows.content_high[positions] == high) & (
            self._rows.content_low[positions] == low
        )
        return held

    def _has(self, positions: npt.NDArray[np.intp], flags: int) -> npt.NDArray[np.bool_]:
        held: npt.NDArray[np.bool_] = (self._rows.flags[positions] & flags) == flags
        return held

    def _is_file(self, positions: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
        return ~self._has(positions, IS_SHARD_ROW) | self._has(positions, IS_FINISHED)

    def _unsettled(self, positions: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
        return ~self._settled[positions]

    def _identities(self, positions: npt.NDArray[np.intp]) -> list[tuple[str, str]]:
        return [
            (source, name) for source, name in self._names.read(self._rows.take(positions), ("source", "document_id"))
        ]
