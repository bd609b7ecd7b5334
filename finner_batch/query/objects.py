"""What DuckDB reads of results in an object store: that folder alone, by range, with the store's retries."""

from datetime import UTC, datetime
from typing import Any

from fsspec import AbstractFileSystem

from finner_batch.objects.bucket import Bucket, split_url
from finner_batch.objects.path import ObjectPath
from finner_batch.objects.reader import ObjectReader


class ResultsFileSystem(AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """The file system that `s3://` means in a DuckDB connection.

    DuckDB makes an error of its own of what is raised here; `failure` keeps the first, for a better message.
    """

    protocol = "s3"
    cachable = False

    def __init__(self) -> None:
        super().__init__()
        self.failure: OSError | None = None

    def open(self, path: str, mode: str = "rb", **_: Any) -> ObjectReader:
        """Open for reading."""
        if mode != "rb":
            raise PermissionError(f"{path}: results are only read here")
        bucket, key = split_url(path)
        try:
            return ObjectReader(Bucket(bucket), key, first="end")
        except OSError as error:
            self.failure = self.failure or error
            raise

    def glob(self, path: str, **_: Any) -> list[str]:
        """Take a path as it stands: what is read was listed before."""
        return [path]

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Size of an object."""
        return {"name": path, "size": ObjectPath.of(path).stat().st_size, "type": "file"}

    def modified(self, path: str) -> datetime:  # noqa: ARG002 - fsspec's signature
        """Return a time that never changes: a part is never written again."""
        return datetime.fromtimestamp(0, UTC)
