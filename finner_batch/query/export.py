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
    """Yield the rows as Python values, maps as dictionaries."""
    for batch in answer.batches:
        yield from zip(*(column.to_pylist(maps_as_pydicts="lossy") for column in batch.columns), strict=True)


def write_csv(answer: Answer, file: BinaryIO, *, harmless: bool = False) -> None:
    """Write CSV (RFC 4180, UTF-8, a header, lines end in a line feed); null is empty, nested values are JSON.

    `harmless`: for a terminal, with characters that it would obey or hide shown as escapes.
    """
    clean = visible if harmless else str
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(clean, answer.schema.names))
    for row in rows_of(answer):
        writer.writerow(["" if value is None else clean(_flat(value)) for value in row])
    text.detach()


def write_json(answer: Answer, file: BinaryIO) -> None:
    """Write a JSON array of one object a row, a row a line; what JSON lacks becomes text, NaN and infinity null.

    Characters that a terminal would obey or hide are written as JSON's own escapes.
    """
    names = answer.schema.names
    separator = b"[\n"
    for row in rows_of(answer):
        item = json.dumps({name: _plain(value) for name, value in zip(names, row, strict=True)}, ensure_ascii=False)
        file.write(separator + _harmless(item).encode())
        separator = b",\n"
    file.write(b"\n]\n" if separator == b",\n" else b"[]\n")


def write_parquet(answer: Answer, path: Path) -> int:
    """Write one Parquet file, complete or as it was before, and return its rows. Raises as `whole_file` does."""
    rows = 0
    with whole_file(path) as temporary, pq.ParquetWriter(temporary, answer.schema, compression="zstd") as writer:
        for batch in answer.batches:
            writer.write_batch(batch)
            rows += batch.num_rows
    return rows


def _harmless(text: str) -> str:
    """Return JSON with every character that is not printable escaped: the same value to a program."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else json.dumps(character)[1:-1] for character in text)


def _flat(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    plain = value if isinstance(value, float | Decimal) else _plain(value)
    return json.dumps(plain, ensure_ascii=False) if isinstance(plain, list | dict) else str(plain)


def _plain(value: Any) -> Any:
    """Return a value of the kinds that JSON has."""
    plain = value
    match value:
        case None | bool() | int() | str():
            pass
        case float():
            plain = value if math.isfinite(value) else None
        case Decimal():
            plain = int(value) if value == value.to_integral_value() else float(value)
            if Decimal(repr(plain)) != value:  # it has more digits than a float keeps
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
