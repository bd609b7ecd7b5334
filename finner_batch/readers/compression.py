"""Decompression of gzip (RFC 1952) and Zstandard (RFC 8878), detected by the first bytes, not by the file name.

Input is decompressed in small pieces, so that no piece exceeds a few tens of MiB before the caller can stop: a
decompression bomb costs no more than the caller's limit. A piece grows at most 1032-fold in gzip, and to 128 KiB for
every 4 bytes in Zstandard.
"""

import zlib
from collections.abc import Iterable, Iterator
from typing import Any, Literal

import zstandard

from finner_batch.errors import DocumentError
from finner_batch.readers.streams import bounded

Method = Literal["gzip", "zstd"]

_MAGIC: tuple[tuple[bytes, Method], ...] = ((b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"))
_PIECE_BYTES: dict[Method, int] = {"gzip": 1 << 14, "zstd": 1 << 10}


def compression_of(head: bytes) -> Method | None:
    """Return the compression method that the first bytes indicate, or None."""
    return next((method for magic, method in _MAGIC if head.startswith(magic)), None)


def decompress(chunks: Iterable[bytes], limit: int) -> bytes:
    """Return the whole decompressed content of a stream. Raises what `decompressed` raises, also beyond `limit` bytes.

    Uncompressed data is returned as it is.
    """
    return b"".join(bounded(decompressed(chunks), limit))


def decompressed(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the decompressed bytes of a stream in order; uncompressed data passes through.

    Consecutive gzip members or Zstandard frames form one stream. Raises DocumentError (stage `read`) for data that is
    damaged or truncated.
    """
    stream = iter(chunks)
    first = next(stream, b"")
    method = compression_of(first)
    if method is None:
        yield first
        yield from stream
        return
    decoder: Any = None
    while first:
        pending = memoryview(first)
        while pending:
            if decoder is None:
                if pending[0] == 0:  # padding after the last member, as tapes and some servers write it
                    pending = memoryview(bytes(pending).lstrip(b"\0"))
                    continue
                decoder = _start(method)
            piece = pending[: _PIECE_BYTES[method]]
            try:
                yield decoder.decompress(piece)
            except (zlib.error, zstandard.ZstdError) as error:
                raise DocumentError("read", f"damaged {method} data ({error}): fetch the file again") from error
            used = len(piece)
            if decoder.eof:
                used -= len(decoder.unused_data)
                decoder = None
            pending = pending[used:]
        first = next(stream, b"")
    if decoder is not None:
        raise DocumentError("read", f"the {method} data ends early (truncated file): fetch the file again")


def _start(method: Method) -> Any:
    if method == "gzip":
        return zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    return zstandard.ZstdDecompressor().decompressobj()
