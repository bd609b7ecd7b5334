"""Files and URLs as binary streams, and the errors if they cannot be read."""

import io
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import BinaryIO, cast

from finner_batch.errors import DocumentError, FinnerError
from finner_batch.readers.document import Source, is_web_url
from finner_batch.storage.bucket import BusyError, ChangedError, is_object_url, split_url
from finner_batch.storage.object_reader import ObjectReader
from finner_batch.storage.s3 import open_bucket

CHUNK_BYTES = 1 << 20


def is_url(uri: str) -> bool:
    """Return whether `uri` is a URL, not a local path."""
    return "://" in uri


@contextmanager
def open_file(source: Source, user_agent: str | None = None) -> Iterator[BinaryIO]:
    """Open a source that is not a member of an archive. Raises DocumentError (stage `read`) if it cannot be read."""
    if source.error:
        raise DocumentError("read", source.error)
    with unreadable(source), _open(source, user_agent) as stream:
        yield stream


@contextmanager
def seekable(stream: BinaryIO) -> Iterator[BinaryIO]:
    """Yield the stream, or a temporary copy if it is not seekable."""
    if stream.seekable():
        yield stream
        return
    with tempfile.TemporaryFile() as whole:
        shutil.copyfileobj(stream, whole, CHUNK_BYTES)
        whole.seek(0)
        yield whole


@contextmanager
def unreadable(source: Source) -> Iterator[None]:
    """Turn any error that reading a source raises into a DocumentError (stage `read`)."""
    try:
        yield
    except BusyError as error:
        raise DocumentError("read", f"{error}; then `finner-batch retry`") from error
    except (FinnerError, MemoryError):
        raise
    except Exception as error:
        # The drivers of fsspec raise their own classes of errors; a local file raises OSError only.
        if isinstance(error, OSError) or is_url(source.uri):
            raise DocumentError("read", _explain(error)) from error
        raise


def chunks_of(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the rest of a stream, 1 MiB at a time."""
    while chunk := stream.read(CHUNK_BYTES):
        yield chunk


def bounded(chunks: Iterable[bytes], limit: int) -> Iterator[bytes]:
    """Yield the chunks. Raises DocumentError beyond `limit` bytes in all."""
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > limit:
            raise too_large(limit)
        yield chunk


class ChunkStream(io.RawIOBase):
    """Chunks of bytes as a raw file."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._pending = memoryview(b"")

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # any writable buffer
        """Copy from one chunk into the buffer, and return the number of bytes; 0 at the end."""
        while not self._pending:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._pending = memoryview(chunk)
        piece, self._pending = self._pending[: len(buffer)], self._pending[len(buffer) :]
        buffer[: len(piece)] = piece
        return len(piece)


def too_large(limit: int) -> DocumentError:
    """Return the error for a document of more than `limit` bytes."""
    return DocumentError(
        "read",
        f"larger than {limit / (1 << 20):,.0f} MiB (decompressed): raise --max-document-mb, then `finner-batch retry`",
    )


def path_to_open(source: Source) -> str:
    """Return the path of a source's local copy if there is one, else its path or URL."""
    return source.copy if source.copy and os.path.exists(source.copy) else source.path  # noqa: PTH110 - a plain path costs no Path object


def _open(source: Source, user_agent: str | None) -> AbstractContextManager[BinaryIO]:
    uri = path_to_open(source)
    if is_object_url(uri):
        bucket, key = split_url(uri)
        return cast("BinaryIO", ObjectReader(open_bucket(bucket), key, etag=source.etag or None))
    if not is_url(uri):
        return open(uri, "rb")  # noqa: PTH123 - the caller's `with` closes it
    if is_web_url(uri):
        from finner_batch.readers.web import open_web  # noqa: PLC0415 - only web addresses need it

        return open_web(uri, user_agent)
    import fsspec  # noqa: PLC0415 - only URLs need it

    return cast("BinaryIO", fsspec.open(uri, "rb").open())


def _explain(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "no longer there: moved or deleted after it was found; run again"
    if isinstance(error, ChangedError):
        return "replaced after it was found: run again"
    if isinstance(error, IsADirectoryError):
        return "a folder that cannot be listed: let this user read it"
    if isinstance(error, PermissionError):
        return f"not readable by this user: {error.strerror or error}; change its permissions or the credentials"
    return f"cannot be read: {type(error).__name__}: {error}; then `finner-batch retry`"
