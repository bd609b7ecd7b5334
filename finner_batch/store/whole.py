"""Files and folders that a command writes where its user says: complete, or as they were before.

They are written into a temporary folder beside their place, flushed to the disk, then renamed. The writer holds a lock
on that folder as long as it lives (flock, which the kernel ends with the process), so the next writer there knows and
deletes what a killed one left.
"""

import errno
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from finner_batch.errors import FinnerError, UsageError
from finner_batch.store.atomic import TEMPORARY, flush_folder, reason_of

OWN_TEMPORARY = f"{TEMPORARY}finner-batch-"
"""Prefix of the temporary folders. In a folder of its user's, other hidden files are not this program's to delete."""

_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a name to write a file under; when the block ends without an error, the file takes its place at `path`.

    A link stays, and what it names is replaced. Raises UsageError where `path` can be no file, FinnerError where the
    disk refuses; `path` is as it was then, or whole and said to be.
    """
    with _told(path):
        target = _named(path)
        if not target.parent.is_dir():
            raise UsageError(f"cannot write {path}: there is no folder {target.parent}. Make it, or name another")
        if target.exists() and not target.is_file():
            raise UsageError(f"cannot write {path}: it is there and is no regular file. Choose another name")
        with _temporary_folder(target.parent) as folder:
            yield folder / target.name
            _flush_files(folder)
            (folder / target.name).replace(target)
    _make_last(path, target.parent)


@contextmanager
def whole_folder(path: Path, *, last: str) -> Iterator[Path]:
    """Give a folder to write files into; when the block ends without an error, they all lie at `path`.

    A folder that is not there before appears in one step. In one that is, each file is replaced in one step, and `last`
    is missing from before the first until after all others: where it is there, they belong together. Other files stay.
    Raises as `whole_file` does.
    """
    with _told(path):
        target = _named(path)
        if target.exists() and not target.is_dir():
            raise UsageError(f"cannot write to {path}: it is there and is no folder. Choose another name")
        target.parent.mkdir(parents=True, exist_ok=True)
        is_new = not target.exists()
        with _temporary_folder(target.parent if is_new else target) as folder:
            yield folder
            _flush_files(folder)
            if is_new:
                flush_folder(folder)
                folder.replace(target)
            else:
                (target / last).unlink(missing_ok=True)
                for file in sorted(folder.iterdir(), key=lambda file: (file.name == last, file.name)):
                    file.replace(target / file.name)
    _make_last(path, target.parent if is_new else target)


def delete_left(folder: Path) -> None:
    """Delete the temporary folders that killed writers left in a folder; those of living ones stay."""
    for left in folder.glob(f"{OWN_TEMPORARY}*"):
        with suppress(OSError):  # another user's, or gone by now
            lock = os.open(left, os.O_RDONLY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left)
            finally:
                os.close(lock)


def refused(place: object, error: OSError) -> FinnerError:
    """Return what to raise where a disk refuses to take a file."""
    return FinnerError(
        f"cannot write {place}: {reason_of(error)}. What was there before is as it was; put that right and start again"
    )


def _make_last(path: Path, folder: Path) -> None:
    try:
        flush_folder(folder)
    except OSError as error:
        raise FinnerError(f"{path} is written, but may not outlast a power cut: {reason_of(error)}") from error


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise refused(path, error) from error


@contextmanager
def _temporary_folder(beside: Path) -> Iterator[Path]:
    delete_left(beside)
    folder, lock = _locked_folder(beside)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # nothing is written through it
            os.close(lock)


def _locked_folder(beside: Path) -> tuple[Path, int]:
    """Make a temporary folder and lock it; again where another writer took it for a dead one's in between."""
    while True:
        folder = beside / f"{OWN_TEMPORARY}{secrets.token_hex(8)}"
        folder.mkdir()
        try:
            lock = os.open(folder, os.O_RDONLY)
            _hold(lock)
        except FileNotFoundError:
            continue
        except OSError:
            folder.rmdir()
            raise
        if folder.exists():
            return folder, lock
        os.close(lock)


def _hold(lock: int) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in _NO_LOCKS:  # where there are none, nobody else can lock it either and take it for left
            os.close(lock)
            raise


def _named(path: Path) -> Path:
    """Follow links, to where the file really lies or will."""
    return Path(os.path.realpath(path))


def _flush_files(folder: Path) -> None:
    for file in folder.iterdir():
        descriptor = os.open(file, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
