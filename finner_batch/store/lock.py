"""One writer at a time: the lock of a results folder.

A local folder's lock is the kernel's (flock through filelock): it ends with the process that holds it, however that
ends, so a lock file left by a dead process blocks nobody. Who holds it is written beside it, for the message only. An
object store's lock is a lease (`lease`).
"""

import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from finner_batch.errors import FinnerError, LockedError, UsageError
from finner_batch.objects.bucket import always
from finner_batch.objects.path import ObjectPath
from finner_batch.store.atomic import is_no_folder, reason_of, storage_errors
from finner_batch.store.lease import Lease
from finner_batch.store.place import Place


@contextmanager
def lock_results(results: Place) -> Iterator[Callable[[], None]]:
    """Hold the lock of a results folder, which is made if need be; what is yielded raises where it was lost since.

    Raises LockedError where another process holds it (for a folder at once), UsageError where this can be no folder,
    FinnerError where the disk refuses.
    """
    with _lock_folder(results) if isinstance(results, Path) else _lock_objects(results) as held:
        yield held


@contextmanager
def _lock_objects(results: ObjectPath) -> Iterator[Callable[[], None]]:
    lease = Lease(results)
    try:
        lease.__enter__()
    except OSError as error:
        raise UsageError(f"cannot use {results} for results: {error}") from error
    with ExitStack() as stack:
        stack.push(lease)
        yield lease.check


@contextmanager
def _lock_folder(results: Path) -> Iterator[Callable[[], None]]:
    try:
        results.mkdir(parents=True, exist_ok=True)
        lock = FileLock(results / ".lock", timeout=0)
        lock.acquire()
    except Timeout as error:
        raise LockedError(
            f"{results} is in use by another run ({_holder(results)}): wait for it, or choose another --output"
        ) from error
    except OSError as error:
        kind = UsageError if is_no_folder(error) else FinnerError
        raise kind(f"cannot use {results} for results: {reason_of(error)}: put that right, or name another") from error
    try:
        _say_who_holds_it(results)
        yield always
    finally:
        with suppress(OSError):  # it ends with the process
            lock.release()


def _say_who_holds_it(results: Path) -> None:
    note = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    with storage_errors(results):
        _note_path(results).write_text(json.dumps(note), encoding="utf-8")


def _note_path(results: Path) -> Path:
    return results / ".lock.json"


def _holder(results: Path) -> str:
    try:
        note = json.loads(_note_path(results).read_text(encoding="utf-8"))
        return f"process {note['pid']} on {note['host']} since {note['since']}"
    except (OSError, ValueError, KeyError):
        return "it has not said who it is"
