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
        Flag("Made by `label`, rows of one's own (JSON, Parquet, save_to_disk), or a hub name; several are mixed."),
    ] = ("dataset",)
    validation_share: Annotated[
        float, Flag("Share of the training companies to choose by, where the data have no split `validation`.")
    ] = 0.0
    dev_share: Annotated[
        float, Flag("Share of the training companies to report on, where the data have no split `dev`.")
    ] = 0.0
    output: Annotated[str, Flag("The model folder; made where there is none.")] = "model"
    base: Annotated[
        str, Flag("DistilBERT or BERT: a folder, a hub name, or package:NAME for an installed package that holds one.")
    ] = DEFAULT_BASE
    labels: Annotated[
        str,
        Flag(
            "Label set (debt4, finer139), a file of concept names (JSON list, or one a line), or frequent:N for every "
            "concept that N or more numbers of the split `train` carry. finer139 names integer tags, too."
        ),
    ] = "debt4"
    cues: Annotated[
        str,
        Flag(
            "Cues of a label set (debt4), or a TOML file of groups of patterns; a sentence that lacks one of them is "
            "never read. None by default."
        ),
    ] = ""
    name: Annotated[str, Flag("The model's name; its identity is this and a digest of its files.")] = "debt4"
    concept_epochs: Annotated[int, Flag("Epochs over every frequent concept first; 0: none.")] = 2
    concept_focus: Annotated[
        bool, Flag("In those epochs only sentences that speak of a debt's rate or amount: a quarter of the time.")
    ] = True
    concept_minimum: Annotated[int, Flag("Occurrences in the split `train` that make a concept frequent.")] = 20
    concept_learning_rate: Annotated[float, Flag("Highest learning rate of those epochs.")] = 2e-4
    epochs: Annotated[int, Flag("The most epochs over the labels.")] = 5
    learning_rate: Annotated[float, Flag("Highest learning rate over the labels.")] = 8e-5
    patience: Annotated[int, Flag("Epochs without a better F1 on the split `validation` before training stops.")] = 3
    refit: Annotated[
        bool, Flag("Then train once more, on the validation companies too, for the chosen number of epochs.")
    ] = False
    hard_ratio: Annotated[
        float, Flag("Hard negative sentences (debt, with a rate or an amount) for each positive one, in an epoch.")
    ] = 4.0
    easy_ratio: Annotated[float, Flag("Other negative sentences for each positive one, in an epoch.")] = 1.5
    batch_tokens: Annotated[int, Flag("Tokens in a batch, padding counted.")] = 2048
    accumulate: Annotated[int, Flag("Batches in a step of the optimizer, of each process.")] = 1
    class_weights: Annotated[
        Literal["none", "balanced"],
        Flag("Weights of the labels in the loss; balanced finds more of the rare ones and costs precision."),
    ] = "none"
    average: Annotated[
        float, Flag("Decay of the moving average of the weights, which is what is evaluated and kept; 0: none.")
    ] = 0.99
    threshold: Annotated[
        float, Flag("Least calibrated probability at which the tagger gives a label, above 0 and at most 1.")
    ] = THRESHOLD
    max_length: Annotated[
        int, Flag("Tokens that the model reads at once: at least 16, at most as many as the base has positions.")
    ] = 512
    seed: Annotated[int, Flag("Seed of new weights, order, dropout and drawn negatives.")] = 13
    resume: Annotated[
        bool,
        Flag(
            "Continue the same training where it stopped in this output, and stop if it is done; --no-resume starts "
            "again and replaces what the output holds."
        ),
    ] = True
    checkpoint_steps: Annotated[int, Flag("Optimizer steps between states on disk; 0: after each epoch only.")] = 0
    mlflow: Annotated[
        str | None, Flag("MLflow store for parameters, metrics and artifacts, e.g. sqlite:///mlflow.db.")
    ] = None
    mlflow_experiment: Annotated[str, Flag("Experiment of the MLflow store.")] = "finner-batch"
    notes: Annotated[str, Flag("Provenance and licence for the model card, beyond the measurements.")] = ""

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
