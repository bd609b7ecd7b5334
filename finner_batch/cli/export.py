"""`finner-batch export`: wraps `finner_batch.training.export.export`."""

import logging
from pathlib import Path
from typing import Any

import click

from finner_batch.training.learning.train_config import require_train_extra


@click.command
@click.option("--model", default="model", help="Model folder made by `train`, including its checkpoint/.")
@click.option("--data", help="Labelled data to compare on.  [default: the training's]")
@click.option(
    "--precision",
    type=click.Choice(["fp32", "fp16", "int8", "openvino"]),
    multiple=True,
    help="Variant to export; may be given several times. By default int8 and fp16, and openvino (the fp16 file as "
    "OpenVINO runs it) if it is installed.",
)
def export(model: str, data: str | None, precision: tuple[Any, ...]) -> None:
    """Export ONNX variants of a model.

    A variant that does not agree with the checkpoint is not written, and the exit code is 5.
    """
    require_train_extra()
    from finner_batch.log import set_up_log  # noqa: PLC0415 - heavy
    from finner_batch.training.export.export import export_model  # noqa: PLC0415 - heavy

    set_up_log(logging.INFO)
    for gate in export_model(Path(model), Path(data) if data else None, precision or None):
        click.echo(
            f"{gate.precision}: {gate.bytes / 1e6:.1f} MB, {gate.span_agreement:.2%} of {gate.spans} spans agree, "
            f"largest logit difference {gate.max_logit_difference:.3f}, "
            f"micro-F1 {gate.f1:.3f} (loss {gate.f1_loss:+.4f})"
        )
