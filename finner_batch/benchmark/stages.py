"""One pass over the input in one process, through the stages of the job, each measured.

The driver, the recorder, the batcher and the reading loop are the job's own, so a pass gives the rows that a run gives.
The difference is that one process does everything, one stage after the other: what a reading process would send is
pickled and loaded here, and only the pipe is left out. Wrappers around the session and the tagger measure these two.
"""

import gc
import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.reduction import ForkingPickler
from threading import Lock
from time import perf_counter, process_time
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from finner_batch.benchmark.input_counts import distinct_sources
from finner_batch.config import RunConfig
from finner_batch.readers.document import Source
from finner_batch.results.ledger import Ledger
from finner_batch.runner.batcher import Batcher
from finner_batch.runner.drive import drive
from finner_batch.runner.job import Job
from finner_batch.runner.outcomes import Outcome, SourceFinished
from finner_batch.runner.parse_document import Stopwatch
from finner_batch.runner.recorder import Recorder
from finner_batch.runner.worker import (
    COLLECT_AFTER_MESSAGES,
    Began,
    Ended,
    Message,
    Task,
    WorkerOptions,
    packed_messages,
)
from finner_batch.runner.worker_pool import Result
from finner_batch.storage.place import place_of
from finner_batch.tagging.model import Model
from finner_batch.tagging.session import AnySession
from finner_batch.tagging.tagger import WINDOW_SENTENCES, Probabilities, Span, Tagger, TaggingStatistics
from finner_batch.tagging.tokens import SentenceTokenizer, Window

MODEL = "model"
STAGES = (
    "hash",
    "read",
    "extract",
    "split",
    "numbers",
    "tokenize",
    "send",
    "collect",
    "batches",
    MODEL,
    "values",
    "write",
)
"""In the order of the data.

`send` pickles and loads what goes from process to process, `collect` is the garbage collector, `batches` is all of
tagging but the model, `values` has the decoding of spans too.
"""
OF_THE_MAIN_PROCESS = ("batches", "values", "write")
"""What the main process does between two calls of the model; reading processes and a hashing thread do the rest."""


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
                "Session has a method to run it that finner_batch/benchmark/stages.py does not measure"
            )
        return probabilities, statistics

    def spans(self, windows: Sequence[Window], probabilities: Sequence[Probabilities]) -> list[list[Span]]:
        """As `Tagger.spans`."""
        started = process_time()
        spans = self._tagger.spans(windows, probabilities)
        self.span_seconds += process_time() - started
        return spans


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """What a pass took and did.

    `seconds`: CPU time by stage, of `model` wall clock; `model_cpu_seconds` is that of all its threads. Tokens count
    the special ones: `tokens` of the windows given to the tagger, `tokens_run` of those the model read,
    `tokens_padded` of those with padding; `squared_lengths` sums the squares of the lengths of the windows run.
    """

    seconds: dict[str, float]
    model_cpu_seconds: float
    documents: int
    failed: int
    entities: int
    tokens: int
    tokens_run: int
    tokens_padded: int
    squared_lengths: int


def run_stages(sources: Sequence[Source], model: Model, session: AnySession) -> Pass:
    """Do the whole job once, into a folder that is deleted afterwards.

    The cyclic garbage collector is off, as in the job's reading processes, and runs after as many messages as there.
    The tokenizer is new, as in a process that starts.
    """
    watch = Stopwatch()
    timed = TimedSession(session)
    tagger = TimedTagger(Tagger(model, cast(AnySession, timed)), timed)
    config = RunConfig(input=tuple(source.uri for source in sources))
    engine = _OneProcess(config, model, cast(Tagger, tagger), watch)
    with tempfile.TemporaryDirectory(prefix="finner-batch-benchmark-") as folder, _as_in_a_worker():
        job = Job(
            config=config,
            model=model,
            results=place_of(folder),
            ledger=Ledger.load(place_of(folder), model_id=model.model_id, config_id=config.config_id),
            run_id="benchmark",
            device=session.device,
            workers=1,
        )
        with Recorder(job) as recorder:
            drive(job, engine, [_tasks(distinct_sources(sources, watch))], recorder)
    report = recorder.report
    measured = report.seconds | watch.seconds | {"batches": tagger.batch_seconds, MODEL: timed.seconds}
    measured["values"] = report.seconds.get("value", 0.0) + tagger.span_seconds
    return Pass(
        seconds={stage: measured.get(stage, 0.0) for stage in STAGES},
        model_cpu_seconds=timed.cpu_seconds,
        documents=report.documents_ok,
        failed=report.documents_failed,
        entities=report.entities,
        tokens=report.tokens,
        tokens_run=report.tokens_run,
        tokens_padded=report.tokens_padded,
        squared_lengths=timed.counted()[1],
    )


class _OneProcess:
    """An engine that does everything in this process, and measures what a reading process and its pipe would do."""

    def __init__(self, config: RunConfig, model: Model, tagger: Tagger, watch: Stopwatch) -> None:
        self._options = WorkerOptions.of(config, model)
        self._tokenizer = SentenceTokenizer(self._options.tokenizer_json, model.max_length, self._options.cues)
        self._watch = watch
        self._sent = 0
        self._batcher = Batcher(
            lambda: tagger,
            window_sentences=config.window_sentences or WINDOW_SENTENCES[tagger.session.device.name],
            timeout_s=config.timeout_s,
        )

    def outcomes(
        self, tasks: Iterator[Task | None], is_commit_due: Callable[[], bool]
    ) -> Generator[Outcome | None, None, None]:
        """As `Engine.outcomes`."""
        yield from self._batcher.outcomes(self._results(tasks), is_commit_due)

    def documents_in_model(self) -> float:
        """As `Engine.documents_in_model`."""
        return self._batcher.documents_in_model

    def _results(self, tasks: Iterator[Task | None]) -> Iterator[Result | None]:
        for task in filter(None, tasks):
            for packed in packed_messages(task, self._tokenizer, self._options, pack=self._pack):
                match message := self._unpack(packed):
                    case Began():
                        continue
                    case Ended(_, complete, kept, _, other_forms):
                        yield SourceFinished(task, complete, kept, other_forms)
                    case _:
                        yield cast(Result, message)

    def _pack(self, message: Message) -> memoryview:
        with self._watch.measure("send"):
            return ForkingPickler.dumps(message)

    def _unpack(self, packed: memoryview) -> Message:
        with self._watch.measure("send"):
            message: Message = ForkingPickler.loads(packed)
        self._sent += 1
        if self._sent % COLLECT_AFTER_MESSAGES == 0:
            with self._watch.measure("collect"):
                gc.collect()
        return message


def _tasks(sources: Iterator[Source]) -> Iterator[Task | None]:
    return (Task(source=source, sha256=None, size=None) for source in sources)


@contextmanager
def _as_in_a_worker() -> Iterator[None]:
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        if was_enabled:
            gc.enable()
