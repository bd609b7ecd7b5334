"""Rows of labelled data from files: JSON Lines or a JSON list, also as `.gz` or `.zst`, and Parquet."""

import codecs
import hashlib
import json
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from finner_batch.errors import UsageError
from finner_batch.training.data.finer import Row, tag_names
from finner_batch.training.data.splits import split_of_file

FILE_SUFFIXES = (*(f"{name}{end}" for name in (".jsonl", ".json") for end in ("", ".gz", ".zst")), ".parquet")
_PARQUET_MAGIC = b"PAR1"


def file_rows(path: Path) -> Iterator[Row]:
    """Rows of one file; those that state no split have the one that its name says. Raises UsageError."""
    split = split_of_file(path)
    for row, place, names in _parquet_rows(path) if _is_parquet(path) else _json_rows(path):
        yield ({**row, "split": row.get("split") or split} if split else row), place, names


def is_labelled(path: Path) -> bool:
    """Say whether a file is a dataset's Parquet, of this version or another. Raises UsageError for a damaged one."""
    if not _is_parquet(path):
        return False
    try:
        return "numbers" in pq.read_schema(path).names
    except pa.ArrowInvalid as error:
        raise UsageError(f"--data {path}: damaged Parquet ({error})") from error


def file_digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _json_rows(path: Path) -> Iterator[Row]:
    with fsspec.open(str(path), "rb", compression="infer") as stream, BufferedReader(stream) as lines:
        is_list = None
        for number, line in enumerate(lines, start=1):
            if not (content := line.removeprefix(codecs.BOM_UTF8).strip()):
                continue
            if is_list is None and (is_list := content.startswith(b"[")):
                yield from _listed_rows(content + b"".join(lines), path)
                return
            place = f"{path}:{number}"
            try:
                row = json.loads(content)
            except ValueError as error:  # broken UTF-8 too
                raise UsageError(f"{place}: no JSON ({error}); --data takes JSON Lines or Parquet") from error
            yield _object(row, place), place, None


def _listed_rows(content: bytes, path: Path) -> Iterator[Row]:
    try:
        rows = json.loads(content)
    except ValueError as error:
        raise UsageError(f"{path}: no JSON ({error}); --data takes JSON Lines, a JSON list or Parquet") from error
    for number, row in enumerate(rows, start=1):
        place = f"{path}:{number}"
        yield _object(row, place), place, None


def _object(row: Any, place: str) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise UsageError(f"{place}: needs an object with text and entities, or with tokens and ner_tags")
    return row


def _parquet_rows(path: Path) -> Iterator[Row]:
    with pq.ParquetFile(path) as file:
        described = json.loads((file.schema_arrow.metadata or {}).get(b"huggingface", b"{}"))
        names = tag_names(described.get("info", {}).get("features", {}).get("ner_tags"))
        number = 0
        for batch in file.iter_batches():
            for row in batch.to_pylist():
                number += 1
                yield row, f"{path}:{number}", names


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_PARQUET_MAGIC)) == _PARQUET_MAGIC
