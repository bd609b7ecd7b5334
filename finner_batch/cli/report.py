"""`finner-batch report`: wraps `finner_batch.report`."""

import json
import logging

import click

from finner_batch.cli.options import FlagOption, PathOrUrl, json_option, output_option


@click.command
@output_option
@click.option(
    "--html",
    type=click.Path(dir_okay=False),
    help="The file to write; by default report.html in --output.",
)
@click.option(
    "--run", "run_id", cls=FlagOption, metavar="RUN_ID", help="Include only what this run wrote; by default everything."
)
@click.option(
    "--against-xbrl",
    "filings",
    cls=FlagOption,
    type=PathOrUrl(),
    multiple=True,
    help="Compare the numbers with the tags of these filings, as `evaluate` does.",
)
@click.option("--model", help="With --against-xbrl: the model folder that made the rows; the packaged one by default.")
@json_option
def report(
    *, output: str, html: str | None, run_id: str | None, filings: tuple[str, ...], model: str | None, as_json: bool
) -> None:
    """Write one self-contained HTML page about a results folder, to read, search and share; it needs no network.

    It shows the numbers by tag and company, their distributions, every number marked in its sentence, the failed
    documents, and the last run's figures compared with those of the run before.
    """
    from finner_batch.log import set_up_log  # noqa: PLC0415 - heavy
    from finner_batch.report.page import ReportConfig, write_report  # noqa: PLC0415 - heavy
    from finner_batch.storage.place import place_of  # noqa: PLC0415 - heavy

    set_up_log(logging.INFO)
    written = write_report(
        ReportConfig(
            output=place_of(output),
            html=place_of(html) if html else None,
            run_id=run_id,
            against_xbrl=filings,
            model=model,
        )
    )
    if as_json:
        figures = {"bytes": written.bytes, "shown": written.shown, "total": written.total}
        click.echo(json.dumps({"path": str(written.path), **figures}, indent=2))
        return
    shown = f"{written.total:,} numbers"
    if written.shown < written.total:
        shown = f"{written.shown:,} of {written.total:,} numbers, an even sample"
    click.echo(f"{written.path}: {shown}, {written.bytes / (1 << 20):.1f} MB")
