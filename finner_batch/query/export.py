"""Writes an answer as CSV, JSON or Parquet, batch by batch."""

import csv
import io
import json
import math
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow.parquet as pq

from finner_batch.query.ask import Answer
from finner_batch.query.table import visible
from finner_batch.storage.whole_file import whole_file


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
    """Escape every non-printable character of a JSON text; its value stays the same."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else json.dumps(character)[1:-1] for character in text)


def _flat(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    plain = value if isinstance(value, float | Decimal) else _plain(value)
    return json.dumps(plain, ensure_ascii=False) if isinstance(plain, list | dict) else str(plain)


def _plain(value: Any) -> Any:
    """Convert a value to a JSON type."""
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
