"""Which sources must be read: hash them ahead, ask the ledger, leave out what is done."""

import logging
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from finner_batch.engine.log import fields
from finner_batch.engine.worker import Task
from finner_batch.errors import DocumentError
from finner_batch.sources.document import Source
from finner_batch.sources.read import fingerprint
from finner_batch.store.ledger import Ledger, Verdict

LOG = logging.getLogger(__name__)
HASHERS = 4
HASHED_AHEAD = 64


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
    failed_before: int = 0
    """Failed before with this content, model and configuration: left to `retry`."""


def select(sources: Iterator[Source], ledger: Ledger, selection: Selection, *, retry: bool) -> Iterator[Task | None]:
    """Tasks for the sources that are not done, in the order given; `selection` counts the others, each a None here.

    The first of several sources with the same bytes is the one that is read, so the order decides, not timing. A source
    that cannot be hashed becomes a task all the same: reading it fails and leaves a row that says why.
    """
    for source, sha256, size in _fingerprints(sources):
        selection.sources += 1
        selection.bytes += size
        if not sha256:
            yield Task(source=source, sha256=None, size=None)
            continue
        verdict = ledger.decide(source.uri, sha256, retry=retry)
        if verdict is Verdict.COPY and _home_changed(ledger, sha256):
            ledger.claim(sha256)
            verdict = Verdict.NEW
        match verdict:
            case Verdict.NEW:
                yield Task(source=source, sha256=sha256, size=size, done=ledger.rows_done(source.uri, retry=retry))
            case Verdict.CLAIMED:
                selection.claimed.append(source)
                yield None
            case Verdict.FAILED:
                selection.failed_before += 1
                yield None
            case Verdict.DONE | Verdict.COPY:
                selection.unchanged += 1
                yield None


def select_claimed(ledger: Ledger, selection: Selection, *, retry: bool) -> Iterator[Task | None]:
    """Tasks for the sources that waited for another with the same bytes, now committed, and that it did not bring.

    What was brought is counted as a duplicate and logged, for it leaves no row. Where the other failed, one of those
    that waited is read, and the rest wait again: call this until `selection.claimed` is empty.
    """
    waiting, selection.claimed = selection.claimed, []
    for source, sha256, size in _fingerprints(iter(waiting)):
        verdict = ledger.decide(source.uri, sha256, retry=retry) if sha256 else Verdict.NEW
        match verdict:
            case Verdict.NEW:
                yield Task(source=source, sha256=sha256 or None, size=size)
            case Verdict.CLAIMED:
                selection.claimed.append(source)
                yield None
            case _:
                selection.duplicates += 1
                LOG.info(fields("duplicate", source=source.uri, sha256=sha256))
                yield None


def _home_changed(ledger: Ledger, sha256: str) -> bool:
    """Whether the source that this content was copied from is still there and holds something else by now."""
    home = ledger.home(sha256)
    if home is None:
        return False
    now, _ = _fingerprint(Source(uri=home, name=home))
    return now not in {"", sha256}


def _fingerprints(sources: Iterator[Source]) -> Iterator[tuple[Source, str, int]]:
    executor = ThreadPoolExecutor(HASHERS, thread_name_prefix="hash")
    ahead: deque[tuple[Source, Future[tuple[str, int]]]] = deque()
    try:
        for source in sources:
            ahead.append((source, executor.submit(_fingerprint, source)))
            if len(ahead) >= HASHED_AHEAD:
                first, result = ahead.popleft()
                yield first, *result.result()
        for rest, result in ahead:
            yield rest, *result.result()
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


def _fingerprint(source: Source) -> tuple[str, int]:
    try:
        return fingerprint(source)
    except DocumentError:
        return "", 0
