"""Runs `finner-batch` with a real terminal as its output."""

import contextlib
import os
import subprocess
import sys
import termios


def on_a_terminal(*arguments):
    """Exit code and what the terminal, of 200 columns, was sent: stdout and stderr together."""
    leader, follower = os.openpty()
    termios.tcsetwinsize(follower, (50, 200))
    command = [sys.executable, "-m", "finner_batch", *map(str, arguments)]
    wide = os.environ | {"COLUMNS": "200"}
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=follower, stderr=follower, env=wide) as process:
        os.close(follower)
        shown = b""
        with contextlib.suppress(OSError):  # how a terminal says that its other end is closed
            while some := os.read(leader, 10_000):
                shown += some
        code = process.wait()
    os.close(leader)
    return code, shown.decode()
