"""The training loop: plain PyTorch, bf16 where the hardware has it, batches of similar length under a token budget.

A step takes a group of batches, `accumulate` for each process. Every process draws the same groups from the same seed
and computes its share; the gradients are summed, so that all processes take the same step.
"""

import logging
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from finner_batch.machine import cpu_flags
from finner_batch.training.data.examples import MASKED, Arrays, Example, arrays, sample_epoch, token_batches
from finner_batch.training.learning import processes
from finner_batch.training.learning.checkpoints import Checkpoints, Epoch, Progress, identify

if TYPE_CHECKING:
    from transformers import DistilBertForTokenClassification

Watch: TypeAlias = Callable[[int, "Epoch"], None]
"""Called after each epoch with its number, from 1, and its figures."""

LOG = logging.getLogger(__name__)

Weights: TypeAlias = dict[str, torch.Tensor]
Tensors: TypeAlias = tuple[torch.Tensor, ...] | list[torch.Tensor]

EVALUATION_BUDGET_TOKENS = 4096
_BF16_FLAGS = frozenset(("amx_bf16", "avx512_bf16"))
"""Features of a CPU, by Linux' names, that multiply bf16."""

ClassWeights = Literal["none", "balanced"]
"""`balanced`: all labels have the same total weight in the loss, however rare they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FitConfig:
    """Settings of `fit`."""

    epochs: int
    """Maximum number of epochs; 0 trains nothing."""
    learning_rate: float
    """Peak after the warm-up; it then falls linearly to 0."""
    hard_ratio: float
    """Hard negatives per positive example in an epoch."""
    easy_ratio: float
    """Other negatives per positive example in an epoch."""
    budget_tokens: int = 2048
    """Maximum number of tokens in a batch, including padding."""
    accumulate: int = 1
    """Batches of each process per optimizer step."""
    class_weights: ClassWeights = "none"
    warmup: float = 0.1
    """Share of the steps in which the learning rate rises."""
    weight_decay: float = 0.01
    """Weight decay of matrices; biases and norms have none."""
    average: float = 0.0
    """Decay of the moving average of the weights that is scored and kept; 0: the weights of the last step."""
    patience: int = 3
    """Epochs without a better score before training stops."""
    seed: int = 13
    """Seed of order, negatives and dropout."""


def unwatched(number: int, epoch: Epoch) -> None:
    """Do nothing: the default `Watch`."""


def fit(
    model: "DistilBertForTokenClassification",
    examples: Sequence[Example],
    config: FitConfig,
    *,
    score: Callable[["DistilBertForTokenClassification"], float] | None = None,
    checkpoints: Checkpoints | None = None,
    watch: Watch = unwatched,
) -> list[Epoch]:
    """Train the model in place; it ends with the weights of the epoch with the best `score`, or of the last one.

    `checkpoints` keeps the state on disk. `watch` is called for each epoch, including those before a resumption.
    Raises UsageError if the state to resume belongs to another training.
    """
    processes.share_weights(model)
    torch.manual_seed(config.seed + processes.rank())
    rng = np.random.default_rng(config.seed)
    first = _sample(examples, config, rng)
    steps = config.epochs * len(_groups(first, config))
    weights = class_weights(first, model.classifier.out_features, config.class_weights)
    optimizer = torch.optim.AdamW(_parameters(model, config), lr=config.learning_rate, fused=True)
    identity = identify(model, asdict(config), [(example.window.ids, example.targets) for example in examples])
    progress = Progress(draws=dict(rng.bit_generator.state))
    kept: dict[str, Weights] = {"best": {}, "average": {}}
    if checkpoints and checkpoints.resume:
        progress, kept = checkpoints.restore(model, optimizer, identity) or (progress, kept)
    averaged = _averaged(model, config.average, progress.steps, kept["average"])
    scored_model = cast("DistilBertForTokenClassification", averaged.module)
    best = kept["best"]
    for number, epoch in enumerate(progress.history, start=1):
        watch(number, epoch)
    while len(progress.history) < config.epochs and progress.since_best < config.patience:
        rng.bit_generator.state = progress.draws
        groups = _groups(_sample(examples, config, rng), config, rng)
        started = time.perf_counter() - progress.seconds
        model.train()
        for group in _bar(groups, progress):
            rate = config.learning_rate * _rate(progress.steps, steps, config.warmup)
            _step(model, optimizer, group, weights, rate, progress)
            averaged.update_parameters(model)
            progress.seconds = time.perf_counter() - started
            if checkpoints and checkpoints.every_steps and progress.steps % checkpoints.every_steps == 0:
                checkpoints.save(progress, model, optimizer, _kept(best, averaged), identity)
        value = None
        if score is not None:
            value = processes.from_main(float(score(scored_model)) if processes.rank() == 0 else 0.0)
            if progress.record_score(value):
                best = {name: tensor.clone() for name, tensor in scored_model.state_dict().items()}
        progress.seconds = time.perf_counter() - started
        epoch = progress.end_epoch(value, dict(rng.bit_generator.state))
        shown = "-" if value is None else f"{value:.4f}"
        LOG.info(
            "epoch=%d loss=%.4f score=%s tokens=%d seconds=%.0f",
            *(len(progress.history), epoch.loss, shown, epoch.tokens, epoch.seconds),
        )
        if checkpoints:
            checkpoints.save(progress, model, optimizer, _kept(best, averaged), identity)
        watch(len(progress.history), epoch)
    model.load_state_dict(best or averaged.module.state_dict())
    return progress.history


def number_logits(
    model: "DistilBertForTokenClassification", examples: Sequence[Example], *, bf16: bool
) -> list[NDArray[np.float32]]:
    """Return the logits [numbers, labels] of each example in order; computed in fp32 without `bf16`."""
    logits_of: dict[int, NDArray[np.float32]] = {}
    model.train(mode=False)
    with torch.inference_mode():
        for batch in token_batches(examples, EVALUATION_BUDGET_TOKENS):
            logits = _forward(model, arrays(batch), bf16=bf16).float().cpu().numpy()
            ends = np.cumsum([len(example.targets) for example in batch])
            for example, rows in zip(batch, np.split(logits, ends[:-1]), strict=True):
                logits_of[id(example)] = rows
    return [logits_of[id(example)] for example in examples]


def class_weights(examples: Sequence[Example], labels: int, kind: ClassWeights) -> NDArray[np.float32]:
    """Return the weight [labels] of each label's numbers in the loss; 1 for a label without any."""
    weights = np.ones(labels, dtype=np.float32)
    if kind == "balanced":
        targets = [target for example in examples for target in example.targets if target != MASKED]
        counts = np.bincount(targets, minlength=labels)
        weights[counts > 0] = counts.sum() / (np.count_nonzero(counts) * counts[counts > 0])
    return weights


def _averaged(model: torch.nn.Module, decay: float, steps: int, weights: Weights) -> AveragedModel:
    """Start a moving average of the model's weights after `steps` steps, or continue with `weights`.

    In the first steps its decay is lower than `decay`, so that it forgets the initial weights.
    """

    def update(average: Tensors, current: Tensors, done: torch.Tensor | int) -> None:
        move: Callable[..., None] = get_ema_multi_avg_fn(min(decay, (1 + int(done)) / (10 + int(done))))  # type: ignore[no-untyped-call]
        move(average, current, done)

    averaged = AveragedModel(model, multi_avg_fn=update)
    averaged.n_averaged.fill_(steps + 1)  # at 0 the first update would copy the weights instead
    if weights:
        averaged.module.load_state_dict(weights)
    return averaged


def _kept(best: Weights, averaged: AveragedModel) -> dict[str, Weights]:
    return {"best": best, "average": averaged.module.state_dict()}


def _sample(examples: Sequence[Example], config: FitConfig, rng: np.random.Generator) -> list[Example]:
    return sample_epoch(examples, hard_ratio=config.hard_ratio, easy_ratio=config.easy_ratio, rng=rng)


def _groups(
    examples: Sequence[Example], config: FitConfig, rng: np.random.Generator | None = None
) -> list[list[list[Example]]]:
    """Draw the batches of each step of an epoch."""
    batches = list(token_batches(examples, config.budget_tokens, rng))
    count = config.accumulate * processes.size()
    return [batches[start : start + count] for start in range(0, len(batches), count)]


def _bar(groups: list[list[list[Example]]], progress: Progress) -> "tqdm[list[list[Example]]]":
    """Iterate over the remaining groups of an epoch, with a progress bar on a terminal."""
    return tqdm(
        groups[progress.groups :],
        desc=f"epoch {len(progress.history) + 1}",
        unit="step",
        initial=progress.groups,
        total=len(groups),
        disable=not (processes.is_main() and sys.stderr.isatty()),
    )


def _step(
    model: "DistilBertForTokenClassification",
    optimizer: torch.optim.Optimizer,
    group: Sequence[Sequence[Example]],
    weights: NDArray[np.float32],
    rate: float,
    progress: Progress,
) -> None:
    """Take one optimizer step on the weighted mean loss of a group's known numbers."""
    targets = np.array([target for batch in group for example in batch for target in example.targets])
    weight = float(weights[targets[targets != MASKED]].sum())
    if weight:
        loss = torch.zeros((), dtype=torch.float64, device=model.device)
        for batch in group[processes.rank() :: processes.size()]:
            part = _loss(model, arrays(batch), weights)
            torch.autograd.backward(part / weight)
            loss += part.detach()
        processes.sum_gradients(model, loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for options in optimizer.param_groups:
            options["lr"] = rate
        optimizer.step()
        optimizer.zero_grad()
        progress.loss_sum += float(loss)
    progress.weight += weight
    progress.tokens += sum(example.window.length for batch in group for example in batch)
    progress.steps += 1
    progress.groups += 1


def _loss(model: "DistilBertForTokenClassification", batch: Arrays, weights: NDArray[np.float32]) -> torch.Tensor:
    logits = _forward(model, batch, bf16=trains_in_bf16(model.device.type)).float()
    return torch.nn.functional.cross_entropy(
        logits,
        torch.from_numpy(batch.targets).to(logits.device),
        weight=torch.from_numpy(weights).to(logits.device),
        ignore_index=MASKED,
        reduction="sum",
    )


def trains_in_bf16(device: str) -> bool:
    """Whether this kind of device multiplies bf16 in hardware; emulated, it is far slower than fp32."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return not _BF16_FLAGS.isdisjoint(cpu_flags())


def _forward(model: "DistilBertForTokenClassification", batch: Arrays, *, bf16: bool) -> torch.Tensor:
    device = model.device
    with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
        logits: torch.Tensor = model(
            torch.from_numpy(batch.input_ids).to(device), torch.from_numpy(batch.attention_mask).to(device)
        ).logits
    return logits[torch.from_numpy(batch.rows).to(device), torch.from_numpy(batch.positions).to(device)]


def _parameters(model: "DistilBertForTokenClassification", config: FitConfig) -> list[dict[str, object]]:
    matrices = [parameter for parameter in model.parameters() if parameter.dim() > 1]
    vectors = [parameter for parameter in model.parameters() if parameter.dim() <= 1]
    return [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]


def _rate(step: int, steps: int, warmup: float) -> float:
    rising = max(1, round(warmup * steps))
    return (step + 1) / rising if step < rising else max(0.0, (steps - step) / max(1, steps - rising))
