"""Stored bytes: a local file or an fsspec URL as a binary stream, and what it means when it cannot be read."""

import hashlib
import io
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO, cast

from finner_batch.errors import DocumentError, FinnerError
from finner_batch.sources.document import Source, is_web_url
from finner_batch.storage.bucket import BusyError, ChangedError, is_object_url, split_url
from finner_batch.storage.object_reader import ObjectReader
from finner_batch.storage.s3 import open_bucket

CHUNK_BYTES = 1 << 20
MEMBER_MARK = "!/"
"""Between the path of an archive and the name of one of its members, in the URI of the member's source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A file's bytes as stored (not decompressed), with their SHA-256 in hex."""

    data: bytes = field(repr=False)
    sha256: str


def is_url(uri: str) -> bool:
    """Tell whether fsspec opens `uri`; otherwise it is a local path."""
    return "://" in uri


@contextmanager
def open_stored(source: Source, user_agent: str | None = None) -> Iterator[BinaryIO]:
    """Open the stored bytes for reading; whatever keeps them from being read is a `DocumentError` of stage `read`.

    `user_agent`: how a web server is asked, whose answer can be read once.
    """
    if source.error:
        raise DocumentError("read", source.error)
    with unreadable(source), _open(source, user_agent) as stream:
        yield stream


@contextmanager
def open_seekable(source: Source, user_agent: str | None = None) -> Iterator[BinaryIO]:
    """As `open_stored`; what a web server answers is fetched first."""
    with open_stored(source, user_agent) as stream:
        if stream.seekable():
            yield stream
            return
        with tempfile.TemporaryFile() as whole:
            shutil.copyfileobj(stream, whole, CHUNK_BYTES)
            whole.seek(0)
            yield whole


@contextmanager
def unreadable(source: Source) -> Iterator[None]:
    """Raise a `DocumentError` of stage `read` for whatever keeps the bytes of a source from being read."""
    try:
        yield
    except BusyError as error:
        raise DocumentError("read", f"{error}; then `finner-batch retry`") from error
    except (FinnerError, MemoryError):
        raise
    except Exception as error:
        # Drivers of fsspec raise errors of their own kinds; a local file only raises OSError.
        if isinstance(error, OSError) or is_url(source.uri):
            raise DocumentError("read", _explain(error)) from error
        raise


def chunks_of(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the rest of a stream, 1 MiB at a time."""
    while chunk := stream.read(CHUNK_BYTES):
        yield chunk


class Joined(io.RawIOBase):
    """The parts of a stream as one file."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts
        self._pending = memoryview(b"")

    def readable(self) -> bool:
        """As any that is read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # any writable buffer
        """Fill the buffer as far as one part goes; 0 at the end."""
        while not self._pending:
            part = next(self._parts, None)
            if part is None:
                return 0
            self._pending = memoryview(part)
        piece, self._pending = self._pending[: len(buffer)], self._pending[len(buffer) :]
        buffer[: len(piece)] = piece
        return len(piece)


def fingerprint(source: Source) -> tuple[str, int]:
    """Return the SHA-256 in hex of the bytes as stored, and their number, in one streaming pass.

    Raises `DocumentError` where they cannot be read.
    """
    digest = hashlib.sha256()
    size = 0
    with open_stored(source) as stream:
        for chunk in chunks_of(stream):
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size


def read_stored(head: bytes, stream: BinaryIO, limit: int) -> Stored:
    """Read `head`, already taken from `stream`, and the rest of it. Raises `DocumentError` beyond `limit` bytes."""
    digest = hashlib.sha256(head)
    parts = [head]
    size = len(head)
    for chunk in chunks_of(stream):
        digest.update(chunk)
        parts.append(chunk)
        size += len(chunk)
        if size > limit:
            raise too_large(limit)
    return Stored(data=b"".join(parts), sha256=digest.hexdigest())


def too_large(limit: int) -> DocumentError:
    """Make the error for a document that is larger than the bound."""
    return DocumentError(
        "read",
        f"larger than {limit / (1 << 20):,.0f} MiB (decompressed): raise --max-document-mb, then `finner-batch retry`",
    )


def _open(source: Source, user_agent: str | None) -> AbstractContextManager[BinaryIO]:
    uri = source.copy if source.copy and os.path.exists(source.copy) else source.path  # noqa: PTH110 - as below
    if MEMBER_MARK in uri and not os.path.exists(uri):  # noqa: PTH110
        from finner_batch.sources.archive import open_member  # noqa: PLC0415 - it builds on this

        return open_member(source.uri, user_agent)
    if is_object_url(uri):
        bucket, key = split_url(uri)
        return cast("BinaryIO", ObjectReader(open_bucket(bucket), key, etag=source.etag or None))
    if not is_url(uri):
        return open(uri, "rb")  # noqa: PTH123 - the caller's `with` closes it; a plain path costs no Path object
    if is_web_url(uri):
        from finner_batch.sources.web import open_web  # noqa: PLC0415 - only web addresses need it

        return open_web(uri, user_agent)
    import fsspec  # noqa: PLC0415 - only URLs need it

    return cast("BinaryIO", fsspec.open(uri, "rb").open())


def _explain(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "no longer there: moved or deleted after it was found; run again"
    if isinstance(error, ChangedError):
        return "replaced after it was found: run again"
    if isinstance(error, IsADirectoryError):
        return "a folder that cannot be listed: give this user the right to read it"
    if isinstance(error, PermissionError):
        return f"not readable by this user: {error.strerror or error}; change its permissions or the credentials"
    return f"cannot be read: {type(error).__name__}: {error}; then `finner-batch retry`"
