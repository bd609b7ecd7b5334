"""Tags parsed documents: the windows of many documents go through the model together, then each gets its rows.

The same code runs in the main process of a local run and in an actor of a cluster. The session can be opened in the
background while the first documents are read, as that takes longer than reading a small filing.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields
from functools import partial
from itertools import groupby
from operator import itemgetter
from time import perf_counter, thread_time
from typing import Any, Self

from finner_batch.readers.document import FailedDocument
from finner_batch.runner.deadline import Deadline
from finner_batch.runner.outcomes import ModelCost, TaggedDocument
from finner_batch.runner.parse_document import ParsedDocument
from finner_batch.runner.worker import Task, failed_document
from finner_batch.tagging.session import AnySession
from finner_batch.tagging.tagger import Span, Tagger, TaggingStatistics
from finner_batch.values.entity import entity_row, replaced_number
from finner_batch.values.value import read_value

NOTHING_TAGGED = TaggingStatistics(
    windows=0, windows_run=0, tokens=0, tokens_run=0, tokens_padded=0, tokens_from_cache=0
)
ALONE_TOKENS = 100_000
"""Of 215 real filings with their tables and every sentence with a number, the largest has 79,436 tokens. A batch has a
hundredth of that, so a document of this size fills its batches alone."""


class LazySession:
    """Opens a session in its own thread once there is a task; without a task no session is opened.

    Use as a context manager: leaving it waits until a session that is being opened is open.
    """

    def __init__(self, open_session: Callable[[], AnySession]) -> None:
        self._open_session = open_session
        self._thread = ThreadPoolExecutor(1, "open")
        self._opening: Future[AnySession] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown()

    def from_first_of(self, tasks: Iterator[Task | None]) -> Iterator[Task | None]:
        """Pass the tasks on; start to open the session at the first that is not None."""
        for task in tasks:
            if task is not None:
                self._start()
            yield task

    def wait(self) -> AnySession:
        """Return the session once it is open. Raises what opening it raises."""
        return self._start().result()

    def _start(self) -> Future[AnySession]:
        if self._opening is None:
            self._opening = self._thread.submit(self._open_session)
        return self._opening


def entity_rows(
    parsed: ParsedDocument, spans: list[list[Span]], *, deadline: Deadline | None = None
) -> list[dict[str, Any]]:
    """Return rows in the order of the document's text. `spans[i]` is of `parsed.windows[i]`.

    Raises OutOfTimeError if the deadline passes between two numbers; each number takes bounded time.
    """
    rows: list[dict[str, Any]] = []
    pairs = zip(parsed.owners, spans, strict=True)
    for owner, group in groupby(pairs, key=itemgetter(0)):
        sentence, scale = parsed.numbered[owner], parsed.document_scales[owner]
        found = sorted((span for _, of_window in group for span in of_window), key=lambda span: span.start)
        for span in found:
            if deadline is not None:
                deadline.check()
            value = read_value(sentence.text, span.start, span.end, document_scale=scale)
            before = replaced_number(sentence, span.start, span.end, document_scale=scale) if sentence.struck else None
            rows.append(entity_row(sentence, span, value, before, sec_url=parsed.document.sec_url))
    return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagging:
    """Documents that were tagged together, and the cost of the model."""

    documents: Iterator[TaggedDocument | FailedDocument]
    """In the order given; the values of a document are read when it is iterated over."""
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
