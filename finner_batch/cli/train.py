"""`finner-batch train`: thin over `finner_batch.training.learning.train`."""

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
    "data": "Made by `label`, rows of one's own (JSON, Parquet, save_to_disk), or a hub name; also several times.",
    "validation_share": "Share of the companies to choose by, where the data have no such split.",
    "dev_share": "Share of the companies to report on, where the data have no such split.",
    "output": "The model folder.",
    "base": "DistilBERT or BERT: a folder, a hub name, or package:NAME for an installed package that holds one.",
    "labels": "Label set (debt4, finer139), a file of concept names (JSON list, or one a line), or frequent:N. "
    "finer139 names integer tags, too.",
    "cues": "Cues that a sentence must have to be read: of a label set (debt4), or a TOML file; none by default.",
    "name": "The model's name.",
    "concept_epochs": "Epochs over every frequent concept first; 0: none.",
    "concept_focus": "In those epochs only sentences that speak of a debt's rate or amount.",
    "concept_minimum": "Occurrences that make a concept frequent.",
    "concept_learning_rate": "Highest learning rate of those epochs.",
    "epochs": "Epochs over the labels, at most.",
    "learning_rate": "Highest learning rate over the labels.",
    "patience": "Epochs without a better validation F1 before stopping.",
    "refit": "Train once more, on the validation companies too, for the chosen number of epochs.",
    "hard_ratio": "Hard negative sentences for each positive one.",
    "easy_ratio": "Other negative sentences for each positive one.",
    "batch_tokens": "Tokens in a batch.",
    "accumulate": "Batches in a step of the optimizer, of each process.",
    "class_weights": "Weights of the labels in the loss; balanced costs precision.",
    "average": "Decay of the moving average of the weights, which is kept; 0: none.",
    "threshold": "Least probability at which the tagger gives a label.",
    "max_length": "Tokens that the model reads at once.",
    "seed": "Seed of weights, order and dropout.",
    "resume": "Go on where the same training stopped in this output; --no-resume begins anew and replaces it.",
    "checkpoint_steps": "Steps between states on disk; 0: after each epoch only.",
    "mlflow": "MLflow store for parameters, metrics and artifacts, e.g. sqlite:///mlflow.db.",
    "mlflow_experiment": "Experiment of the MLflow store.",
    "notes": "Provenance and licence, for the model card.",
}


def _settings(command: Command) -> Command:
    """Add a flag for each field of `TrainConfig`, of its name, type and default."""
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


@click.command(short_help="Fine-tune, evaluate and export a tagger.")
@_settings
@config_option
def train(**settings: Any) -> None:
    """Fine-tune an encoder on labelled sentences, measure it, export it to ONNX, and write the model folder.

    Several GPUs: torchrun --nproc-per-node N -m finner_batch train …, or accelerate launch.
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
