"""Runs SQL over a results folder and streams what it returns."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from finner_batch.errors import FinnerError, UsageError
from finner_batch.query.connection import ATTEMPTS, connect, list_results
from finner_batch.query.objects import is_unreadable, one_line
from finner_batch.query.questions import variables_of
from finner_batch.store.place import Place

BATCH_ROWS = 10_000
_READING = {"SELECT", "SET", "CREATE"}
"""Statements that leave the disk alone: the database is in memory, its configuration is locked."""
_SEVERAL = re.compile(r"\s*\(*\s*(from|select|with|pivot|pivot_wider|pivot_longer|unpivot|create)\b", re.IGNORECASE)
"""How a statement begins that DuckDB runs as several (MULTI) and that only reads."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows as Arrow batches, read as they are taken."""

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]


def ask(
    results: str | Place, sql: str, parameters: Mapping[str, Any] | None = None, *, allow: Sequence[str | Path] = ()
) -> Answer:
    """Run SQL, several statements if need be; the answer is the last one's.

    `parameters` are bound to `$name`, and set as the variables that the SQL reads with `getvariable('name')`. `allow`:
    other folders that the SQL may read. Asks again on its own where a compaction deletes files that it was about to
    read. Raises UsageError for SQL that is wrong, that would write, or that reaches other files, and for parameters
    that are missing or unknown; FinnerError where files cannot be read.
    """
    for attempt in range(1, ATTEMPTS + 1):
        parts = list_results(results)
        try:
            return _ask_once(results, sql, dict(parameters or {}), allow)
        except duckdb.Error as error:
            if attempt == ATTEMPTS or list_results(results) == parts:
                raise FinnerError(f"{results} cannot be read: {one_line(error)}") from error
    raise AssertionError("the last attempt returns or raises")


def _ask_once(results: str | Place, sql: str, parameters: dict[str, Any], allow: Sequence[str | Path]) -> Answer:
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
        for statement in statements[:-1]:
            connection.execute(statement, _own(statement, parameters)).fetchall()
        last = statements[-1]
        if _kind(last) in {"SET", "CREATE"}:
            raise UsageError("the last statement returns no rows: end with a SELECT")
        return stream(connection, connection.sql(last, params=_own(last, parameters)))
    except duckdb.Error as error:
        connection.close()
        if is_unreadable(error):
            raise
        raise UsageError(_explained(error)) from error


def stream(connection: duckdb.DuckDBPyConnection, relation: duckdb.DuckDBPyRelation) -> Answer:
    """Return the rows of a relation; the connection is closed after the last. Raises duckdb.Error.

    The first batch is taken at once, so that what is wrong shows before anything is printed.
    """
    # Before DuckDB 2.0 the reader has another name, and holds the whole result in memory.
    open_reader = getattr(relation, "to_arrow_reader", None) or relation.fetch_record_batch
    reader = open_reader(BATCH_ROWS)
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
    return text
