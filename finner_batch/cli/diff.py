"""`finner-batch diff`: what differs between two results folders."""

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from finner_batch.cli.options import FlagOption, json_option
from finner_batch.cli.query import outside, show
from finner_batch.errors import UsageError

if TYPE_CHECKING:
    from finner_batch.query.diff import Difference


@click.command()
@click.argument("results_a", type=click.Path())
@click.argument("results_b", type=click.Path())
@click.option(
    "--tolerance",
    default=0.05,
    type=click.FloatRange(min=0, max=1),
    help="Difference of confidence that is no change.",
)
@click.option("--rows", type=click.IntRange(0), default=40, metavar="N", help="Rows of the table at most; 0 for all.")
@click.option("--csv", "as_csv", cls=FlagOption, is_flag=True, help="The rows as CSV on stdout.")
@json_option
@click.option("--parquet", type=click.Path(dir_okay=False), help="The rows into this Parquet file.")
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

    Changed is another label, value or unit, or a confidence beyond the tolerance. Entities that came or went with their
    document are told from those that the same document gained or lost. The exit code is 0 whether or not they differ.
    """
    if sum([as_csv, as_json, parquet is not None]) > 1:
        raise UsageError("--csv, --json and --parquet exclude each other")
    from finner_batch.query.diff import diff as compare  # noqa: PLC0415 - DuckDB is loaded for this only
    from finner_batch.query.export import write_csv, write_json, write_parquet  # noqa: PLC0415 - likewise
    from finner_batch.storage.place import place_of  # noqa: PLC0415 - likewise

    target = None
    if parquet is not None:
        target = outside("--parquet", parquet, results_a)
        outside("--parquet", parquet, results_b)
    shown = not (as_csv or as_json or target)
    found = compare(place_of(results_a), place_of(results_b), tolerance=tolerance, shown=shown)
    stdout = sys.stdout.buffer
    if target is not None:
        count = write_parquet(found.rows, target)
        click.echo(f"{count:,} rows in {target}", err=True)
    elif as_csv:
        write_csv(found.rows, stdout, harmless=sys.stdout.isatty())
    elif as_json:
        head = json.dumps(_summary(found), indent=2)
        stdout.write(head.removesuffix("\n}").encode() + b',\n  "rows": ')
        write_json(found.rows, stdout)
        stdout.write(b"}\n")
    else:
        _show(found, rows)
    stdout.flush()


def _summary(found: "Difference") -> dict[str, Any]:
    return {
        "a": asdict(found.a),
        "b": asdict(found.b),
        "documents": found.documents,
        "documents_elsewhere": found.elsewhere,
        "labels": found.labels,
    }


def _show(found: "Difference", rows: int) -> None:
    from finner_batch.query.table import table_lines, visible  # noqa: PLC0415 - loaded for this only

    for name, side in (("A", found.a), ("B", found.b)):
        click.echo(
            visible(
                f"{name}: {side.results}: {side.documents:,} documents, {side.entities:,} entities, "
                f"{', '.join(side.models) or 'no model'}"
            )
        )
    click.echo("documents: " + ", ".join(f"{count:,} {place}" for place, count in found.documents.items()))
    click.echo()
    total = found.labels[-1]
    names = [name for name, count in total.items() if count or name in {"label", "in_a", "in_b", "same"}]
    for line in table_lines(names, [[row[name] for name in names] for row in found.labels], width=200):
        click.echo(line)
    click.echo()
    if total["same"] == total["in_a"] == total["in_b"]:
        click.echo("no entity differs")
    else:
        show(found.rows, rows)
