"""Finds the numbers in one text or filing: the job's own reading processes, tagger and values, without its store."""

import json
import re
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from time import perf_counter
from types import TracebackType
from typing import Any, Self

from finner_batch.demo.config import DemoConfig
from finner_batch.engine.parse import ParsedDocument
from finner_batch.engine.pool import Pool
from finner_batch.engine.rows import entity_rows
from finner_batch.engine.worker import Task, WorkerOptions
from finner_batch.errors import FinnerError
from finner_batch.machine import MEBIBYTE
from finner_batch.sources.discover import discover
from finner_batch.sources.document import FailedDocument, Header
from finner_batch.sources.read import ReadOptions
from finner_batch.tagger.model import Model, load_model
from finner_batch.tagger.session import open_session
from finner_batch.tagger.tagger import Probabilities, Tagger

MOST_SENTENCES = 20_000
"""Sentences with a number that one reading may have: two minutes or so. The filings at hand have 1,828 at most."""
MEMORY_LIMIT_MB = 4096
_SURROGATE = re.compile("[\ud800-\udfff]")
_UNUSUAL = re.compile(r"[^\w.,+() -]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a visitor gives to read: a file's name and bytes, or `text`, whose own offsets then count."""

    name: str
    data: bytes = field(repr=False)
    text: str | None = field(default=None, repr=False)

    @classmethod
    def of_text(cls, text: str) -> "Given":
        """Pasted text, as a shard of one row; a lone surrogate, which no file can hold, becomes U+FFFD."""
        text = _SURROGATE.sub("\ufffd", text)
        row = json.dumps({"id": "the pasted text", "text": text}, ensure_ascii=True)
        return cls(name="pasted.jsonl", data=row.encode("ascii"), text=text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was given, read by a model: any threshold's rows can be made of it without reading again.

    `probabilities[i]` are of the windows of `documents[i]`. `seconds` is wall clock.
    """

    given: Given
    model: Model
    documents: tuple[ParsedDocument, ...]
    failed: tuple[FailedDocument, ...]
    probabilities: tuple[list[Probabilities], ...] = field(repr=False)
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The numbers found in one document: rows with the columns `section` to `sec_url` of `entities`."""

    document_id: str
    kind: str
    header: Header
    rows: list[dict[str, Any]] = field(repr=False)


class Finder:
    """Reads what visitors give, one after the other. Use as a context manager: leaving it ends its processes.

    A model's session and its reading process start when it is first chosen, and stay. Raises ModelError at once where
    a model folder is missing or damaged.
    """

    def __init__(self, config: DemoConfig) -> None:
        self.config = config
        found = [load_model(folder) for folder in (*config.model, None)]
        self.models = {model.model_id: model for model in found}
        self._loaded: dict[str, tuple[Tagger, Pool]] = {}
        self._stack = ExitStack()
        self._lock = Lock()

    def __enter__(self) -> Self:
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="finner-batch-demo-")))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def warm_up(self) -> None:
        """Start what the first model needs, so that the first visitor need not wait for it."""
        self.read(Given.of_text("The notes bear interest at 4.25%."), next(iter(self.models)))

    def read(self, given: Given, model_id: str) -> Reading:
        """Read and tag. Raises FinnerError, with a message for the visitor, where it is too large."""
        self._refuse_too_large(given)
        with self._lock:
            started = perf_counter()
            tagger, pool = self._load(model_id)
            results = self._results(given, pool)
            documents = tuple(result for result in results if isinstance(result, ParsedDocument))
            if sum(len(document.numbered) for document in documents) > MOST_SENTENCES:
                raise FinnerError(
                    f"More than {MOST_SENTENCES:,} sentences with a number: finner-batch run reads what is so long."
                )
            windows = [window for document in documents for window in document.windows]
            tables = iter(tagger.probabilities(windows)[0])
            return Reading(
                given=given,
                model=tagger.model,
                documents=documents,
                failed=tuple(result for result in results if isinstance(result, FailedDocument)),
                probabilities=tuple([next(tables) for _ in document.windows] for document in documents),
                seconds=perf_counter() - started,
            )

    def found(self, reading: Reading, threshold: float | None = None) -> list[Found]:
        """The numbers at or above `threshold`, or with None at the model's own thresholds, document by document."""
        tagger, _ = self._loaded[reading.model.model_id]
        return [
            Found(
                document_id=parsed.document.document_id,
                kind=parsed.document.kind,
                header=parsed.document.header,
                rows=entity_rows(parsed, tagger.spans(parsed.windows, tables, threshold=threshold)),
            )
            for parsed, tables in zip(reading.documents, reading.probabilities, strict=True)
        ]

    def _refuse_too_large(self, given: Given) -> None:
        if given.text is not None and len(given.text) > self.config.max_characters:
            raise FinnerError(
                f"The text has {len(given.text):,} characters; here it may have {self.config.max_characters:,}. "
                "Shorten it, or drop it as a file."
            )
        limit = self.config.max_file_mb
        if given.text is None and len(given.data) > limit * MEBIBYTE:
            raise FinnerError(
                f"The file has {len(given.data) / MEBIBYTE:,.1f} MB; here it may have {limit:,}. "
                "finner-batch run reads larger ones."
            )

    def _results(self, given: Given, pool: Pool) -> list[ParsedDocument | FailedDocument]:
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            path = Path(folder) / (_UNUSUAL.sub("_", given.name)[-100:].lstrip(".") or "filing")
            path.write_bytes(given.data)
            tasks = (Task(source=source, sha256=None, size=len(given.data)) for source in discover([str(path)]))
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
