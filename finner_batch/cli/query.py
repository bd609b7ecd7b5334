"""`finner-batch query`: wraps `finner_batch.query`."""

import dataclasses
import json
import shutil
import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from finner_batch.cli.options import FlagOption, format_options, local_file, output_option
from finner_batch.errors import UsageError

if TYPE_CHECKING:
    from finner_batch.query.ask import Answer

WIDTH_WITHOUT_TERMINAL = 160
TABLE_ROWS = 40


@click.command
@click.argument("sql", required=False)
@output_option
@click.option("--file", "-f", "file", metavar="FILE", help="A file of SQL, or the name of a shipped question.")
@click.option("--list", "show_list", cls=FlagOption, is_flag=True, help="List the shipped questions.")
@click.option(
    "--param",
    "-p",
    "parameters",
    cls=FlagOption,
    multiple=True,
    metavar="NAME=VALUE",
    help="Value of a parameter of the question, or of $NAME in the SQL; may be given several times.",
)
@click.option(
    "--rows",
    type=click.IntRange(0),
    metavar="N",
    help="Maximum number of rows; 0 for all.  [default: 40 in a table, otherwise all]",
)
@format_options
@click.option("--export", type=click.Path(dir_okay=False), help="Export tables and questions to this DuckDB file.")
@click.option(
    "--allow",
    multiple=True,
    type=click.Path(),
    help="Another folder that the SQL may read; may be given several times.",
)
def query(
    *,
    sql: str | None,
    output: str,
    file: str | None,
    show_list: bool,
    parameters: tuple[str, ...],
    rows: int | None,
    as_csv: bool,
    as_json: bool,
    parquet: str | None,
    export: str | None,
    allow: tuple[str, ...],
) -> None:
    """Query a results folder in SQL (DuckDB), or ask a shipped question.

    The views entities, documents and runs hold current rows only; against_xbrl exists once `evaluate` has compared the
    rows with the filers' tags. `finner-batch query "DESCRIBE entities"` lists the columns.

    \b
      finner-batch query --list
      finner-batch query --file facilities_by_size --param cik=0000320193 --param least=1e9
      finner-batch query --export finner.duckdb
      finner-batch query "SELECT company, text, value FROM entities WHERE value > $least" -p least=1e9
      finner-batch query --output 'results/*' --file coverage       # several shards as one
    """  # noqa: D301 - \b tells Click to keep the lines
    refuse_several_formats(as_csv, as_json, parquet)
    if sum([sql is not None, file is not None, show_list, export is not None]) != 1:
        raise UsageError(
            'give exactly one of SQL, as in `finner-batch query "FROM entities"`, --file, --list and --export'
        )
    if show_list or export is not None:
        _refuse_others("--list" if show_list else "--export")
    if show_list:
        _show_questions(as_json=as_json)
        return

    if export is not None:
        _export(output, export, as_json=as_json)
        return

    from finner_batch.query.ask import ask  # noqa: PLC0415 - heavy
    from finner_batch.query.questions import read_sql  # noqa: PLC0415 - heavy

    target = outside("--parquet", parquet, output) if parquet else None
    for_program = as_csv or as_json or target is not None
    text = read_sql(file) if file is not None else str(sql)
    answer = ask(output, text, _parsed(parameters), allow=allow, whole=for_program)
    if for_program:
        _write(answer, rows, target, as_csv=as_csv)
    else:
        _show_all(answer, TABLE_ROWS if rows is None else rows)
    sys.stdout.flush()


def _write(answer: "Answer", rows: int | None, target: Path | None, *, as_csv: bool) -> None:
    """Write at most `rows` rows of the answer for a program."""
    if answer.before:
        raise UsageError(
            f"{len(answer.before) + 1} statements return rows, and --csv, --json and --parquet write those of one: run"
            " each statement on its own"
        )
    if rows:
        answer = answer.first(rows)
    write_rows(answer, target, as_csv=as_csv)


def _show_all(answer: "Answer", rows: int) -> None:
    for table in answer.before:
        show(dataclasses.replace(answer, schema=table.schema, batches=iter(table.to_batches())), rows)
        click.echo()
    show(answer, rows)


def write_rows(answer: "Answer", target: Path | None, *, as_csv: bool) -> None:
    """Write rows to the Parquet file `target`, or to stdout as CSV or JSON."""
    from finner_batch.query.writers import write_csv, write_json, write_parquet  # noqa: PLC0415 - heavy

    if target is not None:
        count = write_parquet(answer, target)
        click.echo(f"{count:,} rows in {target}", err=True)
    elif as_csv:
        write_csv(answer, sys.stdout.buffer, escape=sys.stdout.isatty())
    else:
        write_json(answer, sys.stdout.buffer)


def refuse_several_formats(as_csv: bool, as_json: bool, parquet: str | None) -> None:
    """Raise UsageError if more than one of --csv, --json and --parquet is given."""
    if sum([as_csv, as_json, parquet is not None]) > 1:
        raise UsageError("--csv, --json and --parquet exclude each other")


def _refuse_others(flag: str) -> None:
    """Raise UsageError if a flag was typed that does not go with this one."""
    context = click.get_current_context()
    typed = [
        max(option.opts, key=len)
        for option in context.command.params
        if option.name not in {"show_list", "export", "as_json", "output"}
        and context.get_parameter_source(str(option.name)) is click.core.ParameterSource.COMMANDLINE
    ]
    if typed:
        raise UsageError(f"{flag} does not go with {', '.join(typed)}")


def show(answer: Any, rows: int) -> None:
    """Print at most `rows` rows of an answer as a table; 0 means all."""
    from finner_batch.query.writers import rows_of  # noqa: PLC0415 - heavy
    from finner_batch.terminal import table_lines  # noqa: PLC0415 - heavy

    taken = list(islice(rows_of(answer), rows + 1 if rows else None))
    is_cut = bool(rows) and len(taken) > rows
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL
    for line in table_lines(answer.schema.names, taken[:rows] if is_cut else taken, width=width):
        click.echo(line)
    if not taken:
        click.echo("No rows.", err=True)
    if is_cut:
        click.echo(
            f"The first {rows} row{'s' * (rows > 1)}. All rows: --rows 0, --csv, --json or --parquet FILE", err=True
        )


def _show_questions(*, as_json: bool) -> None:
    from finner_batch.query.questions import list_questions, sql_folder  # noqa: PLC0415 - heavy

    questions = list_questions()
    if as_json:
        listed = [
            {
                "name": item.name,
                "question": item.question,
                "parameters": [dataclasses.asdict(parameter) for parameter in item.parameters],
                "file": str(item.path),
            }
            for item in questions
        ]
        click.echo(json.dumps(listed, indent=2, ensure_ascii=False))
        return
    widest = max(len(item.name) for item in questions)
    for item in questions:
        click.echo(f"{item.name:<{widest}}  {item.question}")
        for parameter in item.parameters:
            value = f"={parameter.default}" if parameter.default else ""
            click.echo(f"{'':<{widest}}    --param {parameter.name}{value}: {parameter.meaning}")
    click.echo(f"Ask a question with --file NAME. The files are in {sql_folder()}", err=True)


def _export(output: str, export: str, *, as_json: bool) -> None:
    from finner_batch.query.writers import export_database  # noqa: PLC0415 - heavy

    path = outside("--export", export, output)
    rows = export_database(output, path)
    counted = ", ".join(f"{count:,} {name}" for name, count in rows.items())
    click.echo(json.dumps({"file": str(path), "rows": rows}) if as_json else f"{counted} in {path}")


def _parsed(parameters: tuple[str, ...]) -> dict[str, Any]:
    """Parse `NAME=VALUE` pairs; VALUE is JSON (a number, string, true, false or null), or else text."""
    parsed: dict[str, Any] = {}
    for parameter in parameters:
        name, equals, value = parameter.partition("=")
        if not (name and equals):
            raise UsageError(f"--param {parameter}: write it as NAME=VALUE")
        if name in parsed:
            raise UsageError(f"--param {name} is given several times: give it once")
        try:
            parsed[name] = json.loads(value)
        except ValueError:
            parsed[name] = value
    return parsed


def outside(flag: str, file: str, output: str) -> Path:
    """Return the file to write. Raises UsageError if it is in the results folder."""
    path = local_file(flag, file)
    if any(parent.match(str(Path(output).resolve())) for parent in path.resolve().parents):
        raise UsageError(f"{flag} {file} is in the results folder: write it elsewhere")
    return path
