"""`finner-batch diff`: wraps `finner_batch.query.diff`."""

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from finner_batch.cli.options import format_options
from finner_batch.cli.query import outside, refuse_several_formats, show, write_rows

if TYPE_CHECKING:
    from finner_batch.query.diff import Difference


@click.command
@click.argument("results_a", type=click.Path())
@click.argument("results_b", type=click.Path())
@click.option(
    "--tolerance",
    default=0.05,
    type=click.FloatRange(min=0, max=1),
    help="Ignore differences in confidence up to this value.",
)
@click.option(
    "--rows", type=click.IntRange(0), default=40, metavar="N", help="Maximum number of rows in the table; 0 for all."
)
@format_options
def diff(
    *,
    results_a: str,
    results_b: str,
    tolerance: float,
    rows: int,
    as_csv: bool,
    as_json: bool,
    parquet: str | None,
) -> None:
    """Show the entities gained, lost and changed from RESULTS_A to RESULTS_B: two models, two versions, two dates.

    An entity has changed if its label, value or unit differs, or its confidence by more than the tolerance. Entities
    of documents that only one folder has are counted separately. The exit code is 0 whether or not the results differ.
    """
    refuse_several_formats(as_csv, as_json, parquet)
    from finner_batch.query.diff import diff as compare  # noqa: PLC0415 - heavy
    from finner_batch.query.writers import write_json  # noqa: PLC0415 - heavy
    from finner_batch.storage.place import place_of  # noqa: PLC0415 - heavy

    target = None
    if parquet is not None:
        target = outside("--parquet", parquet, results_a)
        outside("--parquet", parquet, results_b)
    for_reading = not (as_csv or as_json or target)
    difference = compare(place_of(results_a), place_of(results_b), tolerance=tolerance, for_reading=for_reading)
    stdout = sys.stdout.buffer
    if target is not None or as_csv:
        write_rows(difference.rows, target, as_csv=as_csv)
    elif as_json:
        head = json.dumps(_summary(difference), indent=2)
        stdout.write(head.removesuffix("\n}").encode() + b',\n  "rows": ')
        write_json(difference.rows, stdout)
        stdout.write(b"}\n")
    else:
        _show(difference, rows)
    stdout.flush()


def _summary(difference: "Difference") -> dict[str, Any]:
    return {
        "a": asdict(difference.a),
        "b": asdict(difference.b),
        "documents": difference.documents,
        "documents_elsewhere": difference.unmatched,
        "labels": difference.labels,
    }


def _show(difference: "Difference", rows: int) -> None:
    from finner_batch.terminal import table_lines, visible  # noqa: PLC0415 - heavy

    for name, side in (("A", difference.a), ("B", difference.b)):
        click.echo(
            visible(
                f"{name}: {side.results}: {side.documents:,} documents, {side.entities:,} entities, "
                f"{', '.join(side.models) or 'no model'}"
            )
        )
    click.echo("documents: " + ", ".join(f"{count:,} {place}" for place, count in difference.documents.items()))
    click.echo()
    total = difference.labels[-1]
    names = [name for name, count in total.items() if count or name in {"label", "in_a", "in_b", "same"}]
    for line in table_lines(names, [[row[name] for name in names] for row in difference.labels], width=200):
        click.echo(line)
    click.echo()
    if total["same"] == total["in_a"] == total["in_b"]:
        click.echo("no entity differs")
    else:
        show(difference.rows, rows)
