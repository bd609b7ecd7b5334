"""The report of a run: counts, seconds by stage, speed and memory; written as JSON into the results folder."""

import logging
import platform
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import datetime
from time import process_time
from typing import Any

from finner_batch.config import RunConfig
from finner_batch.log import fields
from finner_batch.machine import MEBIBYTE, installed_versions, own_peak_bytes, usable_cpus
from finner_batch.readers.submission import is_on_debt
from finner_batch.runner.work_queue import SkipReason
from finner_batch.storage.clock import Clock
from finner_batch.version import __version__

LOG = logging.getLogger(__name__)
LIBRARIES = ("lxml", "nupunkt", "tokenizers", "pyarrow", "numpy")
FAILURES_SHOWN = 20
EXHIBITS_SHOWN = 20
WALL_CLOCK = frozenset(["load", "tag"])
"""Stages that run in threads of the model's runtime, so that their CPU time is unknown."""


@dataclass(slots=True)
class Selection:
    """The number and bytes of the sources, and how many of them were skipped, by reason."""

    sources: int = 0
    bytes: int = 0
    unchanged: int = 0
    duplicates: int = 0
    left_out: int = 0
    """Files of a folder that are not filings (hidden, `.csv`, `.jpg`, …); they are not among `sources`."""
    other_forms: int = 0
    """Documents, and sources as a whole, of forms that the run does not ask for."""
    failed_before: int = 0

    def leave_out(self, path: str, reason: str) -> None:
        """Count and log a file that is not a filing."""
        self.left_out += 1
        LOG.info(fields("left-out", path=path, reason=reason))

    def count_skipped(self, reason: SkipReason) -> None:
        """Count a source that needs no work; a copy of one that is done is unchanged."""
        name = "unchanged" if reason == "copies" else reason
        setattr(self, name, getattr(self, name) + 1)


@dataclass(slots=True, kw_only=True)
class RunReport:
    """Counts of one run.

    `seconds` is CPU time by stage, summed over all processes; for the stages in `WALL_CLOCK` it is wall clock.
    """

    run_id: str
    model_id: str
    config: RunConfig
    selection: Selection
    device: str
    device_reason: str
    workers: int
    variant: str | None = None
    """Precision of the model that ran; None if nothing had to be tagged, as for `backend`."""
    backend: str | None = None
    backend_reason: str | None = None
    clock: Clock = field(repr=False)
    started: datetime = field(init=False)
    documents_ok: int = 0
    documents_failed: int = 0
    sentences: int = 0
    tagged_sentences: int = 0
    entities: int = 0
    characters: int = 0
    tokens: int = 0
    """Tokens of the sentences that hold a number."""
    tokens_run: int = 0
    """Tokens that the model read; exact repeats are read once."""
    tokens_from_cache: int = 0
    """Tokens that it did not read because the cache had their logits, from this run or an earlier one."""
    cache_off: str | None = None
    """The reason why the cache was switched off during the run."""
    tokens_padded: int = 0
    """Tokens that the model read, with padding."""
    seconds: dict[str, float] = field(default_factory=dict)
    labels: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    """Failed documents by stage and error type."""
    with_unread_exhibits: int = 0
    """Documents that say that their financial statements or debt are in exhibits, which were not read with them."""
    unread_exhibits: Counter[str] = field(default_factory=Counter)
    """Those exhibits by type."""
    parts: int = 0
    workers_peak_bytes: int = 0
    cluster: dict[str, Any] | None = None
    """The Ray cluster, and how much work was repeated there; None in a local run."""
    status: str = "running"
    exit_code: int = 0
    _started_at: float = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Start the clock."""
        self.started = self.clock.now()
        self._started_at = self.clock.monotonic()

    def add_seconds(self, seconds: dict[str, float]) -> None:
        """Add work by stage."""
        for stage, amount in seconds.items():
            self.seconds[stage] = self.seconds.get(stage, 0.0) + amount

    @property
    def wall_seconds(self) -> float:
        """Seconds since the report was made."""
        return self.clock.monotonic() - self._started_at

    @property
    def peak_bytes(self) -> int:
        """Peak resident memory of the main process plus the workers' peaks: an upper bound of the memory of all."""
        return own_peak_bytes() + self.workers_peak_bytes

    def as_json(self) -> dict[str, Any]:
        """Everything, ready for `json`."""
        wall = self.wall_seconds
        other = sum(seconds for stage, seconds in self.seconds.items() if stage not in {"load", "tag"})
        return {
            "run_id": self.run_id,
            "status": self.status,
            "exit_code": self.exit_code,
            "started": self.started.isoformat(timespec="seconds"),
            "finished": self.clock.now().isoformat(timespec="seconds"),
            "wall_seconds": round(wall, 3),
            "model_id": self.model_id,
            "config_id": self.config.config_id,
            "config": self.config.as_json(),
            "device": self.device,
            "device_reason": self.device_reason,
            "variant": self.variant,
            "backend": self.backend,
            "backend_reason": self.backend_reason,
            "engine": self.config.engine,
            "cluster": self.cluster,
            "workers": self.workers,
            "sources": asdict(self.selection),
            "documents": {"ok": self.documents_ok, "failed": self.documents_failed},
            "failures": dict(self.failures.most_common(FAILURES_SHOWN)),
            "unread_exhibits": {
                "documents": self.with_unread_exhibits,
                "types": dict(self.unread_exhibits.most_common(EXHIBITS_SHOWN)),
            },
            "sentences": self.sentences,
            "tagged_sentences": self.tagged_sentences,
            "entities": self.entities,
            "labels": dict(self.labels.most_common()),
            "characters": self.characters,
            "tokens": self.tokens,
            "tokens_run": self.tokens_run,
            "tokens_from_cache": self.tokens_from_cache,
            "tokens_padded": self.tokens_padded,
            "cache_off": self.cache_off,
            "stage_seconds": {stage: round(seconds, 3) for stage, seconds in self.seconds.items()},
            "stage_clock": {stage: "wall" if stage in WALL_CLOCK else "cpu" for stage in self.seconds},
            "tokens_per_second_of_the_model": _ratio(self.tokens_run, self.seconds.get("tag", 0.0)),
            "characters_per_second_of_other_stages": _ratio(self.characters, other),
            "documents_per_second": _ratio(self.documents_ok, wall, digits=3),
            "parts": self.parts,
            "main_process_cpu_seconds": round(process_time(), 3),
            "peak_mebibytes": round(self.peak_bytes / MEBIBYTE),
            "peak_mebibytes_of_workers": round(self.workers_peak_bytes / MEBIBYTE),
            "machine": {"system": platform.platform(), "cpus": usable_cpus(), "python": platform.python_version()},
            "versions": {"finner-batch": __version__, **installed_versions(LIBRARIES)},
        }

    def summary(self) -> str:
        """One line for a person or a log."""
        skipped = self.selection.unchanged + self.selection.failed_before + self.selection.duplicates
        line = (
            f"{self.documents_ok} documents, {self.entities} entities in {self.wall_seconds:.1f} s"
            f" ({self.documents_failed} failed, {skipped} skipped{self._on_left_out()}),"
            f" {self.peak_bytes // MEBIBYTE} MiB"
        )
        if self.tokens_from_cache:
            line += f", {self.tokens_from_cache / self.tokens:.0%} of the tokens from the cache"
        if self.with_unread_exhibits:
            line += f", {self._on_unread_exhibits()}"
        return line if self.status == "done" else f"{self.status}: {line}"

    def _on_left_out(self) -> str:
        left_out, other_forms = self.selection.left_out, self.selection.other_forms
        files = f", {left_out} other files left out" if left_out else ""
        return files + (f", {other_forms} of other forms left for later" if other_forms else "")

    def _on_unread_exhibits(self) -> str:
        families = dict.fromkeys(exhibit.partition(".")[0] for exhibit, _ in self.unread_exhibits.most_common())
        documents = "debt" if all(map(is_on_debt, self.unread_exhibits)) else "all"
        return (
            f"{self.with_unread_exhibits} whose statements or debt stand in exhibits that were not read "
            f"({', '.join(families)}): read full submissions with --documents {documents}"
        )


def _ratio(amount: float, seconds: float, digits: int = 0) -> float | None:
    return round(amount / seconds, digits) if seconds > 0 else None
