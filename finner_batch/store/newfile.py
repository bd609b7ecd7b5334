"""A file that is being written: nothing of it is visible before it is published, then all of it is."""

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Protocol

from finner_batch.objects.path import ObjectPath
from finner_batch.store.atomic import publish, temporary_path
from finner_batch.store.place import Place


class NewFile(Protocol):
    """A file under way. `file` takes the bytes, until it is sealed."""

    file: BinaryIO

    def seal(self) -> None:
        """Take no more bytes, and keep those that came."""

    def publish(self, allowed: Callable[[], None]) -> None:
        """Make it visible. `allowed` raises where this writer may not write any more."""

    def discard(self) -> None:
        """Drop it; nothing was visible."""


def new_file(path: Place) -> NewFile:
    """Begin a file."""
    return LocalFile(path) if isinstance(path, Path) else ObjectFile(path)


class LocalFile:
    """Written under a temporary name beside its own, flushed to the disk, then renamed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.file: BinaryIO = temporary_path(path).open("wb")

    def seal(self) -> None:
        """Flush to the disk."""
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()

    def publish(self, allowed: Callable[[], None]) -> None:
        """Rename."""
        allowed()
        publish(self._path)

    def discard(self) -> None:
        """Delete."""
        with suppress(OSError):  # what a full disk does not take is dropped here anyway
            self.file.close()
        with suppress(OSError):  # the next opening of the folder deletes it
            temporary_path(self._path).unlink(missing_ok=True)


class ObjectFile:
    """Written into a nameless local file, which ends with the process, then put into the store in one step."""

    def __init__(self, path: ObjectPath) -> None:
        self._path = path
        self._size = 0
        self.file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - closed when it is published or discarded

    def seal(self) -> None:
        """Remember where it ends."""
        self._size = self.file.tell()

    def publish(self, allowed: Callable[[], None]) -> None:
        """Put it into the store."""
        with self.file as file:
            self._path.bucket.upload(self._path.key, file, self._size, allowed=allowed)

    def discard(self) -> None:
        """Let go of it."""
        self.file.close()
