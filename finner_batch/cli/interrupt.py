"""Ctrl-C and SIGTERM from the program's first moment to its last: a line and exit code 130 or 143, no traceback.

Imports next to nothing, so that little time passes before it is in force. What a command does at a signal (`run` stops
at a safe point) is its own; this is what holds before, after and otherwise.
"""

import atexit
import os
import signal
from collections.abc import Callable
from types import FrameType


class _Interruption(KeyboardInterrupt):
    """Of a class of its own: Python ends by the signal SIGINT, whatever the code, where it has met the class itself."""


class _Ending:
    """How the program ends: None while it is at work."""

    code: int | None = None


def until_interrupted(program: Callable[[], None]) -> None:
    """Run the program, which exits. The first signal breaks it off where it is, the next one ends it at once."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as `nohup` and a shell's `&` leave it
            signal.signal(number, _break_off)
            atexit.register(signal.signal, number, signal.SIG_IGN)  # nothing is left that could be broken off
    try:
        program()
    except SystemExit as error:
        if _Ending.code is not None:
            raise SystemExit(_Ending.code) from None
        _Ending.code = error.code if isinstance(error.code, int) else 0
        raise
    except BaseException:
        # What is broken off may turn the interruption into an error of its own, as the import of a library does.
        if _Ending.code is None:
            raise
        raise SystemExit(_Ending.code) from None


def _break_off(number: int, _frame: FrameType | None) -> None:
    if _Ending.code is not None:
        os._exit(_Ending.code)
    _Ending.code = 128 + number
    try:  # noqa: SIM105 - contextlib is an import more
        os.write(2, f"Interrupted by {signal.Signals(number).name}\n".encode())
    except OSError:  # nobody reads it
        pass
    raise _Interruption
