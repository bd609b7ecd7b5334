"""A session and a tagger that measure themselves: what they give is what the wrapped ones give."""

from collections.abc import Sequence
from time import perf_counter, process_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finner_batch.tagger.session import AnySession
from finner_batch.tagger.span import Span
from finner_batch.tagger.tagger import Probabilities, Tagger, TaggingStatistics
from finner_batch.tagger.tokens import Window


class TimedSession:
    """Counts what the model is given and how long it takes. `seconds` is wall clock, `cpu_seconds` of all threads."""

    def __init__(self, session: AnySession) -> None:
        self._session = session
        self.seconds = self.cpu_seconds = 0.0
        self._masks: list[NDArray[np.int64]] = []
        self._tokens = self._squared_lengths = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def logits(self, input_ids: NDArray[np.int64], attention_mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """As `Session.logits`."""
        started, cpu_started = perf_counter(), process_time()
        result = self._session.logits(input_ids, attention_mask)
        self.seconds += perf_counter() - started
        self.cpu_seconds += process_time() - cpu_started
        self._masks.append(attention_mask)  # counted later: between two runs it would seem to be the tagger's time
        return result

    def counted(self) -> tuple[int, int]:
        """Tokens given so far, and the sum of the squares of the windows' lengths."""
        for mask in self._masks:
            lengths = mask.sum(axis=1)
            self._tokens += int(lengths.sum())
            self._squared_lengths += int((lengths * lengths).sum())
        self._masks.clear()
        return self._tokens, self._squared_lengths


class TimedTagger:
    """Measures the CPU time around the model: batches before it (`batch_seconds`), spans after it (`span_seconds`)."""

    def __init__(self, tagger: Tagger, session: TimedSession) -> None:
        """`tagger` runs on `session`."""
        self._tagger = tagger
        self.timed_session = session
        self.batch_seconds = self.span_seconds = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tagger, name)

    def probabilities(self, windows: Sequence[Window], **options: Any) -> tuple[list[Probabilities], TaggingStatistics]:
        """As `Tagger.probabilities`. Raises RuntimeError where the model was run and the session was not asked."""
        session = self.timed_session
        tokens_before, _ = session.counted()
        started, inside_before = process_time(), session.cpu_seconds
        probabilities, statistics = self._tagger.probabilities(windows, **options)
        self.batch_seconds += process_time() - started - (session.cpu_seconds - inside_before)
        measured = session.counted()[0] - tokens_before
        if measured != statistics.tokens_run:
            raise RuntimeError(
                f"the model read {statistics.tokens_run} tokens and {measured} were measured: "
                "Session has a way to run that finner_batch/benchmark/timed.py does not time"
            )
        return probabilities, statistics

    def spans(self, windows: Sequence[Window], probabilities: Sequence[Probabilities]) -> list[list[Span]]:
        """As `Tagger.spans`."""
        started = process_time()
        spans = self._tagger.spans(windows, probabilities)
        self.span_seconds += process_time() - started
        return spans
