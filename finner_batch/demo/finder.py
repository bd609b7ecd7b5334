"""Finds the numbers in one text or filing with the reading process, tagger and values of a run; stores nothing."""

import importlib.util
import json
import re
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from time import perf_counter
from typing import Annotated, Any, Self

from finner_batch.config import Flag
from finner_batch.errors import FinnerError, UsageError
from finner_batch.machine import MEBIBYTE
from finner_batch.readers.discover import discover
from finner_batch.readers.document import FailedDocument, Header
from finner_batch.readers.read import ReadOptions
from finner_batch.runner.parse_document import ParsedDocument
from finner_batch.runner.tag_documents import entity_rows
from finner_batch.runner.worker import Task, WorkerOptions
from finner_batch.runner.worker_pool import Pool
from finner_batch.tagging.device import DeviceChoice
from finner_batch.tagging.model import Model, load_model
from finner_batch.tagging.session import open_session
from finner_batch.tagging.tagger import Probabilities, Tagger

MAX_SENTENCES = 20_000
"""Sentences with a number in one reading, some two minutes of work. No filing of the corpus has more than 1,828."""
MEMORY_LIMIT_MB = 4096
_SURROGATE = re.compile("[\ud800-\udfff]")
_UNSAFE_IN_NAMES = re.compile(r"[^\w.,+() -]")


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoConfig:
    """Settings of `finner-batch demo`; each is a flag and an environment variable."""

    model: Annotated[tuple[str, ...], Flag("Model folder to offer in addition to the packaged one; repeatable.")] = ()
    host: Annotated[str, Flag("Address to listen on; by default only this machine can connect.")] = "127.0.0.1"
    port: Annotated[int, Flag("Port to listen on.", least=1, most=65535)] = 7860
    device: Annotated[DeviceChoice, Flag("Where the model runs.")] = "auto"
    max_characters: Annotated[int, Flag("Maximum length of pasted text in characters.", least=1)] = 200_000
    max_file_mb: Annotated[
        int, Flag("Maximum size of a filing in MiB, both as uploaded and decompressed.", least=1)
    ] = 100
    timeout_s: Annotated[float, Flag("Time limit in seconds for reading one document.", least=0.1)] = 60.0


def require_demo_extra() -> None:
    """Raise UsageError if Gradio is missing."""
    if importlib.util.find_spec("gradio") is None:
        raise UsageError("gradio is not installed: the demo needs pip install 'finner-batch[demo]'")


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach an address."""
    return host in {"localhost", "::1"} or host.startswith("127.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file's name and bytes; or pasted text as a file, with the `text` itself, to which offsets refer."""

    name: str
    data: bytes = field(repr=False)
    text: str | None = field(default=None, repr=False)

    @classmethod
    def of_text(cls, text: str) -> "Upload":
        """Wrap pasted text as a shard of one row; a lone surrogate, which no file can hold, becomes U+FFFD."""
        text = _SURROGATE.sub("\ufffd", text)
        row = json.dumps({"id": "the pasted text", "text": text}, ensure_ascii=True)
        return cls(name="pasted.jsonl", data=row.encode("ascii"), text=text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """An upload read by a model, from which the rows at any threshold follow without reading again.

    `probabilities[i]` belong to the windows of `documents[i]`. `seconds` is wall-clock time.
    """

    upload: Upload
    model: Model
    documents: tuple[ParsedDocument, ...]
    failed: tuple[FailedDocument, ...]
    probabilities: tuple[list[Probabilities], ...] = field(repr=False)
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentNumbers:
    """The numbers of one document: rows with the columns `section` to `sec_url` of `entities`."""

    document_id: str
    kind: str
    header: Header
    rows: list[dict[str, Any]] = field(repr=False)


class Finder:
    """Reads the visitors' uploads one at a time. As a context manager, it ends its processes on exit.

    A model's session and reading process start when the model is first chosen, and are kept. Raises ModelError at once
    if a model folder is missing or damaged.
    """

    def __init__(self, config: DemoConfig) -> None:
        self.config = config
        self.models = {model.model_id: model for model in map(load_model, (*config.model, None))}
        self._loaded: dict[str, tuple[Tagger, Pool]] = {}
        self._stack = ExitStack()
        self._lock = Lock()

    def __enter__(self) -> Self:
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="finner-batch-demo-")))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def warm_up(self) -> None:
        """Start what the first model needs, so that the first visitor does not wait for it."""
        self.read(Upload.of_text("The notes bear interest at 4.25%."), next(iter(self.models)))

    def read(self, upload: Upload, model_id: str) -> Reading:
        """Read and tag an upload. Raises FinnerError, with a message for the visitor, if it is too large."""
        self._refuse_too_large(upload)
        with self._lock:
            started = perf_counter()
            tagger, pool = self._load(model_id)
            results = self._results(upload, pool)
            documents = tuple(result for result in results if isinstance(result, ParsedDocument))
            if sum(len(document.numbered) for document in documents) > MAX_SENTENCES:
                raise FinnerError(f"More than {MAX_SENTENCES:,} sentences with a number: use finner-batch run instead.")
            windows = [window for document in documents for window in document.windows]
            tables = iter(tagger.probabilities(windows)[0])
            return Reading(
                upload=upload,
                model=tagger.model,
                documents=documents,
                failed=tuple(result for result in results if isinstance(result, FailedDocument)),
                probabilities=tuple([next(tables) for _ in document.windows] for document in documents),
                seconds=perf_counter() - started,
            )

    def numbers(self, reading: Reading, threshold: float | None = None) -> list[DocumentNumbers]:
        """Return each document's numbers at or above `threshold`; None means the model's own thresholds."""
        tagger, _ = self._loaded[reading.model.model_id]
        return [
            DocumentNumbers(
                document_id=parsed.document.document_id,
                kind=parsed.document.kind,
                header=parsed.document.header,
                rows=entity_rows(parsed, tagger.spans(parsed.windows, tables, threshold=threshold)),
            )
            for parsed, tables in zip(reading.documents, reading.probabilities, strict=True)
        ]

    def _refuse_too_large(self, upload: Upload) -> None:
        if upload.text is not None and len(upload.text) > self.config.max_characters:
            raise FinnerError(
                f"The text has {len(upload.text):,} characters; the limit is {self.config.max_characters:,}. "
                "Shorten it, or drop it as a file."
            )
        limit = self.config.max_file_mb
        if upload.text is None and len(upload.data) > limit * MEBIBYTE:
            raise FinnerError(
                f"The file has {len(upload.data) / MEBIBYTE:,.1f} MB; the limit is {limit:,}. "
                "Use finner-batch run for larger files."
            )

    def _results(self, upload: Upload, pool: Pool) -> list[ParsedDocument | FailedDocument]:
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            path = Path(folder) / (_UNSAFE_IN_NAMES.sub("_", upload.name)[-100:].lstrip(".") or "filing")
            path.write_bytes(upload.data)
            tasks = (Task(source=source, sha256=None, size=len(upload.data)) for source in discover([str(path)]))
            return [result for result in pool.results(tasks) if isinstance(result, ParsedDocument | FailedDocument)]

    def _load(self, model_id: str) -> tuple[Tagger, Pool]:
        if model_id not in self._loaded:
            model = self.models[model_id]
            options = WorkerOptions(
                read=ReadOptions(max_document_bytes=self.config.max_file_mb * MEBIBYTE),
                tables=False,
                tokenizer_json=model.folder / "tokenizer.json",
                max_length=model.max_length,
                cues=model.cues,
                timeout_s=self.config.timeout_s,
                memory_limit_mb=MEMORY_LIMIT_MB,
            )
            tagger = Tagger(model, open_session(model, self.config.device))
            self._loaded[model_id] = tagger, self._stack.enter_context(Pool(1, options))
        return self._loaded[model_id]
