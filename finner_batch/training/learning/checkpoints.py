"""Training state on disk: a training that is killed and resumed ends with the weights of an uninterrupted one.

`state.safetensors`, complete or absent, holds all of it: the weights, those of the best epoch and of the moving
average, the optimizer's moments and every process's random state as tensors, and `Progress` as JSON in the metadata.
The learning rate follows from the number of steps done. Loading it executes no code.
"""

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from finner_batch.errors import UsageError
from finner_batch.storage.whole_file import whole_file
from finner_batch.training.learning import processes

LOG = logging.getLogger(__name__)

STATE_FILE = "state.safetensors"
KEPT = ("best", "average")
"""Further sets of weights in the state."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """Figures of an epoch: mean loss per number, score (None without validation), tokens, seconds including scoring."""

    loss: float
    score: float | None
    tokens: int
    seconds: float


@dataclass(slots=True, kw_only=True)
class Progress:
    """How far a training has got.

    `draws`: state of the generator of order and negatives at the start of the current epoch. `groups` and the fields
    after it are of the current epoch: groups of batches done, sum of the losses and of their weights, tokens, seconds.
    """

    draws: dict[str, Any]
    steps: int = 0
    history: list[Epoch] = field(default_factory=list)
    best_score: float | None = None
    since_best: int = 0
    groups: int = 0
    loss_sum: float = 0.0
    weight: float = 0.0
    tokens: int = 0
    seconds: float = 0.0

    def record_score(self, score: float) -> bool:
        """Record the score of the current epoch; return whether it is the best so far."""
        better = self.best_score is None or score > self.best_score
        self.since_best = 0 if better else self.since_best + 1
        self.best_score = score if better else self.best_score
        return better

    def end_epoch(self, score: float | None, draws: dict[str, Any]) -> Epoch:
        """Move the current epoch to the history; the next one starts with `draws`."""
        loss = self.loss_sum / self.weight if self.weight else 0.0
        self.history.append(Epoch(loss, score, self.tokens, self.seconds))
        self.draws, self.groups, self.tokens = draws, 0, 0
        self.loss_sum, self.weight, self.seconds = 0.0, 0.0, 0.0
        return self.history[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoints:
    """Where and how often a training writes its state.

    It is written after each epoch and, with `every_steps`, after that many optimizer steps. With `resume` a training
    continues from an existing state. `key` is the part of its identity that model, examples and settings do not give.
    """

    folder: Path
    key: str = ""
    every_steps: int = 0
    resume: bool = False

    @property
    def path(self) -> Path:
        """The file with the state."""
        return self.folder / STATE_FILE

    def save(
        self,
        progress: Progress,
        model: torch.nn.Module,
        optimizer: torch.optim.Optimizer,
        kept: Mapping[str, Mapping[str, torch.Tensor]],
        identity: str,
    ) -> None:
        """Write the state. Every process must call it; the main one writes. `identity`: `identify` of the training."""
        random_states = _random_states()
        if not processes.is_main():
            return
        tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
        for part, others in kept.items():
            tensors |= {f"{part}.{name}": tensor for name, tensor in others.items()}
        for number, moments in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{number}.{name}": tensor for name, tensor in moments.items()}
        tensors |= random_states
        on_cpu = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        self.folder.mkdir(parents=True, exist_ok=True)
        metadata = {"identity": identity + self.key, "progress": json.dumps(asdict(progress))}
        with whole_file(self.path) as temporary:
            save_tensors(on_cpu, temporary, metadata)

    def restore(
        self, model: torch.nn.Module, optimizer: torch.optim.Optimizer, identity: str
    ) -> tuple[Progress, dict[str, dict[str, torch.Tensor]]] | None:
        """Load the state into model, optimizer and random generators; return progress and further weights.

        None without a state. Raises UsageError if the state is damaged or belongs to another training.
        """
        if not self.path.is_file():
            return None
        metadata, tensors = self._read(str(next(model.parameters()).device))
        if metadata["identity"] != identity + self.key:
            raise UsageError(
                f"{self.path} is the state of a training with other data, settings, base, device or number of "
                "processes: give those again, or --no-resume to start over"
            )
        model.load_state_dict(_part(tensors, "model."))
        moments: dict[int, dict[str, torch.Tensor]] = {}
        for name, tensor in _part(tensors, "optimizer.").items():
            number, _, kind = name.partition(".")
            moments.setdefault(int(number), {})[kind] = tensor
        optimizer.load_state_dict({**optimizer.state_dict(), "state": moments})
        _set_random_states(tensors)
        fields = json.loads(metadata["progress"])
        progress = Progress(**{**fields, "history": [Epoch(**epoch) for epoch in fields["history"]]})
        LOG.info("resumed %s: epochs=%d steps=%d", self.path, len(progress.history), progress.steps)
        return progress, {part: _part(tensors, f"{part}.") for part in KEPT}

    def describe(self) -> str:
        """Describe how far the training has got. Raises UsageError if the state is damaged."""
        progress = json.loads(self._read("cpu")[0]["progress"])
        return f"epochs={len(progress['history'])} steps={progress['steps']}"

    def remove(self) -> None:
        """Delete the state, if any."""
        self.path.unlink(missing_ok=True)

    def _read(self, device: str) -> tuple[dict[str, str], dict[str, torch.Tensor]]:
        try:
            with safe_open(self.path, "pt", device=device) as file:
                return file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
        except SafetensorError as error:
            raise UsageError(
                f"{self.path} is damaged ({error}): give --no-resume to start over, or name another --output"
            ) from error


def save_tensors(tensors: Mapping[str, torch.Tensor], path: Path, metadata: Mapping[str, str]) -> None:
    """Write a safetensors file. Raises OSError if the disk refuses."""
    try:
        save_file(dict(tensors), path, dict(metadata))
    except SafetensorError as error:
        raise OSError(str(error)) from error


def identify(model: torch.nn.Module, *decisive: object) -> str:
    """Return the digest of a training: initial weights, `decisive` settings and data, device, number of processes."""
    device = next(model.parameters()).device.type
    digest = hashlib.sha256(repr((decisive, device, processes.size())).encode())
    update_digest(digest, model.state_dict())
    return digest.hexdigest()


def update_digest(digest: "hashlib._Hash", tensors: Mapping[str, torch.Tensor]) -> None:
    """Add the names, types, shapes and bytes of tensors to a digest."""
    for name, tensor in tensors.items():
        digest.update(repr((name, tensor.dtype, tuple(tensor.shape))).encode())
        digest.update(tensor.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes())


def _part(tensors: Mapping[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _random_states() -> dict[str, torch.Tensor]:
    """Return the states (uint8) of torch's generators in every process."""
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state()
    return {
        f"random.{kind}.{rank}": tensor
        for kind, state in states.items()
        for rank, tensor in enumerate(processes.gather_tensors(state))
    }


def _set_random_states(tensors: Mapping[str, torch.Tensor]) -> None:
    mine = _part(tensors, "random.")
    torch.set_rng_state(mine[f"cpu.{processes.rank()}"].cpu())
    if torch.cuda.is_available():
        torch.cuda.set_rng_state(mine[f"cuda.{processes.rank()}"].cpu())
