"""A DuckDB connection over a results folder: the views are ready, the files are only read."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb

from finner_batch.errors import FinnerError, UsageError
from finner_batch.query.questions import VIEWS, shipped_sql
from finner_batch.store.folder import require_results
from finner_batch.store.part import Layout, list_parts

AUDIT = "against_xbrl.parquet"
"""Where a results folder holds its rows beside the filers' own tags, from `evaluate --against-xbrl … --errors`."""

_VIEWS_SCHEMA = "results_views"

ATTEMPTS = 5
"""Listings tried while compactions delete what was listed."""


def connect(results: str | Path, *, allow: Sequence[str | Path] = ()) -> duckdb.DuckDBPyConnection:
    """Open a results folder as it is now: views `entities`, `documents`, `runs`, current rows only.

    The connection sees one state of the folder. When a compaction deletes files of that state, a query raises
    `duckdb.IOException` (never fewer rows): connect again. SQL reaches files in `results` and in the folders `allow`,
    nothing else and no network; no extension is loaded. Raises UsageError where there are no results, FinnerError where
    a file is missing.
    """
    folder = Path(results).absolute()
    require_results(folder)
    connection = restricted([folder, *allow])
    try:
        _with_views(connection, folder, lambda: None)
    except BaseException:
        connection.close()
        raise
    return connection


def copy_tables(results: str | Path, connection: duckdb.DuckDBPyConnection, schema: str, tables: Sequence[str]) -> None:
    """Copy views of a results folder, all of one state, into tables of a schema.

    The connection may read the folder (`restricted`). A compaction in between makes it begin again. Raises UsageError
    where there are no results, FinnerError where a file is missing or the disk refuses.
    """
    folder = Path(results).absolute()
    require_results(folder)

    def copy() -> None:
        for table in tables:
            connection.execute(f"CREATE OR REPLACE TABLE {schema}.{table} AS FROM {_VIEWS_SCHEMA}.{table}")

    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    connection.execute(f"CREATE SCHEMA {_VIEWS_SCHEMA}")
    connection.execute(f"USE {_VIEWS_SCHEMA}")
    _with_views(connection, folder, copy)
    connection.execute(f"USE {schema}")
    connection.execute(f"DROP SCHEMA {_VIEWS_SCHEMA} CASCADE")


def _with_views(connection: duckdb.DuckDBPyConnection, folder: Path, then: Callable[[], None]) -> None:
    """Make the views, then do something with them; once more where a compaction deletes what was listed."""
    for _ in range(ATTEMPTS):
        parts = _listing(folder)
        try:
            _create_views(connection, folder, parts)
            then()
        except duckdb.IOException as error:
            if _listing(folder) == parts:
                raise FinnerError(f"{folder} cannot be read: {str(error).partition(chr(10))[0]}") from error
        else:
            return
    raise FinnerError(f"{folder} changes faster than it can be read: ask again")


def restricted(folders: Sequence[str | Path], *, database: str | Path = ":memory:") -> duckdb.DuckDBPyConnection:
    """Open a database, in memory or a file, whose SQL reaches files in the given folders only."""
    connection = duckdb.connect(
        database,
        config={
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            "python_enable_replacements": False,
            "temp_directory": str(Path(tempfile.gettempdir()) / "finner-batch-query"),
        },
    )
    connection.execute("SET enable_progress_bar = false")  # a slow query would draw it on stdout, among the rows
    allowed = ", ".join(_literal(str(Path(folder).absolute())) for folder in folders)
    connection.execute(f"SET allowed_directories = [{allowed}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def _create_views(connection: duckdb.DuckDBPyConnection, folder: Path, parts: Sequence[str]) -> None:
    layout = Layout(folder)
    reports = sorted(str(path) for path in (folder / "runs").glob("*.json"))
    audit = folder / AUDIT
    for variable, value in (
        ("results", str(folder)),
        ("documents_parts", [str(layout.documents(name)) for name in parts]),
        ("entities_parts", [str(layout.entities(name)) for name in parts]),
        ("run_reports", reports or None),
        ("audit", str(audit) if audit.is_file() else None),
    ):
        connection.execute(f"SET VARIABLE {variable} = ?", [value])
    for statement in connection.extract_statements(shipped_sql(VIEWS)):
        # The other statements list the folder, which is done above: by literal names, whatever characters they hold.
        if statement.type == duckdb.StatementType.CREATE:
            connection.execute(statement)


def _listing(folder: Path) -> list[str]:
    """Names of the parts, listed until nothing changes in between: a listing is no snapshot by itself."""
    parts, before = list_parts(folder), None
    while parts != before:
        parts, before = list_parts(folder), parts
    if not parts:
        raise UsageError(f"no results at {folder} any more")
    return parts


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
