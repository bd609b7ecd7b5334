"""The output folder of a training: decides whether a training starts, resumes or is refused there.

During a training, `checkpoint/unfinished.json` holds its identity. Only a new or empty folder, or that of a training,
is written to; only `--no-resume` replaces an unfinished training or a trained model.
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
from finner_batch.training.data.data_sources import Source, check_output_folder
from finner_batch.training.export.model_folder import CHECKPOINT, CHECKSUMS_FILE, RECORD_FILE, UNFINISHED_FILE
from finner_batch.training.learning import processes
from finner_batch.training.learning.checkpoints import Checkpoints
from finner_batch.training.learning.encoder import Base
from finner_batch.training.learning.passes import CONCEPTS, REFIT, update_base_digest
from finner_batch.training.learning.train_config import TrainConfig

LOG = logging.getLogger(__name__)

MADE_FROM = "made_from"
"""Key of a training's identity in its record and in `unfinished.json`."""
FREE_SETTINGS = ("output", "resume", "checkpoint_steps", "mlflow", "mlflow_experiment", "notes")
"""Settings that may change when a training is resumed."""
CONTENT_SETTINGS = ("data", "labels", "cues", "base")
"""Settings compared by the content that they name: data and base by digest, labels and cues literally."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """A training in progress. `made_from`: its identity. `run`: store and id of its MLflow run, None without one."""

    folder: Path
    begun: str
    made_from: Mapping[str, Any]
    run: tuple[str, str] | None = None

    def write(self) -> None:
        """Write `unfinished.json`. Raises as `whole_file` does."""
        content = {"begun": self.begun, MADE_FROM: self.made_from, "run": self.run}
        with whole_file(_unfinished(self.folder)) as temporary:
            temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

    def end(self) -> None:
        """Delete the state after the training."""
        _unfinished(self.folder).unlink(missing_ok=True)
        for state in states(self.folder):
            state.remove()


def training_identity(
    config: TrainConfig, sources: Sequence[Source], labels: Sequence[str], cues: Mapping[str, str], base: Base
) -> dict[str, Any]:
    """Return everything that determines the trained weights, as plain JSON."""
    digest = hashlib.sha256()
    update_base_digest(digest, base)
    settings = {name: value for name, value in asdict(config).items() if name not in FREE_SETTINGS}
    settings |= {
        "data": [[each.sha256, dict(sorted(Counter(row.split for row in each.sentences).items()))] for each in sources],
        "labels": list(labels),
        "cues": dict(cues),
        "base": digest.hexdigest(),
        "processes": processes.size(),
        "device": "cuda" if torch.cuda.is_available() else "cpu",
    }
    identity: dict[str, Any] = json.loads(json.dumps(settings))
    return identity


def check_folder(config: TrainConfig) -> None:
    """Raise UsageError if the output folder holds something other than a model, or contains the base."""
    folder = Path(config.output)
    inside = folder.resolve()
    if Path(config.base).is_dir() and Path(config.base).resolve().is_relative_to(inside):
        raise UsageError(f"--base {config.base} lies in --output {folder}, which is rewritten: name another output")
    check_output_folder(folder, (CHECKPOINT, CONCEPTS, CHECKSUMS_FILE), "model")


@contextmanager
def begin(config: TrainConfig, made: Mapping[str, Any]) -> Iterator[Unfinished | None]:
    """Lock the output folder for the training with the identity `made`, which starts or resumes there.

    Yields None if the same training is finished. Raises UsageError if another training or its model would be
    lost, LockedError if another process trains there.
    """
    folder = Path(config.output)
    with place_of(folder / CHECKPOINT).lock() if processes.is_main() else nullcontext():
        unfinished = _resume_or_start(folder, config, made)
        processes.wait()  # every process must see the folder before it changes
        if unfinished and processes.is_main():
            if not config.resume:
                for state in states(folder):
                    state.remove()
            unfinished.write()
        processes.wait()
        yield unfinished


def states(folder: Path) -> list[Checkpoints]:
    """Return the states that a training may leave in its output folder."""
    return [Checkpoints(folder=folder / name) for name in (CONCEPTS, CHECKPOINT, f"{CHECKPOINT}/{REFIT}")]


def _resume_or_start(folder: Path, config: TrainConfig, made: Mapping[str, Any]) -> Unfinished | None:
    """Return the training to resume, or a new one; None if it is finished."""
    new = Unfinished(folder=folder, begun=datetime.now(UTC).isoformat(timespec="seconds"), made_from=made)
    if not config.resume:
        return new
    stored = _read(_unfinished(folder))
    done = [f"{state.folder.name} {state.describe()}" for state in states(folder) if state.path.is_file()]
    if stored and stored.get(MADE_FROM) == made:
        LOG.info("resuming %s, begun %s: %s", folder, stored["begun"], ", ".join(done) or "no epoch done")
        return replace(new, begun=stored["begun"], run=tuple(stored["run"]) if stored["run"] else None)
    if stored and (done or (folder / CONCEPTS / RECORD_FILE).is_file()):
        raise UsageError(
            f"{folder} holds an unfinished training, begun {stored['begun']} ({', '.join(done) or 'concepts done'}), "
            f"which this one would destroy: it differs in {_differences(stored[MADE_FROM], made)}. Give the same "
            "settings to resume it, name another --output, or give --no-resume to delete it and start over"
        )
    if (folder / CHECKSUMS_FILE).is_file():
        record = _read(folder / RECORD_FILE)
        now = {**made, "notes": config.notes}
        before = {**record.get(MADE_FROM, {}), "notes": record.get("config", {}).get("notes", "")}
        if now == before and stored:
            return new  # a later training replaced this model's checkpoint and stopped before its first epoch
        if now == before:
            LOG.info("%s is trained already, with these settings and data: --no-resume trains it again", folder)
            return None
        raise UsageError(
            f"{folder} holds a trained model ({record.get('trained', 'of unknown date')}), which this training would "
            f"replace: it differs in {_differences(before, now)}. Name another --output, or give --no-resume to "
            "replace it"
        )
    if done:
        raise UsageError(
            f"{folder} holds the state of a training by an earlier version ({', '.join(done)}), which cannot be "
            "resumed: name another --output, or give --no-resume to delete it and start over"
        )
    return new


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    if len(before.keys() & now.keys()) <= 1:
        return "settings that an earlier version did not record"
    differences = []
    for name in (name for name in now if before.get(name) != now[name]):
        flag = f"--{name.replace('_', '-')}" if name not in {"processes", "device"} else name
        if name in {*CONTENT_SETTINGS, "notes"}:
            differences.append(f"{flag} (other content)")
        else:
            differences.append(f"{flag} ({before.get(name)} before, {now[name]} now)")
    return ", ".join(differences)


def _unfinished(folder: Path) -> Path:
    return folder / CHECKPOINT / UNFINISHED_FILE


def _read(path: Path) -> dict[str, Any]:
    """Read a JSON file, empty if it is missing. Raises UsageError for a damaged one."""
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise UsageError(f"{path} is damaged ({error}): name another --output, or give --no-resume") from error
    return content
