"""Gathers documents into windows of sentences, tags them, and hands finished documents to the recorder, in order.

A window that a stop interrupts is given up: its documents are not committed, and the next run does them.
"""

from collections.abc import Callable
from time import perf_counter

from finner_batch.engine.parse import ParsedDocument
from finner_batch.engine.pool import Result
from finner_batch.engine.progress import Progress
from finner_batch.engine.record import Opened, Recorder
from finner_batch.engine.report import RunReport
from finner_batch.engine.tag import tag_together
from finner_batch.results.writer import Writer
from finner_batch.tagger.tagger import Tagger


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
        timeout_s: float,
        is_interrupted: Callable[[], bool],
        progress: Progress | None = None,
    ) -> None:
        self._progress = progress or Progress()
        self._recorder = Recorder(
            writer,
            report,
            commit_seconds=commit_seconds,
            commit_documents=commit_documents,
            progress=self._progress,
        )
        self._make_tagger = make_tagger
        self._tagger: Tagger | None = None
        self._window_sentences = window_sentences
        self._timeout_s = timeout_s
        self._is_interrupted = is_interrupted
        self._held: list[Result] = []
        self._held_sentences = 0

    def take(self, result: Result | None) -> None:
        """Take the next result; None says that time has passed."""
        if result is not None:
            self._held.append(result)
            if isinstance(result, ParsedDocument):
                self._held_sentences += len(result.numbered)
        is_due = self._recorder.is_due
        if self._held_sentences >= self._window_sentences or (is_due and self._held):
            self._tag()
        if is_due:
            self._recorder.commit()
        else:
            self._recorder.commit_if_due()

    def close(self, *, tag_the_rest: bool) -> None:
        """Write what is held, or without `tag_the_rest` leave it to the next run, and commit."""
        if tag_the_rest:
            self._tag()
        self._recorder.commit()

    def _tag(self) -> None:
        """Tag all held sentences together and record their documents."""
        held, self._held, self._held_sentences = self._held, [], 0
        parsed = [result for result in held if isinstance(result, ParsedDocument)]
        tagging = tag_together(
            parsed,
            self._loaded_tagger,
            timeout_s=self._timeout_s,
            interrupted=self._is_interrupted,
            advanced=lambda part: self._progress.in_model(part * len(parsed)),
        )
        self._recorder.count_tagging(tagging.statistics, tagging.seconds)
        for result in held:
            self._recorder.record(next(tagging.documents) if isinstance(result, ParsedDocument) else result)
        self._progress.in_model(0)

    def _loaded_tagger(self) -> Tagger:
        if self._tagger is None:
            started = perf_counter()
            self._tagger = self._make_tagger()
            self._recorder.count_session(Opened.of(self._tagger.session, perf_counter() - started))
        return self._tagger
