"""Settings of a training run."""

import importlib.util
import math
from dataclasses import dataclass
from typing import Annotated, Literal

from finner_batch.config import Flag
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

    data: Annotated[
        tuple[str, ...],
        Flag("Made by `label`, rows of one's own (JSON, Parquet, save_to_disk), or a hub name; also several times."),
    ] = ("dataset",)
    """Labelled sentences, mixed: datasets made by `finner-batch label`, rows of one's own, names on the hub."""
    validation_share: Annotated[
        float, Flag("Share of the companies to choose by, where the data have no such split.")
    ] = 0.0
    """Share of the training companies to choose by, where the data have no split `validation`."""
    dev_share: Annotated[float, Flag("Share of the companies to report on, where the data have no such split.")] = 0.0
    """Share of the training companies to report on, where the data have no split `dev`."""
    output: Annotated[str, Flag("The model folder.")] = "model"
    """The model folder; made where there is none."""
    base: Annotated[
        str, Flag("DistilBERT or BERT: a folder, a hub name, or package:NAME for an installed package that holds one.")
    ] = DEFAULT_BASE
    """Encoder: a DistilBERT or BERT folder, a hub name, or `package:NAME` for weights in an installed package."""
    labels: Annotated[
        str,
        Flag(
            "Label set (debt4, finer139), a file of concept names (JSON list, or one a line), or frequent:N. "
            "finer139 names integer tags, too."
        ),
    ] = "debt4"
    """A label set's name, a file of concept names (a JSON list, or one a line), or `frequent:N`: every concept that N
    or more numbers of the split `train` carry."""
    cues: Annotated[
        str, Flag("Cues that a sentence must have to be read: of a label set (debt4), or a TOML file; none by default.")
    ] = ""
    """A label set's name, or a TOML file of groups of patterns: a sentence that lacks one of them is never read."""
    name: Annotated[str, Flag("The model's name.")] = "debt4"
    """The model's name; its identity is this and a digest of its files."""
    concept_epochs: Annotated[int, Flag("Epochs over every frequent concept first; 0: none.")] = 2
    """Epochs over every frequent concept before the labels themselves; 0 leaves that pass out."""
    concept_focus: Annotated[bool, Flag("In those epochs only sentences that speak of a debt's rate or amount.")] = True
    """In those epochs, take only sentences that speak of a debt's rate or amount: a quarter of the time."""
    concept_minimum: Annotated[int, Flag("Occurrences that make a concept frequent.")] = 20
    """Occurrences in the training split that make a concept frequent."""
    concept_learning_rate: Annotated[float, Flag("Highest learning rate of those epochs.")] = 2e-4
    """Highest learning rate of the first pass."""
    epochs: Annotated[int, Flag("Epochs over the labels, at most.")] = 5
    """Epochs over the labels, at most."""
    learning_rate: Annotated[float, Flag("Highest learning rate over the labels.")] = 8e-5
    """Highest learning rate of the second pass."""
    patience: Annotated[int, Flag("Epochs without a better validation F1 before stopping.")] = 3
    """Epochs without a better F1 on the split `validation` after which training stops."""
    refit: Annotated[
        bool, Flag("Train once more, on the validation companies too, for the chosen number of epochs.")
    ] = False
    """After the epoch and the temperature are chosen, train once more, so many epochs, on `train` and `validation`."""
    hard_ratio: Annotated[float, Flag("Hard negative sentences for each positive one.")] = 4.0
    """Hard negative sentences (debt, with a rate or an amount) for each positive one, in an epoch."""
    easy_ratio: Annotated[float, Flag("Other negative sentences for each positive one.")] = 1.5
    """Other negative sentences for each positive one, in an epoch."""
    batch_tokens: Annotated[int, Flag("Tokens in a batch.")] = 2048
    """Tokens in a batch, padding counted."""
    accumulate: Annotated[int, Flag("Batches in a step of the optimizer, of each process.")] = 1
    """Batches of each process in a step of the optimizer."""
    class_weights: Annotated[
        Literal["none", "balanced"], Flag("Weights of the labels in the loss; balanced costs precision.")
    ] = "none"
    """Weights of the labels in the loss; `balanced` lifts the rare ones and costs precision."""
    average: Annotated[float, Flag("Decay of the moving average of the weights, which is kept; 0: none.")] = 0.99
    """Decay of the moving average of the weights, which is what is judged and kept; 0: the weights as they are."""
    threshold: Annotated[float, Flag("Least probability at which the tagger gives a label.")] = THRESHOLD
    """Least calibrated probability at which the tagger gives a label; above 0 and at most 1."""
    max_length: Annotated[int, Flag("Tokens that the model reads at once.")] = 512
    """Tokens that the model reads at once; at least 16, at most as many as the base has positions."""
    seed: Annotated[int, Flag("Seed of weights, order and dropout.")] = 13
    """Of new weights, order, dropout and drawn negatives."""
    resume: Annotated[
        bool, Flag("Go on where the same training stopped in this output; --no-resume begins anew and replaces it.")
    ] = True
    """Go on from the last state that the same training left in the model folder, and stop where it is done already;
    else begin anew, and let an unfinished training or a model that lies there go."""
    checkpoint_steps: Annotated[int, Flag("Steps between states on disk; 0: after each epoch only.")] = 0
    """Optimizer steps between states within an epoch; 0: one after each epoch only."""
    mlflow: Annotated[
        str | None, Flag("MLflow store for parameters, metrics and artifacts, e.g. sqlite:///mlflow.db.")
    ] = None
    """MLflow store that gets parameters, metrics and artifacts, such as `sqlite:///mlflow.db`; None is none."""
    mlflow_experiment: Annotated[str, Flag("Experiment of the MLflow store.")] = "finner-batch"
    """Experiment of that store."""
    notes: Annotated[str, Flag("Provenance and licence, for the model card.")] = ""
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
