"""The errors that a user can meet, each with the exit code that a scheduler sees.

A message says what is wrong, where, and what to do about it. Any other exception is a bug (exit 1).
"""


class FinnerError(Exception):
    """An expected error: shown as one line, never as a traceback."""

    exit_code = 1


class UsageError(FinnerError):
    """The call or a configuration is wrong."""

    exit_code = 2


class LockedError(FinnerError):
    """Another run holds the lock of the results folder."""

    exit_code = 4


class ModelError(FinnerError):
    """A model folder is missing, damaged, or fails its gate."""

    exit_code = 5


class DeviceError(FinnerError):
    """A GPU, or OpenVINO, was required and is not usable."""

    exit_code = 6


class DocumentError(FinnerError):
    """One document cannot be read. The run records it in `documents` and goes on."""

    def __init__(self, stage: str, message: str) -> None:
        """`stage` is one of `read`, `decode`, `extract`, `split`, `numbers`, `tokenize`, `tag`, `value`."""
        super().__init__(message)
        self.stage = stage


class NotTheFilingError(DocumentError):
    """The file holds what a server sent in place of a filing. Every run reads it again, in case it was replaced."""

    def __init__(self, what: str, advice: str) -> None:
        """`what` the file holds, and what to do about it."""
        super().__init__("read", f"{what}, not the filing: {advice}")


class BrokenOffError(DocumentError):
    """A connection ended before the whole file had arrived."""


class OutOfTimeError(FinnerError):
    """A document took longer than `--timeout-s`."""


class OutOfMemoryError(FinnerError):
    """The device that runs the model has too little memory for a batch."""


def describe(error: BaseException) -> str:
    """Return an exception as one line of at most 500 characters, for the log or a row of `documents`."""
    if isinstance(error, MemoryError):
        return "out of memory: raise --memory-limit-mb"
    text = " ".join(str(error).split())
    return (text or type(error).__name__)[:500]
