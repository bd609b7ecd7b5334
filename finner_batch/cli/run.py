"""`finner-batch run`, and what it shares with `finner-batch retry`: thin over `finner_batch.runner.run`."""

import dataclasses
import json
import logging
import os
import sys
from collections.abc import Callable
from typing import Any

import click

from finner_batch.cli.options import (
    PathOrUrl,
    config_option,
    given_inputs,
    input_option,
    json_option,
    output_option,
    setting_options,
)
from finner_batch.config import RunConfig
from finner_batch.errors import UsageError

_OWN_OPTIONS = {"input", "output", "shard"}
"""Settings that the commands declare themselves, or do not have."""
run_settings = setting_options(
    RunConfig, *(field.name for field in dataclasses.fields(RunConfig) if field.name not in _OWN_OPTIONS)
)
"""The settings that `run`, `retry` and `plan` share, as flags."""


@click.command
@input_option()
@click.argument("more_inputs", type=PathOrUrl(), nargs=-1, metavar="[PATH]...")
@output_option
@setting_options(RunConfig, "shard")
@run_settings
@config_option
@json_option
def run(inputs: tuple[str, ...], more_inputs: tuple[str, ...], as_json: bool, **settings: Any) -> int:
    """Read EDGAR filings or text shards, tag them, and add the financial numbers they state to a results folder.

    What was done before with the same content, model and settings is skipped, so the command can be repeated, scheduled
    and killed at any moment. The summary goes to stdout, the log to stderr.
    """
    from finner_batch.runner.run import run as run_job  # noqa: PLC0415 - heavy

    given = given_inputs((*inputs, *more_inputs), may_be_none=True)  # find lists nothing where nothing is new
    return perform(run_job, RunConfig(input=tuple(map(_absolute, given)), **settings), as_json)


def _absolute(path: str) -> str:
    """Return a path that is valid from every folder; a URL unchanged."""
    return path if "://" in path else os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111 - resolve() follows links


def perform(job: Callable[..., Any], config: RunConfig, as_json: bool) -> int:
    """Run a job with signal handling, log and progress bar, and print its report."""
    from finner_batch.log import set_up_log  # noqa: PLC0415 - heavy
    from finner_batch.runner.stop import stop_on_signals  # noqa: PLC0415 - heavy

    for flag, names in (("--text-column", config.text_column), ("--keep-column", config.keep_column)):
        if repeated := [name for name in names if names.count(name) > 1]:
            raise UsageError(f"{flag} {repeated[0]} is given several times: give each column once")
    if config.model is not None:
        config = dataclasses.replace(config, model=_absolute(config.model))
    set_up_log(logging.INFO)
    with stop_on_signals() as stop:
        report = job(config, stop=stop, show_progress=sys.stderr.isatty())
    click.echo(json.dumps(report.as_json(), indent=2) if as_json else report.summary())
    return int(report.exit_code)
