"""One writer at a time: the lock of a results folder.

The lock is the kernel's (flock through filelock): it ends with the process that holds it, however that ends, so a lock
file left by a dead process blocks nobody. Who holds it is written beside it, for the message only.
"""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from finner_batch.errors import LockedError, UsageError
from finner_batch.store.atomic import storage_errors


@contextmanager
def lock_results(results: Path) -> Iterator[None]:
    """Hold the lock of a results folder, which is made if need be.

    Raises LockedError at once where another process holds it, UsageError where the folder cannot be made or written.
    """
    try:
        results.mkdir(parents=True, exist_ok=True)
        lock = FileLock(results / ".lock", timeout=0)
        lock.acquire()
    except Timeout as error:
        raise LockedError(
            f"{results} is in use by another run ({_holder(results)}): wait for it, or choose another --output"
        ) from error
    except OSError as error:
        raise UsageError(f"cannot use {results} for results: {error.strerror or error}") from error
    try:
        _say_who_holds_it(results)
        yield
    finally:
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
