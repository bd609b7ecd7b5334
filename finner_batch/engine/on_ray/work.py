"""The work of a run on Ray: passes until every task has come to its end, each result recorded here and nowhere else."""

import logging
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import replace
from itertools import islice
from typing import Any

from finner_batch import __version__
from finner_batch.config import RunConfig
from finner_batch.engine.log import fields
from finner_batch.engine.on_ray.actors import Order
from finner_batch.engine.on_ray.cluster import Cluster, import_ray, use_cluster
from finner_batch.engine.on_ray.delivery import Delivery, Finished
from finner_batch.engine.on_ray.messages import Broken, Worked, rows_of
from finner_batch.engine.on_ray.pipeline import PassFailedError, Pipeline
from finner_batch.engine.on_ray.tally import Tally
from finner_batch.engine.parse import ParsedDocument
from finner_batch.engine.pool import SourceDone
from finner_batch.engine.progress import Progress
from finner_batch.engine.record import Recorder
from finner_batch.engine.report import RunReport
from finner_batch.engine.select import select_claimed
from finner_batch.engine.stop import Stop
from finner_batch.engine.worker import Task, failed_source
from finner_batch.errors import FinnerError
from finner_batch.results.ledger import Ledger
from finner_batch.results.writer import Writer
from finner_batch.sources.fetch import drop_copy
from finner_batch.storage.place import place_of
from finner_batch.tagger.model import Model

LOG = logging.getLogger(__name__)
ROUND_TASKS = 100_000
"""Sources that are selected and then done together: some 100 MB of them here."""
MOST_FAILURES = 3
"""So often Ray itself may fail over a round before the run does."""


def work_on_ray(
    config: RunConfig,
    model: Model,
    ledger: Ledger,
    lock: Callable[[], None],
    tasks: Iterator[Task | None],
    report: RunReport,
    progress: Progress,
    stop: Stop,
    *,
    retry: bool,
) -> None:
    """Drive the stages on a cluster until the tasks are done or a stop is asked for. Raises as `use_cluster` does.

    A cluster is joined or started when the first task comes: a run that has nothing to do needs none.
    """
    settings = {"run_id": report.run_id, "model_id": model.model_id, "config_id": config.config_id}
    with (
        Writer(place_of(config.output), ledger=ledger, lock=lock, **settings) as writer,
        ExitStack() as on_leaving,
    ):
        recorder = Recorder(
            writer,
            report,
            commit_seconds=config.commit_seconds,
            commit_documents=config.commit_documents,
            progress=progress,
        )
        work: _Work | None = None
        while True:
            for chosen in _rounds(tasks, stop):
                if work is None:
                    cluster = on_leaving.enter_context(use_cluster(config, stop))
                    work = _Work(cluster, config, model, recorder, report, stop)
                with closing(work.results(chosen)) as results:
                    for result in results:
                        if stop.requested:
                            break
                        if result is not None:
                            recorder.record(result)
                        recorder.commit_if_due()
                if stop.requested:
                    break
            recorder.commit()
            if stop.requested or not report.selection.claimed:
                return
            tasks = select_claimed(ledger, report.selection, retry=retry, passed_over=progress.source_done)


def _rounds(tasks: Iterator[Task | None], stop: Stop) -> Iterator[dict[int, Task]]:
    """Numbered tasks, so many at a time; none any more once a stop was asked for."""

    def chosen() -> Iterator[Task]:
        for task in tasks:
            if stop.requested:
                return
            if task is not None:
                drop_copy(task.source)  # so many would fill the disk, and another node reads its own
                yield task

    every = enumerate(chosen())
    while found := dict(islice(every, ROUND_TASKS)):
        if stop.requested:
            return
        yield found


class _Work:
    """The pipeline on the cluster, and what its actors say of themselves."""

    def __init__(
        self, cluster: Cluster, config: RunConfig, model: Model, recorder: Recorder, report: RunReport, stop: Stop
    ) -> None:
        self._cluster = cluster
        self._recorder = recorder
        self._report = report
        self._stop = stop
        self._peaks: dict[str, int] = {}
        self._tasks = 0
        self._tally = Tally.start()
        report.workers = config.workers or cluster.cpus
        self._facts: dict[str, Any] = {
            "address": cluster.address,
            "nodes": cluster.nodes,
            "cpus": cluster.cpus,
            "gpus": cluster.gpus,
            "ray": cluster.ray_version,
            "bytes_to_main_process": 0,
        }
        report.cluster = self._facts
        order = Order(config=config, model_id=model.model_id, version=__version__, tally=self._tally)
        self._pipeline = Pipeline(import_ray(), cluster, order, report.workers)

    def results(self, tasks: Mapping[int, Task]) -> Generator[Finished | None, None, None]:
        """Do the tasks: each document once and each source in order, None now and then. Raises FinnerError.

        A source over which actors die, also when it has its block for itself, ends as a failed row.
        """
        delivery = Delivery(tasks)
        self._tasks += len(tasks)
        alone, failures = False, 0
        while True:
            try:
                yield from self._pass(delivery, alone=alone)
            except PassFailedError as error:
                if self._stop.requested:  # the signal may have ended Ray too
                    return
                failures += 1
                LOG.warning(fields("ray-failed", sources=len(delivery.missing), times=failures, error=error))
                if failures == MOST_FAILURES:
                    raise FinnerError(f"Ray failed {failures} times, the last time by {error}") from error
                continue
            self._count_repeats()
            if alone or not delivery.missing:
                break
            LOG.warning(fields("actors-died", sources=len(delivery.missing), then="each is done alone"))
            alone = True
        for number in delivery.missing:
            task = delivery.give_up(number)
            reason = "the Ray actors that took it up died again and again: out of memory or a crash"
            yield failed_source(task, "read", "WorkerDied", reason)
            yield SourceDone(task, complete=False)

    def _pass(self, delivery: Delivery, *, alone: bool) -> Iterator[Finished | None]:
        for table in self._pipeline.tables(list(delivery.missing.items()), one_by_one=alone):
            if table is None:
                yield None
                continue
            self._facts["bytes_to_main_process"] += table.nbytes
            for row in rows_of(table):
                match row.payload:
                    case Broken(error):
                        raise error
                    case Worked() as worked:
                        self._note(worked)
                    case ParsedDocument() as parsed:
                        raise TypeError(f"{parsed.document.document_id} came back untagged")
                    case finished:
                        yield from delivery.accept(row.number, row.position, finished)

    def _note(self, worked: Worked) -> None:
        self._peaks[worked.actor] = max(worked.peak_bytes, self._peaks.get(worked.actor, 0))
        self._report.workers_peak_bytes = sum(self._peaks.values())
        if worked.opened is not None:
            self._recorder.count_session(replace(worked.opened, device_reason=self._cluster.device_reason))
        if worked.statistics is not None:
            self._recorder.count_tagging(worked.statistics, worked.tag_seconds)

    def _count_repeats(self) -> None:
        """How often work was begun that had been begun before, because an actor or a node died."""
        begun = self._tally.end_pass()
        sources = begun.get("read", 0) - self._tasks
        documents = begun.get("tag", 0) - self._recorder.tagged
        self._facts |= {"sources_read_again": sources, "documents_tagged_again": documents}
        if sources or documents:
            LOG.info(fields("done-again", sources=sources, documents=documents))
