"""What it means when a disk or an object store refuses a call."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from finner_batch.errors import FinnerError

_NO_FOLDER = {errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP}


@contextmanager
def storage_errors(place: object) -> Iterator[None]:
    """Turn an OSError (disk full, read-only, no access) into a FinnerError that says what to do."""
    try:
        yield
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise FinnerError(
            f"cannot write to {place}: {reason_of(error)}{where}. What was committed before is whole; put that "
            "right and start again, and the job goes on from there"
        ) from error


def reason_of(error: OSError) -> str:
    """Return why the system refused, without error number and file name."""
    return os.strerror(error.errno) if error.errno else str(error)


def is_wrong_path(error: OSError) -> bool:
    """Whether the path itself cannot name a folder, whatever the state of the disk."""
    return error.errno in _NO_FOLDER
