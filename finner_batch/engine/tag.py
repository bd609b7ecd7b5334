"""Parsed documents into tagged ones: many documents' windows through the model at once, then each one's own values.

A pure function of documents and model, the same in the main process of a local run and in an actor of a cluster.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from time import perf_counter, thread_time
from typing import Any

from finner_batch.engine.parse import ParsedDocument
from finner_batch.engine.rows import entity_rows
from finner_batch.engine.worker import describe, failed_document
from finner_batch.sources.document import Document, FailedDocument
from finner_batch.tagger.span import Span
from finner_batch.tagger.tagger import Tagger, TaggingStatistics

NOTHING_TAGGED = TaggingStatistics(
    windows=0, windows_run=0, tokens=0, tokens_run=0, tokens_padded=0, tokens_remembered=0
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaggedDocument:
    """A document with the rows of its entities, in the order of its text: all that is left to do is to write them.

    `seconds`: CPU time by stage. `tag_seconds`: its share of the wall clock that the model took.
    """

    document: Document
    sentences: int
    tagged_sentences: int
    characters: int
    entities: list[dict[str, Any]] = field(repr=False)
    seconds: dict[str, float]
    tag_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagging:
    """What the model made of documents that were tagged together; `seconds` of wall clock."""

    documents: Iterator[TaggedDocument | FailedDocument]
    """In the order given; the values are read as they are taken."""
    statistics: TaggingStatistics
    seconds: float


def tag_together(
    parsed: Sequence[ParsedDocument],
    loaded_tagger: Callable[[], Tagger],
    *,
    interrupted: Callable[[], bool] = lambda: False,
) -> Tagging:
    """Tag all windows of these documents together. Raises as `Tagger.probabilities` does.

    `loaded_tagger` is called where there is a window: documents without numbers load no model. A document whose values
    cannot be read becomes a `FailedDocument`.
    """
    windows = [window for document in parsed for window in document.windows]
    spans: Iterator[list[Span]] = iter(())
    statistics, seconds = NOTHING_TAGGED, 0.0
    if windows:
        tagger = loaded_tagger()
        started = perf_counter()
        probabilities, statistics = tagger.probabilities(windows, interrupted=interrupted)
        spans = iter(tagger.spans(windows, probabilities))
        seconds = perf_counter() - started
    each = seconds / max(1, len(windows))
    return Tagging(
        documents=(
            _tagged(document, [next(spans) for _ in document.windows], each * len(document.windows))
            for document in parsed
        ),
        statistics=statistics,
        seconds=seconds,
    )


def _tagged(parsed: ParsedDocument, spans: list[list[Span]], tag_seconds: float) -> TaggedDocument | FailedDocument:
    started = thread_time()
    try:
        rows = entity_rows(parsed, spans)
    except Exception as error:  # noqa: BLE001 - any failure of a document is a row of `documents`
        return failed_document(parsed.document, "value", type(error).__name__, describe(error))
    seconds = parsed.seconds | {"value": parsed.seconds.get("value", 0.0) + thread_time() - started}
    return TaggedDocument(
        document=parsed.document,
        sentences=parsed.sentences,
        tagged_sentences=len(parsed.numbered),
        characters=parsed.characters,
        entities=rows,
        seconds=seconds,
        tag_seconds=tag_seconds,
    )
