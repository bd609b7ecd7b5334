"""The stored bytes of a source, a file or a member of an archive, and their fingerprint."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from finner_batch.readers.archive import open_member
from finner_batch.readers.document import MEMBER_MARK, Source
from finner_batch.readers.streams import chunks_of, open_file, path_to_open, unreadable


@contextmanager
def open_stored(source: Source, user_agent: str | None = None) -> Iterator[BinaryIO]:
    """Open the stored bytes of a source. A web server's response can be read only once.

    `user_agent` names this program to a web server. Raises DocumentError (stage `read`) if the bytes cannot be read.
    """
    path = path_to_open(source)
    if source.error or MEMBER_MARK not in path or os.path.exists(path):  # noqa: PTH110 - a URL is no Path
        with open_file(source, user_agent) as stream:
            yield stream
        return
    with unreadable(source), open_member(source.uri, user_agent) as stream:
        yield stream


def fingerprint(source: Source) -> tuple[str, int]:
    """Return the SHA-256 in hex and the number of the stored bytes, from one streaming pass.

    Raises DocumentError if they cannot be read.
    """
    digest = hashlib.sha256()
    size = 0
    with open_stored(source) as stream:
        for chunk in chunks_of(stream):
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size
