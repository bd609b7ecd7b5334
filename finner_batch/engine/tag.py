"""Parsed documents to tagged ones: the windows of many documents through the model at once, then each one's values.

A pure function of documents and model, the same in the main process of a local run and in an actor of a cluster.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import partial
from time import perf_counter, thread_time

from finner_batch.engine.deadline import Deadline
from finner_batch.engine.outcomes import ModelCost, TaggedDocument
from finner_batch.engine.parse import ParsedDocument
from finner_batch.engine.rows import entity_rows
from finner_batch.engine.worker import failed_document
from finner_batch.sources.document import FailedDocument
from finner_batch.tagger.span import Span
from finner_batch.tagger.tagger import Tagger, TaggingStatistics

NOTHING_TAGGED = TaggingStatistics(
    windows=0, windows_run=0, tokens=0, tokens_run=0, tokens_padded=0, tokens_from_cache=0
)
ALONE_TOKENS = 100_000
"""Of 215 real filings with their tables and every sentence with a number, the largest has 79,436 tokens; a batch has a
hundredth of that, so a document of this size fills its batches without others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagging:
    """What the model made of documents that were tagged together."""

    documents: Iterator[TaggedDocument | FailedDocument]
    """In the order given; the values of a document are read when it is taken."""
    cost: ModelCost


def tag_together(
    parsed: Sequence[ParsedDocument],
    tagger: Tagger | None,
    *,
    timeout_s: float,
    is_interrupted: Callable[[], bool] = lambda: False,
    on_progress: Callable[[float], None] = lambda _: None,
) -> Tagging:
    """Tag the windows of these documents together. Raises as `Tagger.probabilities` does.

    `tagger` may be None if there is no window: documents without numbers load no model. `on_progress` gets the part of
    the tokens that is tagged, 0 to 1, after each batch. A document that takes longer than `timeout_s` to tag,
    or whose values cannot be read within `timeout_s`, becomes a `FailedDocument`. A document with more than
    `ALONE_TOKENS` is tagged by itself, so that its own time is known.
    """
    tokens = [sum(window.length for window in document.windows) for document in parsed]
    together = [place for place, own in enumerate(tokens) if 0 < own <= ALONE_TOKENS]
    groups = [together, *([place] for place, own in enumerate(tokens) if own > ALONE_TOKENS)]
    spans: dict[int, list[list[Span]]] = {}
    shares: dict[int, float] = {}
    late: set[int] = set()
    statistics, seconds, before = NOTHING_TAGGED, 0.0, 0.0
    for group in filter(None, groups):
        if tagger is None:
            raise ValueError("documents with windows need a tagger")
        windows = [window for place in group for window in parsed[place].windows]
        started = perf_counter()
        deadline = Deadline(timeout_s) if group is not together else None
        own = sum(tokens[place] for place in group) / sum(tokens)
        on_batch, before = partial(_on_batch, on_progress, before, own), before + own
        try:
            probabilities, cost = tagger.probabilities(
                windows, interrupted=_either(is_interrupted, deadline), advanced=on_batch
            )
        except InterruptedError:
            if is_interrupted():
                raise
            seconds += perf_counter() - started
            late.update(group)
            continue
        found = iter(tagger.spans(windows, probabilities))
        spans |= {place: [next(found) for _ in parsed[place].windows] for place in group}
        taken = perf_counter() - started
        shares |= {place: taken * len(parsed[place].windows) / len(windows) for place in group}
        statistics, seconds = _sum(statistics, cost), seconds + taken
    return Tagging(
        documents=(
            failed_document(document.document, "tag", Deadline(timeout_s).error)
            if place in late
            else _tagged(document, spans.get(place, []), shares.get(place, 0.0), Deadline(timeout_s))
            for place, document in enumerate(parsed)
        ),
        cost=ModelCost(statistics, seconds),
    )


def _on_batch(on_progress: Callable[[float], None], before: float, own: float, part: float) -> None:
    on_progress(before + part * own)


def _either(is_interrupted: Callable[[], bool], deadline: Deadline | None) -> Callable[[], bool]:
    return is_interrupted if deadline is None else lambda: is_interrupted() or deadline.left_s() <= 0


def _sum(one: TaggingStatistics, other: TaggingStatistics) -> TaggingStatistics:
    return TaggingStatistics(
        **{own.name: getattr(one, own.name) + getattr(other, own.name) for own in fields(TaggingStatistics)}
    )


def _tagged(
    parsed: ParsedDocument, spans: list[list[Span]], tag_seconds: float, deadline: Deadline
) -> TaggedDocument | FailedDocument:
    started = thread_time()
    try:
        rows = entity_rows(parsed, spans, deadline=deadline)
    except Exception as error:  # noqa: BLE001 - any failure of a document is a row of `documents`
        return failed_document(parsed.document, "value", error)
    seconds = parsed.seconds | {"value": parsed.seconds.get("value", 0.0) + thread_time() - started}
    return TaggedDocument(
        document=parsed.document,
        sentences=parsed.sentences,
        tagged_sentences=len(parsed.numbered),
        characters=parsed.characters,
        unread_exhibits=parsed.unread_exhibits,
        entities=rows,
        seconds=seconds,
        tag_seconds=tag_seconds,
    )
