"""Which sources must be read: hash them ahead, ask the ledger, leave out what is done."""

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TypeAlias

from finner_batch.engine.log import fields
from finner_batch.engine.worker import Task
from finner_batch.errors import DocumentError, UsageError
from finner_batch.results.ledger import Decision, Ledger
from finner_batch.sources.archive import archive_of, member_digests
from finner_batch.sources.discover import discover
from finner_batch.sources.document import Source, is_web_url
from finner_batch.sources.fetch import Copies, drop_copy, version_digest
from finner_batch.sources.forms import EVERY_FORM, Forms
from finner_batch.sources.hive import has_rows_of_its_own
from finner_batch.sources.read import fingerprint
from finner_batch.storage.bucket import is_object_url

LOG = logging.getLogger(__name__)
HASHERS = 4
HASHED_AHEAD = 64
COPIED_AHEAD_BYTES = 1 << 30
"""Bytes of URLs that are fetched before their turn, or one file."""


@dataclass(slots=True)
class Selection:
    """What the selection found, counted as it goes."""

    sources: int = 0
    bytes: int = 0
    unchanged: int = 0
    """Done before with this content, model and configuration, here or under the name it was copied or moved from."""
    duplicates: int = 0
    """The same bytes as another source of this run: read once."""
    claimed: list[Source] = field(default_factory=list)
    """Sources whose bytes another source of this run brings: to be asked about again once that one is committed."""
    left_out: int = 0
    """Files of a folder that are no filings (hidden, `.csv`, `.jpg`, …): the log names each."""
    other_forms: int = 0
    """Documents of other forms than those asked for: left for a run that asks for them."""
    failed_before: int = 0
    """Failed before with this content, model and configuration: left to `retry`."""

    def leave_out(self, path: str, reason: str) -> None:
        """Count a file that is no filing."""
        self.left_out += 1
        LOG.info(fields("left-out", path=path, reason=reason))


def select(
    sources: Iterator[Source],
    ledger: Ledger,
    selection: Selection,
    *,
    copies: Copies,
    retry: bool,
    forms: Forms = EVERY_FORM,
    passed_over: Callable[[str], None] = lambda _: None,
) -> Iterator[Task | None]:
    """Tasks for the sources that are not done, in the order given; `selection` counts the others, each a None here.

    The first of several sources with the same bytes is the one that is read, so the order decides, not timing. A source
    that cannot be hashed becomes a task all the same: reading it fails and leaves a row that says why. An object whose
    version is known is not fetched. `passed_over` is told the URI of each source that needs no work.
    """
    digests_in = cache(member_digests)
    for source, known, sha256, size in _looked_at(sources, ledger, copies, forms, retry=retry):
        selection.sources += 1
        selection.bytes += size
        if sha256 is None:
            drop_copy(source)
            selection.other_forms += 1
            passed_over(source.uri)
            yield None
            continue
        if not (known or sha256):
            yield Task(source=source, sha256=None, size=None)
            continue
        verdict = known or ledger.decide(source.uri, sha256, retry=retry, has_own_rows=has_rows_of_its_own(source))
        if verdict is Decision.COPY and _home_changed(ledger, sha256, digests_in, copies):
            ledger.claim(sha256)
            verdict = Decision.NEW
        match verdict:
            case Decision.NEW:
                yield Task(source=source, sha256=sha256, size=size, done=ledger.rows_done(source.uri, retry=retry))
            case Decision.CLAIMED:
                selection.claimed.append(source)
                yield None
            case Decision.FAILED:
                drop_copy(source)
                selection.failed_before += 1
                passed_over(source.uri)
                yield None
            case Decision.DONE | Decision.COPY:
                drop_copy(source)
                selection.unchanged += 1
                passed_over(source.uri)
                yield None


def select_claimed(
    ledger: Ledger, selection: Selection, *, retry: bool, passed_over: Callable[[str], None] = lambda _: None
) -> Iterator[Task | None]:
    """Tasks for the sources that waited for another with the same bytes, now committed, and that it did not bring.

    What was brought is counted as a duplicate and logged, for it leaves no row. Where the other failed, one of those
    that waited is read, and the rest wait again: call this until `selection.claimed` is empty.
    """
    waiting, selection.claimed = selection.claimed, []
    for source in waiting:
        sha256, size = _fingerprint(source)
        verdict = ledger.decide(source.uri, sha256, retry=retry) if sha256 else Decision.NEW
        match verdict:
            case Decision.NEW:
                yield Task(source=source, sha256=sha256 or None, size=size)
            case Decision.CLAIMED:
                selection.claimed.append(source)
                yield None
            case _:
                drop_copy(source)
                selection.duplicates += 1
                LOG.info(fields("duplicate", source=source.uri, sha256=sha256))
                passed_over(source.uri)
                yield None


def _home_changed(ledger: Ledger, sha256: str, digests_in: Callable[[str], Mapping[str, str]], copies: Copies) -> bool:
    """Whether the source that this content was copied from is still there and holds something else by now."""
    home = ledger.home(sha256)
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
        if _decided(source, ledger, retry=False):
            return False
        source = replace(source, etag="")
    try:
        fetched, now, _ = copies.fetch(source) if is_web_url(home) else (source, *fingerprint(source))
    except DocumentError:
        return False
    drop_copy(fetched)
    return now != sha256


def _decided(source: Source, ledger: Ledger, *, retry: bool) -> Decision | None:
    """What the version of an object tells; None for all other sources."""
    if not source.version:
        return None
    return ledger.decide_version(source.uri, source.version, version_digest(source), retry=retry)


_Look: TypeAlias = tuple[Source, Decision | None, str | None, int]
"""A source, its verdict where the version tells it, else what stands for its content, and its size in bytes.

No content: it cannot be read; None: it is of another form than those asked for.
"""


def _looked_at(
    sources: Iterator[Source], ledger: Ledger, copies: Copies, forms: Forms, *, retry: bool
) -> Iterator[_Look]:
    """Look at each source; those ahead are fetched meanwhile."""

    def look(source: Source, verdict: Decision | None) -> _Look:
        if verdict:
            return source, verdict, "", source.size
        try:
            if is_web_url(source.uri):  # asked once
                fetched, sha256, size = copies.fetch(source)
                return fetched, None, None if forms.leave_out(fetched) else sha256, size
            if forms.leave_out(source):
                return source, None, None, 0
            fetched, sha256, size = copies.fetch(source)
        except DocumentError as error:
            return (replace(source, error=str(error)) if is_web_url(source.uri) else source), None, "", 0
        return fetched, None, sha256, size

    executor = ThreadPoolExecutor(HASHERS, thread_name_prefix="hash")
    ahead: deque[tuple[int, Future[_Look]]] = deque()
    held = 0
    try:
        for source in sources:
            verdict = _decided(source, ledger, retry=retry)
            size = 0 if verdict else source.size
            while ahead and (len(ahead) >= HASHED_AHEAD or held + size > COPIED_AHEAD_BYTES):
                first, result = ahead.popleft()
                held -= first
                yield result.result()
            ahead.append((size, executor.submit(look, source, verdict)))
            held += size
        for _, result in ahead:
            yield result.result()
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


def _fingerprint(source: Source) -> tuple[str, int]:
    if source.version and not source.copy:  # a shard
        return version_digest(source), source.size
    try:
        return fingerprint(source)
    except DocumentError:
        return "", 0
