"""Compares the job's stages with those of the usual stack, on the same texts, taking turns.

Each contest gives all sides the same input: the same HTML, the same blocks of text, the same sentences. The usual stack
is too slow for a whole corpus, so the texts are a sample drawn with a fixed seed, and its time for the whole input is
estimated from its rates.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from time import perf_counter, process_time
from typing import Any, TypeVar

from finner_batch.benchmark.input_counts import Spread, Survey, distinct_sources, documents_of, plain_tokenizer, ratios
from finner_batch.benchmark.usual_stack import (
    LOOP_BATCH,
    PIPELINE_BATCH,
    OnnxLoop,
    PysbdSplitter,
    TransformersPipeline,
    soup_text,
)
from finner_batch.readers.document import Document, Source
from finner_batch.runner.parse_document import Stopwatch
from finner_batch.tagging.model import EVERY_SENTENCE, Model
from finner_batch.tagging.onnx_file import Encoder
from finner_batch.tagging.session import VARIANT_OF_DEVICE, AnySession
from finner_batch.tagging.tagger import Tagger
from finner_batch.text.block import Block, Extraction
from finner_batch.text.extract import extract
from finner_batch.text.numbers import number_tokens
from finner_batch.text.sentences import split

Item = TypeVar("Item")

OURS = "finner-batch"
OURS_EVERY = "finner-batch, every sentence"
"""finner-batch without the model's cues, on the sentences that the others read."""
LOOP = "plain onnxruntime loop"
PIPELINE = "transformers pipeline"
SAMPLE_CHARACTERS = 8_000_000
SAMPLE_BLOCKS = 1000
_WARM_UP_ITEMS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """One side of a contest: seconds for the sample, `unit`s per second, and how many times as fast finner-batch is."""

    name: str
    seconds: Spread
    rate: Spread
    times_as_fast: Spread


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """One stage on the same texts. `clock` is `CPU` or `wall`; `amount` is the size of the sample in `unit`s.

    The first contestant is finner-batch, the last one the usual stack.
    """

    stage: str
    sample: str
    clock: str
    unit: str
    amount: int
    contestants: tuple[Contestant, ...]

    def rate(self, name: str) -> float:
        """Return the median units per second of a contestant."""
        return next(one.rate.median for one in self.contestants if one.name == name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All contests, and the totals for the whole job.

    `batches` gives the sentences per batch of the tagging contestants. `load_after` is the average number of running
    processes in the last minute of the comparison, including its own, one per CPU.

    `whole_job` has the wall-clock seconds of the measured run with all its processes (`ours_seconds`), and the seconds
    that the usual stack would take for the whole input, estimated from its rates, with their ratios to the run. The
    usual stack is one process: CPU seconds for extraction and splitting, and wall-clock seconds for its pipeline, whose
    threads use every CPU. `every_sentence_…`: the pipeline reads every sentence, which is its default.
    `numbered_only_…`: it skips sentences without a number, as this program does.
    """

    contests: tuple[Contest, ...]
    batches: dict[str, int]
    load_after: float
    whole_job: dict[str, float]


def compare(
    sources: Sequence[Source],
    survey: Survey,
    distinct: Sequence[str],
    model: Model,
    session: AnySession,
    encoder: Encoder,
    *,
    max_sentences: int,
    repeats: int,
    run_seconds: float,
) -> Comparison:
    """Run all contests.

    `distinct` are the input's sentences with a number, of which at most `max_sentences` are tagged; `run_seconds` is
    the wall-clock time of the whole job.
    """
    chance = Random(0)  # noqa: S311 - a sample, no secret
    documents = _sample_documents(sources, chance)
    contests = []
    pages = [document.content for document in documents if document.markup == "html"]
    if pages:
        contests.append(_extracting(pages, repeats))
    contests.append(_splitting(documents, chance, repeats))
    contests.append(_tagging(_sample(distinct, max_sentences, chance), model, session, encoder, repeats))
    return Comparison(
        contests=tuple(contests),
        batches={LOOP: LOOP_BATCH[session.device.name], PIPELINE: PIPELINE_BATCH[session.device.name]},
        load_after=os.getloadavg()[0],
        whole_job=_whole_job(contests, survey, run_seconds),
    )


def _extracting(pages: list[str], repeats: int) -> Contest:
    return _contest(
        "extract",
        pages,
        {
            OURS: lambda items: [extract(page, "html") for page in items],
            "BeautifulSoup get_text": lambda items: [soup_text(page) for page in items],
        },
        repeats,
        sample=f"{len(pages)} HTML documents",
        unit="bytes",
        amount=sum(len(page.encode("utf-8", "replace")) for page in pages),
        warm_up=1,
    )


def _splitting(documents: Sequence[Document], chance: Random, repeats: int) -> Contest:
    blocks = [block for document in documents for block in extract(document.content, document.markup).blocks]
    blocks = _sample(blocks, SAMPLE_BLOCKS, chance)
    pysbd = PysbdSplitter()

    def ours(items: Sequence[Block]) -> object:
        return split(Extraction(text="", blocks=tuple(items)))

    return _contest(
        "split",
        blocks,
        {OURS: ours, "pysbd": lambda items: pysbd([block.text for block in items])},
        repeats,
        sample=f"{len(blocks)} blocks of text",
        unit="characters",
        amount=sum(len(block.text) for block in blocks),
    )


def _tagging(sentences: list[str], model: Model, session: AnySession, encoder: Encoder, repeats: int) -> Contest:
    def ours(tagger: Tagger) -> Callable[[Sequence[str]], object]:
        tokenizer = tagger.tokenizer()

        def tag(items: Sequence[str]) -> object:
            windows = [window for text in items for window in tokenizer.windows(text, number_tokens(text))]
            return tagger.spans(windows, tagger.probabilities(windows)[0])

        return tag

    return _contest(
        "tag",
        sentences,
        {
            OURS: ours(Tagger(model, session)),
            OURS_EVERY: ours(Tagger(replace(model, cues=EVERY_SENTENCE), session)),
            LOOP: OnnxLoop(model, VARIANT_OF_DEVICE[session.device.name], session.device),
            PIPELINE: TransformersPipeline(model, encoder, session.device),
        },
        repeats,
        sample=f"{len(sentences)} distinct sentences with a number, drawn at random",
        unit="tokens",
        amount=sum(len(encoding.ids) for encoding in plain_tokenizer(model).encode_batch_fast(sentences)),
        clock=("wall", perf_counter),
    )


def _contest(
    stage: str,
    items: Sequence[Item],
    contestants: Mapping[str, Callable[[Sequence[Item]], Any]],
    repeats: int,
    *,
    sample: str,
    unit: str,
    amount: int,
    clock: tuple[str, Callable[[], float]] = ("CPU", process_time),
    warm_up: int = _WARM_UP_ITEMS,
) -> Contest:
    """Warm up each contestant, then let them take turns, so that a disturbance of the machine affects all of them."""
    clock_name, now = clock
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for contestant in contestants.values():
        contestant(items[:warm_up])
    for _ in range(repeats):
        for name, contestant in contestants.items():
            started = now()
            contestant(items)
            seconds[name].append(now() - started)
    return Contest(
        stage=stage,
        sample=sample,
        clock=clock_name,
        unit=unit,
        amount=amount,
        contestants=tuple(
            Contestant(
                name=name,
                seconds=Spread.of(taken),
                rate=Spread.of(taken).rate(amount),
                times_as_fast=ratios(taken, seconds[OURS]),
            )
            for name, taken in seconds.items()
        ),
    )


def _whole_job(contests: Sequence[Contest], survey: Survey, run_seconds: float) -> dict[str, float]:
    rates = {contest.stage: contest.rate(contest.contestants[-1].name) for contest in contests}
    before = survey.characters / rates["split"]
    if "extract" in rates:
        before += survey.html_bytes / rates["extract"]
    every = before + survey.prose_tokens / rates["tag"]
    numbered = before + survey.numbered_tokens / rates["tag"]
    return {
        "ours_seconds": run_seconds,
        "every_sentence_seconds": every,
        "numbered_only_seconds": numbered,
        "every_sentence_ratio": every / run_seconds,
        "numbered_only_ratio": numbered / run_seconds,
    }


def _sample_documents(sources: Sequence[Source], chance: Random) -> list[Document]:
    """Draw documents at random up to `SAMPLE_CHARACTERS`; a small input is taken whole."""
    drawn: list[Document] = []
    characters = 0
    for document in documents_of(distinct_sources(_sample(sources, len(sources), chance), Stopwatch())):
        drawn.append(document)
        characters += len(document.content)
        if characters >= SAMPLE_CHARACTERS:
            break
    return drawn


def _sample(items: Sequence[Item], most: int, chance: Random) -> list[Item]:
    return chance.sample(items, min(most, len(items)))
