"""Runs SQL over a results folder and streams the rows."""

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
from finner_batch.query.connection import connect, in_one_state, is_unreadable, one_line
from finner_batch.query.questions import variables_of
from finner_batch.storage.place import Place
from finner_batch.terminal import visible

BATCH_ROWS = 10_000
_READING = {"SELECT", "SET", "CREATE"}
"""Statements that write no file: the database is in memory, and its configuration is locked."""
_ERROR_POSITION = re.compile(r"^LINE (?P<line>\d+): (?P<sql>.*)\n(?P<indent> *)\^", re.MULTILINE)
"""The position in a DuckDB error message: a line of the SQL, and a caret below it."""
_READING_MULTI = re.compile(
    r"\s*\(*\s*(from|select|with|pivot|pivot_wider|pivot_longer|unpivot|create)\b", re.IGNORECASE
)
"""Start of a statement that DuckDB splits into several (type MULTI) and that only reads."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows as Arrow batches, read lazily. `before` holds the rows of earlier statements, in memory."""

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]
    before: tuple[pa.Table, ...] = ()

    def first(self, rows: int) -> "Answer":
        """Return at most `rows` rows, without the rows of earlier statements."""

        def cut() -> Iterator[pa.RecordBatch]:
            left = rows
            for batch in self.batches:
                yield batch.slice(0, left)
                left -= batch.num_rows
                if left <= 0:
                    return

        return Answer(self.schema, cut())


def ask(
    results: str | Path | Place,
    sql: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    allow: Sequence[str | Path] = (),
    whole: bool = False,
) -> Answer:
    """Run one or several SQL statements and return the answer of the last one.

    `parameters` are bound to `$name`, and set as the variables that the SQL reads with `getvariable('name')`. `allow`:
    other folders that the SQL may read. `whole`: the shipped questions return whole sentences and labels, and numbers
    without rounding, for a program. Repeats the query if a compaction deleted files that it was about to read.

    Raises UsageError for SQL that is wrong, writes, or reads other files, and for missing or unknown parameters;
    FinnerError if files cannot be read.
    """
    return in_one_state(results, lambda _: _ask_once(results, sql, dict(parameters or {}), allow, whole=whole))


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
            _check_type(connection, sql, name, parameters[name])
        connection.execute("SET VARIABLE whole = ?", [whole])
        before = []
        for statement in statements[:-1]:
            if _kind(statement) in {"SET", "CREATE"}:
                connection.execute(statement, _parameters_of(statement, parameters))
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
    """Return the rows of a relation, and close the connection after the last one. Raises duckdb.Error.

    The first batch is read at once, so that an error shows before anything is printed.
    """
    reader = _reader(relation)
    first = next(reader, None)

    def batches() -> Iterator[pa.RecordBatch]:
        with closing(connection):
            try:
                yield from chain([] if first is None else [first], reader)
            except (duckdb.Error, pa.ArrowException, OSError) as error:
                raise FinnerError(
                    f"reading stopped: {one_line(error)}. If the results were compacted meanwhile, run the query again"
                ) from error

    return Answer(reader.schema, batches())


def _bound(
    connection: duckdb.DuckDBPyConnection, statement: duckdb.Statement, parameters: Mapping[str, Any]
) -> duckdb.DuckDBPyRelation:
    bound = _parameters_of(statement, parameters)
    try:
        return connection.sql(statement, params=bound)
    except (duckdb.BinderException, duckdb.CatalogException):
        connection.execute(f"EXPLAIN {statement.query}", bound)  # raises the same error, with its position
        raise


def _reader(relation: duckdb.DuckDBPyRelation) -> pa.RecordBatchReader:
    # Before DuckDB 2.0 the reader has another name and holds the whole result in memory.
    open_reader = getattr(relation, "to_arrow_reader", None) or relation.fetch_record_batch
    return open_reader(BATCH_ROWS)


def _check_type(connection: duckdb.DuckDBPyConnection, sql: str, name: str, value: Any) -> None:
    """Raise UsageError if the SQL casts a variable to a type that its value does not fit."""
    for kind in re.findall(rf"getvariable\('{name}'\)::(\w+)", sql):
        cast = f"SELECT getvariable('{name}') IS NOT NULL AND try_cast(getvariable('{name}') AS {kind}) IS NULL"
        if connection.execute(cast).fetchall()[0][0]:
            raise UsageError(f"--param {name}={value}: the value is not a {kind}")


def _check_parameters(given: Mapping[str, Any], needed: set[str], optional: set[str]) -> None:
    wrong = [f"no parameter {name}" for name in sorted(given.keys() - needed - optional)]
    wrong += [f"no value for parameter {name}" for name in sorted(needed - given.keys())]
    if wrong:
        names = [*sorted(needed), *(f"{name} (optional)" for name in sorted(optional - needed))]
        listed = f"it takes {', '.join(names)}" if names else "it takes none"
        raise UsageError(f"the SQL: {'; '.join(wrong)}: {listed}. Give each as --param NAME=VALUE")


def _parameters_of(statement: duckdb.Statement, parameters: Mapping[str, Any]) -> dict[str, Any] | None:
    return {name: parameters[name] for name in statement.named_parameters if name in parameters} or None


def _refuse_writing(statements: Sequence[duckdb.Statement]) -> None:
    for statement in statements:
        kind = _kind(statement)
        if kind not in _READING and not (kind == "MULTI" and _READING_MULTI.match(statement.query)):
            raise UsageError(
                f"{kind} is not run here: query only reads. --csv, --json and --parquet write its rows; use plain "
                "DuckDB with sql/views.sql for anything else"
            )


def _kind(statement: duckdb.Statement) -> str:
    return str(statement.type).rpartition(".")[2]


def _explained(error: duckdb.Error) -> str:
    text = one_line(error)
    if isinstance(error, duckdb.PermissionException):
        return f"{text}. --allow FOLDER lets the SQL read other files"
    position = _ERROR_POSITION.search(str(error))
    if position is None:
        return text
    line, column = position["sql"], len(position["indent"]) - len(f"LINE {position['line']}: ")
    return f"{text}, at line {position['line']}: {visible(line[max(column, 0) :])}"
