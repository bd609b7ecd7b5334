"""The Ray engine: passes over the tasks until all are finished, even if actors or nodes die.

It yields each document of each task once and in order, whatever the cluster repeats, loses, or delivers out of order.
"""

import logging
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Self

from finner_batch.errors import FinnerError
from finner_batch.log import fields
from finner_batch.readers.copies import drop_copy
from finner_batch.runner.job import Job
from finner_batch.runner.on_ray.actors import ActorOptions
from finner_batch.runner.on_ray.attempts import AttemptCounter
from finner_batch.runner.on_ray.cluster import Cluster, import_ray, use_cluster
from finner_batch.runner.on_ray.messages import ActorFailed, ActorReport, rows_of
from finner_batch.runner.on_ray.pipeline import PassFailedError, Pipeline
from finner_batch.runner.outcomes import (
    ClusterUsed,
    DocumentOutcome,
    Outcome,
    PeakMemory,
    SourceFinished,
    TaggedDocument,
)
from finner_batch.runner.parse_document import ParsedDocument
from finner_batch.runner.worker import Task
from finner_batch.runner.worker_pool import WORKER_DIED
from finner_batch.version import __version__

LOG = logging.getLogger(__name__)
ROUND_TASKS = 100_000
"""Sources that are selected and then done together; they take some 100 MB in the main process."""
MOST_FAILURES = 3
"""The run fails after Ray itself has failed this often in one round."""


@dataclass(slots=True)
class _Open:
    task: Task
    next_position: int
    waiting: dict[int, DocumentOutcome] = field(default_factory=dict)


class OnceInOrder:
    """Tracks numbered tasks until all are finished."""

    def __init__(self, tasks: Mapping[int, Task]) -> None:
        self._open = {number: _Open(task, task.skip) for number, task in tasks.items()}

    def accept(self, number: int, position: int, result: DocumentOutcome) -> Iterator[DocumentOutcome]:
        """Take a result and yield those that are next in order. Drop repeats and results of finished tasks."""
        opened = self._open.get(number)
        if opened is None or position < opened.next_position:
            return
        opened.waiting[position] = result
        while (found := opened.waiting.pop(opened.next_position, None)) is not None:
            opened.next_position += 1
            if isinstance(found, SourceFinished):
                del self._open[number]
                yield replace(found, task=opened.task)
                return
            yield found

    @property
    def missing(self) -> dict[int, Task]:
        """The unfinished tasks, each to continue after its last delivered document."""
        return {number: replace(opened.task, skip=opened.next_position) for number, opened in self._open.items()}

    def give_up(self, number: int) -> Task:
        """Remove a task and return it."""
        return self._open.pop(number).task


class RayEngine:
    """Runs the stages on a Ray cluster. Use as a context manager: leaving it leaves the cluster.

    A cluster is joined or started at the first task: a run that has nothing to do needs none. Raises as `use_cluster`.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._on_leaving = ExitStack()
        self._work: _ClusterWork | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._on_leaving.close()

    def outcomes(
        self,
        tasks: Iterator[Task | None],
        is_commit_due: Callable[[], bool],  # noqa: ARG002 - an actor holds nothing for longer than that by itself
    ) -> Generator[Outcome | None, None, None]:
        """As `Engine.outcomes`."""
        for chosen in self._rounds(tasks):
            if self._work is None:
                cluster = self._on_leaving.enter_context(use_cluster(self._job.config, self._job.stop))
                self._work = _ClusterWork(cluster, self._job)
            yield from self._work.outcomes(chosen)

    def documents_in_model(self) -> float:
        """As `Engine.documents_in_model`: unknown, as the actors do not report it."""
        return 0.0

    def _rounds(self, tasks: Iterator[Task | None]) -> Iterator[dict[int, Task]]:
        """Yield numbered tasks, `ROUND_TASKS` at a time; none after a request to stop."""

        def chosen() -> Iterator[Task]:
            for task in tasks:
                if self._job.stop.requested:
                    return
                if task is not None:
                    drop_copy(task.source)  # a round's copies would fill the disk, and other nodes fetch their own
                    yield task

        numbered = enumerate(chosen())
        while found := dict(islice(numbered, ROUND_TASKS)):
            if self._job.stop.requested:
                return
            yield found


class _ClusterWork:
    """The pipeline on a cluster, and the figures of its work."""

    def __init__(self, cluster: Cluster, job: Job) -> None:
        self._cluster = cluster
        self._stop = job.stop
        self._workers = job.config.workers or cluster.cpus
        self._peaks: dict[str, int] = {}
        self._tasks = 0
        self._tagged = 0
        self._attempts = AttemptCounter.start()
        self._facts: dict[str, Any] = {
            "address": cluster.address,
            "nodes": cluster.nodes,
            "cpus": cluster.cpus,
            "gpus": cluster.gpus,
            "ray": cluster.ray_version,
            "bytes_to_main_process": 0,
        }
        options = ActorOptions(
            config=job.config, model_id=job.model.model_id, version=__version__, attempts=self._attempts
        )
        self._pipeline = Pipeline(import_ray(), cluster, options, self._workers)

    def outcomes(self, tasks: Mapping[int, Task]) -> Iterator[Outcome | None]:
        """Do the tasks: each document once, each source in order, None after each table. Raises FinnerError.

        A source that kills actors even in a block of its own becomes a failed row.
        """
        yield self._cluster_used()
        results = OnceInOrder(tasks)
        self._tasks += len(tasks)
        is_alone, failures = False, 0
        while True:
            try:
                yield from self._pass(results, one_by_one=is_alone)
            except PassFailedError as error:
                if self._stop.requested:  # the signal may have ended Ray too
                    return
                failures += 1
                LOG.warning(fields("ray-failed", sources=len(results.missing), times=failures, error=error))
                if failures == MOST_FAILURES:
                    raise FinnerError(f"Ray failed {failures} times, the last time by {error}") from error
                continue
            yield self._count_repeats()
            if is_alone or not results.missing:
                break
            LOG.warning(fields("actors-died", sources=len(results.missing), then="each is done alone"))
            is_alone = True
        for number in results.missing:
            task = results.give_up(number)
            reason = "the Ray actors that read it died repeatedly: out of memory or a crash"
            yield task.failed("read", WORKER_DIED, reason)
            yield SourceFinished(task, complete=False)

    def _pass(self, results: OnceInOrder, *, one_by_one: bool) -> Iterator[Outcome | None]:
        for table in self._pipeline.tables(list(results.missing.items()), one_by_one=one_by_one):
            if table is not None:
                self._facts["bytes_to_main_process"] += table.nbytes
                yield self._cluster_used()
                for row in rows_of(table):
                    match row.payload:
                        case ActorFailed(error):
                            raise error
                        case ActorReport() as report:
                            yield from self._report_outcomes(report)
                        case ParsedDocument() as parsed:
                            raise TypeError(f"{parsed.document.document_id} came back untagged")
                        case result:
                            for outcome in results.accept(row.number, row.position, result):
                                self._tagged += isinstance(outcome, TaggedDocument)
                                yield outcome
            yield None

    def _report_outcomes(self, report: ActorReport) -> Iterator[Outcome]:
        self._peaks[report.actor] = max(report.peak_bytes, self._peaks.get(report.actor, 0))
        yield PeakMemory(sum(self._peaks.values()))
        if report.opened is not None:
            yield replace(report.opened, device_reason=self._cluster.device_reason)
        if report.cost is not None:
            yield report.cost

    def _cluster_used(self) -> ClusterUsed:
        return ClusterUsed(self._workers, dict(self._facts))

    def _count_repeats(self) -> ClusterUsed:
        """Count the work that was repeated because an actor or a node died."""
        begun = self._attempts.end_pass()
        sources = begun.get("read", 0) - self._tasks
        documents = begun.get("tag", 0) - self._tagged
        self._facts |= {"sources_read_again": sources, "documents_tagged_again": documents}
        if sources or documents:
            LOG.info(fields("done-again", sources=sources, documents=documents))
        return self._cluster_used()
