"""URLs are fetched once: hashed on the way into a local copy, which is what is read.

Shards in an object store are not copied: the ETag stands for their content, and they are read by range.
"""

import hashlib
import shutil
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Self

from filelock import FileLock, Timeout

from finner_batch.errors import DocumentError
from finner_batch.sources.document import Source
from finner_batch.sources.kind import SNIFF_BYTES
from finner_batch.sources.read import container_of
from finner_batch.sources.shards import SHARDS
from finner_batch.sources.storage import chunks_of, fingerprint, is_url, open_stored

_NAME = "finner-batch-copies-"
_SETTLED_S = 60
"""A folder of copies that is younger may be about to be locked by the run that makes it."""


class Copies:
    """Fetched files in a temporary folder, made for the first. Use as a context manager: leaving it deletes them.

    What a killed run left is deleted by the next one: its lock tells that nobody holds it any more.
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._folder: Path | None = None
        self._lock: FileLock | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._folder is not None and self._lock is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._lock.release()

    def fetch(self, source: Source) -> tuple[Source, str, int]:
        """Return the source as it is best read, what stands for its content, and its size in bytes.

        That is the SHA-256 in hex of its bytes, or of its version for a shard in an object store. Raises
        `DocumentError` where it cannot be read.
        """
        if not is_url(source.uri) or source.copy:
            return source, *fingerprint(source)
        with open_stored(source) as stream:
            head = stream.read(SNIFF_BYTES)
            if source.version and _is_shard(head, source):
                return source, version_digest(source), source.size
            digest = hashlib.sha256(head)
            with tempfile.NamedTemporaryFile(dir=self._made_folder(), delete=False) as copy:
                try:
                    copy.write(head)
                    for chunk in chunks_of(stream):
                        digest.update(chunk)
                        copy.write(chunk)
                except BaseException:
                    Path(copy.name).unlink()
                    raise
                size = copy.tell()
        return replace(source, copy=copy.name), digest.hexdigest(), size

    def _made_folder(self) -> Path:
        with self._turn:
            if self._folder is None:
                _delete_left()
                self._folder = Path(tempfile.mkdtemp(prefix=_NAME))
                self._lock = FileLock(self._folder / ".lock", thread_local=False)
                self._lock.acquire()
            return self._folder


def _delete_left() -> None:
    """Delete the folders of runs that were killed."""
    for left in Path(tempfile.gettempdir()).glob(f"{_NAME}*"):
        try:
            if time.time() - left.stat().st_mtime > _SETTLED_S:
                with FileLock(left / ".lock", timeout=0):
                    shutil.rmtree(left, ignore_errors=True)
        except (Timeout, OSError):  # another run's, or another user's
            continue


def _is_shard(head: bytes, source: Source) -> bool:
    try:
        return container_of(head, source) in SHARDS
    except DocumentError:  # reading it says so again
        return False


def drop_copy(source: Source) -> None:
    """Delete the local copy of a source, if there is one."""
    if source.copy:
        Path(source.copy).unlink(missing_ok=True)


def version_digest(source: Source) -> str:
    """Return the SHA-256 in hex of an object's version."""
    return hashlib.sha256(f"{source.uri.partition('://')[0]} {source.version}".encode()).hexdigest()
