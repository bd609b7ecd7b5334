"""`finner-batch train`: wraps `finner_batch.training.learning.train`."""

import logging
from typing import Any

import click

from finner_batch.cli.options import PathOrUrl, config_option, setting_options
from finner_batch.training.learning.train_config import TrainConfig, require_train_extra


@click.command
@setting_options(TrainConfig, repeatable=PathOrUrl())
@config_option
def train(**settings: Any) -> None:
    """Fine-tune an encoder on labelled sentences, evaluate it, export it to ONNX, and write the model folder.

    On several GPUs: torchrun --nproc-per-node N -m finner_batch train …, or accelerate launch.
    """
    require_train_extra()
    from finner_batch.log import set_up_log  # noqa: PLC0415 - heavy
    from finner_batch.training.learning.processes import is_main  # noqa: PLC0415 - heavy
    from finner_batch.training.learning.train import train as train_model  # noqa: PLC0415 - heavy

    set_up_log(logging.INFO if is_main() else logging.WARNING)
    folder = train_model(TrainConfig(**settings))
    if is_main():
        logging.getLogger(__name__).info("the model is in %s: finner-batch run --model %s --input …", folder, folder)
        click.echo((folder / "README.md").read_text(encoding="utf-8"), nl=False)
