"""One pass over the input in one process, through the stages of the job, each measured.

The driver, the recorder, the batcher and the reading loop are the job's own, so a pass gives the rows that a run gives.
The difference is that one process does everything, one stage after the other: what a reading process would send is
pickled and loaded here, and only the pipe is left out.
"""

import gc
import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import cast

from finner_batch.benchmark.survey import distinct_sources
from finner_batch.benchmark.timed import TimedSession, TimedTagger
from finner_batch.config import RunConfig
from finner_batch.engine.drive import drive
from finner_batch.engine.gather import Batcher
from finner_batch.engine.job import Job
from finner_batch.engine.outcomes import Outcome, SourceFinished
from finner_batch.engine.parse import Stopwatch
from finner_batch.engine.pool import Result
from finner_batch.engine.record import Recorder
from finner_batch.engine.worker import (
    COLLECT_AFTER_MESSAGES,
    Began,
    Ended,
    Message,
    Task,
    WorkerOptions,
    packed_messages,
)
from finner_batch.sources.document import Source
from finner_batch.store.ledger import Ledger
from finner_batch.tagger.model import Model
from finner_batch.tagger.session import AnySession
from finner_batch.tagger.tagger import WINDOW_SENTENCES, Tagger
from finner_batch.tagger.tokens import SentenceTokenizer

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
            results=Path(folder),
            ledger=Ledger.load(Path(folder), model_id=model.model_id, config_id=config.config_id),
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
        """Yield what the main process would get."""
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
