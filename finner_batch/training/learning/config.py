"""Settings of a training run."""

import importlib.util
import math
from dataclasses import dataclass
from typing import Literal

from finner_batch.errors import UsageError
from finner_batch.training.evaluation.scores import THRESHOLD

DEFAULT_BASE = "distilbert-base-cased"
LEAST = {
    **dict.fromkeys(("concept_minimum", "patience", "batch_tokens", "accumulate"), 1),
    **dict.fromkeys(("concept_epochs", "epochs", "hard_ratio", "easy_ratio", "checkpoint_steps"), 0),
    "max_length": 16,
}
EXTRA = ("torch", "transformers", "safetensors", "onnx", "matplotlib")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """Settings of `finner-batch train`; each is a flag, an environment variable and a key of the job file."""

    data: tuple[str, ...] = ("dataset",)
    """Labelled sentences, mixed: datasets made by `finner-batch label`, rows of one's own, names on the hub."""
    validation_share: float = 0.0
    """Share of the training companies to choose by, where the data have no split `validation`."""
    dev_share: float = 0.0
    """Share of the training companies to report on, where the data have no split `dev`."""
    output: str = "model"
    """The model folder; made where there is none."""
    base: str = DEFAULT_BASE
    """Encoder: a DistilBERT or BERT folder, a hub name, or `package:NAME` for weights in an installed package."""
    labels: str = "debt4"
    """A label set's name, a file of concept names (a JSON list, or one a line), or `frequent:N`: every concept that N
    or more numbers of the split `train` carry."""
    cues: str = ""
    """A label set's name, or a TOML file of groups of patterns: a sentence that lacks one of them is never read."""
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
    """Epochs without a better F1 on the split `validation` after which training stops."""
    refit: bool = False
    """After the epoch and the temperature are chosen, train once more, so many epochs, on `train` and `validation`."""
    hard_ratio: float = 4.0
    """Hard negative sentences (debt, with a rate or an amount) for each positive one, in an epoch."""
    easy_ratio: float = 1.5
    """Other negative sentences for each positive one, in an epoch."""
    batch_tokens: int = 2048
    """Tokens in a batch, padding counted."""
    accumulate: int = 1
    """Batches of each process in a step of the optimizer."""
    class_weights: Literal["none", "balanced"] = "none"
    """Weights of the labels in the loss; `balanced` lifts the rare ones and costs precision."""
    average: float = 0.99
    """Decay of the moving average of the weights, which is what is judged and kept; 0: the weights as they are."""
    threshold: float = THRESHOLD
    """Least calibrated probability at which the tagger gives a label; above 0 and at most 1."""
    max_length: int = 512
    """Tokens that the model reads at once; at least 16, at most as many as the base has positions."""
    seed: int = 13
    """Of new weights, order, dropout and drawn negatives."""
    resume: bool = True
    """Go on from the last state that the same training left in the model folder, and stop where it is done already;
    else begin anew, and let an unfinished training or a model that lies there go."""
    checkpoint_steps: int = 0
    """Optimizer steps between states within an epoch; 0: one after each epoch only."""
    mlflow: str | None = None
    """MLflow store that gets parameters, metrics and artifacts, such as `sqlite:///mlflow.db`; None is none."""
    mlflow_experiment: str = "finner-batch"
    """Experiment of that store."""
    notes: str = ""
    """What the model card says of provenance and licence, beyond the measurements."""

    def __post_init__(self) -> None:
        """Raise UsageError for a number that no training can have."""
        for name, least in LEAST.items():
            if getattr(self, name) < least:
                raise UsageError(f"--{name.replace('_', '-')} {getattr(self, name)}: needs {least} or more")
        for name in ("learning_rate", "concept_learning_rate"):
            if not 0 < getattr(self, name) < math.inf:
                raise UsageError(f"--{name.replace('_', '-')} {getattr(self, name)}: needs more than 0, such as 8e-5")
        if not 0 < self.threshold <= 1:
            raise UsageError(f"--threshold {self.threshold}: needs more than 0 and at most 1")
        if not 0 <= self.average < 1:
            raise UsageError(f"--average {self.average}: needs 0 or more and less than 1")


def require_train_extra() -> None:
    """Raise UsageError where a package of the `train` extra is missing."""
    missing = [name for name in EXTRA if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(f"{', '.join(missing)} not installed: training needs pip install 'finner-batch[train]'")
