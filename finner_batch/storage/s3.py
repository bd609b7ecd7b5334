"""Buckets of S3, and of stores with the same interface, with retries.

Credentials and endpoint come from where the AWS tools look.
"""

# ruff: noqa: D102 - `bucket.Bucket` documents the methods

import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, BinaryIO, TypeVar

from finner_batch.errors import FinnerError, UsageError
from finner_batch.storage.bucket import BusyError, ChangedError, Got, Listed, no_check

Result = TypeVar("Result")

ATTEMPTS = 10
SECONDS = 90.0
"""A call fails after that many attempts or seconds."""
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
CONNECT_S = 5
READ_S = 15
"""Seconds without an answer, or without more bytes of one, after which a request is made again."""
CONNECTIONS = 32
PIECE_BYTES = 32 << 20
"""Larger objects are sent in pieces of this size."""


def retried(call: Callable[[], Result]) -> Result:
    """Call a function, again with growing waits while the store is busy or the connection breaks.

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
    """Return whether the store is busy, or its answer did not arrive; log the retry."""
    retry = not isinstance(error, BusyError) and _is_temporary(error)  # an inner call has retried already
    if retry:
        LOG.info('event=again reason="%s"', _line(error).replace('"', "'"))
    return retry


def _is_temporary(error: BaseException) -> bool:
    from botocore.exceptions import ConnectionError as NotConnectedError  # noqa: PLC0415 - the extra brings it
    from botocore.exceptions import HTTPClientError, IncompleteReadError  # noqa: PLC0415 - likewise
    from botocore.parsers import ResponseParserError  # noqa: PLC0415 - likewise
    from urllib3.exceptions import HTTPError  # noqa: PLC0415 - botocore passes some of them on while it reads a body

    status, code = _answer(error)
    if code:
        return status >= 500 or code in _BUSY
    without_answer = (HTTPClientError, NotConnectedError, IncompleteReadError, ResponseParserError, HTTPError)
    return isinstance(error, (*without_answer, ConnectionError, TimeoutError))


def _answer(error: BaseException) -> tuple[int, str]:
    """Return HTTP status and error code of the store's answer; 0 and an empty code if there was no answer."""
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
        f"the object store does not answer: {_line(error)}. What was committed before is intact; start again later"
    )


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def open_bucket(name: str) -> "S3Bucket":
    """Open a bucket. All buckets of a process share their connections. Raises UsageError without the extra `s3`."""
    return S3Bucket(name, s3_client())


@lru_cache(1)
def s3_client() -> Any:
    """Make the S3 client of this process, with one attempt per request: `retried` makes the retries.

    Raises UsageError for a profile, region, endpoint or credentials that boto3 refuses.
    """
    try:
        import boto3  # noqa: PLC0415 - only object stores need it
        import stamina  # noqa: F401, PLC0415 - report a missing package now, not at the first request
        from botocore.config import Config  # noqa: PLC0415 - only object stores need it
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415 - likewise
    except ImportError as error:
        raise UsageError(f"s3:// needs `pip install 'finner-batch[s3]'`: {error}") from error
    config = Config(
        retries={"total_max_attempts": 1},
        connect_timeout=CONNECT_S,
        read_timeout=READ_S,
        max_pool_connections=CONNECTIONS,
    )
    try:
        return boto3.Session().client("s3", config=config)
    except (BotoCoreError, ValueError) as error:
        raise UsageError(f"cannot use s3://: {_line(error)}: check the AWS settings and credentials") from error


@dataclass(frozen=True, slots=True, order=True)
class S3Bucket:
    """A bucket of S3. The methods are those of `bucket.Bucket`."""

    name: str
    client: Any = field(compare=False, repr=False)
    """A boto3 client of S3."""

    def get(self, key: str, begin: int = 0, end: int | None = None, *, etag: str | None = None) -> Got:
        wanted = f"bytes={begin}" if begin < 0 else f"bytes={begin}-{'' if end is None else end - 1}"
        options = {"Range": wanted} if begin or end is not None else {}
        if etag:
            options["IfMatch"] = etag
        return retried(lambda: self._get(key, options))

    def put(
        self,
        key: str,
        data: bytes,
        *,
        if_absent: bool = False,
        if_etag: str | None = None,
        check: Callable[[], None] = no_check,
    ) -> str:
        options = {"IfNoneMatch": "*"} if if_absent else {"IfMatch": if_etag} if if_etag else {}

        def put() -> str:
            check()
            return str(self._call("put_object", Key=key, Body=data, **options)["ETag"])

        return retried(put)

    def upload(self, key: str, file: BinaryIO, size: int, *, check: Callable[[], None] = no_check) -> None:
        file.seek(0)
        if size <= PIECE_BYTES:
            self.put(key, file.read(), check=check)
            return
        upload = retried(lambda: self._call("create_multipart_upload", Key=key)["UploadId"])
        try:
            parts: list[dict[str, Any]] = []
            while piece := file.read(PIECE_BYTES):
                etag = self._upload_part(key, upload, len(parts) + 1, piece)
                parts.append({"PartNumber": len(parts) + 1, "ETag": etag})
            self._complete(key, upload, parts, check)
        except BaseException:
            with suppress(OSError, FinnerError):  # the error that led here is the one to report
                retried(lambda: self._call("abort_multipart_upload", Key=key, UploadId=upload))
            raise

    def delete(self, key: str) -> None:
        retried(lambda: self._call("delete_object", Key=key))

    def entries(self, prefix: str) -> Iterator[Listed]:
        token: str | None = None
        while True:
            page = self._page(prefix, token)
            for item in page.get("CommonPrefixes", ()):
                yield Listed(item["Prefix"][len(prefix) : -1], 0, "")
            for item in page.get("Contents", ()):
                if item["Key"] != prefix:
                    yield Listed(item["Key"][len(prefix) :], int(item["Size"]), str(item["ETag"]), _age_s(item, page))
            token = page.get("NextContinuationToken")
            if not token:
                return

    def _page(self, prefix: str, token: str | None) -> dict[str, Any]:
        options = {"ContinuationToken": token} if token else {}
        return retried(lambda: self._call("list_objects_v2", Prefix=prefix, Delimiter="/", **options))

    def _upload_part(self, key: str, upload: str, number: int, piece: bytes) -> str:
        return retried(
            lambda: str(self._call("upload_part", Key=key, UploadId=upload, PartNumber=number, Body=piece)["ETag"])
        )

    def _complete(self, key: str, upload: str, parts: list[dict[str, Any]], check: Callable[[], None]) -> None:
        """Join the pieces. If the upload no longer exists, an attempt whose answer was lost has completed it."""

        def complete() -> None:
            check()
            self._call("complete_multipart_upload", Key=key, UploadId=upload, MultipartUpload={"Parts": parts})

        try:
            retried(complete)
        except FileNotFoundError:
            self.get(key, 0, 1)

    def _get(self, key: str, options: dict[str, str]) -> Got:
        from botocore.exceptions import ClientError  # noqa: PLC0415 - the extra brings it

        try:
            answer = self._call("get_object", Key=key, **options)
        except ClientError as error:
            if error.response["Error"]["Code"] != "InvalidRange":
                raise
            answer = self._call("get_object", Key=key)  # an empty object has no range
        data: bytes = answer["Body"].read()
        total = str(answer.get("ContentRange", "")).rpartition("/")[2]
        return Got(data, int(total) if total.isdigit() else len(data), str(answer["ETag"]), _age_s(answer, answer))

    def _call(self, operation: str, **options: Any) -> dict[str, Any]:
        answer: dict[str, Any] = getattr(self.client, operation)(Bucket=self.name, **options)
        return answer


def _age_s(item: dict[str, Any], answer: dict[str, Any]) -> float:
    """Seconds from the last change of an object to the answer, both by the store's clock."""
    modified: datetime = item["LastModified"]
    now = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
    return max(0.0, (now - modified).total_seconds())
