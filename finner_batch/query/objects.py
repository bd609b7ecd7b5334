"""What DuckDB reads of results in an object store: that folder alone, by range, with the store's retries."""

from collections.abc import Sequence
from datetime import UTC, datetime
from io import SEEK_END
from typing import Any, BinaryIO

import duckdb
from fsspec import AbstractFileSystem

from finner_batch.query.table import visible
from finner_batch.storage.place import Place


class ResultsFileSystem(AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """The file system that `s3://` means in a DuckDB connection.

    DuckDB makes a plain `duckdb.Error` of what is raised here (`is_unreadable`).
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
            raise PermissionError(f"{path}: results are only read here")
        file = (folder / path.removeprefix(f"{folder}/")).open()
        self._sizes[path] = file.seek(0, SEEK_END)
        file.seek(0)
        return file

    def glob(self, path: str, **_: Any) -> list[str]:
        """Take a path as it stands: what is read was listed before."""
        return [path]

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Size of a file that was opened."""
        return {"name": path, "size": self._sizes[path], "type": "file"}

    def modified(self, path: str) -> datetime:  # noqa: ARG002 - fsspec's signature
        """Return a time that never changes: a part is never written again."""
        return datetime.fromtimestamp(0, UTC)


def is_unreadable(error: duckdb.Error) -> bool:
    """Tell whether a file could not be read: DuckDB's own error for that, or what it makes of an error of Python's."""
    return isinstance(error, duckdb.IOException) or type(error) is duckdb.Error


def one_line(error: BaseException) -> str:
    """Return DuckDB's message without the quoted SQL below it, harmless for a terminal: it may quote a filing.

    Of a traceback in it, the last line.
    """
    text = str(error).partition("\nLINE ")[0].strip()
    if text.startswith("Traceback"):
        text = text.rpartition("\n")[2].partition(": ")[2]
    return visible(" ".join(text.split()))
