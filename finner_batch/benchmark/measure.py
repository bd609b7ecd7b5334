"""The benchmark: what the job does on this machine, in one run, everything measured in turns.

A repeat is a pass through the stages, the machine's matrix products and the whole job; the next repeat does the same
again, so that what slows the machine for a while slows all of them.
"""

import logging
import tempfile
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from finner_batch.benchmark.backends import BackendFigures, compare_backends
from finner_batch.benchmark.ceiling import MatrixProduct
from finner_batch.benchmark.compare import Comparison, compare
from finner_batch.benchmark.figures import (
    EndToEnd,
    ModelStage,
    Stage,
    end_to_end_figures,
    model_figures,
    stage_figures,
)
from finner_batch.benchmark.growth import Growth, measure_growth
from finner_batch.benchmark.machine import Machine, describe_machine
from finner_batch.benchmark.repeats import Count, after_earlier_ones, read_filings
from finner_batch.benchmark.spread import Spread
from finner_batch.benchmark.stages import MODEL, Pass, run_stages
from finner_batch.benchmark.survey import Survey, distinct_sources, survey
from finner_batch.benchmark.usual_stack import require_packages
from finner_batch.benchmark.whole_run import WholeRun, made_filing, run_whole
from finner_batch.engine.parse import Stopwatch
from finner_batch.log import fields
from finner_batch.machine import usable_cpus
from finner_batch.sources.discover import discover
from finner_batch.tagger.device import BackendChoice, DeviceChoice
from finner_batch.tagger.model import Model, load_model
from finner_batch.tagger.onnx_file import Precision, read_encoder
from finner_batch.tagger.openvino import OpenVinoSession
from finner_batch.tagger.session import AnySession, open_session

LOG = logging.getLogger(__name__)

MOST_TURNS = 3
"""In a comparison: the usual stack is slow."""
FORMAT_VERSION = 4
"""Of the JSON; raised when a figure changes its meaning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkConfig:
    """What is measured, and how often."""

    input: tuple[str, ...]
    """Files, folders, globs or URLs; each repeat does them twice. Of files with the same bytes the first is read."""
    model: str | None = None
    """Model folder; None is the packaged one."""
    device: DeviceChoice = "auto"
    """Where the model runs."""
    backend: BackendChoice = "auto"
    """What runs it; `auto` as a run chooses."""
    repeats: int = 5
    """How often everything is measured."""
    compare: bool = False
    """Measure the usual stack and a plain onnxruntime loop too."""
    compare_sentences: int = 512
    """Sentences that they tag in each turn, at most. More favour this program: it sorts them by length."""
    times: int = 1
    """Of more than one: the whole job over so many copies of the input too, made distinct."""
    price_per_hour: float | None = None
    """What the machine costs an hour, in any currency."""
    ceiling_seconds: float = 1.0
    """How long matrices are multiplied in a repeat, for each precision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """All that was measured. Sizes are in bytes, times in seconds, rates a second."""

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
    """`given` to the tagger, `run` (exact repeats once), `padded`: with padding. Special tokens count."""
    stages: tuple[Stage, ...]
    all_but_the_model_tokens_per_second: Spread
    """Tokens of all prose that one core takes through every other stage in a second."""
    model: ModelStage
    end_to_end: EndToEnd
    known_before: dict[str, Count]
    """By form and time since the firm's last filing: what of later filings the model read in earlier ones."""
    growth: Growth | None
    backends: tuple[BackendFigures, ...]
    """Every way to run the model, on the same sentences."""
    comparison: Comparison | None

    def as_json(self) -> dict[str, Any]:
        """Everything, ready for `json`."""
        return asdict(self)


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
        most_sentences=config.compare_sentences,
        repeats=min(config.repeats, MOST_TURNS),
    )
    comparison = None
    if config.compare:
        LOG.info(fields("compare", sentences=config.compare_sentences, turns=min(config.repeats, MOST_TURNS)))
        comparison = compare(
            sources,
            found,
            distinct,
            model,
            session,
            encoder,
            most_sentences=config.compare_sentences,
            repeats=min(config.repeats, MOST_TURNS),
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
        known_before={f"{form}, {gap} the firm's last": known_before[form, gap] for form, gap in sorted(known_before)},
        growth=growth,
        backends=backends,
        comparison=comparison,
    )


def _warm_up(model: Model, session: AnySession) -> None:
    """Go through all stages once, with sentences of many lengths, so that nothing measured is a beginning."""
    with tempfile.TemporaryDirectory(prefix="finner-batch-benchmark-") as folder:
        path = Path(folder) / "warm-up.htm"
        path.write_text(made_filing(99), encoding="utf-8")
        run_stages(list(discover([str(path)])), model, session)
