"""Chooses the run that the page is about, and compares it with the run before."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from finner_batch.errors import UsageError
from finner_batch.report.formatting import duration
from finner_batch.results.run_reports import load_runs
from finner_batch.storage.place import Place

STAGES = {
    "load": "the model into memory",
    "read": "files, decompressed and decoded",
    "extract": "visible text and sections",
    "split": "sentences",
    "numbers": "which sentences hold one",
    "tokenize": "sentences into word pieces",
    "tag": "the model",
    "value": "numbers into values",
    "write": "Parquet",
}
"""Stages in the order of the data, with what each processes."""

_TEXTS = (
    "run_id", "status", "started", "device", "device_reason", "backend", "backend_reason", "variant", "model_id",
)  # fmt: skip
_NUMBERS = (
    "wall_seconds", "workers", "sentences", "tagged_sentences", "entities", "characters", "tokens", "tokens_run",
    "tokens_padded", "documents_per_second", "tokens_per_second_of_the_model", "characters_per_second_of_other_stages",
    "peak_mebibytes",
)  # fmt: skip
"""The fields of a run's report that the page shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Seconds of a stage by the clock `cpu` (summed over processes) or `wall`; `share` of the seconds of all stages."""

    name: str
    does: str
    seconds: float
    clock: str
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One figure of two runs, as text; `change` is empty if it is the same in both."""

    name: str
    now: str
    before: str
    change: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """The reports of a run and of the run before it, and their comparison.

    The reports are the contents of `runs/*.json`, except that a field the page shows is None or empty if it is missing
    or has another type, as in reports of older versions.
    """

    run: dict[str, Any]
    before: dict[str, Any] | None
    stages: list[Stage]
    changes: list[Change]
    settings: list[Change]
    """Settings, versions and machine that differ."""


def choose_run(results: Place, run_id: str | None) -> Runs | None:
    """Return a run's report, by default the last run's; None if there is no report.

    Raises UsageError for an unknown run, FinnerError for a damaged report.
    """
    reports = [_with_shown_fields(report) for report in load_runs(results)]
    ids = [report.get("run_id") for report in reports]
    if run_id is not None and run_id not in ids:
        known = ", ".join(map(str, ids[-5:])) or "none"
        raise UsageError(f"no run {run_id} in {results}: its last runs are {known}")
    if not reports:
        return None
    place = ids.index(run_id) if run_id is not None else len(reports) - 1
    run, before = reports[place], reports[place - 1] if place else None
    return Runs(
        run=run,
        before=before,
        stages=_stages(run),
        changes=list(_changes(run, before)) if before else [],
        settings=list(_settings(run, before)) if before else [],
    )


def _with_shown_fields(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return the report with every field that the page shows; a missing one is None or empty."""
    maps = {key: _numbers(report.get(key)) for key in ("documents", "sources", "labels", "stage_seconds")}
    maps["documents"] = {"ok": None, "failed": None} | maps["documents"]
    maps["sources"] = {"sources": None, "unchanged": None} | maps["sources"]
    others = {key: value if isinstance(value := report.get(key), dict) else {} for key in ("config", "stage_clock")}
    texts = {key: None if (value := report.get(key)) is None else str(value) for key in _TEXTS}
    return {**report, **texts, **maps, **others, **{key: _number(report.get(key)) for key in _NUMBERS}}


def _numbers(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        return {}
    return {name: each for name, each in value.items() if _number(each) is not None}


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _stages(run: Mapping[str, Any]) -> list[Stage]:
    seconds = run["stage_seconds"]
    total = sum(seconds.values()) or 1.0
    order = [*(name for name in STAGES if name in seconds), *(name for name in seconds if name not in STAGES)]
    return [
        Stage(
            name=name,
            does=STAGES.get(name, ""),
            seconds=seconds[name],
            clock=run["stage_clock"].get(name, ""),
            share=seconds[name] / total,
        )
        for name in order
    ]


def _changes(run: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[Change]:
    for name, group, key in (
        ("Files given", "sources", "sources"),
        ("Unchanged files, not read again", "sources", "unchanged"),
        ("Documents read", "documents", "ok"),
        ("Documents failed", "documents", "failed"),
    ):
        yield _counts(name, run[group][key], before[group][key])
    yield _counts("Sentences", run["sentences"], before["sentences"])
    yield _counts("Numbers found", run["entities"], before["entities"])
    for label in sorted({*before["labels"], *run["labels"]}):
        yield _counts(label, run["labels"].get(label, 0), before["labels"].get(label, 0))
    yield _counts(
        "Tokens per second, the model", run["tokens_per_second_of_the_model"], before["tokens_per_second_of_the_model"]
    )
    yield _counts("Peak memory, MiB", run["peak_mebibytes"], before["peak_mebibytes"])
    now, then = run["wall_seconds"], before["wall_seconds"]
    yield Change(name="Time taken", now=duration(now), before=duration(then), change=_percent(now, then))


def _counts(name: str, now: float | None, before: float | None) -> Change:
    change = ""
    if now is not None and before is not None and now != before:
        change = f"{'+' if now > before else '−'}{abs(now - before):,.0f}"
        if before:
            change += f" ({_percent(now, before)})"
    shown = ["–" if value is None else f"{value:,.0f}" for value in (now, before)]
    return Change(name=name, now=shown[0], before=shown[1], change=change)


def _percent(now: float | None, before: float | None) -> str:
    if not now or not before or now == before:
        return "−100%" if before and now == 0 else ""
    ratio = now / before
    if ratio >= 10:
        return f"{ratio:,.0f} times"
    return f"{'+' if ratio > 1 else '−'}{abs(ratio - 1):.1%}"


def _settings(run: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[Change]:
    keys = ("model_id", "variant", "device", "workers", "config", "machine", "versions")
    now, then = _flat({key: run.get(key) for key in keys}), _flat({key: before.get(key) for key in keys})
    for name in {**now, **then}:
        if now.get(name) != then.get(name):
            yield Change(name=name, now=now.get(name, "–"), before=then.get(name, "–"), change="")


def _flat(nested: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in nested.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        elif value is not None:
            flat[f"{prefix}{key}"] = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return flat
