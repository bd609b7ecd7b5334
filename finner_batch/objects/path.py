"""A place in an object store, with the few methods of `pathlib.Path` that a results folder needs."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import NamedTuple

from finner_batch.objects.bucket import Bucket, split_url
from finner_batch.objects.reader import ObjectReader

MARKER = ".folder"
"""An object that makes a folder show in listings before anything else is in it."""


class Status(NamedTuple):
    """What `stat` returns."""

    st_size: int


@dataclass(frozen=True, slots=True, order=True)
class ObjectPath:
    """An object or folder, as `s3://bucket/key`. Folders exist as far as objects lie in them."""

    bucket: Bucket
    key: str
    size: int = field(default=-1, compare=False)
    """Known from a listing, else -1."""
    age_s: float = field(default=0.0, compare=False)
    """Seconds since it was written, by the store's clock, when it was listed."""

    @classmethod
    def of(cls, url: str) -> "ObjectPath":
        """Read a URL. Raises UsageError where it names no bucket, or the bucket's root."""
        bucket, key = split_url(url)
        return cls(Bucket(bucket), key)

    def __str__(self) -> str:
        return f"s3://{self.bucket.name}/{self.key}".rstrip("/")

    def __truediv__(self, name: str) -> "ObjectPath":
        return ObjectPath(self.bucket, f"{self.key}/{name}" if self.key else name)

    @property
    def name(self) -> str:
        """The last part of the key."""
        return self.key.rpartition("/")[2]

    @property
    def stem(self) -> str:
        """The name without its suffix."""
        return self.name.removesuffix(self.suffix)

    @property
    def suffix(self) -> str:
        """The suffix of the name, with its dot; empty for a name that begins with its only dot."""
        stem, dot, suffix = self.name.rpartition(".")
        return f"{dot}{suffix}" if stem else ""

    @property
    def parent(self) -> "ObjectPath":
        """The folder."""
        return ObjectPath(self.bucket, self.key.rpartition("/")[0])

    def iterdir(self) -> Iterator["ObjectPath"]:
        """List a folder, its marker aside. Raises FileNotFoundError where nothing lies in it."""
        found = False
        for item in self.bucket.listed(f"{self.key}/" if self.key else ""):
            found = True
            if item.name != MARKER:
                key = f"{self.key}/{item.name}" if self.key else item.name
                yield ObjectPath(self.bucket, key, -1 if item.is_folder else item.size, item.age_s)
        if not found:
            raise FileNotFoundError(f"nothing below {self}/")

    def glob(self, pattern: str) -> Iterator["ObjectPath"]:
        """List what a pattern of one name matches; nothing where there is no folder."""
        try:
            yield from (path for path in self.iterdir() if fnmatchcase(path.name, pattern))
        except FileNotFoundError:
            return

    def is_file(self) -> bool:
        """Tell whether there is such an object."""
        try:
            self.bucket.get(self.key, 0, 1)
        except FileNotFoundError:
            return False
        return True

    def is_dir(self) -> bool:
        """Tell whether anything lies below it."""
        return next(self.bucket.listed(f"{self.key}/" if self.key else ""), None) is not None

    def exists(self) -> bool:
        """Tell whether it is an object or a folder."""
        return self.is_dir() or self.is_file()

    def mkdir(self, *, parents: bool = True, exist_ok: bool = True) -> None:
        """Make the folder show in listings."""
        assert parents  # noqa: S101 - there is nothing to make above it
        assert exist_ok  # noqa: S101 - two that make it make the same
        if not self.is_dir():
            (self / MARKER).write_bytes(b"")

    def open(self) -> ObjectReader:
        """Open for reading by range, the end first."""
        return ObjectReader(self.bucket, self.key, first="end")

    def stat(self) -> Status:
        """Size, without a request where a listing has told it."""
        return Status(self.size if self.size >= 0 else self.bucket.get(self.key, 0, 1).size)

    def read_bytes(self) -> bytes:
        """Read all. Raises FileNotFoundError."""
        return self.bucket.get(self.key).data

    def write_bytes(self, content: bytes) -> None:
        """Write in one step: readers see what was there before, or all of this."""
        self.bucket.put(self.key, content)

    def unlink(self, *, missing_ok: bool = True) -> None:
        """Delete; the store does not tell whether it was there."""
        assert missing_ok  # noqa: S101 - see above
        self.bucket.delete(self.key)
