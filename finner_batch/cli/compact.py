"""`finner-batch compact`: wraps `finner_batch.results.compact`."""

import json
from dataclasses import asdict

import click

from finner_batch.cli.options import json_option, output_option
from finner_batch.machine import MEBIBYTE


@click.command
@output_option
@click.option("--target-mb", default=128, type=click.IntRange(min=1), help="Target size of a Parquet file in MiB.")
@json_option
def compact(*, output: str, target_mb: int, as_json: bool) -> None:
    """Rewrite a results folder into fewer, larger Parquet files, and drop rows that were replaced or removed.

    The views show the same rows before, during and after. An interrupted compaction loses nothing. Takes the lock.
    """
    from finner_batch.results.compact import compact as compact_results  # noqa: PLC0415 - heavy
    from finner_batch.storage.place import place_of  # noqa: PLC0415 - heavy

    report = compact_results(place_of(output), target_bytes=target_mb * MEBIBYTE)
    if as_json:
        click.echo(json.dumps(asdict(report), indent=2))
        return
    for name, size in (("before", report.before), ("after", report.after)):
        click.echo(
            f"{name:>6}: {size.parts:,} parts, {size.bytes / MEBIBYTE:,.1f} MiB, "
            f"{size.documents:,} document rows, {size.entities:,} entity rows"
        )
