"""`finner-batch train`: wraps `finner_batch.training.learning.train`."""

import dataclasses
import logging
import types
from collections.abc import Callable
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import click

from finner_batch.cli.options import PathOrUrl, config_option
from finner_batch.training.learning.config import TrainConfig, require_train_extra

Command = TypeVar("Command", bound=Callable[..., Any])

HELP = {
    "data": "Dataset made by `label`, your own rows (JSON, Parquet, save_to_disk), or a hub name. "
    "May be given several times.",
    "validation_share": "Share of companies for validation, if the data have no validation split.",
    "dev_share": "Share of companies for the dev split to report on, if the data have none.",
    "output": "The model folder.",
    "base": "DistilBERT or BERT encoder: a folder, a hub name, or package:NAME for an installed package.",
    "labels": "Label set (debt4, finer139), a file of concept names (a JSON list, or one per line), or frequent:N. "
    "finer139 also names integer tags.",
    "cues": "Cues, one of which a sentence needs to be tagged: a label set (debt4) or a TOML file; none by default.",
    "name": "The model's name.",
    "concept_epochs": "Epochs of pretraining on all frequent concepts; 0: none.",
    "concept_focus": "In these epochs, use only sentences about the rate or the amount of a debt.",
    "concept_minimum": "Number of occurrences that makes a concept frequent.",
    "concept_learning_rate": "Peak learning rate in these epochs.",
    "epochs": "Maximum number of epochs on the labels.",
    "learning_rate": "Peak learning rate on the labels.",
    "patience": "Epochs without a better validation F1 before training stops.",
    "refit": "Train once more for the chosen number of epochs, with the validation companies included.",
    "hard_ratio": "Hard negative sentences per positive one.",
    "easy_ratio": "Other negative sentences per positive one.",
    "batch_tokens": "Tokens per batch.",
    "accumulate": "Batches per optimizer step in each process.",
    "class_weights": "Weights of the labels in the loss; balanced lowers precision.",
    "average": "Decay of the moving average of the weights that the model keeps; 0: none.",
    "threshold": "Minimum probability for a label.",
    "max_length": "Maximum number of tokens per window.",
    "seed": "Random seed for weights, order and dropout.",
    "resume": "Continue the same training where it stopped in this output; --no-resume starts over and replaces it.",
    "checkpoint_steps": "Steps between checkpoints; 0: only after each epoch.",
    "mlflow": "MLflow store for parameters, metrics and artifacts, such as sqlite:///mlflow.db.",
    "mlflow_experiment": "Experiment in the MLflow store.",
    "notes": "Provenance and licence for the model card.",
}


def _settings(command: Command) -> Command:
    """Add a flag for each field of `TrainConfig`, with its name, type and default."""
    kinds = get_type_hints(TrainConfig)
    for field in reversed(dataclasses.fields(TrainConfig)):
        flag = f"--{field.name.replace('_', '-')}"
        kind, extra = kinds[field.name], dict[str, Any]()
        if kind is bool:
            flag = f"{flag}/--no-{flag.removeprefix('--')}"
        elif get_origin(kind) is tuple:
            kind, extra = PathOrUrl(), {"multiple": True}
        elif get_origin(kind) is Literal:
            kind = click.Choice(get_args(kind))
        elif isinstance(kind, types.UnionType):
            kind = get_args(kind)[0]
        command = click.option(flag, type=kind, default=field.default, help=HELP[field.name], **extra)(command)
    return command


@click.command
@_settings
@config_option
def train(**settings: Any) -> None:
    """Fine-tune an encoder on labelled sentences, evaluate it, export it to ONNX, and write the model folder.

    On several GPUs: torchrun --nproc-per-node N -m finner_batch train …, or accelerate launch.
    """
    require_train_extra()
    from finner_batch.engine.log import set_up_log  # noqa: PLC0415 - heavy
    from finner_batch.training.learning.processes import is_main  # noqa: PLC0415 - heavy
    from finner_batch.training.learning.train import train as train_model  # noqa: PLC0415 - heavy

    set_up_log(logging.INFO if is_main() else logging.WARNING)
    folder = train_model(TrainConfig(**settings))
    if is_main():
        logging.getLogger(__name__).info("the model is in %s: finner-batch run --model %s --input …", folder, folder)
        click.echo((folder / "README.md").read_text(encoding="utf-8"), nl=False)
