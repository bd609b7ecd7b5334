"""`finner-batch run` and `finner-batch retry`: thin over `finner_batch.engine.run`."""

import dataclasses
import json
import logging
import os
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from finner_batch.cli.options import PathOrUrl, config_option, given_inputs, input_option, json_option, output_option
from finner_batch.config import RunConfig
from finner_batch.errors import UsageError

Command = TypeVar("Command", bound=Callable[..., Any])
_FIELDS = {field.name: field for field in dataclasses.fields(RunConfig)}


def _setting(flag: str, **extra: Any) -> Callable[[Command], Command]:
    """A flag whose name and default are those of the `RunConfig` field."""
    field = _FIELDS[flag.removeprefix("--").replace("-", "_")]
    return click.option(flag, default=field.default, **extra)


def run_settings(command: Command) -> Command:
    """The settings that `run` and `retry` share."""
    for option in reversed(
        [
            _setting(
                "--form",
                multiple=True,
                metavar="FORM,...",
                help="Read these forms only, as in 10-K,10-Q or 10-K*; others are left for a later run.",
            ),
            _setting(
                "--documents",
                type=click.Choice(["main", "debt", "all"]),
                help="Of a full submission: the main document, with EX-4, EX-10 and EX-13 too, or all.",
            ),
            _setting("--tables", is_flag=True, help="Read the text of tables too."),
            _setting("--user-agent", metavar="TEXT", help="Name and contact for web servers; sec.gov requires them."),
            _setting(
                "--text-column",
                multiple=True,
                help="Text column of shards; may be given several times. With it .csv and .tsv files are shards too.",
            ),
            _setting("--id-column", help="Column of a shard that names its rows."),
            _setting(
                "--keep-column",
                multiple=True,
                help="Column of shards whose values go into documents.kept; may be given several times.",
            ),
            _setting("--model", help="Model folder; the packaged one by default."),
            _setting(
                "--every-sentence",
                is_flag=True,
                help="Read sentences without the model's cues (no word of debt, say) too: some five times as many.",
            ),
            _setting("--device", type=click.Choice(["auto", "cpu", "cuda"]), help="Where the model runs."),
            _setting(
                "--engine", type=click.Choice(["local", "ray"]), help="This machine's processes, or Ray's actors."
            ),
            _setting(
                "--address", metavar="HOST:PORT", help="Ray cluster to join, or `auto`; without it one is started."
            ),
            _setting(
                "--backend",
                type=click.Choice(["auto", "onnxruntime", "openvino"]),
                help="What runs the model; auto: OpenVINO (extra `openvino`) on a CPU where it is faster.",
            ),
            _setting(
                "--workers", type=click.IntRange(0, 256), help="Reading processes; 0: one per CPU, eight at most."
            ),
            _setting("--batch-tokens", type=click.IntRange(0), help="Tokens in a batch; 0: the device's own best."),
            _setting(
                "--window-sentences",
                type=click.IntRange(0),
                help="Sentences that are sorted and tagged together; 0: the device's own best.",
            ),
            _setting(
                "--cache-mb",
                type=click.IntRange(0),
                help="Mebibytes of tagged sentences that are kept across runs; 0: none.  [default: 256, on a GPU 0]",
            ),
            _setting(
                "--timeout-s", type=click.FloatRange(0.1), help="Seconds that reading or tagging one document may take."
            ),
            _setting("--memory-limit-mb", type=click.IntRange(256), help="Mebibytes that a reading process may use."),
            _setting("--max-document-mb", type=click.IntRange(1), help="Mebibytes of one document, decompressed."),
            _setting("--commit-seconds", type=click.FloatRange(0), help="Seconds between commits."),
            _setting("--commit-documents", type=click.IntRange(1), help="Documents in a commit at most."),
        ]
    ):
        command = option(command)
    return command


@click.command(short_help="Read filings or shards, write the financial numbers they state.")
@input_option()
@click.argument("more_inputs", type=PathOrUrl(), nargs=-1, metavar="[PATH]...")
@output_option
@_setting("--shard", metavar="I/N", help="Read the I-th of N shares of the sources only, as in 2/8.")
@run_settings
@config_option
@json_option
def run(inputs: tuple[str, ...], more_inputs: tuple[str, ...], as_json: bool, **settings: Any) -> int:
    """Read EDGAR filings or text shards, tag them, and add the financial numbers they state to a results folder.

    What was done before with the same content, model and settings is skipped, so the command can be repeated, scheduled
    and killed at any moment. A summary goes to stdout, the log to stderr.
    """
    from finner_batch.engine.run import run as run_job  # noqa: PLC0415 - heavy

    given = given_inputs((*inputs, *more_inputs), may_be_none=True)  # find lists nothing where nothing is new
    return perform(run_job, RunConfig(input=tuple(map(_absolute, given)), **settings), as_json)


def _absolute(path: str) -> str:
    """A path that means the same from every folder; a URL as it is."""
    return path if "://" in path else os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111 - links stay


def perform(job: Callable[..., Any], config: RunConfig, as_json: bool) -> int:
    """Run a job under signal handling, with log and progress, and print what it reports."""
    from finner_batch.engine.log import set_up_log  # noqa: PLC0415 - heavy
    from finner_batch.engine.stop import stop_on_signals  # noqa: PLC0415 - heavy

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
