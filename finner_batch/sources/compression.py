"""Decompression, told by the data's first bytes and not by the file's name: gzip (RFC 1952) and Zstandard (RFC 8878).

Input is fed in small pieces, so that no piece can grow beyond a few tens of MiB before the caller sees it and may
stop: a decompression bomb costs its bound and no more. A piece grows at most 1032-fold in gzip, and 128 KiB for every
4 bytes in Zstandard.
"""

import zlib
from collections.abc import Iterable, Iterator
from typing import Literal, Protocol

import zstandard

from finner_batch.errors import DocumentError
from finner_batch.sources.streams import too_large

Method = Literal["gzip", "zstd"]

_MAGIC: tuple[tuple[bytes, Method], ...] = ((b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"))
_PIECE_BYTES: dict[Method, int] = {"gzip": 1 << 14, "zstd": 1 << 10}


class _Decoder(Protocol):
    """What zlib's and zstandard's decompression objects share."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: memoryview, /) -> bytes: ...


def compression_of(head: bytes) -> Method | None:
    """Return the compression method that the first bytes state, if any."""
    return next((method for magic, method in _MAGIC if head.startswith(magic)), None)


def decompress(data: bytes, limit: int) -> bytes:
    """Return `data` decompressed, or itself where it is not compressed; a `DocumentError` beyond `limit` bytes."""
    if compression_of(data) is None:
        return data
    parts = []
    size = 0
    for part in decompressed([data]):
        size += len(part)
        if size > limit:
            raise too_large(limit)
        parts.append(part)
    return b"".join(parts)


def decompressed(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the decompressed bytes of a stream in order; what is not compressed passes through.

    Several gzip members or Zstandard frames in a row are one stream. Raises `DocumentError` (stage `read`) for data
    that is damaged or ends early.
    """
    stream = iter(chunks)
    first = next(stream, b"")
    method = compression_of(first)
    if method is None:
        yield first
        yield from stream
        return
    decoder: _Decoder | None = None
    while first:
        pending = memoryview(first)
        while pending:
            if decoder is None:
                if pending[0] == 0:  # padding after the last member, as tapes and some servers leave it
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


def _start(method: Method) -> _Decoder:
    if method == "gzip":
        return zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    return zstandard.ZstdDecompressor().decompressobj()
