"""Settings of a training run."""

import importlib.util
import math
from dataclasses import dataclass
from typing import Annotated, Literal

from finner_batch.config import Flag
from finner_batch.errors import UsageError
from finner_batch.training.evaluation.scores import THRESHOLD

DEFAULT_BASE = "distilbert-base-cased"
MINIMUM = {
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
        Flag(
            "Dataset made by `label`, your own rows (JSON, Parquet, save_to_disk), or a hub name. May be "
            "given several times."
        ),
    ] = ("dataset",)
    validation_share: Annotated[
        float, Flag("Share of companies for validation, if the data have no validation split.")
    ] = 0.0
    dev_share: Annotated[float, Flag("Share of companies for the dev split to report on, if the data have none.")] = 0.0
    output: Annotated[str, Flag("The model folder.")] = "model"
    base: Annotated[
        str, Flag("DistilBERT or BERT encoder: a folder, a hub name, or package:NAME for an installed package.")
    ] = DEFAULT_BASE
    labels: Annotated[
        str,
        Flag(
            "Label set (debt4, finer139), a file of concept names (a JSON list, or one per line), or "
            "frequent:N. finer139 also names integer tags."
        ),
    ] = "debt4"
    cues: Annotated[
        str,
        Flag("Cues, one of which a sentence needs to be tagged: a label set (debt4) or a TOML file; none by default."),
    ] = ""
    name: Annotated[str, Flag("The model's name.")] = "debt4"
    concept_epochs: Annotated[int, Flag("Epochs of pretraining on all frequent concepts; 0: none.")] = 2
    concept_focus: Annotated[
        bool, Flag("In these epochs, use only sentences about the rate or the amount of a debt.")
    ] = True
    concept_minimum: Annotated[int, Flag("Number of occurrences that makes a concept frequent.")] = 20
    concept_learning_rate: Annotated[float, Flag("Peak learning rate in these epochs.")] = 2e-4
    epochs: Annotated[int, Flag("Maximum number of epochs on the labels.")] = 5
    learning_rate: Annotated[float, Flag("Peak learning rate on the labels.")] = 8e-5
    patience: Annotated[int, Flag("Epochs without a better validation F1 before training stops.")] = 3
    refit: Annotated[
        bool, Flag("Train once more for the chosen number of epochs, with the validation companies included.")
    ] = False
    hard_ratio: Annotated[float, Flag("Hard negative sentences per positive one.")] = 4.0
    easy_ratio: Annotated[float, Flag("Other negative sentences per positive one.")] = 1.5
    batch_tokens: Annotated[int, Flag("Tokens per batch.")] = 2048
    accumulate: Annotated[int, Flag("Batches per optimizer step in each process.")] = 1
    class_weights: Annotated[
        Literal["none", "balanced"],
        Flag("Weights of the labels in the loss; balanced lowers precision."),
    ] = "none"
    average: Annotated[float, Flag("Decay of the moving average of the weights that the model keeps; 0: none.")] = 0.99
    threshold: Annotated[float, Flag("Minimum probability for a label.")] = THRESHOLD
    max_length: Annotated[int, Flag("Maximum number of tokens per window.")] = 512
    seed: Annotated[int, Flag("Random seed for weights, order and dropout.")] = 13
    resume: Annotated[
        bool,
        Flag("Continue the same training where it stopped in this output; --no-resume starts over and replaces it."),
    ] = True
    checkpoint_steps: Annotated[int, Flag("Steps between checkpoints; 0: only after each epoch.")] = 0
    mlflow: Annotated[
        str | None, Flag("MLflow store for parameters, metrics and artifacts, such as sqlite:///mlflow.db.")
    ] = None
    mlflow_experiment: Annotated[str, Flag("Experiment in the MLflow store.")] = "finner-batch"
    notes: Annotated[str, Flag("Provenance and licence for the model card.")] = ""

    def __post_init__(self) -> None:
        """Raise UsageError for a number out of range."""
        for name, minimum in MINIMUM.items():
            if getattr(self, name) < minimum:
                raise UsageError(f"--{name.replace('_', '-')} {getattr(self, name)}: needs {minimum} or more")
        for name in ("learning_rate", "concept_learning_rate"):
            if not 0 < getattr(self, name) < math.inf:
                raise UsageError(f"--{name.replace('_', '-')} {getattr(self, name)}: needs more than 0, such as 8e-5")
        if not 0 < self.threshold <= 1:
            raise UsageError(f"--threshold {self.threshold}: needs more than 0 and at most 1")
        if not 0 <= self.average < 1:
            raise UsageError(f"--average {self.average}: needs 0 or more and less than 1")


def require_train_extra() -> None:
    """Raise UsageError if a package of the `train` extra is missing."""
    missing = [name for name in EXTRA if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(f"{', '.join(missing)} not installed: training needs pip install 'finner-batch[train]'")
