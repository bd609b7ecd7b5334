"""The bytes of a file or URL as a binary stream, and what it means when they cannot be read."""

import io
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import BinaryIO, cast

from finner_batch.errors import DocumentError, FinnerError
from finner_batch.objects.bucket import Bucket, is_object_url, split_url
from finner_batch.objects.reader import ObjectReader
from finner_batch.objects.retry import BusyError, ChangedError
from finner_batch.sources.document import Source, is_web_url
from finner_batch.sources.web import open_web

CHUNK_BYTES = 1 << 20


def is_url(uri: str) -> bool:
    """Tell whether fsspec opens `uri`; otherwise it is a local path."""
    return "://" in uri


@contextmanager
def open_file(source: Source, user_agent: str | None = None) -> Iterator[BinaryIO]:
    """Open the bytes of a source that is no member of an archive.

    Raises DocumentError of stage `read` for whatever keeps them from being read.
    """
    if source.error:
        raise DocumentError("read", source.error)
    with unreadable(source), _open(source, user_agent) as stream:
        yield stream


@contextmanager
def seekable(stream: BinaryIO) -> Iterator[BinaryIO]:
    """Yield the stream, or a temporary copy of a stream that can be read only once."""
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


def too_large(limit: int) -> DocumentError:
    """Make the error for a document that is larger than the bound."""
    return DocumentError(
        "read",
        f"larger than {limit / (1 << 20):,.0f} MiB (decompressed): raise --max-document-mb, then `finner-batch retry`",
    )


def path_to_open(source: Source) -> str:
    """Return the local copy of a source while there is one, else its own path or URL."""
    return source.copy if source.copy and os.path.exists(source.copy) else source.path  # noqa: PTH110 - as below


def _open(source: Source, user_agent: str | None) -> AbstractContextManager[BinaryIO]:
    uri = path_to_open(source)
    if is_object_url(uri):
        bucket, key = split_url(uri)
        return cast("BinaryIO", ObjectReader(Bucket(bucket), key, etag=source.etag or None))
    if not is_url(uri):
        return open(uri, "rb")  # noqa: PTH123 - the caller's `with` closes it; a plain path costs no Path object
    if is_web_url(uri):
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
