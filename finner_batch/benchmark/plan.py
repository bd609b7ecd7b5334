"""Plans a run: what it would read, and its time and cost on one or several machines at the rates of a benchmark file.

Every file is listed with its size. Markup and tokens per stored byte are counted in a sample of the files of each kind
of name (`.htm`, `.txt.gz`, …), drawn at random with a fixed seed, and extrapolated to all of them. The benchmark file
gives the seconds of each stage per byte or token.
"""

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any

from finner_batch.benchmark.input_counts import count
from finner_batch.benchmark.measure import FORMAT_VERSION
from finner_batch.benchmark.planned_work import PlannedWork, WorkPlanner
from finner_batch.benchmark.stages import MODEL
from finner_batch.config import PlanConfig, RunConfig
from finner_batch.errors import UsageError
from finner_batch.machine import MEBIBYTE
from finner_batch.readers.archive import is_archive
from finner_batch.readers.copies import Copies
from finner_batch.readers.discover import Share, count_documents, discover, share_key, share_of
from finner_batch.readers.document import Source
from finner_batch.readers.forms import Forms
from finner_batch.readers.streams import is_url
from finner_batch.runner.worker import WorkerOptions
from finner_batch.tagging.model import Model, load_model

MEASURED = Path(__file__).resolve().parents[2] / "data" / "benchmarks"
"""The benchmark files of a checkout; an installed package has none."""
_MAKE_ONE = (
    "`finner-batch benchmark --input SOME_FILINGS --json benchmark.json` makes one; run it on the machine to be used"
)
_GROWS_WITH = {
    "hash": "stored_bytes",
    "read": "markup_bytes",
    "extract": "markup_bytes",
    "split": "prose_tokens",
    "numbers": "prose_tokens",
    "send": "prose_tokens",
    "collect": "prose_tokens",
    "tokenize": "numbered_tokens",
    "batches": "numbered_tokens",
    "values": "numbered_tokens",
    "write": "numbered_tokens",
    MODEL: "numbered_tokens",
}
"""The amount that determines a stage's time."""
_COMPRESSED = (".gz", ".zst")
_MIN_SAMPLE_PER_KIND = 3
_SAMPLED_MEMBERS = 40
"""Members of an archive read to estimate what it holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Seconds of each stage per byte or token: CPU seconds of one core, for the model wall-clock seconds.

    `factor` is the time of the measured run, divided by the time of its stages at these rates. It covers start-up,
    waiting, and processes that slow each other down.
    """

    file: str
    cpu: str
    gpu: str | None
    cpus: int
    workers: int
    is_busy: bool
    started: str
    model_id: str
    model_tokens_per_second: float
    price_per_hour: float | None
    on_gpu: bool
    seconds_each: dict[str, float]
    factor: float

    def seconds(self, amounts: Mapping[str, float]) -> float:
        """Return the wall-clock seconds of a run on one such machine, over an input of these amounts (see `Survey`)."""
        return self.factor * _undisturbed(amounts, self.seconds_each, self.cpus, self.workers, on_gpu=self.on_gpu)


def load_rates(path: str | None) -> Rates:
    """Read a benchmark file, by default the newest of the checkout.

    Raises UsageError if there is none, or if it is not a benchmark file of this version.
    """
    if path is None:
        found = [json.loads(file.read_text("utf-8")) | {"file": str(file)} for file in sorted(MEASURED.glob("*.json"))]
        if not found:
            raise UsageError(f"no benchmark file to estimate from: {_MAKE_ONE}; give it with --benchmark FILE")
        figures = max(found, key=lambda one: str(one.get("started")))
    else:
        try:
            figures = json.loads(Path(path).read_text("utf-8")) | {"file": path}
        except OSError as error:
            raise UsageError(f"--benchmark {path}: {error.strerror}; {_MAKE_ONE}") from error
        except (ValueError, TypeError) as error:
            raise UsageError(f"--benchmark {path} is not a benchmark file: {error}; {_MAKE_ONE}") from error
    if figures.get("format_version") != FORMAT_VERSION:
        raise UsageError(
            f"{figures['file']} is not a benchmark file of this version (format {figures.get('format_version')}, not "
            f"{FORMAT_VERSION}): {_MAKE_ONE}"
        )
    return _rates(figures)


def _rates(figures: Mapping[str, Any]) -> Rates:
    measured = {stage["name"]: stage["seconds"]["median"] for stage in figures["stages"]}
    own = figures["input"]
    each = {stage: measured[stage] / max(own[amount], 1) for stage, amount in _GROWS_WITH.items()}
    machine, whole = figures["machine"], figures["end_to_end"]
    on_gpu = figures["device"] == "cuda"
    base = _undisturbed(own, each, machine["cpus"], whole["workers"], on_gpu=on_gpu)
    return Rates(
        file=figures["file"],
        cpu=machine["cpu"],
        gpu=machine["gpu"] if on_gpu else None,
        cpus=machine["cpus"],
        workers=whole["workers"],
        is_busy=machine["load"] > machine["cpus"] / 4,
        started=figures["started"],
        model_id=figures["model_id"],
        model_tokens_per_second=figures["model"]["tokens_per_second"]["median"],
        price_per_hour=whole["price_per_hour"],
        on_gpu=on_gpu,
        seconds_each=each,
        factor=whole["seconds"]["median"] / base,
    )


def _undisturbed(
    amounts: Mapping[str, float], each: Mapping[str, float], cpus: int, workers: int, *, on_gpu: bool
) -> float:
    """Return the seconds of the stages alone: a GPU runs in parallel to reading, on a CPU both share the cores."""
    seconds: dict[str, float] = {stage: each[stage] * amounts[amount] for stage, amount in _GROWS_WITH.items()}
    model = seconds.pop(MODEL)
    return max(model, sum(seconds.values()) / workers) if on_gpu else model + sum(seconds.values()) / cpus


@dataclass(slots=True, kw_only=True)
class Kind:
    """Files whose names end alike. `sampled_…` counts those that were read; the other figures are extrapolated."""

    suffix: str
    files: int = 0
    stored_bytes: int = 0
    sampled_files: int = 0
    sampled_bytes: int = 0
    documents: float = 0.0
    markup_bytes: float = 0.0
    prose_tokens: float = 0.0
    numbered_tokens: float = 0.0
    seconds: float = 0.0
    """Seconds of one machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The input, and the seconds and cost on one machine and on several. A cost is None if no price is known.

    `largest_share` is the fraction of the work in the largest shard, whose machine finishes last. Every machine lists
    the whole input, which took `listing_seconds` here. `cost_of_machines` counts each machine until it finishes.
    """

    work: PlannedWork
    """What a run would do with all files, and why; the other figures cover the files that it would read."""
    kinds: tuple[Kind, ...]
    files: int
    stored_bytes: int
    documents: int
    markup_bytes: int
    prose_tokens: int
    numbered_tokens: int
    listing_seconds: float
    rates: Rates
    model_id: str
    seconds_of_one: float
    machines: int
    largest_share: float
    seconds_of_machines: float
    price_per_hour: float | None
    cost_of_one: float | None
    cost_of_machines: float | None


@dataclass(slots=True)
class _Listing:
    """A listing of the input: per kind of name its counts and a sample of its files, per kind and shard the bytes."""

    sample_size: int
    kinds: dict[str, Kind] = field(default_factory=dict)
    sampled: dict[str, list[tuple[Source, int]]] = field(default_factory=lambda: defaultdict(list))
    bytes_of: Counter[tuple[str, int]] = field(default_factory=Counter)


def plan(config: PlanConfig) -> Plan:
    """List, sample and estimate. Raises UsageError (no input, no benchmark file), ModelError."""
    rates = load_rates(config.benchmark)
    run = config.run
    model = load_model(run.model)
    started = perf_counter()
    planner = WorkPlanner(run, model.model_id)
    sources = discover(run.input, with_csv=bool(run.text_column))
    if run.shard is not None:
        sources = Share.parse(run.shard).of_these(sources)
    listing = _list(planner.to_read(sources), config)
    listing_seconds = perf_counter() - started
    kinds = tuple(sorted(listing.kinds.values(), key=lambda kind: -kind.stored_bytes))
    whole = sum(kind.stored_bytes for kind in kinds)
    for kind in kinds:
        wanted = max(_MIN_SAMPLE_PER_KIND, round(config.sample * kind.stored_bytes / max(whole, 1)))
        _count(kind, listing.sampled[kind.suffix][:wanted], model, rates, run)
    seconds = sum(kind.seconds for kind in kinds)
    per_byte = {kind.suffix: kind.seconds / max(kind.stored_bytes, 1) for kind in kinds}
    shares = [0.0] * config.machines
    for (suffix, number), size in listing.bytes_of.items():
        shares[number - 1] += per_byte[suffix] * size
    price = rates.price_per_hour if config.price_per_hour is None else config.price_per_hour
    machine_seconds = seconds + config.machines * listing_seconds
    return Plan(
        work=planner.work,
        kinds=kinds,
        files=sum(kind.files for kind in kinds),
        stored_bytes=whole,
        documents=round(sum(kind.documents for kind in kinds)),
        markup_bytes=round(sum(kind.markup_bytes for kind in kinds)),
        prose_tokens=round(sum(kind.prose_tokens for kind in kinds)),
        numbered_tokens=round(sum(kind.numbered_tokens for kind in kinds)),
        listing_seconds=listing_seconds,
        rates=rates,
        model_id=model.model_id,
        seconds_of_one=seconds + listing_seconds,
        machines=config.machines,
        largest_share=max(shares) / seconds if seconds else 0.0,
        seconds_of_machines=max(shares) + listing_seconds,
        price_per_hour=price,
        cost_of_one=None if price is None else price * (seconds + listing_seconds) / 3600,
        cost_of_machines=None if price is None else price * machine_seconds / 3600,
    )


def _list(sources: Iterable[Source], config: PlanConfig) -> _Listing:
    """Count all sources by kind of name, and draw a random sample of each kind (reservoir sampling)."""
    chance = Random(0)  # noqa: S311 - a sample, no secret
    listing = _Listing(max(config.sample, _MIN_SAMPLE_PER_KIND))
    for source in sources:
        size = _size(source)
        kind = listing.kinds.setdefault(suffix := _suffix(source.name), Kind(suffix=suffix))
        kind.files += 1
        kind.stored_bytes += size
        listing.bytes_of[suffix, share_of(share_key(source), config.machines)] += size
        sample = listing.sampled[suffix]
        if len(sample) < listing.sample_size:
            sample.append((source, size))
        elif (place := chance.randrange(kind.files)) < listing.sample_size:
            sample[place] = (source, size)
    for sample in listing.sampled.values():
        chance.shuffle(sample)
    return listing


def _count(kind: Kind, sample: Sequence[tuple[Source, int]], model: Model, rates: Rates, run: RunConfig) -> None:
    """Count what the sample holds (of an archive, its first members), and extrapolate to the whole kind."""
    part = 1.0
    with Copies() as copies:
        opened = [source for source, _ in sample]
        if opened and is_archive(opened[0].uri) and not is_url(opened[0].uri):
            sample = sample[:1]
            opened, part = _first_members(opened[0], copies, run)
        found, _ = count(opened, model, WorkerOptions.of(run, model).read)
    kind.sampled_files = len(sample)
    kind.sampled_bytes = round(sum(size for _, size in sample) * part)
    larger = kind.stored_bytes / max(kind.sampled_bytes, 1)
    kind.documents = found.documents * kind.files / max(kind.sampled_files, 1) / part
    kind.markup_bytes = found.markup_bytes * larger
    kind.prose_tokens = found.prose_tokens * larger
    kind.numbered_tokens = found.numbered_tokens * larger
    kind.seconds = rates.seconds(asdict(kind))


def _first_members(archive: Source, copies: Copies, run: RunConfig) -> tuple[list[Source], float]:
    """Return the first members of an archive, without other forms, and the fraction of all members they stand for."""
    members = copies.with_members(
        [archive],
        max_bytes=run.max_document_mb * MEBIBYTE,
        with_csv=bool(run.text_column),
    )
    first = list(islice(members, _SAMPLED_MEMBERS))
    everything = sum(number or 0 for _, number in count_documents([archive], with_csv=bool(run.text_column)))
    forms = Forms(run.form)
    of_forms = [member for member in first if member.error or not forms.leave_out(member)]
    return of_forms, min(len(first) / max(everything, 1), 1.0) or 1.0


def _suffix(name: str) -> str:
    """Return the suffix of a name: `.htm`, `.txt.gz`; empty if there is none."""
    stem, dot, last = name.rpartition("/")[2].lower().rpartition(".")
    if not dot:
        return ""
    before = stem.rpartition(".") if f".{last}" in _COMPRESSED else ("", "", "")
    return f".{before[2]}.{last}" if before[1] else f".{last}"


def _size(source: Source) -> int:
    if source.version:
        return source.size
    if not is_url(source.uri):
        try:
            return os.stat(source.path).st_size  # noqa: PTH116 - a million of them
        except OSError:  # a run records the reason in a row
            return 0
    import fsspec  # noqa: PLC0415 - only URLs need it

    try:
        filesystem, path = fsspec.core.url_to_fs(source.path)
        return int(filesystem.size(path) or 0)
    except Exception as error:
        raise UsageError(f"{source.uri}: {error}: check the URL and the credentials") from error
