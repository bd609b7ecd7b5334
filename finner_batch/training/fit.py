"""The training loop: plain PyTorch, bf16 autocast, batches of like length under a token budget."""

from __future__ import annotations

import logging
import math
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from tqdm import tqdm

from finner_batch.training.examples import MASKED, Arrays, Example, arrays, sample_epoch, token_batches

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from transformers import DistilBertForTokenClassification

logger = logging.getLogger(__name__)

EVALUATION_BUDGET_TOKENS = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class FitConfig:
    """How long and how fast a head and its encoder learn."""

    epochs: int
    """At most; 0 trains nothing."""
    learning_rate: float
    """At its highest, after the warm-up; it falls linearly to 0."""
    hard_ratio: float
    """Hard negatives for each positive sentence, in an epoch."""
    easy_ratio: float
    """Other negatives for each positive sentence, in an epoch."""
    budget_tokens: int = 2048
    """Padded tokens in a batch, at most."""
    warmup: float = 0.1
    """Share of the steps in which the learning rate rises."""
    weight_decay: float = 0.01
    """Of matrices; not of biases and norms."""
    patience: int = 3
    """Epochs without a better score after which training stops."""
    seed: int = 13
    """Of the order, the negatives drawn and the dropout."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """What an epoch gave: mean loss a number, score (None where none is asked for), tokens, seconds with scoring."""

    loss: float
    score: float | None
    tokens: int
    seconds: float


def fit(
    model: DistilBertForTokenClassification,
    examples: Sequence[Example],
    config: FitConfig,
    *,
    score: Callable[[DistilBertForTokenClassification], float] | None = None,
) -> list[Epoch]:
    """Train the model in place and leave the weights of the best epoch by `score` in it (without one, the last)."""
    torch.manual_seed(config.seed)
    rng = np.random.default_rng(config.seed)
    steps = config.epochs * len(list(token_batches(_sample(examples, config, rng), config.budget_tokens)))
    optimizer = torch.optim.AdamW(_groups(model, config), lr=config.learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, steps, config.warmup))
    history: list[Epoch] = []
    best: dict[str, torch.Tensor] = {}
    best_score, since_best = -math.inf, 0
    for number in range(config.epochs):
        started = time.perf_counter()
        batches = list(token_batches(_sample(examples, config, rng), config.budget_tokens, rng))
        model.train()
        loss_sum, count, tokens = 0.0, 0, 0
        for batch in tqdm(batches, desc=f"epoch {number + 1}", unit="batch", disable=not sys.stderr.isatty()):
            loss, numbers = _step(model, arrays(batch))
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            loss_sum, count = loss_sum + loss * numbers, count + numbers
            tokens += sum(len(example.window.ids) for example in batch)
        value = None if score is None else score(model)
        history.append(Epoch(loss_sum / max(1, count), value, tokens, time.perf_counter() - started))
        logger.info("epoch=%d loss=%.4f score=%s tokens=%d seconds=%.0f", number + 1, *_shown(history[-1]))
        if value is not None:
            since_best += 1
            if value > best_score:
                best_score, since_best = value, 0
                best = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
            if since_best >= config.patience:
                break
    if best:
        model.load_state_dict(best)
    return history


def number_logits(
    model: DistilBertForTokenClassification, examples: Sequence[Example], *, bf16: bool = True
) -> list[NDArray[np.float32]]:
    """Logits [numbers, labels] of each example's numbers, in the order given; in fp32 without `bf16`."""
    found: dict[int, NDArray[np.float32]] = {}
    model.train(mode=False)
    with torch.inference_mode():
        for batch in token_batches(examples, EVALUATION_BUDGET_TOKENS):
            logits = _forward(model, arrays(batch), bf16=bf16).float().cpu().numpy()
            ends = np.cumsum([len(example.targets) for example in batch])
            for example, rows in zip(batch, np.split(logits, ends[:-1]), strict=True):
                found[id(example)] = rows
    return [found[id(example)] for example in examples]


def _sample(examples: Sequence[Example], config: FitConfig, rng: np.random.Generator) -> list[Example]:
    return sample_epoch(examples, hard_ratio=config.hard_ratio, easy_ratio=config.easy_ratio, rng=rng)


def _step(model: DistilBertForTokenClassification, batch: Arrays) -> tuple[float, int]:
    """Add the gradients of one batch; give its mean loss and how many numbers count in it."""
    logits = _forward(model, batch, bf16=True)
    targets = torch.from_numpy(batch.targets).to(logits.device)
    numbers = int((targets != MASKED).sum())
    if not numbers:
        return 0.0, 0
    loss = torch.nn.functional.cross_entropy(logits.float(), targets, ignore_index=MASKED)
    torch.autograd.backward(loss)
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    return float(loss.detach()), numbers


def _forward(model: DistilBertForTokenClassification, batch: Arrays, *, bf16: bool) -> torch.Tensor:
    device = model.device
    with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
        logits: torch.Tensor = model(
            torch.from_numpy(batch.input_ids).to(device), torch.from_numpy(batch.attention_mask).to(device)
        ).logits
    return logits[torch.from_numpy(batch.rows).to(device), torch.from_numpy(batch.positions).to(device)]


def _groups(model: DistilBertForTokenClassification, config: FitConfig) -> list[dict[str, object]]:
    matrices = [parameter for parameter in model.parameters() if parameter.dim() > 1]
    vectors = [parameter for parameter in model.parameters() if parameter.dim() <= 1]
    return [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]


def _rate(step: int, steps: int, warmup: float) -> float:
    rising = max(1, round(warmup * steps))
    return (step + 1) / rising if step < rising else max(0.0, (steps - step) / max(1, steps - rising))


def _shown(epoch: Epoch) -> tuple[float, str, int, float]:
    score = "-" if epoch.score is None else f"{epoch.score:.4f}"
    return epoch.loss, score, epoch.tokens, epoch.seconds
