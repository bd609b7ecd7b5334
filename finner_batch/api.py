"""The Python API: extract the numbers of one text or file, run a job, and read results as Arrow tables or in DuckDB.

`import finner_batch` offers these names and imports this module on first use.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import pyarrow as pa

from finner_batch.config import RunConfig
from finner_batch.errors import DocumentError, FinnerError, UsageError
from finner_batch.query.ask import ask
from finner_batch.query.connection import connect
from finner_batch.readers.archive import is_archive
from finner_batch.readers.discover import discover
from finner_batch.readers.document import Document, FailedDocument, Header
from finner_batch.readers.read import ReadOptions, read_documents
from finner_batch.readers.submission import DocumentChoice
from finner_batch.runner.parse_document import Stopwatch, parse
from finner_batch.runner.run import run
from finner_batch.runner.run_report import RunReport
from finner_batch.runner.tag_documents import entity_rows
from finner_batch.tagging.device import DeviceChoice
from finner_batch.tagging.model import EVERY_SENTENCE, load_model
from finner_batch.tagging.session import open_session
from finner_batch.tagging.tagger import Tagger
from finner_batch.tagging.tokens import SentenceTokenizer

__all__ = [
    "DocumentError",
    "Entity",
    "FinnerError",
    "RunConfig",
    "RunReport",
    "UsageError",
    "connect",
    "extract",
    "read_results",
    "run",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """One number of a text or file; the fields are the columns of `entities` that describe and locate it.

    `sentence[start:end] == text`, and `document_start` is the offset in the whole text; all offsets count code points.
    `value` is a fraction for a rate (`unit` is `pure`) and an amount in the currency `unit` for money.
    """

    label: str
    text: str
    value: float | None
    unit: str | None
    confidence: float
    sentence: str
    start: int
    end: int
    section: str | None
    document_start: int
    document_end: int
    before_text: str | None
    before_value: float | None
    document_id: str
    document_type: str | None
    sec_url: str | None


def extract(
    given: str | os.PathLike[str],
    *,
    model: str | Path | None = None,
    device: DeviceChoice = "auto",
    documents: DocumentChoice = "main",
    tables: bool = False,
    every_sentence: bool = False,
) -> list[Entity]:
    """Return the financial numbers of a text (`str`) or of a file (`pathlib.Path`), in the order of the text.

    The model is loaded once and kept for later calls, which may come from several threads. The keyword arguments are
    settings of `finner-batch run`, and an entity equals the row that a run writes. For many documents use `run`: it
    reads in parallel, batches across documents, and limits the time and memory of each.

    Raises DocumentError if a document cannot be read, UsageError if the file does not exist, and ModelError or
    DeviceError as a run does.
    """
    reader = _reader(None if model is None else str(model), device)
    read = _document_of_text(given) if isinstance(given, str) else _documents_of_file(Path(given), documents)
    return [
        entity
        for document in read
        for entity in reader.entities(document, tables=tables, every_sentence=every_sentence)
    ]


def read_results(results: str | Path, sql: str = "FROM entities", **parameters: Any) -> pa.Table:
    """Run SQL over a results folder and return the rows as an Arrow table; `parameters` are bound to `$name`.

    The views are `entities`, `documents` and `runs`. Raises UsageError for SQL that is wrong or writes, and FinnerError
    if files cannot be read.
    """
    answer = ask(str(results), sql, parameters)
    return pa.Table.from_batches(answer.batches, schema=answer.schema)


class _Reader:
    """A loaded model with its session."""

    def __init__(self, folder: str | None, device: DeviceChoice) -> None:
        self._model = load_model(folder)
        self._tagger = Tagger(self._model, open_session(self._model, device))
        self._lock = Lock()

    def entities(self, document: Document, *, tables: bool, every_sentence: bool) -> Iterator[Entity]:
        cues = EVERY_SENTENCE if every_sentence else self._model.cues
        tokenizer = SentenceTokenizer(self._model.folder / "tokenizer.json", self._model.max_length, cues)
        parsed = parse(document, tokenizer, tables=tables, watch=Stopwatch())
        with self._lock:
            probabilities, _ = self._tagger.probabilities(parsed.windows)
        of_document = {
            "document_id": document.document_id,
            "document_type": parsed.document.header.document_type,
        }
        for row in entity_rows(parsed, self._tagger.spans(parsed.windows, probabilities)):
            yield Entity(**{name: (row | of_document)[name] for name in _FIELDS})


_FIELDS = tuple(field.name for field in fields(Entity))


@lru_cache(maxsize=2)
def _reader(folder: str | None, device: DeviceChoice) -> _Reader:
    return _Reader(folder, device)


def _document_of_text(text: str) -> Iterator[Document]:
    if "\n" not in text and len(text) < 4096 and os.path.isfile(text):  # noqa: PTH113 - Path raises for some texts
        raise UsageError(f"{text} is a file: give pathlib.Path({text!r}) to read it; a str is the text itself")
    yield Document(
        document_id="text",
        source="text",
        kind="text",
        markup="prose",
        content=text,
        header=Header(),
        sha256="",
        bytes=len(text),
    )


def _documents_of_file(path: Path, documents: DocumentChoice) -> Iterator[Document]:
    if is_archive(str(path)):
        raise UsageError(f"{path} is an archive of documents: finner_batch.run reads it")
    for source in discover([str(path)]):
        for document in read_documents(source, ReadOptions(documents=documents)):
            if isinstance(document, FailedDocument):
                raise DocumentError(document.stage, f"{document.document_id}: {document.error}")
            yield document
