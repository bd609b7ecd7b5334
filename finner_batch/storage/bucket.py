"""The interface of an object store; `s3` implements it.

Conditions are those of RFC 9110, section 13, as S3 has them:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from finner_batch.errors import FinnerError, UsageError

SCHEMES = ("s3://", "s3a://")


class ChangedError(OSError):
    """The object has another version than the request asks for, or exists although it must not."""


class BusyError(FinnerError):
    """The store did not answer in spite of all retries, or cannot be reached. Its content is not affected."""


@dataclass(frozen=True, slots=True)
class Got:
    """An object, or a range of it. `size` is that of the whole object."""

    data: bytes
    size: int
    etag: str
    age_s: float
    """Seconds since the object was written, by the store's clock."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An entry of a listing: an object, or a folder (`etag` is empty). `age_s` as in `Got`."""

    name: str
    size: int
    etag: str
    age_s: float = 0.0

    @property
    def is_folder(self) -> bool:
        """Whether it is a prefix of other keys."""
        return not self.etag


def no_check() -> None:
    """Allow a write at any time."""


class Bucket(Protocol):
    """A bucket of an object store. Each call is tried again while the store is busy.

    All calls raise FileNotFoundError, PermissionError, `BusyError` or another OSError with the store's message.
    """

    @property
    def name(self) -> str:
        """Name of the bucket."""

    def get(self, key: str, begin: int = 0, end: int | None = None, *, etag: str | None = None) -> Got:
        """Read bytes `begin` to `end`; a negative `begin` counts from the end. With `etag`, only that version.

        Raises `ChangedError` if the object has another ETag.
        """

    def put(
        self,
        key: str,
        data: bytes,
        *,
        if_absent: bool = False,
        if_etag: str | None = None,
        check: Callable[[], None] = no_check,
    ) -> str:
        """Write an object in one step and return its ETag. `check` is called before each attempt, and may raise.

        Raises `ChangedError` if a condition does not hold. The cause may be an earlier attempt of the same call whose
        answer was lost: read the object to find out.
        """

    def upload(self, key: str, file: BinaryIO, size: int, *, check: Callable[[], None] = no_check) -> None:
        """Write an object from a file. It appears when all of it has arrived. `check` as in `put`."""

    def delete(self, key: str) -> None:
        """Delete an object, if there is one."""

    def entries(self, prefix: str) -> Iterator[Listed]:
        """List the entries directly below a prefix, which ends in a slash or is empty."""


def is_object_url(url: str) -> bool:
    """Whether a URL names an object store that this package reads and writes."""
    return url.startswith(SCHEMES)


def object_url(bucket: Bucket, key: str) -> str:
    """Return the URL of an object or folder."""
    return f"s3://{bucket.name}/{key}".rstrip("/")


def split_url(url: str) -> tuple[str, str]:
    """Split a URL into bucket and key. Raises UsageError if the bucket is missing or the URL holds credentials."""
    bucket, _, key = url.partition("://")[2].partition("/")
    if "@" in bucket:
        raise UsageError(
            "an s3:// URL with credentials in it would be kept in logs and reports: give them as the AWS tools take "
            "them (AWS_PROFILE, AWS_ACCESS_KEY_ID, …)"
        )
    if not bucket:
        raise UsageError(f"{url} names no bucket: write s3://bucket/folder")
    return bucket, key.strip("/")


def strong(etag: str) -> str:
    """Return an ETag that changes with every change of the content; empty for a weak ETag (RFC 9110, section 8.8.1)."""
    return "" if etag.startswith("W/") else etag
