"""Wraps a session and a tagger to measure them; their results stay the same."""

from collections.abc import Sequence
from threading import Lock
from time import perf_counter, process_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finner_batch.tagger.session import AnySession
from finner_batch.tagger.span import Span
from finner_batch.tagger.tagger import Probabilities, Tagger, TaggingStatistics
from finner_batch.tagger.tokens import Window


class TimedSession:
    """Counts the model's input and its time: `seconds` of wall-clock time, `cpu_seconds` of all threads.

    Concurrent batches count once: the clocks run while the session has at least one. `cpu_seconds` then includes what
    the tagger does in the meantime.
    """

    def __init__(self, session: AnySession) -> None:
        self._session = session
        self.seconds = self.cpu_seconds = 0.0
        self._masks: list[NDArray[np.int64]] = []
        self._tokens = self._squared_lengths = 0
        self._lock = Lock()
        self._inside = 0
        self._began = self._cpu_began = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def logits(self, input_ids: NDArray[np.int64], attention_mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """As `Session.logits`."""
        with self._lock:
            if not self._inside:
                self._began, self._cpu_began = perf_counter(), process_time()
            self._inside += 1
        try:
            result = self._session.logits(input_ids, attention_mask)
        finally:
            with self._lock:
                self._inside -= 1
                if not self._inside:
                    self.seconds += perf_counter() - self._began
                    self.cpu_seconds += process_time() - self._cpu_began
        self._masks.append(attention_mask)  # counted later, so that counting is not measured as tagger time
        return result

    def counted(self) -> tuple[int, int]:
        """Return the tokens so far, and the sum of the squared lengths of the windows."""
        for mask in self._masks:
            lengths = mask.sum(axis=1)
            self._tokens += int(lengths.sum())
            self._squared_lengths += int((lengths * lengths).sum())
        self._masks.clear()
        return self._tokens, self._squared_lengths


class TimedTagger:
    """Measures the CPU time before the model (`batch_seconds`) and after it (`span_seconds`)."""

    def __init__(self, tagger: Tagger, session: TimedSession) -> None:
        """`tagger` must run on `session`."""
        self._tagger = tagger
        self.timed_session = session
        self.batch_seconds = self.span_seconds = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tagger, name)

    def probabilities(self, windows: Sequence[Window], **options: Any) -> tuple[list[Probabilities], TaggingStatistics]:
        """As `Tagger.probabilities`. Raises RuntimeError if the model ran without this session."""
        session = self.timed_session
        tokens_before, _ = session.counted()
        started, inside_before = process_time(), session.cpu_seconds
        probabilities, statistics = self._tagger.probabilities(windows, **options)
        self.batch_seconds += process_time() - started - (session.cpu_seconds - inside_before)
        measured = session.counted()[0] - tokens_before
        if measured != statistics.tokens_run:
            raise RuntimeError(
                f"the model read {statistics.tokens_run} tokens and {measured} were measured: "
                "Session has a method to run it that finner_batch/benchmark/timed.py does not measure"
            )
        return probabilities, statistics

    def spans(self, windows: Sequence[Window], probabilities: Sequence[Probabilities]) -> list[list[Span]]:
        """As `Tagger.spans`."""
        started = process_time()
        spans = self._tagger.spans(windows, probabilities)
        self.span_seconds += process_time() - started
        return spans
