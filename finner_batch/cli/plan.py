"""`finner-batch plan`: thin over `finner_batch.benchmark.plan`."""

import json
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
from finner_batch.cli.run import run_settings
from finner_batch.config import RunConfig


@click.command(short_help="Reckon documents, bytes, time and cost of a run before it.")
@input_option()
@click.argument("more_inputs", type=PathOrUrl(), nargs=-1, metavar="[PATH]...")
@click.option("--machines", type=click.IntRange(1), default=1, help="Machines that share the input by --shard.")
@click.option(
    "--benchmark", metavar="FILE", help="A file of `finner-batch benchmark --json`; the newest of data/benchmarks."
)
@click.option(
    "--price-per-hour", type=click.FloatRange(0), help="Price of a machine; the benchmark's where it has one."
)
@click.option("--sample", type=click.IntRange(1), default=40, help="Files that are read to count what they hold.")
@setting_options(RunConfig, "shard")
@output_option
@run_settings
@config_option
@json_option
def plan(
    inputs: tuple[str, ...],
    more_inputs: tuple[str, ...],
    output: str,
    machines: int,
    benchmark: str | None,
    price_per_hour: float | None,
    sample: int,
    as_json: bool,
    **settings: Any,
) -> None:
    """Say what a run would read, and why, and reckon time and cost on one machine and on several, before it is begun.

    Give it the flags of the run. What the results folder has done with the same content, model and settings is told
    from what is new, or would be done again for a changed content, another model, another setting or another version.
    Time is reckoned by the rates of a benchmark file, so it is that of the machine measured there. Nothing is written.
    """
    from finner_batch.benchmark.plan import PlanConfig  # noqa: PLC0415 - heavy
    from finner_batch.benchmark.plan import plan as make_plan  # noqa: PLC0415 - heavy
    from finner_batch.benchmark.plan_summary import plan_summary  # noqa: PLC0415 - heavy

    given = given_inputs((*inputs, *more_inputs))
    made = make_plan(
        PlanConfig(
            input=given,
            machines=machines,
            benchmark=benchmark,
            price_per_hour=price_per_hour,
            sample=sample,
            model=settings["model"],
            run=RunConfig(input=given, output=output, **settings),
        )
    )
    click.echo(json.dumps(made.as_json(), indent=2) if as_json else plan_summary(made))
