"""The stored bytes of a source, whether a file of its own or a member of an archive, and their fingerprint."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO

from finner_batch.sources.archive import open_member
from finner_batch.sources.document import MEMBER_MARK, Source
from finner_batch.sources.streams import chunks_of, open_file, path_to_open, seekable, too_large, unreadable


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A file's bytes as stored (not decompressed), with their SHA-256 in hex."""

    data: bytes = field(repr=False)
    sha256: str


@contextmanager
def open_stored(source: Source, user_agent: str | None = None) -> Iterator[BinaryIO]:
    """Open the stored bytes for reading; whatever keeps them from being read is a `DocumentError` of stage `read`.

    `user_agent`: how a web server is asked, whose answer can be read once.
    """
    path = path_to_open(source)
    if source.error or MEMBER_MARK not in path or os.path.exists(path):  # noqa: PTH110 - a URL is no Path
        with open_file(source, user_agent) as stream:
            yield stream
        return
    with unreadable(source), open_member(source.uri, user_agent) as stream:
        yield stream


@contextmanager
def open_seekable(source: Source, user_agent: str | None = None) -> Iterator[BinaryIO]:
    """As `open_stored`; what a web server answers is fetched first."""
    with open_stored(source, user_agent) as stream, seekable(stream) as whole:
        yield whole


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
