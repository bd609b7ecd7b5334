"""`finner-batch benchmark`: wraps `finner_batch.benchmark.measure`."""

import json
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from finner_batch.cli.options import FlagOption, given_inputs, input_option, setting_options
from finner_batch.config import BenchmarkConfig
from finner_batch.demo.answers import samples_folder

STDOUT = "-"


@click.command
@input_option(default="the sample filings")
@setting_options(BenchmarkConfig)
@click.option(
    "--json",
    "json_file",
    cls=FlagOption,
    is_flag=False,
    flag_value=STDOUT,
    metavar="[FILE]",
    help="Write the figures as JSON to FILE; without FILE, print them instead of the text.",
)
def benchmark(inputs: tuple[str, ...], json_file: str | None, **settings: Any) -> None:
    """Measure every stage of the job, the model against the ceiling of this machine, and the whole job.

    Each repeat processes the input twice: stage by stage in one process, and as `finner-batch run`. No results are
    kept. All installed backends take turns tagging the same sentences. Each figure is a median, with the lowest and
    the highest. With --compare, BeautifulSoup, pysbd, a transformers pipeline and a plain onnxruntime loop take turns
    with finner-batch on the same texts.
    """
    from finner_batch.benchmark.benchmark_summary import summary  # noqa: PLC0415 - heavy
    from finner_batch.benchmark.measure import measure  # noqa: PLC0415 - heavy
    from finner_batch.log import set_up_log  # noqa: PLC0415 - heavy
    from finner_batch.storage.whole_file import whole_file  # noqa: PLC0415 - heavy

    set_up_log(logging.INFO)
    logging.getLogger("finner_batch.runner").setLevel(logging.WARNING)  # otherwise every repeat logs its commits
    figures = measure(BenchmarkConfig(input=given_inputs(inputs or (str(samples_folder()),)), **settings))
    as_json = json.dumps(asdict(figures), indent=2)
    if json_file == STDOUT:
        click.echo(as_json)
        return
    click.echo(summary(figures))
    if json_file is not None:
        with whole_file(Path(json_file)) as temporary:
            temporary.write_text(as_json + "\n", encoding="utf-8")
