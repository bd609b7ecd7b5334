"""One pass over the input in one process, through the stages of the job, each measured.

The stages are the job's own functions, and tagging, values and writing go through the job's own `Gatherer`, so a pass
gives the rows that a run gives. What differs is that one process does it all, one stage after the other: what a reading
process would send is pickled and loaded here, and only the pipe itself is left out.
"""

import gc
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.reduction import ForkingPickler
from typing import TypeVar, cast

from finner_batch.benchmark.survey import distinct_sources
from finner_batch.benchmark.timed import TimedSession, TimedTagger
from finner_batch.config import RunConfig
from finner_batch.engine.gather import Gatherer
from finner_batch.engine.parse import ParsedDocument, Stopwatch, parse, stage_of
from finner_batch.engine.pool import Result, SourceDone
from finner_batch.engine.report import RunReport
from finner_batch.engine.select import Selection
from finner_batch.engine.worker import (
    COLLECT_AFTER_MESSAGES,
    Began,
    Ended,
    Message,
    Task,
    failed_document,
    failed_source,
)
from finner_batch.errors import DocumentError
from finner_batch.results.ledger import Ledger
from finner_batch.results.writer import Writer
from finner_batch.sources.document import Document, FailedDocument, Source
from finner_batch.sources.read import ReadOptions, read_documents
from finner_batch.storage.bucket import no_check
from finner_batch.storage.place import place_of
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
"""Between two windows of sentences; reading processes and a thread that hashes do the rest, but for the model."""
Sent = TypeVar("Sent", bound=Message)


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
    """Do the whole job once, into a folder that is deleted again.

    The cyclic garbage collector is off, as in the job's reading processes, and is called after as many messages as
    there. The tokenizer is new, as in a process that begins.
    """
    watch = Stopwatch()
    timed = TimedSession(session)
    tagger = TimedTagger(Tagger(model, cast(AnySession, timed)), timed)
    tokenizer = SentenceTokenizer(model.folder / "tokenizer.json", model.max_length, model.cues)
    config = RunConfig(input=tuple(source.uri for source in sources))
    report = RunReport(
        run_id="benchmark",
        model_id=model.model_id,
        config=config,
        selection=Selection(),
        device=session.device.name,
        device_reason=session.device.reason,
        workers=1,
    )
    ids = {"model_id": model.model_id, "config_id": config.config_id}
    with tempfile.TemporaryDirectory(prefix="finner-batch-benchmark-") as folder, _as_in_a_worker():
        ledger = Ledger.load(place_of(folder), **ids)
        settings = {**ids, "run_id": report.run_id}
        with Writer(place_of(folder), ledger=ledger, lock=no_check, **settings) as writer:
            gatherer = Gatherer(
                writer,
                lambda: cast(Tagger, tagger),
                report,
                window_sentences=config.window_sentences or WINDOW_SENTENCES[session.device.name],
                commit_seconds=config.commit_seconds,
                commit_documents=config.commit_documents,
                timeout_s=config.timeout_s,
                is_interrupted=lambda: False,
            )
            for result in _results(distinct_sources(sources, watch), tokenizer, _Sender(watch)):
                gatherer.take(result)
            gatherer.close(tag_the_rest=True)
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


class _Sender:
    """Stands for the pipe from a reading process: the main process gets a message as it comes out of the pickle."""

    def __init__(self, watch: Stopwatch) -> None:
        self._watch = watch
        self._sent = 0

    def send(self, message: Sent) -> Sent:
        with self._watch.measure("send"):
            received: Sent = ForkingPickler.loads(ForkingPickler.dumps(message))
        self._sent += 1
        if self._sent % COLLECT_AFTER_MESSAGES == 0:
            with self._watch.measure("collect"):
                gc.collect()
        return received


def _results(sources: Iterator[Source], tokenizer: SentenceTokenizer, sender: _Sender) -> Iterator[Result]:
    """What the main process would get, source by source."""
    for source in sources:
        task = Task(source=source, sha256=None, size=None)
        documents = read_documents(source, ReadOptions())
        complete = True
        while True:
            watch = Stopwatch()
            try:
                with watch.measure("read"):
                    document = next(documents, None)
            except DocumentError as error:
                yield sender.send(failed_source(task, stage_of(error, watch), type(error).__name__, str(error)))
                complete = False
                break
            if document is None:
                break
            if isinstance(document, FailedDocument):
                yield sender.send(document)
                continue
            sender.send(Began(replace(document, content="")))
            yield sender.send(_parsed(document, tokenizer, watch))
        sender.send(Ended(0, complete, ()))
        yield SourceDone(task, complete)


def _parsed(document: Document, tokenizer: SentenceTokenizer, watch: Stopwatch) -> ParsedDocument | FailedDocument:
    try:
        return parse(document, tokenizer, tables=False, watch=watch)
    except DocumentError as error:
        return failed_document(document, stage_of(error, watch), type(error).__name__, str(error))


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
