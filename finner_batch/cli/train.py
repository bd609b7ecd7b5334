"""`finner-batch train`: thin over `finner_batch.training.train`."""

import dataclasses
import logging
from collections.abc import Callable
from typing import Any, TypeVar

import click

from finner_batch.cli.options import config_option
from finner_batch.training.config import TrainConfig, require_train_extra

Command = TypeVar("Command", bound=Callable[..., Any])

HELP = {
    "data": "Dataset folder made by `label`.",
    "output": "The model folder.",
    "base": "DistilBERT or BERT: a folder, a hub name, or package:NAME for an installed package that holds one.",
    "labels": "Label set (debt4), or a file of concept names: a JSON list, or one a line.",
    "name": "The model's name.",
    "concept_epochs": "Epochs over every frequent concept first; 0: none.",
    "concept_focus": "In those epochs only sentences that speak of a debt's rate or amount.",
    "concept_minimum": "Occurrences that make a concept frequent.",
    "concept_learning_rate": "Highest learning rate of those epochs.",
    "epochs": "Epochs over the labels, at most.",
    "learning_rate": "Highest learning rate over the labels.",
    "patience": "Epochs without a better development F1 before stopping.",
    "hard_ratio": "Hard negative sentences for each positive one.",
    "easy_ratio": "Other negative sentences for each positive one.",
    "batch_tokens": "Tokens in a batch.",
    "max_length": "Tokens that the model reads at once.",
    "seed": "Seed of weights, order and dropout.",
    "notes": "Provenance and licence, for the model card.",
}


def _settings(command: Command) -> Command:
    """Add a flag for each field of `TrainConfig`, of its name, type and default."""
    for field in reversed(dataclasses.fields(TrainConfig)):
        flag = f"--{field.name.replace('_', '-')}"
        if isinstance(field.default, bool):
            flag = f"{flag}/--no-{flag.removeprefix('--')}"
        command = click.option(flag, type=type(field.default), default=field.default, help=HELP[field.name])(command)
    return command


@click.command(short_help="Fine-tune, evaluate and export a tagger.")
@_settings
@config_option
def train(**settings: Any) -> None:
    """Fine-tune an encoder on labelled sentences, measure it, export it to ONNX, and write the model folder."""
    require_train_extra()
    from finner_batch.engine.log import set_up_log  # noqa: PLC0415 - heavy
    from finner_batch.training.train import train as train_model  # noqa: PLC0415 - heavy

    set_up_log(logging.INFO)
    folder = train_model(TrainConfig(**settings))
    click.echo((folder / "README.md").read_text(encoding="utf-8"), nl=False)
