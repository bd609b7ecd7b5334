"""Records finished documents: rows to the writer, counts to the report, commits when they are due."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from time import monotonic, thread_time
from typing import Any

from finner_batch.engine.log import fields
from finner_batch.engine.pool import SourceDone
from finner_batch.engine.progress import Progress
from finner_batch.engine.report import RunReport
from finner_batch.engine.tag import TaggedDocument
from finner_batch.engine.worker import describe, failed_document
from finner_batch.errors import DocumentError
from finner_batch.results.writer import Writer
from finner_batch.sources.document import Document, FailedDocument
from finner_batch.tagger.session import AnySession
from finner_batch.tagger.tagger import TaggingStatistics

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A session that was opened in `seconds`: on what, by what and why. `batch_dependence` is as the session has it."""

    device: str
    device_reason: str
    variant: str
    backend: str
    backend_reason: str
    batch_dependence: str | None
    seconds: float

    @classmethod
    def of(cls, session: AnySession, seconds: float) -> "Opened":
        """What there is to tell of a session."""
        return cls(
            device=session.device.name,
            device_reason=session.device.reason,
            variant=session.variant,
            backend=session.backend,
            backend_reason=session.backend_reason,
            batch_dependence=session.batch_dependence,
            seconds=seconds,
        )


class Recorder:
    """Takes what is finished, of each source in its order; those of several sources may come mixed."""

    def __init__(
        self,
        writer: Writer,
        report: RunReport,
        *,
        commit_seconds: float,
        commit_documents: int,
        progress: Progress | None = None,
    ) -> None:
        self._writer = writer
        self._report = report
        self._progress = progress or Progress()
        self._commit_seconds = commit_seconds
        self._commit_documents = commit_documents
        self._committed_at = monotonic()
        self._repeats: dict[str, dict[str, Iterator[int]]] = {}
        """By source and document_id, the numbers that are free; a source with many repeats takes linear time."""
        self.tagged = 0
        """Documents that came with rows from the model."""

    def record(self, result: TaggedDocument | FailedDocument | SourceDone) -> None:
        """Give one document to the writer, or the end of a source."""
        match result:
            case TaggedDocument():
                self.tagged += 1
                self._add_tagged(result)
                self._progress.document_done(result.document.source)
            case FailedDocument():
                self._add_failed(result)
                self._progress.document_done(result.source)
            case SourceDone(task, complete, kept, other_forms):
                self._report.selection.other_forms += other_forms
                self._repeats.pop(task.source.uri, None)
                with self._measure_write():
                    self._writer.finish(
                        task.source.uri,
                        task.sha256,
                        complete=complete,
                        kept=kept,
                        version=task.source.version,
                        other_forms=other_forms > 0,
                    )
                self._progress.source_done(task.source.uri)

    def count_tagging(self, statistics: TaggingStatistics, seconds: float) -> None:
        """Add what a call of the model cost to the report."""
        if not statistics.windows:
            return
        self._report.add_seconds({"tag": seconds})
        self._report.tokens += statistics.tokens
        self._report.tokens_run += statistics.tokens_run
        self._report.tokens_padded += statistics.tokens_padded
        self._report.tokens_from_cache += statistics.tokens_remembered

    def count_session(self, opened: Opened) -> None:
        """Note that a session was opened, and on what; all of a run are of one device and variant."""
        report = self._report
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

    @property
    def is_due(self) -> bool:
        """Whether it is time for a commit."""
        return monotonic() - self._committed_at >= self._commit_seconds

    def commit_if_due(self) -> None:
        """Commit when it is time, or enough documents wait for it."""
        if self.is_due or self._writer.pending_documents >= self._commit_documents:
            self.commit()

    def commit(self) -> None:
        """Commit what is finished."""
        with self._measure_write():
            part = self._writer.commit()
        if part is not None:
            self._report.parts += 1
            LOG.info(
                fields(
                    "commit",
                    part=part,
                    documents=self._report.documents_ok,
                    failed=self._report.documents_failed,
                    entities=self._report.entities,
                )
            )
        self._committed_at = monotonic()

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
            self._add_failed(failed_document(tagged.document, error.stage, type(error).__name__, describe(error)))
            return
        self._report.add_seconds(tagged.seconds)
        self._report.documents_ok += 1
        self._report.sentences += tagged.sentences
        self._report.tagged_sentences += tagged.tagged_sentences
        self._report.characters += tagged.characters
        self._report.entities += len(tagged.entities)
        if tagged.unread_exhibits:
            self._report.with_unread_exhibits += 1
            self._report.unread_exhibits.update(tagged.unread_exhibits)
            LOG.info(
                fields(
                    "exhibits-unread",
                    document=tagged.document.document_id,
                    exhibits=" ".join(tagged.unread_exhibits),
                    because="its financial statements or debt stand there",
                )
            )
        self._report.labels.update(entity["label"] for entity in tagged.entities)

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
        self._report.documents_failed += 1
        self._report.failures[f"{failed.stage}: {failed.error_type}"] += 1
        with self._measure_write():
            self._add_under_free_id(row)

    def _add_under_free_id(self, row: dict[str, Any]) -> None:
        """Add a failed document's row; where its source has brought the id already, under one of its own."""
        document_id = row["document_id"]
        while True:
            try:
                self._writer.add(row)
            except DocumentError:
                number = next(self._repeats.setdefault(row["source"], {}).setdefault(document_id, count(1)))
                row["document_id"] = f"{document_id}#failed-{number}"
            else:
                return

    @contextmanager
    def _measure_write(self) -> Iterator[None]:
        started = thread_time()
        try:
            yield
        finally:
            self._report.add_seconds({"write": thread_time() - started})


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
