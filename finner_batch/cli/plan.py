"""`finner-batch plan`: thin over `finner_batch.benchmark.plan`."""

import json
from typing import Any

import click

from finner_batch.cli.options import INPUT_HELP, FlagOption, PathOrUrl, given_inputs, json_option
from finner_batch.errors import UsageError


@click.command(short_help="Reckon documents, bytes, time and cost of a run before it.")
@click.option(
    "--input",
    "-i",
    "inputs",
    cls=FlagOption,
    type=PathOrUrl(),
    multiple=True,
    help=f"{INPUT_HELP}.  [required]",
)
@click.argument("more_inputs", type=PathOrUrl(), nargs=-1, metavar="[PATH]...")
@click.option("--machines", type=click.IntRange(1), default=1, help="Machines that share the input by --shard.")
@click.option(
    "--benchmark", metavar="FILE", help="A file of `finner-batch benchmark --json`; the newest of data/benchmarks."
)
@click.option(
    "--price-per-hour", type=click.FloatRange(0), help="Price of a machine; the benchmark's where it has one."
)
@click.option("--sample", type=click.IntRange(1), default=40, help="Files that are read to count what they hold.")
@click.option("--model", help="Model folder; the packaged one by default.")
@json_option
def plan(inputs: tuple[str, ...], more_inputs: tuple[str, ...], as_json: bool, **settings: Any) -> None:
    """Say what there is to read, and reckon time and cost on one machine and on several, before a run is begun.

    Time is reckoned by the rates of a benchmark file, so it is that of the machine measured there; every file is taken
    for new. Nothing is written.
    """
    from finner_batch.benchmark.plan import PlanConfig  # noqa: PLC0415 - heavy
    from finner_batch.benchmark.plan import plan as make_plan  # noqa: PLC0415 - heavy
    from finner_batch.benchmark.plan_summary import plan_summary  # noqa: PLC0415 - heavy

    given = given_inputs((*inputs, *more_inputs))
    if not given or not all(given):
        raise UsageError("nothing to plan: give --input FILES, folders, globs or URLs, and no empty one")
    made = make_plan(PlanConfig(input=given, **settings))
    click.echo(json.dumps(made.as_json(), indent=2) if as_json else plan_summary(made))
