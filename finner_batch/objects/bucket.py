"""A bucket: its objects read whole or by range, written whole and on conditions, listed, deleted.

Every request is tried again while the store is busy. Conditions are those of RFC 9110, section 13, as S3 has them:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, BinaryIO

from finner_batch.errors import FinnerError, UsageError
from finner_batch.objects.retry import retried

SCHEMES = ("s3://", "s3a://")
CONNECT_S = 5
READ_S = 15
"""Seconds that a connection, or the next bytes of an answer, may take before the request is made again."""
CONNECTIONS = 32
WHOLE_BYTES = 32 << 20
"""What is larger is sent in pieces of this size; it appears when the last of them has arrived."""


def always() -> None:
    """Allow a write."""


@dataclass(frozen=True, slots=True)
class Got:
    """An object, or a range of it: `size` is the whole object's, `age_s` what the store says about its age."""

    data: bytes
    size: int
    etag: str
    age_s: float


@dataclass(frozen=True, slots=True)
class Listed:
    """What a listing names: an object, or a folder (`etag` is empty). `age_s` as in `Got`."""

    name: str
    size: int
    etag: str
    age_s: float = 0.0

    @property
    def is_folder(self) -> bool:
        """Whether other names begin with this one and a slash."""
        return not self.etag


def is_object_url(url: str) -> bool:
    """Tell whether `url` names an object store that this package reads and writes."""
    return url.startswith(SCHEMES)


def strong(etag: str) -> str:
    """Return an ETag that changes with every change of the content; empty for a weak one, or none (RFC 9110, 8.8.1)."""
    return "" if etag.startswith("W/") else etag


def split_url(url: str) -> tuple[str, str]:
    """Split into bucket and key. Raises UsageError where there is no bucket, or more than its name."""
    bucket, _, key = url.partition("://")[2].partition("/")
    if "@" in bucket:
        raise UsageError(
            "an s3:// URL with credentials in it would be kept in logs and reports: give them as the AWS tools take "
            "them (AWS_PROFILE, AWS_ACCESS_KEY_ID, …)"
        )
    if not bucket:
        raise UsageError(f"{url} names no bucket: write s3://bucket/folder")
    return bucket, key.strip("/")


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket of an S3-speaking store. Credentials and endpoint are found as the AWS tools find them."""

    name: str

    def get(self, key: str, begin: int = 0, end: int | None = None, *, etag: str | None = None) -> Got:
        """Read bytes `begin` to `end`; a negative `begin` counts from the end. With `etag`, that version only.

        Raises FileNotFoundError, `ChangedError` where the object has another ETag, OSError.
        """
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
        allowed: Callable[[], None] = always,
    ) -> str:
        """Write an object in one step and return its ETag. `allowed` is asked before each attempt, and may raise.

        Raises `ChangedError` where a condition does not hold, which after a broken connection may be this call's own
        doing: read the object then.
        """
        options = {"IfNoneMatch": "*"} if if_absent else {"IfMatch": if_etag} if if_etag else {}

        def put() -> str:
            allowed()
            return str(self._call("put_object", Key=key, Body=data, **options)["ETag"])

        return retried(put)

    def upload(self, key: str, file: BinaryIO, size: int, *, allowed: Callable[[], None] = always) -> None:
        """Write an object from a file; it is there when all of it is. `allowed` as in `put`."""
        file.seek(0)
        if size <= WHOLE_BYTES:
            self.put(key, file.read(), allowed=allowed)
            return
        upload = retried(lambda: self._call("create_multipart_upload", Key=key)["UploadId"])
        try:
            parts: list[dict[str, Any]] = []
            while piece := file.read(WHOLE_BYTES):
                etag = self._upload_part(key, upload, len(parts) + 1, piece)
                parts.append({"PartNumber": len(parts) + 1, "ETag": etag})
            self._complete(key, upload, parts, allowed)
        except BaseException:
            with suppress(OSError, FinnerError):  # what led here is told
                retried(lambda: self._call("abort_multipart_upload", Key=key, UploadId=upload))
            raise

    def delete(self, key: str) -> None:
        """Delete an object; one that is not there is no error."""
        retried(lambda: self._call("delete_object", Key=key))

    def listed(self, prefix: str) -> Iterator[Listed]:
        """Yield what lies directly below `prefix` (it ends in a slash, or is empty), by pages, folders first."""
        token: str | None = None
        while True:
            page = self._page(prefix, token)
            folders = [Listed(item["Prefix"][len(prefix) : -1], 0, "") for item in page.get("CommonPrefixes", ())]
            files = [
                Listed(item["Key"][len(prefix) :], int(item["Size"]), str(item["ETag"]), _age_s(item, page))
                for item in page.get("Contents", ())
                if item["Key"] != prefix
            ]
            yield from folders
            yield from files
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

    def _complete(self, key: str, upload: str, parts: list[dict[str, Any]], allowed: Callable[[], None]) -> None:
        """Make the pieces one object; that the upload is gone after a lost answer means that it was done."""

        def complete() -> None:
            allowed()
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
        answer: dict[str, Any] = getattr(client(), operation)(Bucket=self.name, **options)
        return answer


def _age_s(item: dict[str, Any], answer: dict[str, Any]) -> float:
    """Seconds from the last change of an object to the answer, both by the store's clock."""
    modified: datetime = item["LastModified"]
    now = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
    return max(0.0, (now - modified).total_seconds())


@lru_cache(1)
def client() -> Any:
    """An S3 client that makes each request once: `retried` repeats it. Raises UsageError where the extra is missing."""
    try:
        import boto3  # noqa: PLC0415 - only object stores need it
        import stamina  # noqa: F401, PLC0415 - reported here, not at the first request
        from botocore.config import Config  # noqa: PLC0415 - likewise
    except ImportError as error:
        raise UsageError(f"s3:// needs `pip install 'finner-batch[s3]'`: {error}") from error
    config = Config(
        retries={"total_max_attempts": 1},
        connect_timeout=CONNECT_S,
        read_timeout=READ_S,
        max_pool_connections=CONNECTIONS,
    )
    return boto3.Session().client("s3", config=config)
