"""A proxy before an S3 server that throttles it: busy answers, slow ones, broken connections; and what was asked."""

import http.client
import random
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BUSY = b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    range: str
    status: int
    sent: int
    """Bytes of the answer's body."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else a body waits 40 ms for the acknowledgement of its headers
    server: "Proxy"

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True

    def _forward(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.server.fault(self)
        if fault == "busy":
            self._answer(503, [("Content-Type", "application/xml")], BUSY)
            return
        if fault == "slow":
            time.sleep(0.3)
        if fault == "reset":
            self._reset()
            return
        headers = {name: value for name, value in self.headers.items() if name.lower() not in self.server.dropped}
        with self.server.turn:  # real stores decide on conditional writes one by one; the server behind does not
            upstream = http.client.HTTPConnection(*self.server.upstream, timeout=60)
            upstream.request(self.command, self.path, body, headers)
            answer = upstream.getresponse()
            content = answer.read()
            upstream.close()
        if fault == "lost":
            self._reset()
            return
        kept = [
            (name, value)
            for name, value in answer.getheaders()
            if name.lower() not in {"connection", "transfer-encoding", "content-length"}
        ]
        length = answer.getheader("Content-Length") if self.command == "HEAD" else None
        self._answer(answer.status, kept, content, cut=fault == "short", length=length)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _forward  # noqa: N815 - named by http.server

    def _answer(self, status, headers, content, *, cut=False, length=None):
        self.server.requests.append(
            Request(self.command, self.path, self.headers.get("Range", ""), status, len(content))
        )
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", length or str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if cut else content)
        self.wfile.flush()
        if cut:
            self._reset()

    def _reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def log_message(self, *_):
        pass


class Proxy(ThreadingHTTPServer):
    """Serves until it is shut down. `fault` says what goes wrong; `dropped` headers are not passed on."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, upstream):
        super().__init__(("127.0.0.1", 0), Handler)
        self.upstream = upstream
        self.turn = threading.Lock()
        self.requests: list[Request] = []
        self.fault: Callable[[Handler], str] = lambda _request: ""
        self.dropped: set[str] = set()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def asked(self, method, part):
        """Requests of a method whose path holds `part`."""
        return [request for request in self.requests if request.method == method and part in request.path]


def at_random(seed, share):
    """A fault for a share of the requests."""
    chance = random.Random(seed)
    turn = threading.Lock()

    def fault(_request):
        with turn:
            return chance.choice(["busy", "busy", "slow", "reset", "lost", "short"]) if chance.random() < share else ""

    return fault
