"""Which sources must be read: they are hashed ahead, and those that the ledger knows as done are skipped."""

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal, NamedTuple, TypeAlias

from finner_batch.errors import DocumentError, UsageError
from finner_batch.log import fields
from finner_batch.readers.archive import archive_of, member_digests
from finner_batch.readers.copies import Copies, drop_copy, version_digest
from finner_batch.readers.discover import discover
from finner_batch.readers.document import Source, is_web_url
from finner_batch.readers.forms import EVERY_FORM, Forms
from finner_batch.readers.shard_rows import has_rows_of_its_own
from finner_batch.readers.stored import fingerprint
from finner_batch.results.ledger import Decision, Ledger
from finner_batch.runner.worker import Task
from finner_batch.storage.bucket import is_object_url

LOG = logging.getLogger(__name__)
HASHERS = 4
HASHED_AHEAD = 64
COPIED_AHEAD_BYTES = 1 << 30
"""Bytes of URLs that are fetched before their turn, or one larger file."""

SkipReason: TypeAlias = Literal["unchanged", "duplicate", "failed before", "other form"]


@dataclass(frozen=True, slots=True)
class Skipped:
    """A source that needs no work. `size` is in bytes.

    `unchanged`: done before with this content, model and configuration, under this name or one that it was copied or
    moved from. `duplicate`: another source of this run has the same bytes. `failed before`: failed with this content,
    model and configuration, and is left to `retry`. `other form`: the run does not ask for its form.
    """

    source: Source
    size: int
    reason: SkipReason


Selected: TypeAlias = Task | Skipped


class WorkQueue:
    """The sources of a run, each handed out as a task or skipped, in the order given.

    The first of several sources with the same bytes is the one that is read, so the order decides, not timing. The
    others wait here until that one is committed. A source that cannot be hashed becomes a task all the same: reading it
    fails and leaves a row that says why. An object whose version is known is not fetched.
    """

    def __init__(
        self, sources: Iterator[Source], ledger: Ledger, *, copies: Copies, retry: bool, forms: Forms = EVERY_FORM
    ) -> None:
        self._sources = sources
        self._ledger = ledger
        self._copies = copies
        self._retry = retry
        self._forms = forms
        self._waiting: list[Source] = []

    def rounds(self) -> Iterator[Iterator[Selected | None]]:
        """Yield the work round by round: all sources, then those that waited, until none waits.

        Commit the work of a round before the next is taken. In a round, None stands for a source that waits.
        """
        yield self._first_round()
        while self._waiting:
            yield self._next_round()

    def _first_round(self) -> Iterator[Selected | None]:
        digests_in = cache(member_digests)
        for source, known, sha256, size in self._looked_at():
            if sha256 is None:
                yield _skipped(source, size, "other form")
                continue
            if not (known or sha256):
                yield Task(source=source, sha256=None, size=None)
                continue
            decision = known or self._ledger.decide(
                source.uri, sha256, retry=self._retry, has_own_rows=has_rows_of_its_own(source)
            )
            if decision is Decision.COPY and self._home_changed(sha256, digests_in):
                self._ledger.claim(sha256)
                decision = Decision.NEW
            match decision:
                case Decision.NEW:
                    done = self._ledger.rows_done(source.uri, retry=self._retry)
                    yield Task(source=source, sha256=sha256, size=size, done=done)
                case Decision.CLAIMED:
                    self._waiting.append(source)
                    yield None
                case Decision.FAILED:
                    yield _skipped(source, size, "failed before")
                case Decision.DONE | Decision.COPY:
                    yield _skipped(source, size, "unchanged")

    def _next_round(self) -> Iterator[Selected | None]:
        """Hand out the sources that waited for one with the same bytes; where that one failed, the next is read."""
        waiting, self._waiting = self._waiting, []
        for source in waiting:
            sha256, size = _fingerprint(source)
            decision = self._ledger.decide(source.uri, sha256, retry=self._retry) if sha256 else Decision.NEW
            match decision:
                case Decision.NEW:
                    yield Task(source=source, sha256=sha256 or None, size=size)
                case Decision.CLAIMED:
                    self._waiting.append(source)
                    yield None
                case _:  # it leaves no row, so the log names it
                    LOG.info(fields("duplicate", source=source.uri, sha256=sha256))
                    yield _skipped(source, size, "duplicate")

    def _home_changed(self, sha256: str, digests_in: Callable[[str], Mapping[str, str]]) -> bool:
        """Tell whether the source that this content was copied from still exists and holds something else now."""
        home = self._ledger.home(sha256)
        if home is None:
            return False
        if archive := archive_of(home):
            return digests_in(archive).get(home, sha256) != sha256
        source = Source(uri=home, name=home)
        if is_object_url(home):
            try:
                source = next(discover([source.path]))
            except UsageError:
                return False
            if self._decided(source, retry=False):
                return False
            source = replace(source, etag="")
        try:
            fetched, now, _ = self._copies.fetch(source) if is_web_url(home) else (source, *fingerprint(source))
        except DocumentError:
            return False
        drop_copy(fetched)
        return now != sha256

    def _decided(self, source: Source, *, retry: bool) -> Decision | None:
        """Return what the version of an object says; None for all other sources."""
        if not source.version:
            return None
        return self._ledger.decide_version(source.uri, source.version, version_digest(source), retry=retry)

    def _looked_at(self) -> Iterator["_Look"]:
        """Look at each source; those ahead are fetched meanwhile."""
        executor = ThreadPoolExecutor(HASHERS, thread_name_prefix="hash")
        ahead: deque[tuple[int, Future[_Look]]] = deque()
        held = 0
        try:
            for source in self._sources:
                decision = self._decided(source, retry=self._retry)
                size = 0 if decision else source.size
                while ahead and (len(ahead) >= HASHED_AHEAD or held + size > COPIED_AHEAD_BYTES):
                    first, result = ahead.popleft()
                    held -= first
                    yield result.result()
                ahead.append((size, executor.submit(self._look, source, decision)))
                held += size
            for _, result in ahead:
                yield result.result()
        finally:
            executor.shutdown(wait=False, cancel_futures=True)

    def _look(self, source: Source, decision: Decision | None) -> "_Look":
        if decision:
            return _Look(source, decision, "", source.size)
        is_on_web = is_web_url(source.uri)
        try:
            if not is_on_web and self._forms.leave_out(source):
                return _Look(source, None, None, 0)
            fetched, sha256, size = self._copies.fetch(source)
            left_out = is_on_web and self._forms.leave_out(fetched)
        except DocumentError as error:  # a web server is not asked again
            return _Look(replace(source, error=str(error)) if is_on_web else source, None, "", 0)
        return _Look(fetched, None, None if left_out else sha256, size)


class _Look(NamedTuple):
    """A source, its decision where its version decides, else what stands for its content, and its size in bytes.

    `sha256` is empty for a source that cannot be read, None for one of another form than those asked for.
    """

    source: Source
    decision: Decision | None
    sha256: str | None
    size: int


def _skipped(source: Source, size: int, reason: SkipReason) -> Skipped:
    drop_copy(source)
    return Skipped(source, size, reason)


def _fingerprint(source: Source) -> tuple[str, int]:
    if source.version and not source.copy:  # a shard
        return version_digest(source), source.size
    try:
        return fingerprint(source)
    except DocumentError:
        return "", 0
