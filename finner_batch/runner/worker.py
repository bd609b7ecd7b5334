"""A reading process: receives sources and sends documents that are ready for the model. No document can end it."""

import gc
import os
import resource
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from time import monotonic
from types import FrameType
from typing import TypeAlias

from finner_batch.config import RunConfig
from finner_batch.errors import DocumentError, describe
from finner_batch.machine import MEBIBYTE, own_peak_bytes
from finner_batch.readers.document import Document, FailedDocument, Source
from finner_batch.readers.forms import Forms
from finner_batch.readers.read import ReadOptions, failed_file, read_documents
from finner_batch.results.digests import row_digest
from finner_batch.results.schema import SHARD_KINDS
from finner_batch.runner.deadline import STEP_S, Deadline
from finner_batch.runner.parse_document import ParsedDocument, Stopwatch, parse, stage_of
from finner_batch.tagging.model import EVERY_SENTENCE, Cues, Model
from finner_batch.tagging.tokens import SentenceTokenizer

_OF_OBJECT_STORES = "AWS_"
BEAT_S = 2.0
COLLECT_AFTER_MESSAGES = 100
MOST_BYTES = 64 << 20
"""The largest document that is sent, pickled, so that several fit into the main process. Of 215 real filings with their
tables and every sentence with a number, the largest has 0.8 MB."""
MOST_DOCUMENTS = 10_000
"""Documents of a submission; all of them are committed together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """The settings of a run that a reading process needs."""

    read: ReadOptions
    tables: bool
    tokenizer_json: Path
    max_length: int
    cues: Cues
    timeout_s: float
    memory_limit_mb: int
    forms: Forms = field(default_factory=Forms)
    """Documents of other forms are left out."""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The run's own variables for object stores: the fork server keeps those of the first run in its process."""

    @classmethod
    def of(cls, config: RunConfig, model: Model) -> "WorkerOptions":
        """Take the options from the settings of a run."""
        return cls(
            read=ReadOptions(
                documents=config.documents,
                text_columns=config.text_column or None,
                id_column=config.id_column,
                keep_columns=config.keep_column,
                max_document_bytes=config.max_document_mb * MEBIBYTE,
                user_agent=config.user_agent,
            ),
            tables=config.tables,
            tokenizer_json=model.folder / "tokenizer.json",
            max_length=model.max_length,
            cues=EVERY_SENTENCE if config.every_sentence else model.cues,
            timeout_s=config.timeout_s,
            memory_limit_mb=config.memory_limit_mb,
            forms=Forms(config.form),
            environment={name: value for name, value in os.environ.items() if name.startswith(_OF_OBJECT_STORES)},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One source to read. `sha256` and `size` in bytes are None if it could not be hashed.

    Its first `skip` documents were delivered before; rows of a shard whose digest is in `done` were done before.
    """

    source: Source
    sha256: str | None
    size: int | None
    skip: int = 0
    done: frozenset[bytes] = frozenset()

    def failed(self, stage: str, error_type: str, error: str) -> FailedDocument:
        """Return the row of a source that could not be read."""
        return failed_file(
            self.source, sha256=self.sha256 or "", bytes=self.size or 0, stage=stage, error_type=error_type, error=error
        )


@dataclass(frozen=True, slots=True)
class Ready:
    """Sent once, before the first task: the process has started."""


@dataclass(frozen=True, slots=True)
class Alive:
    """Sent every few seconds while rows that are done are skipped."""


@dataclass(frozen=True, slots=True)
class Began:
    """Sent before a document is parsed: if the process dies, this document is the cause."""

    document: Document


@dataclass(frozen=True, slots=True)
class Ended:
    """Sent after a source's last document.

    `peak_bytes`: the worker's peak resident memory. `complete`: False if reading ended early. `kept`: digests of the
    rows that were skipped because they are done. `is_worn`: memory ran out, so the process must be replaced.
    `other_forms`: documents that were left out; with any, the source is not done.
    """

    peak_bytes: int
    complete: bool
    kept: tuple[bytes, ...]
    is_worn: bool = False
    other_forms: int = 0


Message: TypeAlias = Ready | Alive | Began | ParsedDocument | FailedDocument | Ended


def work(connection: Connection, options: WorkerOptions) -> None:
    """Serve tasks until the other end closes. Runs in a process of its own."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _limit_memory(options.memory_limit_mb * MEBIBYTE)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    for name in [name for name in os.environ if name.startswith(_OF_OBJECT_STORES)]:
        del os.environ[name]
    os.environ.update(options.environment)
    tokenizer = SentenceTokenizer(options.tokenizer_json, options.max_length, options.cues)
    gc.disable()  # automatic collection takes a tenth of the time and finds few cycles, so it runs after every
    gc.freeze()  # hundred messages, and only over objects made from here on
    sent = 0
    try:
        connection.send(Ready())
        while True:
            task: Task = connection.recv()
            for packed in packed_messages(task, tokenizer, options, beat=lambda: connection.send(Alive())):
                connection.send_bytes(packed)
                sent += 1
                if sent % COLLECT_AFTER_MESSAGES == 0:
                    gc.collect()
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def _limit_memory(limit: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))


def packed_messages(  # noqa: C901 - flat: what may come of a document
    task: Task,
    tokenizer: SentenceTokenizer,
    options: WorkerOptions,
    *,
    pack: Callable[[Message], memoryview] = ForkingPickler.dumps,
    beat: Callable[[], None] = lambda: None,
) -> Iterator[memoryview]:
    """Do one task: read its source, parse each document, and yield the messages to send, as `pack` pickles them.

    `beat` is called every few seconds while rows that are done are skipped. Must run in the main thread, because the
    time limit is a signal.
    """
    kept: list[bytes] = []
    beaten_at = monotonic()
    reading = Deadline(options.timeout_s)
    is_worn = False

    def is_done(document_id: str, sha256: str) -> bool:
        nonlocal beaten_at
        digest = row_digest(document_id, sha256)
        if digest not in task.done:
            return False
        kept.append(digest)
        if monotonic() - beaten_at > min(BEAT_S, options.timeout_s / 4):  # each row has the whole time limit
            beaten_at = monotonic()
            reading.renew()
            beat()
        return True

    complete = True
    other_forms = 0
    documents = _bounded(read_documents(task.source, options.read, skip=is_done if task.done else None))
    for position in count():
        watch = Stopwatch()
        try:
            with _time_limit(options.timeout_s) as reading, watch.measure("read"):
                document = next(documents, None)
        except Exception as error:  # noqa: BLE001 - any failure of a source is a row of `documents`
            is_worn |= _is_out_of_memory(error)
            yield pack(task.failed(stage_of(error, watch), type(error).__name__, describe(error)))
            complete = False
            break
        if document is None:
            break
        if position < task.skip:
            continue
        if isinstance(document, FailedDocument):
            yield pack(document)
            continue
        if not options.forms.include(document.header.form_type):
            other_forms += 1
            continue
        yield pack(Began(replace(document, content="")))
        try:
            with _time_limit(options.timeout_s):
                packed = pack(parse(document, tokenizer, tables=options.tables, watch=watch))
                _check_size(packed)
        except Exception as error:  # noqa: BLE001 - any failure of a document is a row of `documents`
            is_worn |= _is_out_of_memory(error)
            packed = pack(failed_document(document, stage_of(error, watch), error))
        yield packed
    yield pack(Ended(own_peak_bytes(), complete and not other_forms, tuple(kept), is_worn, other_forms))


def _bounded(documents: Iterator[Document | FailedDocument]) -> Iterator[Document | FailedDocument]:
    """Pass the documents on. Raises DocumentError after as many as a submission may have."""
    for position, document in enumerate(documents):
        if position >= MOST_DOCUMENTS and document.kind not in SHARD_KINDS:
            raise DocumentError("read", f"more than {MOST_DOCUMENTS:,} documents in one file: divide it")
        yield document


def _check_size(packed: memoryview) -> None:
    if len(packed) > MOST_BYTES:
        raise DocumentError(
            "tokenize",
            f"its sentences with numbers take {len(packed) / MEBIBYTE:,.0f} MiB, more than {MOST_BYTES // MEBIBYTE}: "
            "no filing has that many; divide it",
        )


def _is_out_of_memory(error: Exception) -> bool:
    """Return whether memory ran out; if so, collect the document's cycles to make room for the next one."""
    if not isinstance(error, MemoryError):
        return False
    gc.collect()
    return True


def failed_document(document: Document, stage: str, error: Exception) -> FailedDocument:
    """Return the row of a document that could not be parsed or tagged."""
    return FailedDocument.of_document(document, stage=stage, error_type=type(error).__name__, error=describe(error))


@contextmanager
def _time_limit(seconds: float) -> Iterator[Deadline]:
    """Raise OutOfTimeError inside the block once its deadline has passed (at the next Python instruction)."""
    deadline = Deadline(seconds)

    def check(_signal: int, _frame: FrameType | None) -> None:
        left = deadline.left_s()
        signal.setitimer(signal.ITIMER_REAL, min(left, STEP_S) if left > 0 else STEP_S)
        if left <= 0:
            raise deadline.error

    previous = signal.signal(signal.SIGALRM, check)
    signal.setitimer(signal.ITIMER_REAL, min(seconds, STEP_S))
    try:
        yield deadline
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
