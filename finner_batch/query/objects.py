"""What DuckDB reads of results in an object store: that folder alone, by range, with the store's retries."""

from datetime import UTC, datetime
from typing import Any

import duckdb
from fsspec import AbstractFileSystem

from finner_batch.objects.bucket import Bucket, split_url
from finner_batch.objects.reader import ObjectReader
from finner_batch.query.table import visible


class ResultsFileSystem(AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """The file system that `s3://` means in a DuckDB connection.

    DuckDB makes a plain `duckdb.Error` of what is raised here (`is_unreadable`).
    """

    protocol = "s3"
    cachable = False

    def __init__(self) -> None:
        super().__init__()
        self._sizes: dict[str, int] = {}

    def open(self, path: str, mode: str = "rb", **_: Any) -> ObjectReader:
        """Open for reading."""
        if mode != "rb":
            raise PermissionError(f"{path}: results are only read here")
        bucket, key = split_url(path)
        reader = ObjectReader(Bucket(bucket), key, first="end")
        self._sizes[path] = reader.size
        return reader

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
