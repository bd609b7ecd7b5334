"""`finner-batch demo` in a process of its own, which reports on stderr what it connects to."""

import os
import signal
import socket
import subprocess
import sys

AUDITED = """
import sys
def audit(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        target = arguments[1] if event == "socket.connect" else arguments[:2]
        print("AUDIT", event, target, file=sys.stderr, flush=True)
sys.addaudithook(audit)
from finner_batch.cli.main import main
if __name__ == "__main__":
    main(["demo", *sys.argv[1:]])
"""


class Server:
    """A server of its own, whose temporary files lie in `temporary`; made once it answers."""

    def __init__(self, temporary, *flags):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self._errors = (temporary.parent / f"{temporary.name}.log").open("w+")
        self.process = subprocess.Popen(
            [sys.executable, "-c", AUDITED, "--port", str(port), *flags],
            env=os.environ | {"TMPDIR": str(temporary), "GRADIO_SHARE": "True", "GRADIO_ALLOWED_PATHS": "/"},
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        self.temporary = temporary
        self.url = f"http://127.0.0.1:{port}/"
        first = self.process.stdout.readline()
        assert first.startswith(self.url), first + self.log()

    def log(self):
        """What was written to stderr."""
        self._errors.seek(0)
        return self._errors.read()

    def left(self):
        """The temporary files that hold something."""
        return [path for path in self.temporary.rglob("*") if path.is_file() and path.stat().st_size]

    def stop(self, number=signal.SIGTERM):
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        code = self.process.wait(60)
        self.process.stdout.close()
        return code
