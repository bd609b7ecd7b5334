"""The output folder of a training: what lies there, and whether the training goes on, begins or is refused.

While a training is under way, `checkpoint/unfinished.json` says what it is made from. A folder is only written to where
it is new, empty or a training's own; an unfinished training or a trained model gives way to nothing but `--no-resume`.
"""

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from finner_batch.errors import UsageError
from finner_batch.storage.place import place_of
from finner_batch.storage.whole_file import whole_file
from finner_batch.training.data.data_sources import Source, refuse_foreign
from finner_batch.training.export.model_folder import CHECKPOINT, CHECKSUMS_FILE, RECORD_FILE, UNFINISHED_FILE
from finner_batch.training.learning import processes
from finner_batch.training.learning.checkpoints import Checkpoints, update_digest
from finner_batch.training.learning.encoder import Base
from finner_batch.training.learning.passes import CONCEPTS, REFIT
from finner_batch.training.learning.train_config import TrainConfig

LOG = logging.getLogger(__name__)

MADE_FROM = "made_from"
"""Key of the training's record and of `unfinished.json`: what `made_from` gives."""
FREE = ("output", "resume", "checkpoint_steps", "mlflow", "mlflow_experiment", "notes")
"""Settings that a resumed training may have otherwise than before."""
BY_CONTENT = ("data", "labels", "cues", "base")
"""Settings that are the same where what they name is: data and base as digests, labels and cues as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """A training under way. `run`: store and id of its MLflow run, None without one."""

    folder: Path
    begun: str
    made_from: Mapping[str, Any]
    run: tuple[str, str] | None = None

    def with_run(self, run: tuple[str, str]) -> "Unfinished":
        """Keep the MLflow run with the state, so that a resumed training takes it up. Raises as `whole_file` does."""
        found = replace(self, run=run)
        found.write()
        return found

    def write(self) -> None:
        """Write `unfinished.json`. Raises as `whole_file` does."""
        content = {"begun": self.begun, MADE_FROM: self.made_from, "run": self.run}
        with whole_file(_unfinished(self.folder)) as temporary:
            temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

    def end(self) -> None:
        """Delete the state: the training is done."""
        _unfinished(self.folder).unlink(missing_ok=True)
        for state in states(self.folder):
            state.remove()


def made_from(
    config: TrainConfig, sources: Sequence[Source], labels: Sequence[str], cues: Mapping[str, str], base: Base
) -> dict[str, Any]:
    """Give all that decides what a training gives, as plain JSON."""
    digest = hashlib.sha256(base.config.to_json_string().encode() + base.tokenizer.to_str().encode())
    update_digest(digest, base.weights)
    for label, (weights, bias) in base.head.items():
        update_digest(digest, {f"{label} weights": weights, f"{label} bias": bias})
    settings = {name: value for name, value in asdict(config).items() if name not in FREE}
    settings |= {
        "data": [[each.sha256, dict(sorted(Counter(row.split for row in each.sentences).items()))] for each in sources],
        "labels": list(labels),
        "cues": dict(cues),
        "base": digest.hexdigest(),
        "processes": processes.size(),
        "device": "cuda" if torch.cuda.is_available() else "cpu",
    }
    found: dict[str, Any] = json.loads(json.dumps(settings))
    return found


def check_folder(config: TrainConfig) -> None:
    """Raise UsageError where the output can be no model folder: it holds something else, or the base."""
    folder = Path(config.output)
    inside = folder.resolve()
    if Path(config.base).is_dir() and Path(config.base).resolve().is_relative_to(inside):
        raise UsageError(f"--base {config.base} lies in --output {folder}, which is written anew: name another output")
    refuse_foreign(folder, (CHECKPOINT, CONCEPTS, CHECKSUMS_FILE), "model")


@contextmanager
def begin(config: TrainConfig, made: Mapping[str, Any]) -> Iterator[Unfinished | None]:
    """Hold the output folder for a training made from `made`, which goes on or begins there.

    None where the same training is done already. Raises UsageError where another one, or its model, would be lost,
    LockedError where another process trains there.
    """
    folder = Path(config.output)
    with place_of(folder / CHECKPOINT).lock() if processes.is_main() else nullcontext():
        found = _take_up(folder, config, made)
        processes.wait()  # until every process has looked
        if found and processes.is_main():
            if not config.resume:
                for state in states(folder):
                    state.remove()
            found.write()
        processes.wait()
        yield found


def states(folder: Path) -> list[Checkpoints]:
    """The states that a training may leave in its output folder."""
    return [Checkpoints(folder=folder / name) for name in (CONCEPTS, CHECKPOINT, f"{CHECKPOINT}/{REFIT}")]


def _take_up(folder: Path, config: TrainConfig, made: Mapping[str, Any]) -> Unfinished | None:
    """The training to go on with, or a new one; None where it is done."""
    new = Unfinished(folder=folder, begun=datetime.now(UTC).isoformat(timespec="seconds"), made_from=made)
    if not config.resume:
        return new
    stored = _read(_unfinished(folder))
    done = [f"{state.folder.name} {state.described()}" for state in states(folder) if state.path.is_file()]
    if stored and stored.get(MADE_FROM) == made:
        LOG.info("resuming %s, begun %s: %s", folder, stored["begun"], ", ".join(done) or "no epoch done")
        return replace(new, begun=stored["begun"], run=tuple(stored["run"]) if stored["run"] else None)
    if stored and (done or (folder / CONCEPTS / RECORD_FILE).is_file()):
        raise UsageError(
            f"{folder} holds an unfinished training, begun {stored['begun']} ({', '.join(done) or 'concepts done'}), "
            f"which this one would destroy: it differs in {_differences(stored[MADE_FROM], made)}. Give the same to go "
            "on with it, name another --output, or give --no-resume to delete it and begin anew"
        )
    if (folder / CHECKSUMS_FILE).is_file():
        record = _read(folder / RECORD_FILE)
        now = {**made, "notes": config.notes}
        before = {**record.get(MADE_FROM, {}), "notes": record.get("config", {}).get("notes", "")}
        if now == before and stored:
            return new  # a later training has taken the place of this model's checkpoint, and left no epoch
        if now == before:
            LOG.info("%s is trained already, with these settings and data: --no-resume trains it anew", folder)
            return None
        raise UsageError(
            f"{folder} holds a trained model ({record.get('trained', 'nobody knows when')}), which this training would "
            f"replace: it differs in {_differences(before, now)}. Name another --output, or give --no-resume to train "
            "anew there"
        )
    if done:
        raise UsageError(
            f"{folder} holds the state of a training by an earlier version ({', '.join(done)}), which nothing can go "
            "on with: name another --output, or give --no-resume to delete it and begin anew"
        )
    return new


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Name the settings that differ."""
    names = [name for name in now if before.get(name) != now[name]]
    if len(before.keys() & now.keys()) <= 1:
        return "what an earlier version did not write down"
    told = []
    for name in names:
        flag = f"--{name.replace('_', '-')}" if name not in {"processes", "device"} else name
        if name in {*BY_CONTENT, "notes"}:
            told.append(f"{flag} (other content)")
        else:
            told.append(f"{flag} ({before.get(name)} before, {now[name]} now)")
    return ", ".join(told)


def _unfinished(folder: Path) -> Path:
    return folder / CHECKPOINT / UNFINISHED_FILE


def _read(path: Path) -> dict[str, Any]:
    """A JSON file of the folder; empty where there is none. Raises UsageError for a damaged one."""
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise UsageError(f"{path} is damaged ({error}): name another --output, or give --no-resume") from error
    return found
