"""Runs the benchmark of the job on this machine.

Each repeat measures the stages, the machine's matrix products and the whole job in turn, so that a temporary slowdown
of the machine affects all of them. The runtimes of the model also take turns, over the same sentences.
"""

import logging
import os
import platform
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from time import perf_counter

from finner_batch.benchmark.compare import Comparison, compare
from finner_batch.benchmark.input_counts import Spread, Survey, distinct_sources, ratios, survey
from finner_batch.benchmark.repeats import Count, after_earlier_ones, read_filings
from finner_batch.benchmark.stages import MODEL, Pass, run_stages
from finner_batch.benchmark.throughput import (
    EndToEnd,
    MatrixProduct,
    ModelStage,
    Stage,
    end_to_end_figures,
    model_figures,
    stage_figures,
)
from finner_batch.benchmark.usual_stack import require_packages
from finner_batch.benchmark.whole_run import Growth, WholeRun, made_filing, measure_growth, run_whole
from finner_batch.config import BenchmarkConfig
from finner_batch.errors import FinnerError
from finner_batch.log import fields
from finner_batch.machine import PACKAGES, cpu_name, installed_versions, int8_instructions, usable_cpus
from finner_batch.readers.discover import discover
from finner_batch.runner.parse_document import Stopwatch
from finner_batch.tagging.device import visible_gpus
from finner_batch.tagging.model import EVERY_SENTENCE, Model, load_model
from finner_batch.tagging.onnx_file import Precision, read_encoder
from finner_batch.tagging.openvino import OpenVinoSession
from finner_batch.tagging.runtimes import Runtime, runtimes
from finner_batch.tagging.session import AnySession, open_session
from finner_batch.tagging.tagger import Tagger
from finner_batch.tagging.tokens import SentenceTokenizer, Window
from finner_batch.text.numbers import number_tokens
from finner_batch.version import __version__

LOG = logging.getLogger(__name__)
_MORE_PACKAGES = ("beautifulsoup4", "numpy", "pysbd")
MAX_TURNS = 3
"""Repeats of a comparison, since the usual stack is slow."""
FORMAT_VERSION = 4
"""Version of the JSON; raised when a figure changes its meaning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendFigures:
    """A runtime of the model. If it cannot run, the figures are None and `obstacle` says why.

    `chosen` marks the runtime that the rest of the benchmark used; the comparisons are with that one: `times_as_fast`,
    and `same_spans`, the fraction of sentences with the same labelled numbers.
    """

    name: str
    chosen: bool
    obstacle: str | None = None
    tokens_per_second: Spread | None = None
    times_as_fast: Spread | None = None
    same_spans: float | None = None


def compare_backends(
    model: Model, session: AnySession, distinct: Sequence[str], *, max_sentences: int, repeats: int
) -> tuple[BackendFigures, ...]:
    """Measure each runtime; `session` belongs to the chosen one."""
    drawn = Random(0).sample(list(distinct), min(max_sentences, len(distinct)))  # noqa: S311 - a sample, no secret
    tokenizer = SentenceTokenizer(model.folder / "tokenizer.json", model.max_length, EVERY_SENTENCE)
    windows = [window for text in drawn for window in tokenizer.windows(text, number_tokens(text))]
    taggers: dict[str, Tagger] = {}
    obstacles: dict[str, str | None] = {}
    candidates = runtimes(model)
    chosen = next((runtime.name for runtime in candidates if runtime.is_of(session)), None)
    for runtime in candidates:
        opened = session if runtime.name == chosen else _opened(runtime, model)
        if isinstance(opened, str):
            obstacles[runtime.name] = opened
        else:
            taggers[runtime.name] = Tagger(model, opened)
    spans = {name: _spans(tagger, windows) for name, tagger in taggers.items()}  # this also warms up
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

    return tuple(figures(runtime.name) for runtime in candidates)


def _opened(runtime: Runtime, model: Model) -> AnySession | str:
    """Return a session, or the reason why there is none."""
    if runtime.obstacle is not None:
        return runtime.obstacle
    try:
        return runtime.open(model)
    except FinnerError as error:
        return str(error)


def _spans(tagger: Tagger, windows: Sequence[Window]) -> list[list[tuple[int, int, str]]]:
    found = tagger.spans(windows, tagger.probabilities(windows)[0])
    return [[(span.start, span.end, span.label) for span in spans] for spans in found]


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The machine of a measurement. `load` is the average number of running processes in the minute before it."""

    cpu: str
    cpus: int
    int8_instructions: str
    gpu: str | None
    system: str
    load: float
    versions: dict[str, str]


def describe_machine() -> Machine:
    """Describe this machine; call it before anything is measured."""
    return Machine(
        cpu=cpu_name(),
        cpus=usable_cpus(),
        int8_instructions=int8_instructions(),
        gpu=", ".join(f"{count} x {name}" for name, count in Counter(visible_gpus()).items()) or None,
        system=platform.platform(),
        load=os.getloadavg()[0],
        versions={
            "finner-batch": __version__,
            "python": platform.python_version(),
            **installed_versions((*PACKAGES, *_MORE_PACKAGES)),
        },
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """All figures. Sizes are in bytes, times in seconds, rates per second."""

    format_version: int
    started: str
    machine: Machine
    settings: BenchmarkConfig
    backend: str
    device: str
    device_reason: str
    model_id: str
    variant: str
    threads: int
    input: Survey
    tokens: dict[str, int]
    """Tokens `given` to the tagger, `run` by the model (exact repeats once), and `padded`; with special tokens."""
    stages: tuple[Stage, ...]
    all_but_the_model_tokens_per_second: Spread
    """Tokens of prose that one core takes through all other stages in a second."""
    model: ModelStage
    end_to_end: EndToEnd
    known_before: dict[str, Count]
    """By form and time since the company's last filing: how much of a filing the model read in earlier ones."""
    growth: Growth | None
    backends: tuple[BackendFigures, ...]
    """Every runtime of the model, on the same sentences."""
    comparison: Comparison | None


def measure(config: BenchmarkConfig) -> Benchmark:
    """Measure the job on this machine. Raises UsageError, ModelError, DeviceError, and FinnerError as a run does."""
    if config.compare:
        require_packages()
    machine = describe_machine()
    started = datetime.now(UTC).isoformat(timespec="seconds")
    sources = list(discover(config.input))
    model = load_model(config.model)
    session = open_session(model, config.device, backend=config.backend)
    encoder = read_encoder(model.onnx_path(session.variant))
    if isinstance(session, OpenVinoSession):
        encoder = encoder.by_openvino(session.products, session.float_precision)
    LOG.info(fields("survey", files=len(sources), device=session.device.name, because=session.device.reason))
    found, distinct = survey(sources, model)
    products = {
        precision: MatrixProduct(precision, session.device)
        for precision in dict.fromkeys([*encoder.weights, encoder.attention_precision])
    }
    _warm_up(model, session)
    passes: list[Pass] = []
    runs: list[WholeRun] = []
    rates: dict[Precision, list[float]] = {precision: [] for precision in products}
    for repeat in range(1, config.repeats + 1):
        LOG.info(fields("repeat", number=repeat, of=config.repeats, sentences=found.numbered_sentences))
        passes.append(run_stages(sources, model, session))
        for precision, product in products.items():
            one = product.operations_per_second(config.ceiling_seconds)
            rates[precision].append(one * session.device.count)
        runs.append(run_whole(config.input, model=model.folder, device=config.device, backend=session.backend))
    whole = end_to_end_figures(runs, passes, found, config.price_per_hour)
    known_before = after_earlier_ones(list(read_filings(sources, model)))
    growth = None
    if config.times > 1:
        settings = ("--model", str(model.folder), "--device", config.device, "--backend", session.backend)
        growth = measure_growth(distinct_sources(sources, Stopwatch()), config.times, settings)
    backends = compare_backends(
        model,
        session,
        distinct,
        max_sentences=config.compare_sentences,
        repeats=min(config.repeats, MAX_TURNS),
    )
    comparison = None
    if config.compare:
        LOG.info(fields("compare", sentences=config.compare_sentences, turns=min(config.repeats, MAX_TURNS)))
        comparison = compare(
            sources,
            found,
            distinct,
            model,
            session,
            encoder,
            max_sentences=config.compare_sentences,
            repeats=min(config.repeats, MAX_TURNS),
            run_seconds=whole.seconds.median,
        )
    return Benchmark(
        format_version=FORMAT_VERSION,
        started=started,
        machine=machine,
        settings=config,
        backend=session.backend,
        device=session.device.name,
        device_reason=session.device.reason,
        model_id=model.model_id,
        variant=session.variant,
        threads=usable_cpus(),
        input=found,
        tokens={"given": passes[-1].tokens, "run": passes[-1].tokens_run, "padded": passes[-1].tokens_padded},
        stages=stage_figures(passes, found, session.device.name),
        all_but_the_model_tokens_per_second=Spread.of(
            [sum(one.seconds.values()) - one.seconds[MODEL] for one in passes]
        ).rate(found.prose_tokens),
        model=model_figures(passes, encoder, rates),
        end_to_end=whole,
        known_before={
            f"{form}, {gap} the company's last": known_before[form, gap] for form, gap in sorted(known_before)
        },
        growth=growth,
        backends=backends,
        comparison=comparison,
    )


def _warm_up(model: Model, session: AnySession) -> None:
    """Run all stages once with sentences of many lengths, so that no measurement includes a first time."""
    with tempfile.TemporaryDirectory(prefix="finner-batch-benchmark-") as folder:
        path = Path(folder) / "warm-up.htm"
        path.write_text(made_filing(99), encoding="utf-8")
        run_stages(list(discover([str(path)])), model, session)
