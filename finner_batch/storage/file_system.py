"""The file system calls of results on a local disk, which a simulation can replace, and messages for refused calls."""

# ruff: noqa: D102 - `FileSystem` documents the methods of `Disk`

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

from filelock import FileLock, Timeout

from finner_batch.errors import FinnerError, UsageError

_NO_FOLDER = {errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP}
"""The path cannot name a folder, whatever the state of the disk."""


class FileSystem(Protocol):
    """A file system. Every method raises OSError as the operating system does."""

    def open(self, path: Path, mode: Literal["rb", "wb"]) -> BinaryIO:
        """Open a file for reading, or create or truncate it for writing."""

    def sync(self, file: BinaryIO) -> None:
        """Make the content of an open file survive a power cut."""

    def sync_folder(self, folder: Path) -> None:
        """Make the names in a folder (created, renamed, deleted files) survive a power cut."""

    def replace(self, path: Path, target: Path) -> None:
        """Rename a file in one step; a file at `target` is replaced."""

    def unlink(self, path: Path) -> None:
        """Delete a file. Raises FileNotFoundError if there is none."""

    def make_folder(self, folder: Path) -> None:
        """Create a folder and the folders above it, unless they exist."""

    def names(self, folder: Path) -> list[str]:
        """List the names in a folder."""

    def is_file(self, path: Path) -> bool:
        """Whether there is a file at this path."""

    def is_folder(self, path: Path) -> bool:
        """Whether there is a folder at this path."""

    def lock(self, path: Path) -> Callable[[], None] | None:
        """Lock a file until the process ends. Return the function that unlocks it; None if another process holds it.

        The file is created if needed.
        """

    def library_path(self, path: Path) -> Path | None:
        """Return the path under which other libraries (Arrow, SQLite, DuckDB) open the file; None if they cannot."""


class Disk:
    """The file system of this machine."""

    def open(self, path: Path, mode: Literal["rb", "wb"]) -> BinaryIO:
        return path.open(mode)

    def sync(self, file: BinaryIO) -> None:
        file.flush()
        os.fsync(file.fileno())

    def sync_folder(self, folder: Path) -> None:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def replace(self, path: Path, target: Path) -> None:
        path.replace(target)

    def unlink(self, path: Path) -> None:
        path.unlink()

    def make_folder(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)

    def names(self, folder: Path) -> list[str]:
        return os.listdir(folder)  # noqa: PTH208 - only the names are needed

    def is_file(self, path: Path) -> bool:
        return path.is_file()

    def is_folder(self, path: Path) -> bool:
        return path.is_dir()

    def lock(self, path: Path) -> Callable[[], None] | None:
        lock = FileLock(path, timeout=0)
        try:
            lock.acquire()
        except Timeout:
            return None

        def unlock() -> None:
            with suppress(OSError):  # the kernel unlocks the file when the process ends
                lock.release()

        return unlock

    def library_path(self, path: Path) -> Path | None:
        return path


@contextmanager
def storage_errors(place: object) -> Iterator[None]:
    """Turn an OSError (disk full, read-only, no access) into a FinnerError that says what to do."""
    try:
        yield
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise FinnerError(
            f"cannot write to {place}: {reason_of(error)}{where}. What was committed before is intact; put that "
            "right and start again, and the job goes on from there"
        ) from error


def reason_of(error: OSError) -> str:
    """Return why the system refused, without error number and file name."""
    return os.strerror(error.errno) if error.errno else str(error)


def unusable(results: object, error: OSError, *, at: object = None) -> FinnerError:
    """Return the error for a results folder that the system refuses; UsageError if the path itself is wrong."""
    kind = UsageError if error.errno in _NO_FOLDER else FinnerError
    where = "" if at is None else f"{at}: "
    return kind(f"cannot use {results} for results: {where}{reason_of(error)}: put that right, or name another")
