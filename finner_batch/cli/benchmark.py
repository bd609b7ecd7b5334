"""`finner-batch benchmark`: thin over `finner_batch.benchmark.measure`."""

import json
import logging
from pathlib import Path
from typing import Any

import click

from finner_batch.cli.options import FlagOption, given_inputs, input_option, setting_options
from finner_batch.config import RunConfig
from finner_batch.errors import UsageError

SAMPLES = Path(__file__).resolve().parents[2] / "data" / "filings"
"""The sample filings of a checkout; an installed package has none."""
STDOUT = "-"


@click.command(short_help="Measure the job on this machine, beside the usual stack.")
@input_option(default="the sample filings")
@setting_options(RunConfig, "model", "device", "backend")
@click.option("--repeats", type=click.IntRange(1), default=5, help="Times that everything is measured.")
@click.option("--compare", is_flag=True, help="Measure the usual stack too (extra `benchmark`).")
@click.option(
    "--compare-sentences",
    type=click.IntRange(1),
    default=512,
    help="Sentences that the backends and the usual stack tag, at most.",
)
@click.option(
    "--times",
    type=click.IntRange(1),
    default=1,
    help="Run over so many copies of the input too: how time and memory grow.",
)
@click.option("--price-per-hour", type=click.FloatRange(0), help="Price of this machine: the cost is reckoned from it.")
@click.option(
    "--json",
    "json_file",
    cls=FlagOption,
    is_flag=False,
    flag_value=STDOUT,
    metavar="[FILE]",
    help="The figures as JSON into FILE, or instead of the text on stdout.",
)
def benchmark(inputs: tuple[str, ...], json_file: str | None, **settings: Any) -> None:
    """Measure every stage of the job, the model beside this machine's own ceiling, and the whole job.

    Each repeat does the input twice, once stage by stage in one process and once as `finner-batch run`; nothing is
    kept. Every backend that is installed tags the same sentences too, in turns. Medians are given with the lowest and
    highest. With --compare, BeautifulSoup, pysbd, a transformers pipeline and a plain onnxruntime loop run in turns
    with it, on the same texts.
    """
    from finner_batch.benchmark.measure import BenchmarkConfig, measure  # noqa: PLC0415 - heavy
    from finner_batch.benchmark.summary import summary  # noqa: PLC0415 - heavy
    from finner_batch.log import set_up_log  # noqa: PLC0415 - heavy
    from finner_batch.store.whole import whole_file  # noqa: PLC0415 - heavy

    set_up_log(logging.INFO)
    logging.getLogger("finner_batch.engine").setLevel(logging.WARNING)  # each pass would log its commits
    figures = measure(BenchmarkConfig(input=given_inputs(inputs) if inputs else _samples(), **settings))
    as_json = json.dumps(figures.as_json(), indent=2)
    if json_file == STDOUT:
        click.echo(as_json)
        return
    click.echo(summary(figures))
    if json_file is not None:
        with whole_file(Path(json_file)) as temporary:
            temporary.write_text(as_json + "\n", encoding="utf-8")


def _samples() -> tuple[str, ...]:
    if not SAMPLES.is_dir():
        raise UsageError(
            "nothing to measure: give --input FILES, folders, globs or URLs (an installation has no samples)"
        )
    return (str(SAMPLES),)
