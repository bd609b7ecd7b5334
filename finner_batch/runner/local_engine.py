"""The local engine: reading processes, one session and a cache of tagged sentences, all on this machine."""

import logging
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from typing import Self

from finner_batch.log import fields
from finner_batch.machine import MEBIBYTE
from finner_batch.readers.copies import drop_copy
from finner_batch.results.logit_cache import CACHE_FILE, LogitCache
from finner_batch.runner.batcher import Batcher, Read
from finner_batch.runner.job import Job
from finner_batch.runner.outcomes import CacheOff, Outcome, PeakMemory, SourceFinished
from finner_batch.runner.tag_documents import LazySession
from finner_batch.runner.worker import Task, WorkerOptions
from finner_batch.runner.worker_pool import Pool
from finner_batch.tagging.session import AnySession, open_session
from finner_batch.tagging.tagger import WINDOW_SENTENCES, Tagger

LOG = logging.getLogger(__name__)
CACHE_MB = {"cpu": 256, "cuda": 0}
"""A look-up takes some 6 microseconds a sentence: 1/500 of the time of tagging it on a CPU, all of that on a GPU."""


class LocalEngine:
    """Runs the stages on this machine. Use as a context manager: leaving it ends the reading processes."""

    def __init__(self, job: Job) -> None:
        config = job.config
        self._job = job
        self._pool = Pool(job.workers, WorkerOptions.of(config, job.model))
        self._session = LazySession(lambda: open_session(job.model, config.device, backend=config.backend))
        self._batcher = Batcher(
            self._make_tagger,
            window_sentences=config.window_sentences or WINDOW_SENTENCES[job.device.name],
            timeout_s=config.timeout_s,
            is_interrupted=lambda: job.stop.requested,
        )
        self._cache: LogitCache | None = None
        self._no_cache: str | None = None
        """Why this results folder cannot have a cache."""
        self._is_cache_off = False
        self._on_leaving = ExitStack()

    def __enter__(self) -> Self:
        self._on_leaving.enter_context(self._session)
        self._on_leaving.enter_context(self._pool)
        return self

    def __exit__(self, *_: object) -> None:
        self._on_leaving.close()
        if self._cache is not None:
            self._cache.close()

    def outcomes(
        self, tasks: Iterator[Task | None], is_commit_due: Callable[[], bool]
    ) -> Generator[Outcome | None, None, None]:
        """As `Engine.outcomes`."""
        try:
            for outcome in self._batcher.outcomes(self._read(tasks), is_commit_due):
                yield outcome
                yield from self._cache_off()
        except InterruptedError:
            yield from self._cache_off()
            raise

    def documents_in_model(self) -> float:
        """As `Engine.documents_in_model`."""
        return self._batcher.documents_in_model

    def _cache_off(self) -> Iterator[CacheOff]:
        """Yield once that the cache is off, if it is."""
        reason = self._no_cache if self._cache is None else self._cache.off
        if reason is not None and not self._is_cache_off:
            self._is_cache_off = True
            yield CacheOff(reason)

    def _read(self, tasks: Iterator[Task | None]) -> Iterator[Read | None]:
        for result in self._pool.results(self._session.from_first_of(tasks)):
            yield result
            if isinstance(result, SourceFinished):
                drop_copy(result.task.source)
                yield PeakMemory(self._pool.peak_bytes)

    def _make_tagger(self) -> Tagger:
        session = self._session.wait()
        if session.device.name != self._job.device.name:
            LOG.warning(fields("another-device", device=session.device.name, because=session.device.reason))
        self._cache = self._make_cache(session)
        budget = self._job.config.batch_tokens or None
        return Tagger(self._job.model, session, budget_tokens=budget, cache=self._cache)

    def _make_cache(self, session: AnySession) -> LogitCache | None:
        """Make the cache of the results folder. Its errors are logged and do not end the run."""
        given = self._job.config.cache_mb
        mebibytes = CACHE_MB[session.device.name] if given is None else given
        results = self._job.results
        if not mebibytes:
            return None
        if results.local_path is None:
            self._no_cache = "the results are in an object store: the cache is a file that is changed in place"
            _log_cache("cache-off", self._no_cache)
            return None
        return LogitCache(results.local_path / CACHE_FILE, mebibytes * MEBIBYTE, _log_cache)


def _log_cache(event: str, reason: str) -> None:
    LOG.warning(fields(event, because=reason))
