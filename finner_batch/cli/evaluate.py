"""`finner-batch evaluate`: thin over `finner_batch.training.evaluate`."""

import json
from pathlib import Path

import click

from finner_batch.cli.options import json_option


@click.command(short_help="Measure a model on labelled sentences.")
@click.option("--model", help="Model folder; the packaged one by default.")
@click.option("--data", default="dataset", help="Dataset folder made by `label`.")
@click.option("--split", type=click.Choice(["dev", "train"]), default="dev", help="Which companies.")
@click.option("--precision", type=click.Choice(["fp32", "fp16", "int8"]), help="Variant; the device's own by default.")
@json_option
def evaluate(model: str | None, data: str, split: str, precision: str | None, as_json: bool) -> None:
    """Measure precision, recall and F1 of a model folder against the filers' own tags, and its calibration."""
    from finner_batch.training.evaluate import evaluate as evaluate_model  # noqa: PLC0415 - heavy
    from finner_batch.training.evaluate import summary  # noqa: PLC0415 - heavy

    report = evaluate_model(model, Path(data), split=split, variant=precision)
    click.echo(json.dumps(report.as_json(), indent=2) if as_json else summary(report))
