"""The recorder turns outcomes into rows and counts. It alone writes to the results folder and to the run's report."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from time import thread_time
from typing import Any, Self

from finner_batch.errors import DocumentError, FinnerError
from finner_batch.log import fields
from finner_batch.readers.document import Document, FailedDocument
from finner_batch.results.writer import Writer
from finner_batch.runner.job import Job
from finner_batch.runner.outcomes import (
    CacheOff,
    ClusterUsed,
    ModelCost,
    Outcome,
    PeakMemory,
    SessionOpened,
    SourceFinished,
    TaggedDocument,
)
from finner_batch.runner.progress import Progress
from finner_batch.runner.run_report import RunReport, Selection
from finner_batch.runner.work_queue import Selected, Skipped
from finner_batch.runner.worker import failed_document

LOG = logging.getLogger(__name__)
DOCUMENTS_FAILED = 3
"""Exit code of a run that is done except for failed documents."""


class Recorder:
    """Records what was selected and its outcomes. Documents of several sources may be mixed, each source in order.

    Use as a context manager: leaving it drops what was not committed.
    """

    def __init__(self, job: Job, selection: Selection | None = None, progress: Progress | None = None) -> None:
        """`selection` may hold what was counted before the job began."""
        self._job = job
        self._progress = progress or Progress()
        self.report = RunReport(
            run_id=job.run_id,
            model_id=job.model.model_id,
            config=job.config,
            selection=selection or Selection(),
            device=job.device.name,
            device_reason=job.device.reason,
            workers=job.workers,
            clock=job.clock,
        )
        self._committed_at = self._job.clock.monotonic()
        self._free_numbers: dict[str, dict[str, Iterator[int]]] = {}
        """By source and document_id: a source with many documents of one id takes linear time."""

    def __enter__(self) -> Self:
        self._writer = Writer(
            self._job.results,
            ledger=self._job.ledger,
            lock=self._job.check_lock,
            run_id=self._job.run_id,
            model_id=self._job.model.model_id,
            config_id=self._job.config.config_id,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.discard()

    def count(self, selected: Selected) -> None:
        """Count a source that was selected."""
        selection = self.report.selection
        selection.sources += 1
        selection.bytes += selected.size or 0
        if isinstance(selected, Skipped):
            selection.count_skipped(selected.reason)
            self._progress.source_done(selected.source.uri)

    def record(self, outcome: Outcome) -> None:
        """Write the rows of a finished document or source, and count everything else."""
        report = self.report
        match outcome:
            case TaggedDocument():
                self._add_tagged(outcome)
                self._progress.document_done(outcome.document.source)
            case FailedDocument():
                self._add_failed(outcome)
                self._progress.document_done(outcome.source)
            case SourceFinished():
                self._finish_source(outcome)
            case ModelCost(statistics, seconds):
                if statistics.windows:
                    report.add_seconds({"tag": seconds})
                    report.tokens += statistics.tokens
                    report.tokens_run += statistics.tokens_run
                    report.tokens_padded += statistics.tokens_padded
                    report.tokens_from_cache += statistics.tokens_from_cache
            case SessionOpened():
                self._note_session(outcome)
            case PeakMemory(peak):
                report.workers_peak_bytes = peak
            case CacheOff(reason):
                report.cache_off = reason
            case ClusterUsed(workers, facts):
                report.workers, report.cluster = workers, dict(facts)

    def is_commit_due(self) -> bool:
        """Return whether `--commit-seconds` have passed since the last commit."""
        return self._job.clock.monotonic() - self._committed_at >= self._job.config.commit_seconds

    def commit_if_due(self) -> None:
        """Commit if it is due, or if `--commit-documents` documents wait for it."""
        if self.is_commit_due() or self._writer.pending_documents >= self._job.config.commit_documents:
            self.commit()

    def commit(self) -> None:
        """Commit what is finished."""
        with self._measure_write():
            part = self._writer.commit()
        if part is not None:
            self.report.parts += 1
            LOG.info(
                fields(
                    "commit",
                    part=part,
                    documents=self.report.documents_ok,
                    failed=self.report.documents_failed,
                    entities=self.report.entities,
                )
            )
        self._committed_at = self._job.clock.monotonic()

    def end(self, error: BaseException | None = None) -> None:
        """Set the status: done, interrupted by a stop, or broken off by the error."""
        report = self.report
        if self._job.stop.requested and (error is None or isinstance(error, Exception)):
            if error is not None:  # a signal to the whole process group ends the workers too
                LOG.warning(fields("stopped", run=report.run_id, error=error))
            report.status, report.exit_code = "interrupted", self._job.stop.exit_code
        elif error is not None:
            report.status = "broken off"
            report.exit_code = error.exit_code if isinstance(error, FinnerError) else 1
        else:
            report.status = "done"
            report.exit_code = DOCUMENTS_FAILED if report.documents_failed else 0

    def _finish_source(self, finished: SourceFinished) -> None:
        task = finished.task
        self.report.selection.other_forms += finished.other_forms
        self._free_numbers.pop(task.source.uri, None)
        with self._measure_write():
            self._writer.finish(
                task.source.uri,
                task.sha256,
                complete=finished.complete,
                kept=finished.kept,
                version=task.source.version,
                other_forms=finished.other_forms > 0,
            )
        self._progress.source_done(task.source.uri)

    def _note_session(self, opened: SessionOpened) -> None:
        """Record where the model runs; all sessions of a run have the same device and variant."""
        report = self.report
        report.add_seconds({"load": opened.seconds})
        if report.variant is None:
            LOG.info(
                fields(
                    "model",
                    device=opened.device,
                    because=opened.device_reason,
                    variant=opened.variant,
                    backend=opened.backend,
                    backend_because=opened.backend_reason,
                )
            )
            if opened.batch_dependence is not None:
                LOG.warning(
                    fields("last-bits-depend-on-the-batch", backend=opened.backend, seen=opened.batch_dependence)
                )
        report.device, report.device_reason, report.variant = opened.device, opened.device_reason, opened.variant
        report.backend, report.backend_reason = opened.backend, opened.backend_reason

    def _add_tagged(self, tagged: TaggedDocument) -> None:
        row = _document_row(tagged.document) | {
            "status": "ok",
            "sentences": tagged.sentences,
            "tagged_sentences": tagged.tagged_sentences,
            "unread_exhibits": list(tagged.unread_exhibits) or None,
            "seconds": sum(tagged.seconds.values()) + tagged.tag_seconds,
        }
        try:
            with self._measure_write():
                self._writer.add(row, tagged.entities)
        except DocumentError as error:
            self._add_failed(failed_document(tagged.document, error.stage, error))
            return
        self.report.add_seconds(tagged.seconds)
        self.report.documents_ok += 1
        self.report.sentences += tagged.sentences
        self.report.tagged_sentences += tagged.tagged_sentences
        self.report.characters += tagged.characters
        self.report.entities += len(tagged.entities)
        if tagged.unread_exhibits:
            self.report.with_unread_exhibits += 1
            self.report.unread_exhibits.update(tagged.unread_exhibits)
            LOG.info(
                fields(
                    "exhibits-unread",
                    document=tagged.document.document_id,
                    exhibits=" ".join(tagged.unread_exhibits),
                    because="they hold its financial statements or debt",
                )
            )
        self.report.labels.update(entity["label"] for entity in tagged.entities)

    def _add_failed(self, failed: FailedDocument) -> None:
        LOG.warning(
            fields("failed", document=failed.document_id, source=failed.source, stage=failed.stage, error=failed.error)
        )
        row = _document_row(failed) | {
            "status": "failed",
            "stage": failed.stage,
            "error_type": failed.error_type,
            "error": failed.error,
        }
        self.report.documents_failed += 1
        self.report.failures[f"{failed.stage}: {failed.error_type}"] += 1
        with self._measure_write():
            self._add_under_free_id(row)

    def _add_under_free_id(self, row: dict[str, Any]) -> None:
        """Add a failed document's row, under another id if its source already has a document of this id."""
        document_id = row["document_id"]
        while True:
            try:
                self._writer.add(row)
            except DocumentError:
                number = next(self._free_numbers.setdefault(row["source"], {}).setdefault(document_id, count(1)))
                row["document_id"] = f"{document_id}#failed-{number}"
            else:
                return

    @contextmanager
    def _measure_write(self) -> Iterator[None]:
        started = thread_time()
        try:
            yield
        finally:
            self.report.add_seconds({"write": thread_time() - started})


def _document_row(document: Document | FailedDocument) -> dict[str, Any]:
    header = document.header
    return {
        "document_id": document.document_id,
        "source": document.source,
        "sha256": document.sha256,
        "bytes": document.bytes,
        "content_id": document.content_id if isinstance(document, Document) else None,
        "kind": document.kind,
        "accession_number": header.accession_number,
        "cik": header.cik,
        "company": header.company,
        "form_type": header.form_type,
        "document_type": header.document_type,
        "period_of_report": header.period_of_report,
        "filing_date": header.filing_date,
        "ciks": list(header.filers) or None,
        "sec_url": document.sec_url,
        "kept": list(document.kept) or None,
    }
