"""A file object over an object in a bucket: fetches ranges as they are read, with some read-ahead."""

# ruff: noqa: D102 - `io.RawIOBase` documents the methods

import io
from typing import Literal

from finner_batch.storage.bucket import Bucket

FIRST_BYTES = 256 << 10
"""The first request fetches this much of the beginning or the end. A smaller object costs no second request."""
LEAST_BYTES = 64 << 10
MOST_AHEAD_BYTES = 8 << 20
"""Sequential reading doubles the read-ahead, up to this."""


class ObjectReader(io.RawIOBase):
    """A seekable binary file over one version of an object.

    The first request fetches the beginning, or with `first="end"` the end, where the footer of a Parquet file is.
    Raises FileNotFoundError if there is no object, `ChangedError` if it is replaced while it is read.
    """

    def __init__(
        self, bucket: Bucket, key: str, *, etag: str | None = None, first: Literal["begin", "end"] = "begin"
    ) -> None:
        super().__init__()
        self._bucket = bucket
        self._key = key
        got = bucket.get(key, -FIRST_BYTES, etag=etag) if first == "end" else bucket.get(key, 0, FIRST_BYTES, etag=etag)
        self.etag = got.etag
        self.size = got.size
        self._kept = (got.size - len(got.data) if first == "end" else 0, got.data)
        self._block = self._kept
        self._ahead = LEAST_BYTES
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def read(self, size: int = -1) -> bytes:
        begin = min(self._position, self.size)
        end = self.size if size is None or size < 0 else min(self.size, begin + size)
        data = self._range(begin, end)
        self._position = begin + len(data)
        return data

    def readall(self) -> bytes:
        return self.read()

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # any writable buffer
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _range(self, begin: int, end: int) -> bytes:
        for start, data in (self._block, self._kept):
            if start <= begin and end <= start + len(data):
                return data[begin - start : end - start]
        reached = self._block[0] + len(self._block[1])
        if self._block[0] <= begin <= reached:  # sequential reading
            held = self._block[1][begin - self._block[0] :]
            self._ahead = min(2 * self._ahead, MOST_AHEAD_BYTES)
        else:
            held, reached = b"", begin
            self._ahead = LEAST_BYTES
        until = min(self.size, max(end, reached + self._ahead))
        got = self._bucket.get(self._key, reached, until, etag=self.etag)
        if len(got.data) != until - reached:
            raise OSError(f"{self._key}: asked for {until - reached} bytes, got {len(got.data)}")
        self._block = (begin, held + got.data)
        return self._block[1][: end - begin]
