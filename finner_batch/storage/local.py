"""Results on a local disk."""

# ruff: noqa: D102 - `place.Place` and `place.NewFile` document the methods

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from finner_batch.errors import LockedError
from finner_batch.storage.bucket import no_check
from finner_batch.storage.clock import Clock, SystemClock
from finner_batch.storage.file_system import Disk, FileSystem, storage_errors, unusable
from finner_batch.storage.lease import Note
from finner_batch.storage.whole_file import OWN_TEMPORARY, TEMPORARY, delete_abandoned


@dataclass(frozen=True, slots=True)
class LocalPlace:
    """A file or folder on a local disk. The methods are those of `place.Place`."""

    path: Path
    files: FileSystem = field(default_factory=Disk, compare=False, repr=False)
    clock: Clock = field(default_factory=SystemClock, compare=False, repr=False)

    def __str__(self) -> str:
        return str(self.path)

    def __truediv__(self, name: str) -> "LocalPlace":
        return self._at(self.path / name)

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def parent(self) -> "LocalPlace":
        return self._at(self.path.parent)

    @property
    def local_path(self) -> Path | None:
        return self.files.library_path(self.path)

    def absolute(self) -> "LocalPlace":
        return self._at(Path(os.path.abspath(self.path)))  # noqa: PTH100 - resolve() follows links

    def children(self) -> "Iterator[LocalPlace]":
        return (self / name for name in self.files.names(self.path))

    def is_file(self) -> bool:
        return self.files.is_file(self.path)

    def is_folder(self) -> bool:
        return self.files.is_folder(self.path)

    def open(self) -> BinaryIO:
        return self.files.open(self.path, "rb")

    def read(self) -> bytes:
        with self.open() as file:
            return file.read()

    def write(self, content: bytes) -> None:
        new = self.new_file()
        try:
            new.file.write(content)
            new.seal()
            new.publish()
        except OSError:
            new.discard()
            raise

    def new_file(self) -> "NewLocalFile":
        return NewLocalFile(self)

    def delete(self) -> None:
        with suppress(FileNotFoundError):
            self.files.unlink(self.path)

    def make_folder(self) -> None:
        self.files.make_folder(self.path)

    def sync(self) -> None:
        self.files.sync_folder(self.path)

    def delete_temporary_files(self) -> None:
        for child in self.children():
            if child.name.startswith(TEMPORARY) and not child.name.startswith(OWN_TEMPORARY):
                child.delete()
        if self.local_path:
            delete_abandoned(self.local_path)

    def may_still_be_committed(self) -> bool:
        return False

    @contextmanager
    def lock(self) -> Iterator[Callable[[], None]]:
        try:
            self.make_folder()
            unlock = self.files.lock(self.path / ".lock")
        except OSError as error:
            raise unusable(self, error) from error
        if unlock is None:
            raise LockedError(
                f"{self} is in use by another run ({self._holder()}): wait for it, or choose another --output"
            )
        try:
            self._write_holder()
            yield no_check  # the lock cannot be lost while the process lives
        finally:
            unlock()

    def _write_holder(self) -> None:
        """Write who holds the lock. Only the message of another run that is refused uses it."""
        note = Note(since=f"{self.clock.now():%Y-%m-%dT%H:%M:%SZ}")
        with storage_errors(self), self.files.open(self.path / ".lock.json", "wb") as file:
            file.write(note.as_bytes())

    def _holder(self) -> str:
        try:
            return str(Note(**json.loads((self / ".lock.json").read())))
        except (OSError, ValueError, TypeError):
            return "which has not written its name"

    def _at(self, path: Path) -> "LocalPlace":
        return LocalPlace(path, self.files, self.clock)


class NewLocalFile:
    """A file that is written under a temporary name in the same folder, synced, then renamed."""

    def __init__(self, place: LocalPlace) -> None:
        self._files = place.files
        self._path = place.path
        self._temporary = place.path.with_name(TEMPORARY + place.path.stem)
        self.file: BinaryIO = self._files.open(self._temporary, "wb")

    def seal(self) -> None:
        self._files.sync(self.file)
        self.file.close()

    def publish(self, check: Callable[[], None] = no_check) -> None:
        check()
        self._files.replace(self._temporary, self._path)
        self._files.sync_folder(self._path.parent)

    def discard(self) -> None:
        with suppress(OSError):  # closing writes the rest of the buffer, which a full disk refuses
            self.file.close()
        with suppress(OSError):  # the next writer of this folder deletes it
            self._files.unlink(self._temporary)
