"""Training that knows of int8: matrices and their inputs are rounded in the forward pass as the int8 variant rounds.

Gradients pass the rounding unchanged (straight-through estimator, Bengio et al. 2013, arXiv:1308.3432). At the end the
weights stay on the int8 grid, so that all variants compute with the same weights, and int8 differs from the others only
in rounding activations, which the model has learnt to bear. Two matrices of each layer that the int8 variant computes
in fp32 (see `graph`) are rounded all the same: one rule for all costs them nothing that the gate can see.
"""

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.utils import parametrize

from finner_batch.training.export.graph import ACTIVATION_LEVELS, GELU_FLOOR, GELU_LEVELS, WEIGHT_LEVELS

if TYPE_CHECKING:
    from transformers import DistilBertForTokenClassification

TINY = torch.finfo(torch.float32).tiny


class _RoundedRows(nn.Module):
    """Round a weight [outputs, inputs] to the int8 grid of each output's own scale."""

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return _round(weight, WEIGHT_LEVELS)


def round_in_training(model: "DistilBertForTokenClassification") -> None:
    """Make the encoder's linear layers compute as int8 ones do, until `settle`."""
    after_gelu = {layer for name, layer in model.named_modules() if name.endswith("ffn.lin2")}
    for layer in _linear_layers(model):
        parametrize.register_parametrization(layer, "weight", _RoundedRows())
        layer.register_forward_pre_hook(_round_gelu if layer in after_gelu else _round_input)


def settle(model: "DistilBertForTokenClassification") -> None:
    """End `round_in_training`: plain layers again, their weights on the grid, as are the word embeddings'."""
    for layer in _linear_layers(model):
        parametrize.remove_parametrizations(layer, "weight", leave_parametrized=True)
        layer._forward_pre_hooks.clear()  # noqa: SLF001 - none but the rounding was registered
    with torch.no_grad():
        words = model.distilbert.embeddings.word_embeddings.weight
        words.copy_(_round(words, ACTIVATION_LEVELS))


def _linear_layers(model: "DistilBertForTokenClassification") -> list[nn.Linear]:
    return [module for module in model.distilbert.modules() if isinstance(module, nn.Linear)]


def _round_input(_layer: nn.Module, inputs: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
    return (_round(inputs[0], ACTIVATION_LEVELS),)


def _round_gelu(_layer: nn.Module, inputs: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
    return (_round(inputs[0] + GELU_FLOOR, GELU_LEVELS) - GELU_FLOOR,)


def _round(values: torch.Tensor, levels: int) -> torch.Tensor:
    """Round to `levels` steps a side of the last axis' greatest magnitude; the gradient is that of no rounding."""
    scale = values.detach().abs().amax(dim=-1, keepdim=True).clamp_min(TINY) / levels
    return values + (torch.round(values / scale) * scale - values).detach()
