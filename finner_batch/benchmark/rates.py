"""Reads a benchmark file and estimates the seconds of a run on the measured machine, from its bytes and tokens."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finner_batch.benchmark.measure import FORMAT_VERSION
from finner_batch.benchmark.stages import MODEL
from finner_batch.errors import UsageError

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """The amounts of an input, as in `Survey`."""

    stored_bytes: float
    markup_bytes: float
    prose_tokens: float
    numbered_tokens: float


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

    def seconds(self, amounts: Amounts) -> float:
        """Return the wall-clock seconds of a run over this input on one such machine."""
        return self.factor * _undisturbed(amounts, self.seconds_each, self.cpus, self.workers, on_gpu=self.on_gpu)


def load_rates(path: str | None) -> Rates:
    """Read a benchmark file, by default the newest of the checkout.

    Raises UsageError if there is none, or if it is no benchmark file of this version.
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
            raise UsageError(f"--benchmark {path} is no benchmark file: {error}; {_MAKE_ONE}") from error
    if figures.get("format_version") != FORMAT_VERSION:
        raise UsageError(
            f"{figures['file']} is no benchmark file of this version (format {figures.get('format_version')}, not "
            f"{FORMAT_VERSION}): {_MAKE_ONE}"
        )
    return _rates(figures)


def _rates(figures: Mapping[str, Any]) -> Rates:
    measured = {stage["name"]: stage["seconds"]["median"] for stage in figures["stages"]}
    own = Amounts(**{name: figures["input"][name] for name in Amounts.__dataclass_fields__})
    each = {stage: measured[stage] / max(getattr(own, amount), 1) for stage, amount in _GROWS_WITH.items()}
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


def _undisturbed(amounts: Amounts, each: Mapping[str, float], cpus: int, workers: int, *, on_gpu: bool) -> float:
    """Return the seconds of the stages alone: a GPU runs in parallel to reading, on a CPU both share the cores."""
    seconds: dict[str, float] = {stage: each[stage] * getattr(amounts, amount) for stage, amount in _GROWS_WITH.items()}
    model = seconds.pop(MODEL)
    return max(model, sum(seconds.values()) / workers) if on_gpu else model + sum(seconds.values()) / cpus
