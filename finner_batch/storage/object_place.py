"""Results in an object store."""

# ruff: noqa: D102 - `place.Place` and `place.NewFile` document the methods

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

from finner_batch.errors import UsageError
from finner_batch.storage.bucket import Bucket, no_check, object_url
from finner_batch.storage.clock import Clock, SystemClock
from finner_batch.storage.lease import Lease, Note
from finner_batch.storage.object_reader import ObjectReader

MARKER = ".folder"
"""An object that makes a folder appear in listings while it holds nothing else."""

COMMITTED_WITHIN_S = 3600.0
"""A request that was sent before its run lost the lock arrives within this time or never: TCP gives up earlier."""


@dataclass(frozen=True, slots=True)
class ObjectPlace:
    """An object or a folder of a bucket. The methods are those of `place.Place`.

    A folder exists as long as there is an object whose key begins with its name and a slash.
    """

    bucket: Bucket
    key: str
    clock: Clock = field(default_factory=SystemClock, compare=False, repr=False)
    holder: Callable[[], Note] = field(default=Note, compare=False, repr=False)
    """Makes the note that says who holds the lock."""
    age_s: float = field(default=0.0, compare=False)
    """Seconds from the writing of the object to the listing that named it, by the store's clock."""

    def __str__(self) -> str:
        return object_url(self.bucket, self.key)

    def __truediv__(self, name: str) -> "ObjectPlace":
        return self._at(f"{self._prefix}{name}")

    @property
    def name(self) -> str:
        return self.key.rpartition("/")[2]

    @property
    def parent(self) -> "ObjectPlace":
        return self._at(self.key.rpartition("/")[0])

    @property
    def local_path(self) -> Path | None:
        return None

    def absolute(self) -> "ObjectPlace":
        return self

    def children(self) -> "Iterator[ObjectPlace]":
        found = False
        for entry in self.bucket.entries(self._prefix):
            found = True
            if entry.name != MARKER:
                yield self._at(f"{self._prefix}{entry.name}", entry.age_s)
        if not found:
            raise FileNotFoundError(f"nothing below {self}/")

    def is_file(self) -> bool:
        try:
            self.bucket.get(self.key, 0, 1)
        except FileNotFoundError:
            return False
        return True

    def is_folder(self) -> bool:
        return next(self.bucket.entries(self._prefix), None) is not None

    def open(self) -> BinaryIO:
        return cast("BinaryIO", ObjectReader(self.bucket, self.key, first="end"))

    def read(self) -> bytes:
        return self.bucket.get(self.key).data

    def write(self, content: bytes) -> None:
        self.bucket.put(self.key, content)

    def new_file(self) -> "NewObject":
        return NewObject(self)

    def delete(self) -> None:
        self.bucket.delete(self.key)

    def make_folder(self) -> None:
        if not self.is_folder():
            (self / MARKER).write(b"")

    def sync(self) -> None:
        """Do nothing: a store that has answered has kept what it was sent."""

    def delete_temporary_files(self) -> None:
        """Do nothing: an object appears when it is complete."""

    def may_still_be_committed(self) -> bool:
        return self.age_s < COMMITTED_WITHIN_S

    @contextmanager
    def lock(self) -> Iterator[Callable[[], None]]:
        lease = Lease(self.bucket, self.key, clock=self.clock, note=self.holder())
        try:
            lease.acquire()
        except OSError as error:
            raise UsageError(f"cannot use {self} for results: {error}") from error
        try:
            yield lease.check
        finally:
            lease.release()

    @property
    def _prefix(self) -> str:
        return f"{self.key}/" if self.key else ""

    def _at(self, key: str, age_s: float = 0.0) -> "ObjectPlace":
        return ObjectPlace(self.bucket, key, self.clock, self.holder, age_s)


class NewObject:
    """An object that is written to a nameless local file first, then sent to the store."""

    def __init__(self, place: ObjectPlace) -> None:
        self._place = place
        self._size = 0
        self.file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - closed when it is published or discarded

    def seal(self) -> None:
        self._size = self.file.tell()

    def publish(self, check: Callable[[], None] = no_check) -> None:
        with self.file as file:
            self._place.bucket.upload(self._place.key, file, self._size, check=check)

    def discard(self) -> None:
        self.file.close()
