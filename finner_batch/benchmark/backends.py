"""Every runtime of the model that this machine has, in turns over the same sentences."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from time import perf_counter

from finner_batch.benchmark.spread import Spread, ratios
from finner_batch.entities.numbers import number_tokens
from finner_batch.errors import FinnerError
from finner_batch.log import fields
from finner_batch.tagger.cues import EVERY_SENTENCE
from finner_batch.tagger.model import Model
from finner_batch.tagger.runtimes import Runtime, runtimes
from finner_batch.tagger.session import AnySession
from finner_batch.tagger.tagger import Tagger
from finner_batch.tagger.tokens import SentenceTokenizer, Window

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendFigures:
    """A runtime of the model; the figures are None where it cannot be run, and `obstacle` says what it lacks.

    `chosen`: what the rest of the benchmark ran with. `times_as_fast` as that one. `same_spans`: of all sentences, the
    part in which it finds the same numbers with the same labels as that one.
    """

    name: str
    chosen: bool
    obstacle: str | None = None
    tokens_per_second: Spread | None = None
    times_as_fast: Spread | None = None
    same_spans: float | None = None


def compare_backends(
    model: Model, session: AnySession, distinct: Sequence[str], *, most_sentences: int, repeats: int
) -> tuple[BackendFigures, ...]:
    """Measure each runtime; `session` is the one that was chosen."""
    drawn = Random(0).sample(list(distinct), min(most_sentences, len(distinct)))  # noqa: S311 - a sample, no secret
    tokenizer = SentenceTokenizer(model.folder / "tokenizer.json", model.max_length, EVERY_SENTENCE)
    windows = [window for text in drawn for window in tokenizer.windows(text, number_tokens(text))]
    taggers: dict[str, Tagger] = {}
    obstacles: dict[str, str | None] = {}
    found = runtimes(model)
    chosen = next((runtime.name for runtime in found if runtime.is_of(session)), None)
    for runtime in found:
        opened = session if runtime.name == chosen else _opened(runtime, model)
        if isinstance(opened, str):
            obstacles[runtime.name] = opened
        else:
            taggers[runtime.name] = Tagger(model, opened)
    spans = {name: _spans(tagger, windows) for name, tagger in taggers.items()}  # which warms up too
    seconds: dict[str, list[float]] = {name: [] for name in taggers}
    for repeat in range(repeats):
        LOG.info(fields("backends", turn=repeat + 1, of=repeats, sentences=len(drawn)))
        for name, tagger in taggers.items():
            started = perf_counter()
            tagger.probabilities(windows)
            seconds[name].append(perf_counter() - started)
    tokens = sum(window.length for window in windows)

    def figures(name: str) -> BackendFigures:
        if name not in taggers:
            return BackendFigures(name=name, chosen=False, obstacle=obstacles[name])
        agreeing = [one == other for one, other in zip(spans[name], spans.get(chosen or "", []), strict=False)]
        return BackendFigures(
            name=name,
            chosen=name == chosen,
            tokens_per_second=Spread.of(seconds[name]).rate(tokens),
            times_as_fast=ratios(seconds[chosen], seconds[name]) if chosen in seconds else None,
            same_spans=sum(agreeing) / len(agreeing) if agreeing else None,
        )

    return tuple(figures(runtime.name) for runtime in found)


def _opened(runtime: Runtime, model: Model) -> AnySession | str:
    """A session, or what speaks against it."""
    if runtime.obstacle is not None:
        return runtime.obstacle
    try:
        return runtime.open(model)
    except FinnerError as error:
        return str(error)


def _spans(tagger: Tagger, windows: Sequence[Window]) -> list[list[tuple[int, int, str]]]:
    found = tagger.spans(windows, tagger.probabilities(windows)[0])
    return [[(span.start, span.end, span.label) for span in spans] for spans in found]
