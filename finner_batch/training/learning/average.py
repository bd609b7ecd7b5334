"""The moving average of the weights: steadier than the weights of any one step, and what is scored and kept.

After each step it moves towards the weights by `1 - decay`; in the first steps faster, so that it forgets the start.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

Weights = dict[str, torch.Tensor]


class WeightAverage:
    """Exponential moving average of a model's weights; with `decay` 0 it is the weights themselves."""

    def __init__(self, model: torch.nn.Module, decay: float, weights: Weights | None = None) -> None:
        """Start from the model's weights, or go on from `weights`."""
        self.decay = decay
        self.weights = (weights or snapshot(model)) if decay else {}

    def update(self, model: torch.nn.Module, steps: int) -> None:
        """Take in the weights after an optimizer step; `steps` have been done."""
        if not self.decay:
            return
        decay = min(self.decay, (1 + steps) / (10 + steps))
        with torch.no_grad():
            for name, tensor in model.state_dict().items():
                if tensor.is_floating_point():
                    self.weights[name].lerp_(tensor, 1 - decay)
                else:
                    self.weights[name].copy_(tensor)

    @contextmanager
    def in_place(self, model: torch.nn.Module) -> Iterator[None]:
        """Let the model have the averaged weights inside the block."""
        if not self.decay:
            yield
            return
        own = snapshot(model)
        model.load_state_dict(self.weights)
        try:
            yield
        finally:
            model.load_state_dict(own)


def snapshot(model: torch.nn.Module) -> Weights:
    """Copies of a model's weights."""
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
