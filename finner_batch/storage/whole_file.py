"""Writes files and folders at a path that the user names: completely, or not at all.

They are written into a temporary folder next to their destination, synced, then renamed. The writer holds a lock on the
temporary folder while it lives (flock, which the kernel releases when the process ends), so the next writer recognises
and deletes what a killed one left.
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
from finner_batch.storage.file_system import reason_of

TEMPORARY = ".tmp-"
"""Prefix of names in a results folder that are being written. No reader's glob matches them."""
OWN_TEMPORARY = f"{TEMPORARY}finner-batch-"
"""Prefix of the temporary folders. In a user's folder, other hidden files are not for this program to delete."""

_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a path to write a file at; when the block ends without an error, the file is moved to `path`.

    A link is kept, and the file it points to is replaced. Raises UsageError if `path` cannot be a file, FinnerError if
    the disk refuses. `path` is then unchanged, or the message says that it is complete.
    """
    with _refusals(path):
        target = _resolved(path)
        if not target.parent.is_dir():
            raise UsageError(f"cannot write {path}: there is no folder {target.parent}. Make it, or name another")
        if target.exists() and not target.is_file():
            raise UsageError(f"cannot write {path}: it exists and is not a regular file. Choose another name")
        with _temporary_folder(target.parent) as folder:
            yield folder / target.name
            _sync_files(folder)
            (folder / target.name).replace(target)
    _sync_names(path, target.parent)


@contextmanager
def whole_folder(path: Path, *, last: str) -> Iterator[Path]:
    """Yield a folder to write files into; when the block ends without an error, they are all moved to `path`.

    A new folder appears in one step. In an existing folder each file is replaced in one step, and `last` is missing
    while the others are replaced: if it is present, the files belong together. Other files are kept. Raises as
    `whole_file` does.
    """
    with _refusals(path):
        target = _resolved(path)
        if target.exists() and not target.is_dir():
            raise UsageError(f"cannot write to {path}: it exists and is not a folder. Choose another name")
        target.parent.mkdir(parents=True, exist_ok=True)
        is_new = not target.exists()
        with _temporary_folder(target.parent if is_new else target) as folder:
            yield folder
            _sync_files(folder)
            if is_new:
                _sync(folder)
                folder.replace(target)
            else:
                (target / last).unlink(missing_ok=True)
                for file in sorted(folder.iterdir(), key=lambda file: (file.name == last, file.name)):
                    file.replace(target / file.name)
    _sync_names(path, target.parent if is_new else target)


def delete_abandoned(folder: Path) -> None:
    """Delete the temporary folders of killed writers; those of living writers are locked."""
    for left in folder.glob(f"{OWN_TEMPORARY}*"):
        with suppress(OSError):  # another user's, locked, or gone by now
            lock = os.open(left, os.O_RDONLY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left)
            finally:
                os.close(lock)


def _sync_names(path: Path, folder: Path) -> None:
    try:
        _sync(folder)
    except OSError as error:
        raise FinnerError(f"{path} is written, but may not outlast a power cut: {reason_of(error)}") from error


@contextmanager
def _refusals(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FinnerError(
            f"cannot write {path}: {reason_of(error)}. What was there before is as it was; put that right and start "
            "again"
        ) from error


@contextmanager
def _temporary_folder(parent: Path) -> Iterator[Path]:
    delete_abandoned(parent)
    folder, lock = _locked_folder(parent)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # nothing is written through it
            os.close(lock)


def _locked_folder(parent: Path) -> tuple[Path, int]:
    """Make and lock a temporary folder; try again if another writer deleted it before it was locked."""
    while True:
        folder = parent / f"{OWN_TEMPORARY}{secrets.token_hex(8)}"
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
        if error.errno not in _NO_LOCKS:  # without locks no other writer can find it abandoned
            os.close(lock)
            raise


def _resolved(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _sync_files(folder: Path) -> None:
    for file in folder.iterdir():
        _sync(file)


def _sync(path: Path) -> None:
    """Make the content of a file, or the names in a folder, survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
