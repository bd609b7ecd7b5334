"""Lets DuckDB read results in an object store, by range and with retries."""

from collections.abc import Sequence
from datetime import UTC, datetime
from io import SEEK_END
from typing import Any, BinaryIO

import duckdb
from fsspec import AbstractFileSystem

from finner_batch.query.table import visible
from finner_batch.storage.place import Place


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
