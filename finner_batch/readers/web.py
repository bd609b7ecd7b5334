"""Downloads from web servers, within the server's rules and with retries if it is busy.

The SEC requires that programs name themselves with a contact and make at most ten requests per second
(https://www.sec.gov/os/accessing-edgar-data).
"""

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, cast
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError, MaxRetryError
from urllib3.util import Retry, Timeout

from finner_batch.errors import BrokenOffError, DocumentError, UsageError
from finner_batch.readers.document import is_web_url
from finner_batch.version import __version__

_REQUESTS_PER_SECOND = 8
_RETRIES = 5
_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 60
_BUSY = (429, 500, 502, 503, 504)
_TIMEOUT = Timeout(connect=20, read=60)
_SEC = "sec.gov"
_ASKS_FOR_CONTACT = "the SEC asks for a name and a contact: give --user-agent 'Example Corp admin@example.com'"
_DEFAULT_USER_AGENT = f"finner-batch/{__version__}"
_POOL = urllib3.PoolManager()


def check_user_agent(uris: Iterable[str], user_agent: str | None) -> None:
    """Raise UsageError if one of the addresses is the SEC's and there is no contact, or if the name cannot be sent."""
    if user_agent is not None and not (user_agent.isascii() and user_agent.isprintable() and user_agent.strip()):
        raise UsageError("--user-agent: give one line of ASCII characters, as in 'Example Corp admin@example.com'")
    for uri in uris:
        if _lacks_contact(uri, user_agent):
            raise UsageError(f"{uri}: {_ASKS_FOR_CONTACT}")


def _lacks_contact(uri: str, user_agent: str | None) -> bool:
    host = (urlsplit(uri).hostname or "") if is_web_url(uri) else ""
    return (host == _SEC or host.endswith(f".{_SEC}")) and "@" not in (user_agent or "")


class _Pace:
    """A limit of requests per second over all threads."""

    def __init__(self, requests_per_second: float) -> None:
        self._interval = 1 / requests_per_second
        self._lock = threading.Lock()
        self._next = 0.0

    def wait(self) -> None:
        """Wait until the caller may make a request."""
        with self._lock:
            now = time.monotonic()
            at = max(now, self._next)
            self._next = at + self._interval
        time.sleep(at - now)


_PACE = _Pace(_REQUESTS_PER_SECOND)


class _Paced(urllib3.HTTPConnectionPool):
    """Connections with a limited rate of requests, including every retry and redirect."""

    def urlopen(self, *arguments: Any, **options: Any) -> urllib3.BaseHTTPResponse:
        _PACE.wait()
        return super().urlopen(*arguments, **options)


class _PacedAndEncrypted(_Paced, urllib3.HTTPSConnectionPool):
    """Connections over TLS with a limited rate of requests."""


_POOL.pool_classes_by_scheme = {"http": _Paced, "https": _PacedAndEncrypted}


@contextmanager
def open_web(uri: str, user_agent: str | None) -> Iterator[BinaryIO]:
    """Open an address as a stream. Raises DocumentError (stage `read`), even while it is being read."""
    if _lacks_contact(uri, user_agent):
        raise DocumentError("read", _ASKS_FOR_CONTACT)
    retries = Retry(
        total=_RETRIES,
        backoff_factor=_FIRST_WAIT_S,
        backoff_max=_LONGEST_WAIT_S,
        status_forcelist=_BUSY,
        raise_on_status=False,
    )
    try:
        response = _POOL.request(
            "GET",
            uri,
            headers={"User-Agent": user_agent or _DEFAULT_USER_AGENT, "Accept-Encoding": "gzip"},
            preload_content=False,
            retries=retries,
            timeout=_TIMEOUT,
        )
    except MaxRetryError as error:
        raise DocumentError(
            "read", f"{error.reason or error}: asked {_RETRIES + 1} times; then `finner-batch retry`"
        ) from error
    except HTTPError as error:
        raise DocumentError("read", f"cannot be fetched: {error}; then `finner-batch retry`") from error
    try:
        if response.status != 200:
            raise DocumentError("read", _refusal(response))
        yield cast("BinaryIO", response)
    except HTTPError as error:
        raise BrokenOffError("read", f"the connection ended early: {error}; then `finner-batch retry`") from error
    finally:
        response.release_conn()


def _refusal(response: urllib3.BaseHTTPResponse) -> str:
    what = f"the server answered {response.status} {response.reason or ''}".rstrip()
    if response.status in {403, 401}:
        return f"{what}: give --user-agent with a name and a contact, or check the address"
    if response.status in {404, 410}:
        return f"{what}: check the address"
    return f"{what}; then `finner-batch retry`"
