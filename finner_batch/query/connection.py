"""A DuckDB connection over a results folder: the views are ready, the files are only read."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import duckdb

from finner_batch.errors import FinnerError, UsageError
from finner_batch.objects.bucket import is_object_url
from finner_batch.query.objects import ResultsFileSystem, is_unreadable, one_line
from finner_batch.query.questions import VIEWS, sql_folder
from finner_batch.store.folder import require_results
from finner_batch.store.part import Layout, list_parts
from finner_batch.store.place import Place, absolute, place_of

ATTEMPTS = 5
"""Listings tried while compactions delete what was listed."""


def connect(results: str | Place, *, allow: Sequence[str | Path] = ()) -> duckdb.DuckDBPyConnection:
    """Open a results folder as it is now: views `entities`, `documents`, `runs`, current rows only.

    The connection sees one state of the folder. When a compaction deletes files of that state, a query raises
    `duckdb.IOException` (never fewer rows): connect again. SQL reaches files in `results` and in the folders `allow`,
    nothing else and no network; no extension is loaded. Raises UsageError where there are no results, FinnerError where
    a file is missing.
    """
    folder = absolute(place_of(results))
    require_results(folder)
    for _ in range(ATTEMPTS):
        parts = _listing(folder)
        connection = _restricted([str(folder), *allow])
        try:
            _create_views(connection, folder, parts)
        except duckdb.Error as error:
            connection.close()
            if not is_unreadable(error):
                raise
            if _listing(folder) == parts:
                raise FinnerError(f"{folder} cannot be read: {one_line(error)}") from error
        else:
            return connection
    raise FinnerError(f"{folder} changes faster than it can be read: ask again")


def _restricted(folders: Sequence[str | Place]) -> duckdb.DuckDBPyConnection:
    """Open a database in memory that reaches files in the given folders only."""
    connection = duckdb.connect(
        config={
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            "python_enable_replacements": False,
            "temp_directory": str(Path(tempfile.gettempdir()) / "finner-batch-query"),
        }
    )
    allowed = ", ".join(_literal(str(absolute(place_of(folder)))) for folder in folders)
    if any(is_object_url(str(folder)) for folder in folders):
        connection.register_filesystem(ResultsFileSystem())
    connection.execute(f"SET allowed_directories = [{allowed}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def _create_views(connection: duckdb.DuckDBPyConnection, folder: Place, parts: Sequence[str]) -> None:
    layout = Layout(folder)
    reports = sorted(str(path) for path in (folder / "runs").glob("*.json"))
    for variable, value in (
        ("results", str(folder)),
        ("documents_parts", [str(layout.documents(name)) for name in parts]),
        ("entities_parts", [str(layout.entities(name)) for name in parts]),
        ("run_reports", reports or None),
    ):
        connection.execute(f"SET VARIABLE {variable} = ?", [value])
    views = (sql_folder() / f"{VIEWS}.sql").read_text(encoding="utf-8")
    for statement in connection.extract_statements(views):
        # The other statements list the folder, which is done above: by literal names, whatever characters they hold.
        if statement.type == duckdb.StatementType.CREATE:
            connection.execute(statement)


def _listing(folder: Place) -> list[str]:
    """Names of the parts, listed until nothing changes in between: a listing is no snapshot by itself."""
    parts, before = list_parts(folder), None
    while parts != before:
        parts, before = list_parts(folder), parts
    if not parts:
        raise UsageError(f"no results at {folder} any more")
    return parts


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
