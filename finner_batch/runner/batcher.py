"""Groups documents into windows of sentences and tags each window together; the order is kept."""

from collections.abc import Callable, Iterator
from time import perf_counter
from typing import TypeAlias

from finner_batch.runner.outcomes import Outcome, PeakMemory, SessionOpened
from finner_batch.runner.parse_document import ParsedDocument
from finner_batch.runner.tag_documents import tag_together
from finner_batch.runner.worker_pool import Result
from finner_batch.tagging.tagger import Tagger

Read: TypeAlias = Result | PeakMemory


class Batcher:
    """Collects whole documents up to about a window of sentences, and yields outcomes in the order of its input.

    Only `PeakMemory` does not wait for the window: a run that is stopped reports it too.

    `make_tagger` is called when the first sentence must be tagged: a run that has nothing to tag loads no model.
    """

    def __init__(
        self,
        make_tagger: Callable[[], Tagger],
        *,
        window_sentences: int,
        timeout_s: float,
        is_interrupted: Callable[[], bool] = lambda: False,
    ) -> None:
        self._make_tagger = make_tagger
        self._tagger: Tagger | None = None
        self._window_sentences = window_sentences
        self._timeout_s = timeout_s
        self._is_interrupted = is_interrupted
        self.documents_in_model = 0.0
        """As `Engine.documents_in_model`."""

    def outcomes(self, results: Iterator[Read | None], is_commit_due: Callable[[], bool]) -> Iterator[Outcome | None]:
        """Yield the outcome of each result, and None after each step. Raises InterruptedError while the model runs.

        A window is tagged when it is full, when `is_commit_due()`, and when there are no more results.
        """
        held: list[Result] = []
        sentences = 0
        for result in results:
            if isinstance(result, PeakMemory):
                yield result
                continue
            if result is not None:
                held.append(result)
            if isinstance(result, ParsedDocument):
                sentences += len(result.numbered)
            if sentences >= self._window_sentences or (held and is_commit_due()):
                yield from self._tag(held)
                held, sentences = [], 0
            yield None
        yield from self._tag(held)

    def _tag(self, held: list[Result]) -> Iterator[Outcome]:
        parsed = [result for result in held if isinstance(result, ParsedDocument)]
        if self._tagger is None and any(document.windows for document in parsed):
            started = perf_counter()
            self._tagger = self._make_tagger()
            yield SessionOpened.of(self._tagger.session, perf_counter() - started)

        def on_progress(part: float) -> None:
            self.documents_in_model = part * len(parsed)

        tagging = tag_together(
            parsed,
            self._tagger,
            timeout_s=self._timeout_s,
            is_interrupted=self._is_interrupted,
            on_progress=on_progress,
        )
        yield tagging.cost
        for result in held:
            if isinstance(result, ParsedDocument):
                self.documents_in_model = max(self.documents_in_model - 1, 0.0)
                yield next(tagging.documents)
            else:
                yield result
