"""Settings of a training run."""

import importlib.util
from dataclasses import dataclass

from finner_batch.errors import UsageError

DEFAULT_BASE = "distilbert-base-cased"
EXTRA = ("torch", "transformers", "safetensors", "onnx")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """Settings of `finner-batch train`; each is a flag, an environment variable and a key of the job file."""

    data: str = "dataset"
    """Dataset folder made by `finner-batch label`."""
    output: str = "model"
    """The model folder; made where there is none."""
    base: str = DEFAULT_BASE
    """Encoder: a DistilBERT or BERT folder, a hub name, or `package:NAME` for weights in an installed package."""
    labels: str = "debt4"
    """A label set's name, or a file of concept names: a JSON list, or one a line."""
    name: str = "debt4"
    """The model's name; its identity is this and a digest of its files."""
    concept_epochs: int = 2
    """Epochs over every frequent concept before the labels themselves; 0 leaves that pass out."""
    concept_focus: bool = True
    """In those epochs, take only sentences that speak of a debt's rate or amount: a quarter of the time."""
    concept_minimum: int = 20
    """Occurrences in the training split that make a concept frequent."""
    concept_learning_rate: float = 2e-4
    """Highest learning rate of the first pass."""
    epochs: int = 5
    """Epochs over the labels, at most."""
    learning_rate: float = 8e-5
    """Highest learning rate of the second pass."""
    patience: int = 3
    """Epochs without a better development F1 after which training stops."""
    hard_ratio: float = 4.0
    """Hard negative sentences (debt, with a rate or an amount) for each positive one, in an epoch."""
    easy_ratio: float = 1.5
    """Other negative sentences for each positive one, in an epoch."""
    batch_tokens: int = 2048
    """Tokens in a batch, padding counted."""
    max_length: int = 512
    """Tokens that the model reads at once."""
    seed: int = 13
    """Of new weights, order, dropout and drawn negatives."""
    notes: str = ""
    """What the model card says of provenance and licence, beyond the measurements."""


def require_train_extra() -> None:
    """Raise UsageError where a package of the `train` extra is missing."""
    missing = [name for name in EXTRA if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(f"{', '.join(missing)} not installed: training needs pip install 'finner-batch[train]'")
