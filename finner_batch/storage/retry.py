"""Retries of requests to S3: what is tried again, how often, and what it means when it still fails."""

import logging
from collections.abc import Callable
from typing import TypeVar

from finner_batch.errors import FinnerError
from finner_batch.storage.bucket import BusyError, ChangedError

Result = TypeVar("Result")

ATTEMPTS = 10
SECONDS = 90.0
"""A call gives up at either bound."""
FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 10.0
JITTER_S = 1.0
"""Waits double; a random part of each wait keeps many machines from retrying at the same moment."""

_BUSY = frozenset({"SlowDown", "Throttling", "ThrottlingException", "RequestTimeout", "ConditionalRequestConflict"})
_NOT_FOUND = 404
_REFUSED = 403
_CHANGED = 412

LOG = logging.getLogger(__name__)
logging.getLogger("stamina").addHandler(logging.NullHandler())  # this module logs each retry


def retried(call: Callable[[], Result]) -> Result:
    """Call, and call again with growing waits while the store is busy or the connection breaks.

    `call` must be safe to repeat. Raises FileNotFoundError, PermissionError, `ChangedError`, `BusyError` or another
    OSError with the store's message.
    """
    import stamina  # noqa: PLC0415 - the extra brings it

    try:
        for attempt in stamina.retry_context(
            on=_is_worth_a_retry,
            attempts=ATTEMPTS,
            timeout=SECONDS,
            wait_initial=FIRST_WAIT_S,
            wait_max=LONGEST_WAIT_S,
            wait_jitter=JITTER_S,
        ):
            with attempt:
                return call()
    except FinnerError:
        raise
    except Exception as error:
        raise _explained(error) from error
    raise AssertionError("the last attempt returns or raises")


def _is_worth_a_retry(error: Exception) -> bool:
    """Whether the store is busy, or its answer did not arrive. Logs the retry."""
    retry = not isinstance(error, BusyError) and _is_temporary(error)  # an inner call has retried already
    if retry:
        LOG.info('event=again reason="%s"', _line(error).replace('"', "'"))
    return retry


def _is_temporary(error: BaseException) -> bool:
    from botocore.exceptions import ConnectionError as NotConnectedError  # noqa: PLC0415 - the extra brings it
    from botocore.exceptions import HTTPClientError, IncompleteReadError  # noqa: PLC0415 - likewise
    from botocore.parsers import ResponseParserError  # noqa: PLC0415 - likewise

    status, code = _answer(error)
    if code:
        return status >= 500 or code in _BUSY
    without_answer = (HTTPClientError, NotConnectedError, IncompleteReadError, ResponseParserError)
    return isinstance(error, (*without_answer, ConnectionError, TimeoutError))


def _answer(error: BaseException) -> tuple[int, str]:
    """Return HTTP status and error code of the store's answer; 0 and an empty code where there was no answer."""
    response = getattr(error, "response", None)
    if not isinstance(response, dict):
        return 0, ""
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return status, str(response.get("Error", {}).get("Code", "")) or str(status)


def _explained(error: Exception) -> Exception:
    status, _ = _answer(error)
    if status == _NOT_FOUND:
        return FileNotFoundError(_line(error))
    if status == _CHANGED:
        return ChangedError(_line(error))
    if status == _REFUSED:
        return PermissionError(_line(error))
    if not _is_temporary(error):
        return OSError(_line(error))
    return BusyError(
        f"the object store does not answer: {_line(error)}. What was committed before is whole; start again later"
    )


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
