"""`finner-batch evaluate`: wraps `finner_batch.training.evaluation`."""

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
"""Parameters that do not apply to `--against-xbrl`."""


@click.command
@click.option("--model", help="Model folder; the packaged one by default.")
@click.option(
    "--data", default="dataset", type=click.Path(path_type=Path), help="Dataset made by `label`, or your own rows."
)
@click.option(
    "--split",
    type=click.Choice(["dev", "test", "validation", "train", "all"]),
    default="dev",
    help="Rows to measure on: dev (or test) to report, validation to choose by, all for every row.",
)
@click.option(
    "--labels",
    help="Label set that names the tags of --data if they are plain integers (finer139).  "
    "[default: the label set the model was trained on]",
)
@click.option(
    "--gold",
    type=click.Choice(["readings", "filers"]),
    help="Gold labels to compare with: by default the readings, if the split has any.",
)
@click.option(
    "--precision",
    type=click.Choice(["fp32", "fp16", "int8", "openvino"]),
    help="Variant of the model; by default the one that suits the device.",
)
@click.option("--cost", help="Cost of a wrong row and of a missed number, as in fp=1,fn=5, for choosing thresholds.")
@click.option(
    "--write-thresholds",
    is_flag=True,
    help="Write the chosen thresholds to the folder --model; needs --split validation, or rows it was not trained on.",
)
@click.option("--errors", type=click.Path(dir_okay=False), help="Write the list of errors to this Parquet file.")
@click.option(
    "--output",
    "-o",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for report.json, classification_report.txt, errors.parquet, confusion.png, reliability.png.",
)
@click.option("--results", type=click.Path(), help="With --against-xbrl: the results folder.  [default: results]")
@click.option(
    "--against-xbrl",
    "filings",
    cls=FlagOption,
    type=PathOrUrl(),
    multiple=True,
    help="Compare the rows of --results with the tags of these filings instead.",
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
    """Measure precision, recall, F1 (with confidence intervals) and calibration of a model on labelled sentences.

    With --results and --against-xbrl, compare the rows of a results folder with the filers' own tags instead.
    """
    from finner_batch.log import set_up_log  # noqa: PLC0415 - heavy

    set_up_log(logging.INFO)
    if filings:
        _refuse(ctx, ONLY_ON_SENTENCES, "--against-xbrl measures results, not sentences")
        _against_xbrl(ctx, model, data, results, filings, errors, as_json)
        return
    _refuse(ctx, ("results",), "it needs --against-xbrl FILINGS")
    errors_file = local_file("--errors", errors) if errors else None
    from finner_batch.training.evaluation.evaluate import SCHEMA, EvaluationConfig, measure, write_output, write_rows  # noqa: PLC0415 - heavy  # noqa: PLC0415 - heavy
    from finner_batch.training.evaluation.evaluation_summary import summary  # noqa: PLC0415 - heavy
    from finner_batch.training.evaluation.plots import require_matplotlib  # noqa: PLC0415 - heavy

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
            f"{result.model_id} labels none of these {result.figures.numbers:,} numbers: choose another --model, "
            "or lower its thresholds (--cost fp=1,fn=5 --write-thresholds)"
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
    from finner_batch.storage.place import place_of  # noqa: PLC0415 - heavy
    from finner_batch.training.evaluation.against_xbrl import SCHEMA, against_xbrl  # noqa: PLC0415 - heavy
    from finner_batch.training.evaluation.evaluate import write_rows  # noqa: PLC0415 - heavy
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
