"""`finner-batch retry`: thin over `finner_batch.runner.run`."""

import dataclasses
from typing import Any

import click

from finner_batch.cli.options import json_option
from finner_batch.cli.run import perform, run_settings
from finner_batch.config import RunConfig


def _settings_of_last_run(ctx: click.Context, _param: click.Parameter, value: str) -> str:
    """Callback of `--output`: the settings of the folder's last run become the defaults."""
    if ctx.resilient_parsing:
        return value
    from finner_batch.results.results_folder import require_results  # noqa: PLC0415 - heavy
    from finner_batch.results.run_reports import load_runs  # noqa: PLC0415 - heavy
    from finner_batch.storage.place import place_of  # noqa: PLC0415 - heavy

    require_results(place_of(value))
    own = {field.name for field in dataclasses.fields(RunConfig)} - {"input", "output"}
    for report in load_runs(place_of(value)):
        settings = {name: setting for name, setting in report.get("config", {}).items() if name in own}
        ctx.default_map = {**(ctx.default_map or {}), **settings}
    return value


@click.command
@click.option(
    "--output",
    "-o",
    type=click.Path(file_okay=False),
    default="results",
    is_eager=True,
    callback=_settings_of_last_run,
    help="The results folder.",
)
@run_settings
@json_option
def retry(output: str, as_json: bool, **settings: Any) -> int:
    """Process the failed documents of a results folder again, with the settings of its last run and the flags given.

    `run` skips a failed document until its content, the model or a setting changes. This command is for other causes:
    a time limit, memory, a file that could not be read.
    """
    from finner_batch.runner.run import retry as retry_job  # noqa: PLC0415 - heavy

    return perform(retry_job, RunConfig(input=(), output=output, **settings), as_json)
