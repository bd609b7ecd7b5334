"""Ends the program on Ctrl-C or SIGTERM with one line and exit code 130 or 143, at any moment, without a traceback.

It imports almost nothing, so that the handlers are in place early. A command may install its own handlers (`run` stops
at a safe point); these apply before, after and in every other command.
"""

import atexit
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType


class _Interruption(KeyboardInterrupt):
    """A subclass, because an uncaught KeyboardInterrupt makes Python end by SIGINT whatever the exit code."""


class _Exit:
    """The exit code once the program is ending, None before."""

    code: int | None = None


def until_interrupted(program: Callable[[], None]) -> None:
    """Run the program, which exits. The first signal interrupts it wherever it is, the next one ends it at once."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:  # `nohup` and a shell's `&` ignore it
            signal.signal(number, _interrupt)
            atexit.register(signal.signal, number, signal.SIG_IGN)  # nothing is left to interrupt
    sys.unraisablehook = _report_unraisable
    try:
        program()
    except SystemExit as error:
        if _Exit.code is not None:
            raise SystemExit(_Exit.code) from None
        _Exit.code = error.code if isinstance(error.code, int) else 0
        raise
    except BaseException:
        # Interrupted code may turn the interruption into its own error, as the import of a library does.
        if _Exit.code is None:
            raise
        raise SystemExit(_Exit.code) from None


def _interrupt(number: int, _frame: FrameType | None) -> None:
    if _Exit.code is not None:
        os._exit(_Exit.code)
    _Exit.code = 128 + number
    try:  # noqa: SIM105 - contextlib would be one more import
        os.write(2, f"Interrupted by {signal.Signals(number).name}\n".encode())
    except OSError:  # stderr is closed
        pass
    raise _Interruption


def _report_unraisable(unraisable: "sys.UnraisableHookArgs") -> None:
    """Stay silent if Python drops the interruption, as in a destructor: the program goes on, and ends with its code."""
    if unraisable.exc_type is not _Interruption:
        sys.__unraisablehook__(unraisable)
