"""`finner-batch label`: wraps `finner_batch.training.data.label`."""

import dataclasses
import json
import logging
from pathlib import Path

import click

from finner_batch.cli.options import given_inputs, input_option, json_option, setting_options
from finner_batch.config import RunConfig


@click.command
@input_option()
@click.option("--output", "-o", type=click.Path(file_okay=False), default="dataset", help="The dataset folder.")
@click.option(
    "--annotations", type=click.Path(path_type=Path), help="Readings to add: a JSON Lines file, or a folder of them."
)
@click.option(
    "--labels",
    default="debt4",
    help="Concepts that the statistics and the report count as labels: debt4, finer139, or a file of names. "
    "The dataset itself keeps every concept.",
)
@click.option(
    "--report",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for a report on the dataset: tables in report.md, and charts (extra `train`).",
)
@setting_options(RunConfig, "user_agent")
@json_option
def label(
    inputs: tuple[str, ...],
    output: str,
    annotations: Path | None,
    labels: str,
    report: Path | None,
    user_agent: str | None,
    as_json: bool,
) -> None:
    """Read inline-XBRL filings into a dataset of sentences whose numbers carry the concepts that their filers tagged.

    The dataset is split into train, validation and dev by company. Its statistics.json says what was left out and why.
    """
    from finner_batch.log import set_up_log  # noqa: PLC0415 - heavy
    from finner_batch.training.data.dataset import read_labels  # noqa: PLC0415 - heavy
    from finner_batch.training.data.label import label as label_filings  # noqa: PLC0415 - heavy
    from finner_batch.training.eda.dataset_report import write_report  # noqa: PLC0415 - heavy
    from finner_batch.training.evaluation.plots import require_matplotlib  # noqa: PLC0415 - heavy

    inputs = given_inputs(inputs)
    names = read_labels(labels)
    if report:
        require_matplotlib()
    set_up_log(logging.INFO)
    statistics = label_filings(inputs, Path(output), annotations, names, user_agent=user_agent)
    written = write_report(Path(output), report, names) if report else None
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(statistics), indent=2))
        return
    click.echo(f"{output}: {statistics.documents} filings of {sum(statistics.companies.values())} companies")
    for name, counts in (
        ("companies", statistics.companies),
        ("sentences", statistics.sentences),
        ("facts", statistics.facts),
        ("readings", statistics.readings),
    ):
        if counts:
            click.echo(f"  {name}: " + ", ".join(f"{key} {count:,}" for key, count in counts.items()))
    tagged, read = (sum(counts[by] for counts in statistics.labels.values()) for by in ("tagged", "read"))
    click.echo(f"  labels: {len(names)} concepts, tagged {tagged:,}, read {read:,}")
    if written:
        click.echo(f"  report: {written}")
