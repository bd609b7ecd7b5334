"""Gathers documents into windows of sentences, tags them, and hands finished documents to the writer, in order.

A window that a stop interrupts is given up: its documents are not committed, and the next run does them.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count, groupby
from operator import itemgetter
from time import monotonic, perf_counter, thread_time
from typing import Any

from finner_batch.engine.log import fields
from finner_batch.engine.parse import ParsedDocument
from finner_batch.engine.pool import Result, SourceDone
from finner_batch.engine.report import RunReport
from finner_batch.engine.worker import describe, failed_document
from finner_batch.entities.entity import entity_row
from finner_batch.entities.values import read_value
from finner_batch.errors import DocumentError
from finner_batch.sources.document import Document, FailedDocument
from finner_batch.store.writer import Writer
from finner_batch.tagger.span import Span
from finner_batch.tagger.tagger import Tagger

LOG = logging.getLogger(__name__)


class Gatherer:
    """Holds about a window of sentences (a document is never divided); what it was given in order, it writes in order.

    `make_tagger` is called when the first sentence must be tagged: a run that has nothing to do loads no model.
    """

    def __init__(
        self,
        writer: Writer,
        make_tagger: Callable[[], Tagger],
        report: RunReport,
        *,
        window_sentences: int,
        commit_seconds: float,
        commit_documents: int,
        is_interrupted: Callable[[], bool],
    ) -> None:
        self._writer = writer
        self._make_tagger = make_tagger
        self._tagger: Tagger | None = None
        self._report = report
        self._window_sentences = window_sentences
        self._commit_seconds = commit_seconds
        self._commit_documents = commit_documents
        self._is_interrupted = is_interrupted
        self._held: list[Result] = []
        self._held_sentences = 0
        self._committed_at = monotonic()

    def take(self, result: Result | None) -> None:
        """Take the next result; None says that time has passed."""
        if result is not None:
            self._held.append(result)
            if isinstance(result, ParsedDocument):
                self._held_sentences += len(result.numbered)
        is_due = monotonic() - self._committed_at >= self._commit_seconds
        if self._held_sentences >= self._window_sentences or (is_due and self._held):
            self._tag()
        if is_due or self._writer.pending_documents >= self._commit_documents:
            self._commit()

    def close(self, *, tag_the_rest: bool) -> None:
        """Write what is held, or without `tag_the_rest` leave it to the next run, and commit."""
        if tag_the_rest:
            self._tag()
        self._commit()

    def _tag(self) -> None:
        """Tag all held sentences together and add their documents to the writer."""
        held, self._held, self._held_sentences = self._held, [], 0
        parsed = [result for result in held if isinstance(result, ParsedDocument)]
        windows = [window for document in parsed for window in document.windows]
        spans: Iterator[list[Span]] = iter(())
        seconds_per_window = 0.0
        if windows:
            tagger = self._loaded_tagger()
            with self._measure("tag", perf_counter):
                started = perf_counter()
                probabilities, statistics = tagger.probabilities(windows, interrupted=self._is_interrupted)
                spans = iter(tagger.spans(windows, probabilities))
                seconds_per_window = (perf_counter() - started) / len(windows)
            self._report.tokens += statistics.tokens
            self._report.tokens_run += statistics.tokens_run
            self._report.tokens_padded += statistics.tokens_padded
        for result in held:
            match result:
                case ParsedDocument():
                    own = [next(spans) for _ in result.windows]
                    self._add_parsed(result, own, seconds_per_window * len(own))
                case FailedDocument():
                    self._add_failed(result)
                case SourceDone(task, complete, kept):
                    with self._measure("write"):
                        self._writer.finish(
                            task.source.uri, task.sha256, complete=complete, kept=kept, version=task.source.version
                        )

    def _add_parsed(self, parsed: ParsedDocument, spans: list[list[Span]], tag_seconds: float) -> None:
        document = parsed.document
        started = thread_time()
        try:
            with self._measure("value"):
                rows = _entity_rows(parsed, spans)
        except Exception as error:  # noqa: BLE001 - any failure of a document is a row of `documents`
            self._add_failed(failed_document(document, "value", type(error).__name__, describe(error)))
            return
        seconds = sum(parsed.seconds.values()) + tag_seconds + thread_time() - started
        row = _document_row(document) | {
            "status": "ok",
            "sentences": parsed.sentences,
            "tagged_sentences": len(parsed.numbered),
            "seconds": seconds,
        }
        try:
            with self._measure("write"):
                self._writer.add(row, rows)
        except DocumentError as error:
            self._add_failed(failed_document(document, error.stage, type(error).__name__, describe(error)))
            return
        self._report.add_seconds(parsed.seconds)
        self._report.documents_ok += 1
        self._report.sentences += parsed.sentences
        self._report.tagged_sentences += len(parsed.numbered)
        self._report.characters += parsed.characters
        self._report.entities += len(rows)
        self._report.labels.update(entity["label"] for entity in rows)

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
        with self._measure("write"):
            self._add_under_free_id(row)

    def _add_under_free_id(self, row: dict[str, Any]) -> None:
        """Add a failed document's row; where its source has brought the id already, under one of its own."""
        document_id = row["document_id"]
        for number in count(1):
            try:
                self._writer.add(row)
            except DocumentError:
                row["document_id"] = f"{document_id}#failed-{number}"
            else:
                return

    def _commit(self) -> None:
        with self._measure("write"):
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

    def _loaded_tagger(self) -> Tagger:
        if self._tagger is None:
            with self._measure("load", perf_counter):
                self._tagger = self._make_tagger()
            session = self._tagger.session
            self._report.device, self._report.device_reason = session.device.name, session.device.reason
            self._report.variant = session.variant
            LOG.info(
                fields("model", device=session.device.name, because=session.device.reason, variant=session.variant)
            )
        return self._tagger

    @contextmanager
    def _measure(self, stage: str, clock: Callable[[], float] = thread_time) -> Iterator[None]:
        started = clock()
        try:
            yield
        finally:
            self._report.add_seconds({stage: clock() - started})


def _entity_rows(parsed: ParsedDocument, spans: list[list[Span]]) -> list[dict[str, Any]]:
    """Rows of a document's entities, in the order of its text (a long sentence's windows are put together)."""
    rows: list[dict[str, Any]] = []
    pairs = zip(parsed.owners, spans, strict=True)
    for owner, group in groupby(pairs, key=itemgetter(0)):
        sentence, stated = parsed.numbered[owner], parsed.stated[owner]
        found = sorted((span for _, of_window in group for span in of_window), key=lambda span: span.start)
        for span in found:
            value = read_value(sentence.text, span.start, span.end, stated=stated)
            rows.append(entity_row(sentence, span, value))
    return rows


def _document_row(document: Document | FailedDocument) -> dict[str, Any]:
    header = document.header
    return {
        "document_id": document.document_id,
        "source": document.source,
        "sha256": document.sha256,
        "bytes": document.bytes,
        "kind": document.kind,
        "accession_number": header.accession_number,
        "cik": header.cik,
        "company": header.company,
        "form_type": header.form_type,
        "period_of_report": header.period_of_report,
        "filing_date": header.filing_date,
    }
