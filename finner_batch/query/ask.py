"""Runs SQL over a results folder and streams what it returns."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from finner_batch.errors import FinnerError, UsageError
from finner_batch.query.connection import ATTEMPTS, connect, list_results
from finner_batch.query.objects import is_unreadable, one_line
from finner_batch.query.questions import variables_of
from finner_batch.query.table import visible
from finner_batch.storage.place import Place

BATCH_ROWS = 10_000
_READING = {"SELECT", "SET", "CREATE"}
"""Statements that leave the disk alone: the database is in memory, its configuration is locked."""
_PLACE = re.compile(r"^LINE (?P<line>\d+): (?P<sql>.*)\n(?P<indent> *)\^", re.MULTILINE)
"""What DuckDB says of where it stands: a line of the SQL, and below it a mark at its place."""
_SEVERAL = re.compile(r"\s*\(*\s*(from|select|with|pivot|pivot_wider|pivot_longer|unpivot|create)\b", re.IGNORECASE)
"""How a statement begins that DuckDB runs as several (MULTI) and that only reads."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows as Arrow batches, read as they are taken.

    `before`: what statements before the last one returned, in memory.
    """

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]
    before: tuple[pa.Table, ...] = ()

    def first(self, rows: int) -> "Answer":
        """So many rows at most, without what came before."""

        def taken() -> Iterator[pa.RecordBatch]:
            left = rows
            for batch in self.batches:
                yield batch.slice(0, left)
                left -= batch.num_rows
                if left <= 0:
                    return

        return Answer(self.schema, taken())


def ask(
    results: str | Path | Place,
    sql: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    allow: Sequence[str | Path] = (),
    whole: bool = False,
) -> Answer:
    """Run SQL, several statements if need be; the answer is the last one's.

    `parameters` are bound to `$name`, and set as the variables that the SQL reads with `getvariable('name')`. `allow`:
    other folders that the SQL may read. `whole`: the questions answer with whole sentences and labels, and numbers that
    are not rounded, for a program. Asks again on its own where a compaction deletes files that it was about to
    read. Raises UsageError for SQL that is wrong, that would write, or that reaches other files, and for parameters
    that are missing or unknown; FinnerError where files cannot be read.
    """
    for attempt in range(1, ATTEMPTS + 1):
        parts = list_results(results)
        try:
            return _ask_once(results, sql, dict(parameters or {}), allow, whole=whole)
        except duckdb.Error as error:
            if attempt == ATTEMPTS or list_results(results) == parts:
                raise FinnerError(f"{results} cannot be read: {one_line(error)}") from error
    raise AssertionError("the last attempt returns or raises")


def _ask_once(
    results: str | Path | Place, sql: str, parameters: dict[str, Any], allow: Sequence[str | Path], *, whole: bool
) -> Answer:
    connection = connect(results, allow=allow)
    try:
        statements = connection.extract_statements(sql)
        if not statements:
            raise UsageError("there is no SQL to run")
        _refuse_writing(statements)
        variables = variables_of(sql)
        _check_parameters(parameters, set().union(*(one.named_parameters for one in statements)), variables)
        for name in sorted(variables & parameters.keys()):
            connection.execute(f'SET VARIABLE "{name}" = ?', [parameters[name]])
            _check_kind(connection, sql, name, parameters[name])
        connection.execute("SET VARIABLE whole = ?", [whole])
        before = []
        for statement in statements[:-1]:
            if _kind(statement) in {"SET", "CREATE"}:
                connection.execute(statement, _own(statement, parameters))
            else:
                before.append(_reader(_bound(connection, statement, parameters)).read_all())
        last = statements[-1]
        if _kind(last) in {"SET", "CREATE"}:
            raise UsageError("the last statement returns no rows: end with a SELECT")
        answer = stream(connection, _bound(connection, last, parameters))
        return replace(answer, before=tuple(before))
    except duckdb.Error as error:
        connection.close()
        if is_unreadable(error):
            raise
        raise UsageError(_explained(error)) from error


def stream(connection: duckdb.DuckDBPyConnection, relation: duckdb.DuckDBPyRelation) -> Answer:
    """Return the rows of a relation; the connection is closed after the last. Raises duckdb.Error.

    The first batch is taken at once, so that what is wrong shows before anything is printed.
    """
    reader = _reader(relation)
    first = next(reader, None)

    def batches() -> Iterator[pa.RecordBatch]:
        with closing(connection):
            try:
                yield from chain([] if first is None else [first], reader)
            except (duckdb.Error, pa.ArrowException, OSError) as error:
                raise FinnerError(
                    f"reading broke off: {one_line(error)}. If the results were compacted meanwhile, ask again"
                ) from error

    return Answer(reader.schema, batches())


def _bound(
    connection: duckdb.DuckDBPyConnection, statement: duckdb.Statement, parameters: Mapping[str, Any]
) -> duckdb.DuckDBPyRelation:
    own = _own(statement, parameters)
    try:
        return connection.sql(statement, params=own)
    except (duckdb.BinderException, duckdb.CatalogException):
        connection.execute(f"EXPLAIN {statement.query}", own)  # the same error, and where it stands
        raise


def _reader(relation: duckdb.DuckDBPyRelation) -> pa.RecordBatchReader:
    # Before DuckDB 2.0 the reader has another name, and holds the whole result in memory.
    open_reader = getattr(relation, "to_arrow_reader", None) or relation.fetch_record_batch
    return open_reader(BATCH_ROWS)


def _check_kind(connection: duckdb.DuckDBPyConnection, sql: str, name: str, value: Any) -> None:
    """Raise UsageError where the SQL casts a variable to a type that its value is none of."""
    for kind in re.findall(rf"getvariable\('{name}'\)::(\w+)", sql):
        cast = f"SELECT getvariable('{name}') IS NOT NULL AND try_cast(getvariable('{name}') AS {kind}) IS NULL"
        if connection.execute(cast).fetchall()[0][0]:
            raise UsageError(f"--param {name}={value}: that is no {kind}")


def _check_parameters(given: Mapping[str, Any], needed: set[str], optional: set[str]) -> None:
    wrong = [f"no parameter {name}" for name in sorted(given.keys() - needed - optional)]
    wrong += [f"no value for parameter {name}" for name in sorted(needed - given.keys())]
    if wrong:
        names = [*sorted(needed), *(f"{name} (optional)" for name in sorted(optional - needed))]
        listed = f"it takes {', '.join(names)}" if names else "it takes none"
        raise UsageError(f"the SQL: {'; '.join(wrong)}: {listed}. Give each as --param NAME=VALUE")


def _own(statement: duckdb.Statement, parameters: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the parameters of one statement."""
    return {name: parameters[name] for name in statement.named_parameters if name in parameters} or None


def _refuse_writing(statements: Sequence[duckdb.Statement]) -> None:
    for statement in statements:
        kind = _kind(statement)
        if kind not in _READING and not (kind == "MULTI" and _SEVERAL.match(statement.query)):
            raise UsageError(
                f"{kind} is not run here: query only reads. --csv, --json and --parquet write what it returns; plain "
                "DuckDB with sql/views.sql does the rest"
            )


def _kind(statement: duckdb.Statement) -> str:
    return str(statement.type).rpartition(".")[2]


def _explained(error: duckdb.Error) -> str:
    text = one_line(error)
    if isinstance(error, duckdb.PermissionException):
        return f"{text}. --allow FOLDER lets the SQL read other files"
    place = _PLACE.search(str(error))
    if place is None:
        return text
    line, column = place["sql"], len(place["indent"]) - len(f"LINE {place['line']}: ")
    return f"{text}, at line {place['line']}: {visible(line[max(column, 0) :])}"
