"""Opens a DuckDB connection to one or several results folders, with the views in place and the files read-only.

Results in an object store are read by range, with retries.
"""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from io import SEEK_END
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import duckdb
from fsspec import AbstractFileSystem

from finner_batch.errors import FinnerError, UsageError
from finner_batch.query.questions import VIEWS, shipped_sql
from finner_batch.results.part import Layout, columns_of, list_parts
from finner_batch.results.results_folder import require_results
from finner_batch.storage.place import Place, children_like, matching, place_of
from finner_batch.terminal import visible

AUDIT = "against_xbrl.parquet"
"""File in a results folder with the comparison by `evaluate --against-xbrl … --errors`."""
_VIEWS_SCHEMA = "results_views"
_ATTEMPTS = 5
Result = TypeVar("Result")
Parts = Mapping[Place, Sequence[str]]
"""Names of the parts in each results folder."""


class ResultsFileSystem(AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """The file system behind `s3://` in a DuckDB connection.

    DuckDB turns an exception raised here into a plain `duckdb.Error` (see `is_unreadable`).
    """

    protocol = "s3"
    cachable = False

    def __init__(self, folders: Sequence[Place]) -> None:
        super().__init__()
        self._folders = folders
        self._sizes: dict[str, int] = {}

    def open(self, path: str, mode: str = "rb", **_: Any) -> BinaryIO:
        """Open for reading."""
        folder = next((folder for folder in self._folders if path.startswith(f"{folder}/")), None)
        if mode != "rb" or folder is None:
            raise PermissionError(f"{path}: results are read-only here")
        file = (folder / path.removeprefix(f"{folder}/")).open()
        self._sizes[path] = file.seek(0, SEEK_END)
        file.seek(0)
        return file

    def glob(self, path: str, **_: Any) -> list[str]:
        """Return the path as it is: the parts were listed before."""
        return [path]

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Return the size of a file opened before."""
        return {"name": path, "size": self._sizes[path], "type": "file"}

    def modified(self, path: str) -> datetime:  # noqa: ARG002 - fsspec's signature
        """Return a constant time: a part never changes."""
        return datetime.fromtimestamp(0, UTC)


def is_unreadable(error: duckdb.Error) -> bool:
    """Return whether the error means an unreadable file: DuckDB's own I/O error, or a Python exception it passes on."""
    return isinstance(error, duckdb.IOException) or type(error) is duckdb.Error


def one_line(error: BaseException) -> str:
    """Return DuckDB's message as one line without the quoted SQL; of a traceback in it, the last line.

    Control characters are escaped, since the message may quote a filing.
    """
    text = str(error).partition("\nLINE ")[0].strip()
    if text.startswith("Traceback"):
        text = text.rpartition("\n")[2].partition(": ")[2]
    return visible(" ".join(text.split()))


def connect(results: str | Path | Place, *, allow: Sequence[str | Path] = ()) -> duckdb.DuckDBPyConnection:
    """Open a results folder in its current state: views `entities`, `documents` and `runs`, current rows only.

    A glob (`results/*`) opens all matching results folders as one, as the shards of a run write them; if several hold a
    document, the row read last counts.

    The connection sees one state of the folder. If a compaction deletes files of that state, a query raises an error
    for which `is_unreadable` is true, and never returns fewer rows: connect again. SQL can read files in `results` and
    in the folders `allow`, and nothing else; no extension is loaded.

    Raises UsageError if there are no results, FinnerError if a file is missing.
    """
    connection = restricted([*list_results(results), *allow])
    try:
        in_one_state(results, lambda parts: _create_views(connection, place_of(results).absolute(), parts))
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
    """Copy views of a results folder, all in one state, into tables of a schema.

    The connection must be able to read the folder (`restricted`). `database` is the file it is connected to, None for
    memory. Starts again if a compaction interferes. Raises UsageError if there are no results, FinnerError if one of
    their files cannot be read, duckdb.Error if the database cannot be written.
    """

    def copy(parts: Parts) -> None:
        _create_views(connection, place_of(results).absolute(), parts)
        for table in tables:
            connection.execute(f"CREATE OR REPLACE TABLE {schema}.{table} AS FROM {_VIEWS_SCHEMA}.{table}")

    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    connection.execute(f"CREATE SCHEMA {_VIEWS_SCHEMA}")
    connection.execute(f"USE {_VIEWS_SCHEMA}")
    in_one_state(results, copy, database=database)
    connection.execute(f"USE {schema}")
    connection.execute(f"DROP SCHEMA {_VIEWS_SCHEMA} CASCADE")


def list_results(results: str | Path | Place) -> dict[Place, list[str]]:
    """List the parts of the results folder, or of each folder a glob matches. Raises UsageError if there are none."""
    folder = place_of(results).absolute()
    matched = matching(folder)
    if matched == [folder]:
        require_results(folder)
        if not (parts := _listing(folder)):
            raise UsageError(f"no results at {folder} any more")
        return {folder: parts}
    folders = {path: parts for path in matched if (path / "documents").is_folder() and (parts := _listing(path))}
    if not folders:
        raise UsageError(f"{results} matches no results folder: give a folder that `finner-batch run --output` wrote")
    return folders


def in_one_state(
    results: str | Path | Place, read: Callable[[Parts], Result], *, database: Path | None = None
) -> Result:
    """Call `read` with the listed parts, and again if a compaction deleted parts before they were read.

    An error that names `database` is about that file, not about the results, and is raised as it is. Raises FinnerError
    if the results cannot be read.
    """
    for _ in range(_ATTEMPTS):
        parts = list_results(results)
        try:
            return read(parts)
        except duckdb.Error as error:
            if not is_unreadable(error) or (database is not None and str(database) in str(error)):
                raise
            if list_results(results) == parts:
                raise FinnerError(f"{results} cannot be read: {one_line(error)}") from error
    raise FinnerError(f"{results} changes faster than it can be read: try again")


def restricted(
    folders: Sequence[str | Path | Place], *, database: str | Path = ":memory:"
) -> duckdb.DuckDBPyConnection:
    """Open a database in memory or in a file; its SQL can read only the given folders, or those that globs match."""
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
    if connection.execute("SELECT current_setting('enable_progress_bar')").fetchone() == (True,):
        # Jupyter without ipywidgets has no progress bar, and DuckDB refuses the setting there.
        connection.execute("SET enable_progress_bar = false")  # it would appear on stdout among the rows
    places = [place for folder in folders for place in matching(place_of(folder).absolute())]
    allowed = ", ".join(literal(str(place)) for place in places)
    if remote := [place for place in places if place.local_path is None]:
        connection.register_filesystem(ResultsFileSystem(remote))
    connection.execute(f"SET allowed_directories = [{allowed}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def _create_views(connection: duckdb.DuckDBPyConnection, results: Place, parts: Parts) -> None:
    reports = sorted(str(path) for folder in parts for path in children_like(folder / "runs", "*.json"))
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
        # The other statements list the folder by glob; the names above are literal, whatever characters they hold.
        if statement.type == duckdb.StatementType.CREATE:
            connection.execute(statement)


def _listing(folder: Place) -> list[str]:
    """List the names of the parts until two listings agree: a single listing is no snapshot."""
    parts, before = list_parts(folder), None
    while parts != before:
        parts, before = list_parts(folder), parts
    return parts


def literal(text: str) -> str:
    """Quote a text as an SQL literal, where DuckDB takes no parameter."""
    return "'" + text.replace("'", "''") + "'"
