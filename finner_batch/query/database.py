"""Exports a results folder as one DuckDB file that works without finner-batch."""

import re
import tempfile
from contextlib import closing
from pathlib import Path

import duckdb
import pyarrow as pa

from finner_batch import __version__
from finner_batch.errors import FinnerError, UsageError
from finner_batch.query.connection import AUDIT, copy_tables, restricted
from finner_batch.query.questions import VIEWS, list_questions, shipped_sql
from finner_batch.store.atomic import TEMPORARY, flush_folder
from finner_batch.store.place import Place, absolute, place_of
from finner_batch.store.schema import DOCUMENTS, ENTITIES, SCHEMA_VERSION

MARK = "made_by_finner_batch"
"""Table that tells an export from another database: what it was made of."""
COMPARED = "against_xbrl"
_OF_TABLES = re.compile(r"CREATE OR REPLACE (MACRO (marked|short_label)|VIEW rate_pairs)\b")
"""What questions need beside the tables, and is made of these alone."""


def export_database(results: str | Place, path: Path) -> dict[str, int]:
    """Write tables `entities`, `documents`, `runs`, and `against_xbrl` where there is one; return their rows.

    Every shipped question is a view, its parameters DuckDB variables; tables, columns and views carry their meaning as
    comments. All rows are of one state of the folder. The file is complete or absent, and replaces an earlier export.
    Raises UsageError where there are no results, or `path` cannot be written or is something else; FinnerError where
    files cannot be read.
    """
    _refuse_foreign(path)
    place = absolute(place_of(results))
    tables = ["entities", "documents", "runs", *([COMPARED] if (place / AUDIT).is_file() else [])]
    try:
        with tempfile.TemporaryDirectory(prefix=TEMPORARY, dir=path.parent) as folder:
            made = Path(folder) / "export.duckdb"
            with closing(restricted([place], database=made)) as connection:
                copy_tables(place, connection, "main", tables)
                _describe(connection, place)
                _add_questions(connection, tables)
                rows = {
                    name: connection.execute(f"SELECT count(*) FROM main.{name}").fetchall()[0][0]  # noqa: S608 - of `tables`
                    for name in tables
                }
            made.replace(path)
        flush_folder(path.parent)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error
    except duckdb.Error as error:
        raise FinnerError(f"cannot write {path}: {str(error).partition(chr(10))[0]}") from error
    return rows


def _refuse_foreign(path: Path) -> None:
    """Raise UsageError where a file is there that is no export: it is not ours to replace."""
    if not path.exists() and not path.is_symlink():
        return
    try:
        with closing(duckdb.connect(path, read_only=True)) as connection:
            connection.execute(f"FROM {MARK}")
    except (duckdb.Error, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise UsageError(
            f"{path} is there and is no export of finner-batch, or is in use ({reason}): choose another "
            "name, or delete it"
        ) from error


def _describe(connection: duckdb.DuckDBPyConnection, results: Place) -> None:
    connection.execute(
        f"CREATE TABLE main.{MARK} AS "
        "SELECT ?::VARCHAR AS version, ?::INTEGER AS schema_version, ?::VARCHAR AS results, "
        "now()::TIMESTAMP AS exported_utc",
        [__version__, SCHEMA_VERSION, str(results)],
    )
    for table, schema in (("entities", ENTITIES), ("documents", DOCUMENTS)):
        for field in schema:
            connection.execute(f'COMMENT ON COLUMN main.{table}."{field.name}" IS {_literal(_meaning(field))}')


def _meaning(field: pa.Field) -> str:
    unit, meaning = (field.metadata[name].decode() for name in (b"unit", b"meaning"))
    return f"{meaning} ({unit})" if unit else meaning


def _add_questions(connection: duckdb.DuckDBPyConnection, tables: list[str]) -> None:
    for statement in connection.extract_statements(shipped_sql(VIEWS)):
        if _OF_TABLES.search(statement.query):
            connection.execute(statement)
    for question in list_questions():
        if COMPARED in question.sql and COMPARED not in tables:
            continue
        connection.execute(f"CREATE VIEW main.{question.name} AS {question.sql}")
        asked = "; ".join([question.question, *(f"{one.name}: {one.meaning}" for one in question.parameters)])
        connection.execute(f"COMMENT ON VIEW main.{question.name} IS {_literal(asked)}")


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
