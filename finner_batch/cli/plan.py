"""`finner-batch plan`: wraps `finner_batch.benchmark.plan`."""

import json
from dataclasses import asdict
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
from finner_batch.config import PlanConfig, RunConfig


@click.command
@input_option()
@click.argument("more_inputs", type=PathOrUrl(), nargs=-1, metavar="[PATH]...")
@setting_options(PlanConfig)
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
    """Show what a run would read, and why, and estimate its time and cost on one machine and on several.

    Give it the flags of the run. It separates what the results folder already holds from what is new and from what a
    run would repeat because the content, the model, a setting or the version changed. The estimate uses the rates of a
    benchmark file, so it applies to the machine measured there. Nothing is written.
    """
    from finner_batch.benchmark.benchmark_summary import plan_summary  # noqa: PLC0415 - heavy
    from finner_batch.benchmark.plan import plan as make_plan  # noqa: PLC0415 - heavy

    made = make_plan(
        PlanConfig(
            run=RunConfig(input=given_inputs((*inputs, *more_inputs)), output=output, **settings),
            machines=machines,
            benchmark=benchmark,
            price_per_hour=price_per_hour,
            sample=sample,
        )
    )
    click.echo(json.dumps(asdict(made), indent=2) if as_json else plan_summary(made))
