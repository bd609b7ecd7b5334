"""How far a run is: documents done of all, and the time left; a bar on a terminal, else a line a minute in the log."""

import logging
import sys
from collections import deque
from collections.abc import Callable, Iterable
from datetime import timedelta
from threading import Event, Lock, Thread
from time import monotonic
from types import TracebackType
from typing import NamedTuple, Self

from tqdm import tqdm

from finner_batch.engine.log import fields
from finner_batch.sources.document import Source

LOG = logging.getLogger(__name__)
BAR_S = 0.2
LOG_S = 60.0
"""Seconds between two looks of the bar, and between two lines of the log."""
RECENT_S = 120.0
"""The speed is that of so many seconds: what is unchanged goes by faster than what is read."""
SLOWEST = 1e-4
"""Documents a second, three hours a document, below which the time left is not told."""
_BAR = "{desc} {percentage:3.0f}%|{bar:20}| {elapsed}{postfix}"
_BAR_OF_UNKNOWN = "{desc} {elapsed}{postfix}"


class Standing(NamedTuple):
    """How far a run is. `documents` are done, partly done ones counted in part, of `of`, where that is known yet."""

    documents: float
    of: int | None
    per_second: float

    @property
    def left(self) -> timedelta | None:
        """Time left at this speed, in whole seconds; None where it cannot be told."""
        if self.of is None or self.per_second < SLOWEST:
            return None
        return timedelta(seconds=round((self.of - self.documents) / self.per_second))


class Progress:
    """Counts the documents that are done. Use as a context manager: how far it is is shown in between.

    `count` yields all sources with the documents each holds, and is asked in a thread of its own; a source that turns
    out to hold more adds to them. None for a source: how many there are is not known.
    """

    def __init__(
        self, count: Callable[[], Iterable[tuple[Source, int | None]]] = tuple, *, has_bar: bool = False
    ) -> None:
        self._count = count
        self._bar = tqdm(disable=not has_bar, file=sys.stderr, leave=False, bar_format=_BAR_OF_UNKNOWN)
        self._has_bar = has_bar
        self._ended = Event()
        self._lock = Lock()
        self._thread = Thread(target=self._show, name="progress", daemon=True)
        self._all = 0
        self._all_known = False
        self._done = 0
        self._in_model = 0.0
        self._held: dict[str, int] = {}
        """Documents by source, where they are not 1; those of sources that are being read, as far as they are done."""
        self._seen: dict[str, int] = {}
        self._past: deque[tuple[float, float]] = deque([(monotonic(), 0.0)])

    def __enter__(self) -> Self:
        Thread(target=self._count_all, name="count", daemon=True).start()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        self._bar.close()

    def document_done(self, source: str) -> None:
        """Count a document of the source with this URI."""
        with self._lock:
            self._done += 1
            self._in_model = max(self._in_model - 1, 0.0)
            self._seen[source] = seen = self._seen.get(source, 0) + 1
            self._all += seen > self._held.get(source, 1)

    def source_done(self, source: str) -> None:
        """Count the documents of a source that needed no work, or those that it has beside the ones counted."""
        with self._lock:
            self._done += max(self._held.get(source, 1) - self._seen.pop(source, 0), 0)

    def in_model(self, documents: float) -> None:
        """Say how many documents the model has read that are not done yet, in parts of documents."""
        self._in_model = documents

    def standing(self) -> Standing:
        """How far it is now."""
        with self._lock:
            done = self._done + self._in_model
            of = max(self._all, self._done) if self._all_known else None
        now = monotonic()
        self._past.append((now, done))
        while len(self._past) > 2 and now - self._past[1][0] > RECENT_S:
            self._past.popleft()
        began, before = self._past[0]
        return Standing(done if of is None else min(done, of), of, (done - before) / max(now - began, 1e-9))

    def _count_all(self) -> None:
        try:
            for source, documents in self._count():
                if self._ended.is_set() or documents is None:
                    return
                with self._lock:
                    self._all += documents
                    if documents != 1:
                        self._held[source.uri] = documents
        except Exception:  # noqa: BLE001 - whoever reads the sources meets it too, and says so
            return
        self._all_known = True

    def _show(self) -> None:
        while not self._ended.wait(BAR_S if self._has_bar else LOG_S):
            standing = self.standing()
            done = int(standing.documents)
            left = standing.left if done else None
            if not self._has_bar:
                rate = round(standing.per_second, 2) if done else None
                LOG.info(fields("progress", documents=done, of=standing.of, per_second=rate, left=left))
                continue
            self._bar.bar_format = _BAR if standing.of else _BAR_OF_UNKNOWN
            self._bar.total = standing.of
            self._bar.n = done
            self._bar.desc = f"{done:,}{'' if standing.of is None else f' of {standing.of:,}'} documents"
            self._bar.postfix = f"{standing.per_second:.1f} documents/s" if done else None
            if left is not None:
                self._bar.postfix += f", {left} left"
            self._bar.refresh()
