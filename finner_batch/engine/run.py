"""The run: sources in, committed rows out, a report however it ends."""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import chain

from finner_batch.config import MEBIBYTE, RunConfig, usable_cpus
from finner_batch.engine.ahead import SessionAhead
from finner_batch.engine.gather import Gatherer
from finner_batch.engine.log import fields
from finner_batch.engine.pool import Pool, SourceDone
from finner_batch.engine.progress import Progress
from finner_batch.engine.report import RunReport
from finner_batch.engine.select import Selection, select, select_claimed
from finner_batch.engine.stop import Stop
from finner_batch.engine.worker import Task, WorkerOptions
from finner_batch.errors import FinnerError, UsageError
from finner_batch.results.ledger import Ledger
from finner_batch.results.logit_cache import CACHE_FILE, LogitCache
from finner_batch.results.results_folder import open_results
from finner_batch.results.run_reports import load_runs, new_run_id, write_run
from finner_batch.results.writer import Writer
from finner_batch.sources.archive import archive_of, is_archive
from finner_batch.sources.count import count_documents
from finner_batch.sources.discover import discover
from finner_batch.sources.document import Source
from finner_batch.sources.fetch import Copies, check_web_inputs, drop_copy
from finner_batch.sources.forms import Forms
from finner_batch.sources.names import path_of
from finner_batch.sources.share import Share
from finner_batch.storage.place import Place, place_of
from finner_batch.tagger.device import Device, choose_device
from finner_batch.tagger.model import Model, load_model
from finner_batch.tagger.openvino import OPENVINO
from finner_batch.tagger.session import AnySession, check_choice, open_session
from finner_batch.tagger.tagger import WINDOW_SENTENCES, Tagger
from finner_batch.tagger.tokens import SentenceTokenizer

LOG = logging.getLogger(__name__)
MOST_WORKERS = 8
DOCUMENTS_FAILED = 3
CACHE_MB = {"cpu": 256, "cuda": 0}
"""Looking up costs some 6 microseconds a sentence: a five-hundredth of a CPU's time for it, as much as a GPU's."""


def run(config: RunConfig, *, stop: Stop | None = None, show_progress: bool = False) -> RunReport:
    """Do what is not done of the input, and add it to the results folder.

    With `config.shard` only that share of the input; one that holds no source is done at once, and so is no input.

    Raises UsageError (nothing matches the input, no such shard), LockedError, ModelError, DeviceError, and FinnerError
    where the disk refuses; what was committed before stays. A failed document raises nothing: it is a row of
    `documents`.
    """
    selection = Selection()
    check_web_inputs(config.input, config.user_agent)
    share = None if config.shard is None else Share.parse(config.shard)
    sources: Iterator[Source] = iter(())
    if config.input:
        found = discover(config.input, passed_over=selection.leave_out, with_csv=bool(config.text_column))
        sources = chain([next(found)], found)  # an input that matches nothing ends here
    return _run(
        config,
        lambda _: sources if share is None else share.of_these(sources),
        lambda _: _counted(config, share),
        selection,
        stop or Stop(),
        show_progress=show_progress,
        retry=False,
    )


def retry(config: RunConfig, *, stop: Stop | None = None, show_progress: bool = False) -> RunReport:
    """Do the failed documents of a results folder again. `config.input` is not used. Raises as `run` does."""
    results = place_of(config.output)
    return _run(
        config,
        lambda ledger: _failed_sources(ledger, results),
        lambda ledger: ((Source(uri=uri, name=uri), 1) for uri in _failed_uris(ledger)),
        Selection(),
        stop or Stop(),
        show_progress=show_progress,
        retry=True,
    )


def _run(
    config: RunConfig,
    sources_of: Callable[[Ledger], Iterator[Source]],
    count: Callable[[Ledger], Iterable[tuple[Source, int | None]]],
    selection: Selection,
    stop: Stop,
    *,
    show_progress: bool,
    retry: bool,
) -> RunReport:
    """Hold the lock, do the work, and leave a report however it ends."""
    results = place_of(config.output)
    model = load_model(config.model)
    SentenceTokenizer(model.folder / "tokenizer.json", model.max_length)  # refuse an unusable one before any work
    work, device = _engine(config)
    with results.lock() as lock:
        open_results(results)
        ledger = Ledger.load(results, model_id=model.model_id, config_id=config.config_id)
        report = RunReport(
            run_id=new_run_id(),
            model_id=model.model_id,
            config=config,
            selection=selection,
            device=device.name,
            device_reason=device.reason,
            workers=config.workers or min(MOST_WORKERS, usable_cpus()),
        )
        LOG.info(fields("start", run=report.run_id, model=model.model_id, device=device.name, because=device.reason))
        try:
            with (
                Copies(config.user_agent) as copies,
                Progress(lambda: count(ledger), has_bar=show_progress) as progress,
            ):
                sources = copies.with_members(
                    sources_of(ledger),
                    max_bytes=config.max_document_mb * MEBIBYTE,
                    left_out=selection.leave_out,
                    broken_before=frozenset(row.source for row in ledger.failed() if is_archive(row.source)),
                    with_csv=bool(config.text_column),
                )
                tasks = select(
                    sources,
                    ledger,
                    selection,
                    copies=copies,
                    retry=retry,
                    forms=Forms(config.form),
                    passed_over=progress.source_done,
                )
                work(config, model, ledger, lock, tasks, report, progress, stop, retry=retry)
        except BaseException as error:
            if stop.requested and isinstance(error, Exception):  # a signal to the whole group ends the workers too
                LOG.warning(fields("stopped", run=report.run_id, error=error))
                return _conclude(results, report, stop)
            report.status = "broken off"
            report.exit_code = error.exit_code if isinstance(error, FinnerError) else 1
            _leave_report(results, report)
            raise
        return _conclude(results, report, stop)


def _engine(config: RunConfig) -> tuple[Callable[..., None], Device]:
    """What does the work, and the device as far as it is known before. Raises UsageError, DeviceError."""
    check_choice(config.device, config.backend)
    if config.engine == "ray":
        from finner_batch.engine.on_ray.work import work_on_ray  # noqa: PLC0415 - only this engine needs it

        if find_spec("ray") is None:
            raise UsageError("--engine ray needs Ray: pip install 'finner-batch[ray]'")
        return work_on_ray, Device("cpu", "no session was opened")
    if config.address is not None:
        raise UsageError("--address is that of a Ray cluster: it needs --engine ray")
    return _work, choose_device("cpu" if config.backend == OPENVINO else config.device)


def _conclude(results: Place, report: RunReport, stop: Stop) -> RunReport:
    report.status = "interrupted" if stop.requested else "done"
    report.exit_code = stop.exit_code if stop.requested else DOCUMENTS_FAILED if report.documents_failed else 0
    write_run(results, report.run_id, report.as_json())
    LOG.info(
        fields("end", run=report.run_id, status=report.status, exit_code=report.exit_code, seconds=report.wall_seconds)
    )
    return report


def _work(
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
    """Drive the stages until the tasks are done or a stop is asked for."""
    settings = {"run_id": report.run_id, "model_id": model.model_id, "config_id": config.config_id}
    with (
        _cache(config, report) as cache_for,
        Writer(place_of(config.output), ledger=ledger, lock=lock, **settings) as writer,
        SessionAhead(lambda: open_session(model, config.device, backend=config.backend)) as ahead,
        Pool(report.workers, WorkerOptions.of(config, model)) as pool,
    ):

        def make_tagger() -> Tagger:
            session = ahead.session()
            if session.device.name != report.device:
                LOG.warning(fields("another-device", device=session.device.name, because=session.device.reason))
                report.device, report.device_reason = session.device.name, session.device.reason
            return Tagger(model, session, budget_tokens=config.batch_tokens or None, memory=cache_for(session))

        gatherer = Gatherer(
            writer,
            make_tagger,
            report,
            window_sentences=config.window_sentences or WINDOW_SENTENCES[report.device],
            commit_seconds=config.commit_seconds,
            commit_documents=config.commit_documents,
            timeout_s=config.timeout_s,
            is_interrupted=lambda: stop.requested,
            progress=progress,
        )
        while True:
            try:
                for result in pool.results(ahead.from_the_first(tasks)):
                    if stop.requested:
                        break
                    gatherer.take(result)
                    if isinstance(result, SourceDone):
                        drop_copy(result.task.source)
                    report.workers_peak_bytes = pool.peak_bytes
                gatherer.close(tag_the_rest=not stop.requested)
            except InterruptedError:
                gatherer.close(tag_the_rest=False)
            if stop.requested or not report.selection.claimed:
                return
            tasks = select_claimed(ledger, report.selection, retry=retry, passed_over=progress.source_done)


@contextmanager
def _cache(config: RunConfig, report: RunReport) -> Iterator[Callable[[AnySession], LogitCache | None]]:
    """Gives the cache of the results folder for a session. What goes wrong with it is a line of the log, no more."""
    results = place_of(config.output)
    opened: list[LogitCache] = []

    def tell(event: str, reason: str) -> None:
        LOG.warning(fields(event, because=reason))

    def cache_for(session: AnySession) -> LogitCache | None:
        mebibytes = CACHE_MB[session.device.name] if config.cache_mb is None else config.cache_mb
        if not mebibytes:
            return None
        if results.local_path is None:
            report.cache_off = "the results are in an object store: the cache is a file that is changed in place"
            tell("cache-off", report.cache_off)
            return None
        opened.append(LogitCache(results.local_path / CACHE_FILE, mebibytes * MEBIBYTE, tell))
        return opened[-1]

    try:
        yield cache_for
    finally:
        for cache in opened:
            cache.close()
            report.cache_off = cache.off


def _leave_report(results: Place, report: RunReport) -> None:
    """Write the report of a run that is breaking off; what breaks it off is told, also where this fails too."""
    try:
        write_run(results, report.run_id, report.as_json())
    except FinnerError as error:
        LOG.warning(fields("no-report", run=report.run_id, error=error))


def _counted(config: RunConfig, share: Share | None) -> Iterator[tuple[Source, int | None]]:
    with_csv = bool(config.text_column)
    sources = discover(config.input, passed_over=lambda *_: None, with_csv=with_csv)
    return count_documents(sources if share is None else share.of_these(sources), with_csv=with_csv)


def _failed_uris(ledger: Ledger) -> set[str]:
    return {archive_of(row.source) or row.source for row in ledger.failed()}


def _failed_sources(ledger: Ledger, results: Place) -> Iterator[Source]:
    """The sources of failed documents, under the names that the inputs of earlier runs gave them."""
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
