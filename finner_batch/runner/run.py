"""Runs a job: sources in, committed rows out, and a report however it ends."""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import chain
from typing import TYPE_CHECKING

from finner_batch.config import RunConfig
from finner_batch.errors import FinnerError, UsageError
from finner_batch.log import fields
from finner_batch.machine import MEBIBYTE, usable_cpus
from finner_batch.readers.archive import archive_of, is_archive
from finner_batch.readers.copies import Copies, check_web_inputs
from finner_batch.readers.discover import Share, count_documents, discover
from finner_batch.readers.document import Source, path_of
from finner_batch.readers.forms import Forms
from finner_batch.results.ledger import Ledger
from finner_batch.results.results_folder import open_results
from finner_batch.results.run_reports import load_runs, new_run_id, write_run
from finner_batch.runner.drive import drive
from finner_batch.runner.job import Job
from finner_batch.runner.local_engine import LocalEngine
from finner_batch.runner.progress import Progress
from finner_batch.runner.recorder import Recorder
from finner_batch.runner.run_report import RunReport, Selection
from finner_batch.runner.stop import Stop
from finner_batch.runner.work_queue import WorkQueue
from finner_batch.storage.place import Place, place_of
from finner_batch.tagging.device import Device, choose_device
from finner_batch.tagging.model import load_model
from finner_batch.tagging.openvino import OPENVINO
from finner_batch.tagging.session import check_choice
from finner_batch.tagging.tokens import SentenceTokenizer

if TYPE_CHECKING:
    from finner_batch.runner.on_ray.engine import RayEngine

LOG = logging.getLogger(__name__)
MOST_WORKERS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class _Input:
    """The sources of a run."""

    sources: Callable[[Ledger], Iterator[Source]]
    count: Callable[[Ledger], Iterable[tuple[Source, int | None]]]
    """The sources again, with the number of documents in each, None if that is not known."""
    is_retry: bool
    selection: Selection = field(default_factory=Selection)
    """Counts the files that discovery leaves out."""


def run(config: RunConfig, *, stop: Stop | None = None, show_progress: bool = False) -> RunReport:
    """Process the part of the input that is not done yet, and add its rows to the results folder.

    With `config.shard` only that share of the input is processed; it may be empty, as the input may be.

    Raises UsageError (nothing matches the input, no such shard), LockedError, ModelError, DeviceError, and FinnerError
    if the disk refuses; what was committed before is kept. A document that fails raises nothing: it becomes a row of
    `documents`.
    """
    check_web_inputs(config.input, config.user_agent)
    share = None if config.shard is None else Share.parse(config.shard)
    selection = Selection()
    sources: Iterator[Source] = iter(())
    if config.input:
        found = discover(config.input, on_left_out=selection.leave_out, with_csv=bool(config.text_column))
        sources = chain([next(found)], found)  # an input that matches nothing ends here
    given = _Input(
        sources=lambda _: sources if share is None else share.of_these(sources),
        count=lambda _: _counted(config, share),
        is_retry=False,
        selection=selection,
    )
    return _run(config, given, stop or Stop(), show_progress=show_progress)


def retry(config: RunConfig, *, stop: Stop | None = None, show_progress: bool = False) -> RunReport:
    """Process the failed documents of a results folder again, without `config.input`. Raises as `run` does."""
    results = place_of(config.output)
    given = _Input(
        sources=lambda ledger: _failed_sources(ledger, results),
        count=lambda ledger: ((Source(uri=uri, name=uri), 1) for uri in _failed_uris(ledger)),
        is_retry=True,
    )
    return _run(config, given, stop or Stop(), show_progress=show_progress)


def _run(config: RunConfig, given: _Input, stop: Stop, *, show_progress: bool) -> RunReport:
    """Hold the lock, do the work, and write the report however it ends."""
    results = place_of(config.output)
    model = load_model(config.model)
    SentenceTokenizer(model.folder / "tokenizer.json", model.max_length)  # refuse an unusable one before any work
    device = _expected_device(config)
    with results.lock() as check_lock:
        open_results(results)
        job = Job(
            config=config,
            model=model,
            results=results,
            ledger=Ledger.load(results, model_id=model.model_id, config_id=config.config_id),
            run_id=new_run_id(results.clock.now()),
            device=device,
            workers=config.workers or min(MOST_WORKERS, usable_cpus()),
            check_lock=check_lock,
            stop=stop,
        )
        engine = _engine(job)
        progress = Progress(lambda: given.count(job.ledger), engine.documents_in_model, has_bar=show_progress)
        recorder = Recorder(job, given.selection, progress)
        report = recorder.report
        LOG.info(fields("start", run=report.run_id, model=model.model_id, device=device.name, because=device.reason))
        try:
            with Copies(config.user_agent) as copies, progress, recorder, engine:
                drive(job, engine, _queue(job, given, copies).rounds(), recorder)
        except BaseException as error:
            recorder.end(error)
            if report.status == "broken off":
                _write_last_report(job, report)
                raise
        else:
            recorder.end()
        write_run(results, report.run_id, report.as_json())
        seconds = report.wall_seconds
        LOG.info(fields("end", run=report.run_id, status=report.status, exit_code=report.exit_code, seconds=seconds))
        return report


def _expected_device(config: RunConfig) -> Device:
    """Return the device that is expected before a session is opened. Raises UsageError, DeviceError."""
    check_choice(config.device, config.backend)
    if config.engine == "ray":
        if find_spec("ray") is None:
            raise UsageError("--engine ray needs Ray: pip install 'finner-batch[ray]'")
        return Device("cpu", "no session was opened")
    if config.address is not None:
        raise UsageError("--address names a Ray cluster: it needs --engine ray")
    return choose_device("cpu" if config.backend == OPENVINO else config.device)


def _engine(job: Job) -> "LocalEngine | RayEngine":
    if job.config.engine == "local":
        return LocalEngine(job)
    from finner_batch.runner.on_ray.engine import RayEngine  # noqa: PLC0415 - only this engine needs it

    return RayEngine(job)


def _queue(job: Job, given: _Input, copies: Copies) -> WorkQueue:
    config = job.config
    sources = copies.with_members(
        given.sources(job.ledger),
        max_bytes=config.max_document_mb * MEBIBYTE,
        on_left_out=given.selection.leave_out,
        broken_before=frozenset(row.source for row in job.ledger.failed() if is_archive(row.source)),
        with_csv=bool(config.text_column),
    )
    return WorkQueue(sources, job.ledger, copies=copies, retry=given.is_retry, forms=Forms(config.form))


def _write_last_report(job: Job, report: RunReport) -> None:
    """Write the report of a run that is about to raise; a second error must not hide the first, so it is logged."""
    try:
        write_run(job.results, report.run_id, report.as_json())
    except FinnerError as error:
        LOG.warning(fields("no-report", run=report.run_id, error=error))


def _counted(config: RunConfig, share: Share | None) -> Iterator[tuple[Source, int | None]]:
    with_csv = bool(config.text_column)
    sources = discover(config.input, with_csv=with_csv)
    return count_documents(sources if share is None else share.of_these(sources), with_csv=with_csv)


def _failed_uris(ledger: Ledger) -> set[str]:
    return {archive_of(row.source) or row.source for row in ledger.failed()}


def _failed_sources(ledger: Ledger, results: Place) -> Iterator[Source]:
    """Yield the sources of failed documents, under the names that the inputs of earlier runs gave them."""
    wanted = _failed_uris(ledger)
    inputs = dict.fromkeys(path for report in load_runs(results) for path in report.get("config", {}).get("input", ()))
    for path in inputs:
        if not wanted:
            return
        try:
            found = [source for source in discover([path_of(path)], with_csv=True) if source.uri in wanted]
        except UsageError:
            continue
        wanted -= {source.uri for source in found}
        yield from found
    yield from (Source(uri=uri, name=uri.rsplit("/", 1)[-1]) for uri in sorted(wanted))
