"""Shows the progress of a run: the documents done and the time left, as a bar on a terminal or a log line a minute."""

import logging
import sys
from collections import deque
from collections.abc import Callable, Iterable
from datetime import timedelta
from threading import Event, Lock, Thread
from time import monotonic
from typing import NamedTuple, Self

from tqdm import tqdm

from finner_batch.log import fields
from finner_batch.readers.document import Source

LOG = logging.getLogger(__name__)
BAR_S = 0.2
LOG_S = 60.0
"""Seconds between two updates of the bar, and between two lines of the log."""
RECENT_S = 120.0
"""The speed is that of the last seconds, because unchanged sources are done faster than those that are read."""
SLOWEST = 1e-4
"""Documents a second (one in three hours) below which the time left is not shown."""
_BAR = "{desc} {percentage:3.0f}%|{bar:20}| {elapsed}{postfix}"
_BAR_OF_UNKNOWN = "{desc} {elapsed}{postfix}"


class Standing(NamedTuple):
    """The state of a run: `documents` done, those in the model in part, of the total `of`, which is None if unknown."""

    documents: float
    of: int | None
    per_second: float

    @property
    def left(self) -> timedelta | None:
        """Time left at this speed, in whole seconds; None if it is unknown."""
        if self.of is None or self.per_second < SLOWEST:
            return None
        return timedelta(seconds=round((self.of - self.documents) / self.per_second))


class Progress:
    """Counts documents, and shows the progress while it is used as a context manager.

    `count` yields all sources with the number of documents in each, None if that is not known; it runs in its own
    thread. A source that turns out to hold more documents adds to the total. `documents_in_model` returns how many
    documents the model has read that are not done yet, as a fraction.
    """

    def __init__(
        self,
        count: Callable[[], Iterable[tuple[Source, int | None]]] = tuple,
        documents_in_model: Callable[[], float] = float,
        *,
        has_bar: bool = False,
    ) -> None:
        self._count = count
        self._documents_in_model = documents_in_model
        self._bar = tqdm(disable=not has_bar, file=sys.stderr, leave=False, bar_format=_BAR_OF_UNKNOWN)
        self._has_bar = has_bar
        self._ended = Event()
        self._lock = Lock()
        self._thread = Thread(target=self._show, name="progress", daemon=True)
        self._all = 0
        self._all_known = False
        self._done = 0
        self._held: dict[str, int] = {}
        """Documents by source, of sources that do not hold exactly one; below, how many of them are done."""
        self._seen: dict[str, int] = {}
        self._past: deque[tuple[float, float]] = deque([(monotonic(), 0.0)])

    def __enter__(self) -> Self:
        Thread(target=self._count_all, name="count", daemon=True).start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._bar.close()

    def document_done(self, source: str) -> None:
        """Count a document of the source with this URI."""
        with self._lock:
            self._done += 1
            self._seen[source] = seen = self._seen.get(source, 0) + 1
            self._all += seen > self._held.get(source, 1)

    def source_done(self, source: str) -> None:
        """Count the documents of a source that were not counted one by one."""
        with self._lock:
            self._done += max(self._held.get(source, 1) - self._seen.pop(source, 0), 0)

    def standing(self) -> Standing:
        """Return the state of the run now."""
        with self._lock:
            done = self._done + self._documents_in_model()
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
        except Exception:  # noqa: BLE001 - reading the sources raises it too
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
