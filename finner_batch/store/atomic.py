"""Files that are complete or absent: written under a temporary name, flushed to the disk, then renamed."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from finner_batch.errors import FinnerError
from finner_batch.objects.path import ObjectPath

_NO_FOLDER = {errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP}

TEMPORARY = ".tmp-"
"""Prefix of names that are being written; whoever holds the lock may delete them. No reader's glob matches them."""


def temporary_path(path: Path) -> Path:
    """Where `path` is written before it is published: the same folder, so that the rename is atomic."""
    return path.with_name(TEMPORARY + path.stem)


def publish(path: Path) -> None:
    """Rename the finished, flushed temporary file of `path` to `path`, and make the rename last."""
    temporary_path(path).replace(path)
    flush_folder(path.parent)


def flush_folder(folder: Path | ObjectPath) -> None:
    """Make renames and deletions in `folder` survive a power cut; an object store has kept them when it answers."""
    if not isinstance(folder, Path):
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_atomic(path: Path | ObjectPath, content: bytes) -> None:
    """Write a small file in one step; a reader sees the old content or the new, never a part of it."""
    if not isinstance(path, Path):
        path.write_bytes(content)
        return
    temporary = temporary_path(path)
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    publish(path)


@contextmanager
def storage_errors(results: Path | ObjectPath) -> Iterator[None]:
    """Turn what a disk (full, read-only) or an object store refuses into a FinnerError that says what to do."""
    try:
        yield
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise FinnerError(
            f"cannot write to {results}: {reason_of(error)}{where}. What was committed before is whole; put that "
            "right and start again, and the job goes on from there"
        ) from error


def reason_of(error: OSError) -> str:
    """Say why the system refused, without number and file name."""
    return os.strerror(error.errno) if error.errno else str(error)


def is_no_folder(error: OSError) -> bool:
    """Tell that a path cannot be a folder, whatever the state of the disk: what names it is wrong."""
    return error.errno in _NO_FOLDER
