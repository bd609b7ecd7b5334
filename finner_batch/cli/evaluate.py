"""`finner-batch evaluate`: thin over `finner_batch.training.evaluation`."""

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from finner_batch.cli.options import FlagOption, PathOrUrl, json_option, local_file
from finner_batch.errors import ModelError, UsageError

if TYPE_CHECKING:
    from finner_batch.training.data.dataset import Gold

ONLY_ON_SENTENCES = ("split", "labels", "gold", "precision", "cost", "write_thresholds", "output")
"""Parameters that mean nothing to `--against-xbrl`."""


@click.command(short_help="Measure a model on labelled sentences, or results against the filers' tags.")
@click.option("--model", help="Model folder; the packaged one by default.")
@click.option(
    "--data", default="dataset", type=click.Path(path_type=Path), help="Dataset made by `label`, or rows of one's own."
)
@click.option(
    "--split",
    type=click.Choice(["dev", "test", "validation", "train", "all"]),
    default="dev",
    help="Which rows: dev (or test) is what is reported, validation what may be chosen by; all: every row.",
)
@click.option(
    "--labels",
    help="Label set that numbers the tags of --data, where they are integers without names (finer139).  "
    "[default: that of the model's training]",
)
@click.option(
    "--gold",
    type=click.Choice(["readings", "filers"]),
    help="Whose judgement counts; the readings by default, where the split has any.",
)
@click.option(
    "--precision", type=click.Choice(["fp32", "fp16", "int8", "openvino"]), help="Variant; the device's own by default."
)
@click.option("--cost", help="What a wrong row and a missed number cost, as fp=1,fn=5: thresholds are chosen by it.")
@click.option(
    "--write-thresholds",
    is_flag=True,
    help="Put the chosen thresholds into the folder --model; by the split validation, or rows it has not learnt from.",
)
@click.option("--errors", type=click.Path(dir_okay=False), help="Parquet file for the list of errors.")
@click.option(
    "--output",
    "-o",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for report.json, classification_report.txt, errors.parquet, confusion.png, reliability.png.",
)
@click.option("--results", type=click.Path(), help="With --against-xbrl: the results folder.")
@click.option(
    "--against-xbrl",
    "filings",
    cls=FlagOption,
    type=PathOrUrl(),
    multiple=True,
    help="Instead: compare the rows of --results with the tags of these filings.",
)
@json_option
@click.pass_context
def evaluate(
    ctx: click.Context,
    model: str | None,
    data: Path,
    split: str,
    labels: str | None,
    gold: "Gold | None",
    precision: str | None,
    cost: str | None,
    write_thresholds: bool,
    errors: str | None,
    output: Path | None,
    results: str | None,
    filings: tuple[str, ...],
    as_json: bool,
) -> None:
    """Measure precision, recall and F1 of a model on labelled sentences, with intervals, and its calibration.

    With --results and --against-xbrl it compares the rows of a whole job with the filers' own tags instead.
    """
    from finner_batch.log import set_up_log  # noqa: PLC0415 - heavy

    set_up_log(logging.INFO)
    if filings:
        _refuse(ctx, ONLY_ON_SENTENCES, "--against-xbrl measures results, not sentences")
        _against_xbrl(ctx, model, data, results, filings, errors, as_json)
        return
    _refuse(ctx, ("results",), "it needs --against-xbrl FILINGS")
    errors_file = local_file("--errors", errors) if errors else None
    from finner_batch.training.evaluation.evaluate import EvaluationConfig, measure, write_output  # noqa: PLC0415 - heavy
    from finner_batch.training.evaluation.mistakes import SCHEMA, write_rows  # noqa: PLC0415 - heavy
    from finner_batch.training.evaluation.plots import require_matplotlib  # noqa: PLC0415 - heavy
    from finner_batch.training.evaluation.summary import summary  # noqa: PLC0415 - heavy

    if output:
        require_matplotlib()
    result = measure(
        EvaluationConfig(
            data=data,
            model=model,
            variant=precision,
            split="dev" if split == "test" else split,
            labels=labels,
            gold=gold,
            cost=cost,
            write_thresholds=write_thresholds,
        )
    )
    text = summary(result)
    if output:
        write_output(result, text, output)
    if errors_file:
        write_rows(result.errors, SCHEMA, errors_file)
    click.echo(json.dumps(result.as_json(), indent=2) if as_json else text)
    if result.labels_nothing and not cost:
        raise ModelError(
            f"{result.model_id} labels none of these {result.figures.numbers:,} numbers: another --model, or lower "
            "thresholds (--cost fp=1,fn=5 --write-thresholds)"
        )


def _against_xbrl(
    ctx: click.Context,
    model: str | None,
    data: Path,
    results: str | None,
    filings: tuple[str, ...],
    errors: str | None,
    as_json: bool,
) -> None:
    from finner_batch.store.place import place_of  # noqa: PLC0415 - heavy
    from finner_batch.training.evaluation.against_xbrl import SCHEMA, against_xbrl  # noqa: PLC0415 - heavy
    from finner_batch.training.evaluation.mistakes import write_rows  # noqa: PLC0415 - heavy
    from finner_batch.training.evaluation.xbrl_summary import comparison_json, comparison_text  # noqa: PLC0415 - heavy

    errors_file = local_file("--errors", errors) if errors else None
    found = against_xbrl(
        place_of(results or "results"), filings, model=model, data=data if _is_given(ctx, "data") else None
    )
    if errors_file:
        write_rows(found.rows, SCHEMA, errors_file)
    click.echo(json.dumps(comparison_json(found), indent=2) if as_json else comparison_text(found))


def _refuse(ctx: click.Context, names: tuple[str, ...], reason: str) -> None:
    given = [f"--{name.replace('_', '-')}" for name in names if _is_given(ctx, name)]
    if given:
        raise UsageError(f"{', '.join(given)}: {reason}")


def _is_given(ctx: click.Context, name: str) -> bool:
    return ctx.get_parameter_source(name) is not ParameterSource.DEFAULT
