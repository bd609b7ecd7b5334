"""A DuckDB connection over a results folder, or several: the views are ready, the files are only read."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import duckdb

from finner_batch.errors import FinnerError, UsageError
from finner_batch.query.objects import ResultsFileSystem, is_unreadable, one_line
from finner_batch.query.questions import VIEWS, shipped_sql
from finner_batch.results.part import Layout, columns_of, list_parts
from finner_batch.results.results_folder import require_results
from finner_batch.storage.place import Place, children_like, matching, place_of

AUDIT = "against_xbrl.parquet"
"""Where a results folder holds its rows beside the filers' own tags, from `evaluate --against-xbrl … --errors`."""

_VIEWS_SCHEMA = "results_views"

ATTEMPTS = 5
"""Listings tried while compactions delete what was listed."""


def connect(results: str | Path | Place, *, allow: Sequence[str | Path] = ()) -> duckdb.DuckDBPyConnection:
    """Open a results folder as it is now: views `entities`, `documents`, `runs`, current rows only.

    A glob (`results/*`) opens all results folders that it matches as one, as the shards of a run wrote them: a document
    that stands in several counts once, as it was read last.

    The connection sees one state of the folder. When a compaction deletes files of that state, a query raises an error
    that `is_unreadable` tells (never fewer rows): connect again. SQL reaches files in `results` and in the folders
    `allow`, and nothing else; no extension is loaded. Raises UsageError where there are no results, FinnerError where a
    file is missing.
    """
    connection = restricted([*list_results(results), *allow])
    try:
        _with_views(connection, results, lambda: None)
    except BaseException:
        connection.close()
        raise
    return connection


def copy_tables(
    results: str | Path | Place,
    connection: duckdb.DuckDBPyConnection,
    schema: str,
    tables: Sequence[str],
    *,
    database: Path | None = None,
) -> None:
    """Copy views of a results folder, all of one state, into tables of a schema.

    The connection may read the folder (`restricted`), and is one to `database`, None: to memory. A compaction in
    between makes it begin again. Raises UsageError where there are no results, FinnerError where a file of them cannot
    be read, duckdb.Error where the database cannot be written.
    """

    def copy() -> None:
        for table in tables:
            connection.execute(f"CREATE OR REPLACE TABLE {schema}.{table} AS FROM {_VIEWS_SCHEMA}.{table}")

    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    connection.execute(f"CREATE SCHEMA {_VIEWS_SCHEMA}")
    connection.execute(f"USE {_VIEWS_SCHEMA}")
    _with_views(connection, results, copy, database)
    connection.execute(f"USE {schema}")
    connection.execute(f"DROP SCHEMA {_VIEWS_SCHEMA} CASCADE")


def list_results(results: str | Path | Place) -> dict[Place, list[str]]:
    """The parts of the results folder, or of each that a glob matches. Raises UsageError where there is none."""
    folder = place_of(results).absolute()
    matched = matching(folder)
    if matched == [folder]:
        require_results(folder)
        if not (parts := _listing(folder)):
            raise UsageError(f"no results at {folder} any more")
        return {folder: parts}
    found = {path: parts for path in matched if (path / "documents").is_folder() and (parts := _listing(path))}
    if not found:
        raise UsageError(f"{results} matches no results folder: `finner-batch run --output` names where they are made")
    return found


def _with_views(
    connection: duckdb.DuckDBPyConnection,
    results: str | Path | Place,
    then: Callable[[], None],
    written: Path | None = None,
) -> None:
    """Make the views, then do something with them; once more where a compaction deletes what was listed.

    An error that names the database `written` is not one of the results.
    """
    for _ in range(ATTEMPTS):
        parts = list_results(results)
        try:
            _create_views(connection, place_of(results).absolute(), parts)
            then()
        except duckdb.Error as error:
            if not is_unreadable(error) or (written is not None and str(written) in str(error)):
                raise
            if list_results(results) == parts:
                raise FinnerError(f"{results} cannot be read: {one_line(error)}") from error
        else:
            return
    raise FinnerError(f"{results} changes faster than it can be read: ask again")


def restricted(
    folders: Sequence[str | Path | Place], *, database: str | Path = ":memory:"
) -> duckdb.DuckDBPyConnection:
    """Open a database, in memory or a file, whose SQL reaches files in the given folders, or what globs match, only."""
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
    places = [place for folder in folders for place in matching(place_of(folder).absolute())]
    allowed = ", ".join(_literal(str(place)) for place in places)
    if remote := [place for place in places if place.local_path is None]:
        connection.register_filesystem(ResultsFileSystem(remote))
    connection.execute(f"SET allowed_directories = [{allowed}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def _create_views(connection: duckdb.DuckDBPyConnection, results: Place, parts: Mapping[Place, Sequence[str]]) -> None:
    reports = sorted(str(file) for folder in parts for file in children_like(folder / "runs", "*.json"))
    audit = results / AUDIT
    for variable, value in (
        ("results", str(results)),
        ("documents_parts", [str(Layout(folder).documents(name)) for folder in parts for name in parts[folder]]),
        ("entities_parts", [str(Layout(folder).entities(name)) for folder in parts for name in parts[folder]]),
        ("mixed_columns", len({columns_of(name) for folder in parts for name in parts[folder]}) > 1),
        ("run_reports", reports or None),
        ("audit", str(audit) if audit.is_file() else None),
    ):
        connection.execute(f"SET VARIABLE {variable} = ?", [value])
    for statement in connection.extract_statements(shipped_sql(VIEWS)):
        # The other statements list the folder, which is done above: by literal names, whatever characters they hold.
        if statement.type == duckdb.StatementType.CREATE:
            connection.execute(statement)


def _listing(folder: Place) -> list[str]:
    """Names of the parts, listed until nothing changes in between: a listing is no snapshot by itself."""
    parts, before = list_parts(folder), None
    while parts != before:
        parts, before = list_parts(folder), parts
    return parts


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
