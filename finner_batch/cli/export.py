"""`finner-batch export`: thin over `finner_batch.training.export.export`."""

import logging
from pathlib import Path
from typing import Any

import click

from finner_batch.training.learning.config import require_train_extra


@click.command(short_help="Make an ONNX variant of a model, gated on agreement.")
@click.option("--model", default="model", help="Model folder made by `train`, its checkpoint/ included.")
@click.option("--data", help="Labelled data that the gate compares on.  [default: those of the training]")
@click.option(
    "--precision",
    type=click.Choice(["fp32", "fp16", "int8", "openvino"]),
    multiple=True,
    help="Variants: int8 and fp16 by default, and openvino (fp16's file as OpenVINO runs it) where it is installed.",
)
def export(model: str, data: str | None, precision: tuple[Any, ...]) -> None:
    """Make ONNX variants; one that does not agree with the checkpoint is not written, and the exit code is 5."""
    require_train_extra()
    from finner_batch.log import set_up_log  # noqa: PLC0415 - heavy
    from finner_batch.training.export.export import export_model  # noqa: PLC0415 - heavy

    set_up_log(logging.INFO)
    for gate in export_model(Path(model), Path(data) if data else None, precision or None):
        click.echo(
            f"{gate.precision}: {gate.bytes / 1e6:.1f} MB, spans alike {gate.span_agreement:.2%} of {gate.spans}, "
            f"largest logit difference {gate.max_logit_difference:.3f}, "
            f"micro-F1 {gate.f1:.3f} (loss {gate.f1_loss:+.4f})"
        )
