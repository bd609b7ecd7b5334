"""Writes an answer as CSV, JSON or Parquet, batch by batch, or a results folder as one DuckDB file."""

import csv
import io
import json
import math
import re
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from finner_batch.errors import FinnerError, UsageError
from finner_batch.query.ask import Answer
from finner_batch.query.connection import AUDIT, copy_tables, literal, one_line, restricted
from finner_batch.query.questions import VIEWS, list_questions, shipped_sql
from finner_batch.results.schema import DOCUMENTS, ENTITIES, SCHEMA_VERSION
from finner_batch.storage.place import Place, place_of
from finner_batch.storage.whole_file import whole_file
from finner_batch.terminal import visible
from finner_batch.version import __version__

MARK = "made_by_finner_batch"
"""Table that marks a database as an export, and says what it was made from."""
COMPARED = "against_xbrl"
_DEPENDS_ON_TABLES_ONLY = re.compile(
    r"CREATE OR REPLACE (MACRO (marked|short_label|rounded|filed_by)|VIEW rate_pairs)\b"
)
"""Macros and views that the questions need and that depend on the tables alone."""


def export_database(results: str | Path | Place, path: Path) -> dict[str, int]:
    """Write the tables `entities`, `documents`, `runs`, and `against_xbrl` if there is one; return their row counts.

    Every shipped question becomes a view whose parameters are DuckDB variables. Columns and views carry their meaning
    as comments. All rows belong to one state of the folder. The file is read back before it replaces an earlier export,
    which is untouched if anything fails.

    Raises UsageError if there are no results, or if `path` exists and is not an export; FinnerError if files cannot be
    read or written.
    """
    _refuse_foreign(path)
    place = place_of(results).absolute()
    tables = ["entities", "documents", "runs", *([COMPARED] if (place / AUDIT).is_file() else [])]
    with whole_file(path) as made:
        try:
            with closing(restricted([place], database=made)) as connection:
                copy_tables(place, connection, "main", tables, database=made)
                _describe(connection, place)
                _add_questions(connection, tables)
                rows = _counted(connection, tables)
                connection.execute("CHECKPOINT")  # closing would do it too, but without an error if the disk is full
            with closing(duckdb.connect(made, read_only=True)) as connection:
                rows_read_back = _counted(connection, tables)
        except duckdb.Error as error:
            raise _not_written(path, one_line(error)) from error
        if rows_read_back != rows:
            raise _not_written(path, f"reading it back gives {rows_read_back}, not {rows}")
    return rows


def _counted(connection: duckdb.DuckDBPyConnection, tables: list[str]) -> dict[str, int]:
    """Count the rows of each table by reading every value, so that DuckDB verifies the checksum of every block."""
    sql = "SELECT count(*) FROM main.{0} AS each_row WHERE hash(each_row) IS NOT NULL"
    return {name: connection.execute(sql.format(name)).fetchall()[0][0] for name in tables}


def _not_written(path: Path, reason: str) -> FinnerError:
    return FinnerError(f"cannot write {path}: {reason}. An earlier file is unchanged")


def _refuse_foreign(path: Path) -> None:
    """Raise UsageError if a file exists that is not an export and must not be replaced."""
    if not path.exists() and not path.is_symlink():
        return
    try:
        with closing(duckdb.connect(path, read_only=True)) as connection:
            connection.execute(f"FROM {MARK}")
    except (duckdb.Error, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise UsageError(
            f"{path} exists and is not an export of finner-batch, or it is in use ({reason}): choose another name, or "
            "delete it"
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
            connection.execute(f'COMMENT ON COLUMN main.{table}."{field.name}" IS {literal(_meaning(field))}')


def _meaning(field: pa.Field) -> str:
    unit, meaning = (field.metadata[name].decode() for name in (b"unit", b"meaning"))
    return f"{meaning} ({unit})" if unit else meaning


def _add_questions(connection: duckdb.DuckDBPyConnection, tables: list[str]) -> None:
    for statement in connection.extract_statements(shipped_sql(VIEWS)):
        if _DEPENDS_ON_TABLES_ONLY.search(statement.query):
            connection.execute(statement)
    for question in list_questions():
        if COMPARED in question.sql and COMPARED not in tables:
            continue
        connection.execute(f"CREATE VIEW main.{question.name} AS {question.sql}")
        parameters = [f"{parameter.name}: {parameter.meaning}" for parameter in question.parameters]
        comment = "; ".join([question.question, *parameters])
        connection.execute(f"COMMENT ON VIEW main.{question.name} IS {literal(comment)}")


def rows_of(answer: Answer) -> Iterator[tuple[Any, ...]]:
    """Yield the rows as tuples of Python values; maps become dictionaries."""
    for batch in answer.batches:
        yield from zip(*(column.to_pylist(maps_as_pydicts="lossy") for column in batch.columns), strict=True)


def write_csv(answer: Answer, file: BinaryIO, *, escape: bool = False) -> None:
    """Write CSV (RFC 4180, UTF-8, with a header and line feeds); null is empty, nested values are JSON.

    `escape` shows control and invisible characters as escapes, for a terminal.
    """
    clean = visible if escape else str
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(clean, answer.schema.names))
    for row in rows_of(answer):
        writer.writerow(["" if value is None else clean(_flat(value)) for value in row])
    text.detach()


def write_json(answer: Answer, file: BinaryIO) -> None:
    """Write a JSON array with one object per row and line; types that JSON lacks become text, NaN and infinity null.

    Control and invisible characters are written as JSON escapes, so that a terminal does not act on them.
    """
    names = answer.schema.names
    separator = b"[\n"
    for row in rows_of(answer):
        item = json.dumps({name: _plain(value) for name, value in zip(names, row, strict=True)}, ensure_ascii=False)
        file.write(separator + _escaped(item).encode())
        separator = b",\n"
    file.write(b"\n]\n" if separator == b",\n" else b"[]\n")


def write_parquet(answer: Answer, path: Path) -> int:
    """Write one Parquet file, completely or not at all, and return its row count. Raises as `whole_file` does."""
    rows = 0
    with whole_file(path) as temporary, pq.ParquetWriter(temporary, answer.schema, compression="zstd") as writer:
        for batch in answer.batches:
            writer.write_batch(batch)
            rows += batch.num_rows
    return rows


def _escaped(text: str) -> str:
    """Escape every non-printable character of a JSON text; its value is unchanged."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else json.dumps(character)[1:-1] for character in text)


def _flat(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    plain = value if isinstance(value, float | Decimal) else _plain(value)
    return json.dumps(plain, ensure_ascii=False) if isinstance(plain, list | dict) else str(plain)


def _plain(value: Any) -> Any:
    plain = value
    match value:
        case None | bool() | int() | str():
            pass
        case float():
            plain = value if math.isfinite(value) else None
        case Decimal():
            plain = int(value) if value == value.to_integral_value() else float(value)
            if Decimal(repr(plain)) != value:  # more digits than a float holds
                plain = str(value)
        case bytes():
            plain = value.hex()
        case list() | tuple():
            plain = [_plain(item) for item in value]
        case dict():
            plain = {str(key): _plain(item) for key, item in value.items()}
        case _:
            plain = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return plain
