"""The interface to the place where results are kept: a folder on a disk, or a folder of a bucket.

`Place` hides all that differs between the two. A place carries its file system or bucket and its clock, so the code
that makes the place of a results folder decides what everything below it runs on.
"""

import glob
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar
from urllib.parse import urlsplit
from urllib.request import url2pathname

from finner_batch.errors import UsageError
from finner_batch.storage.bucket import is_object_url, split_url
from finner_batch.storage.clock import Clock
from finner_batch.storage.local import LocalPlace
from finner_batch.storage.object_place import ObjectPlace
from finner_batch.storage.s3 import open_bucket

Item = TypeVar("Item")
Result = TypeVar("Result")

REQUESTS = 16
"""Objects that are read at the same time."""


class NewFile(Protocol):
    """A file that is being written. No reader sees it before it is published."""

    file: BinaryIO
    """Takes the content, until the file is sealed."""

    def seal(self) -> None:
        """End the content, and make it survive a power cut."""

    def publish(self, check: Callable[[], None] = ...) -> None:
        """Make the file visible in one step. `check` raises if this writer must not write any more."""

    def discard(self) -> None:
        """Drop the file."""


class Place(Protocol):
    """A file or a folder. Methods raise OSError, or `bucket.BusyError` for a store that does not answer."""

    def __str__(self) -> str:
        """Return the path or URL."""

    def __truediv__(self, name: str) -> "Place":
        """Return a place below this folder."""

    @property
    def name(self) -> str:
        """The last part of the path."""

    @property
    def parent(self) -> "Place":
        """The folder that holds it."""

    @property
    def clock(self) -> Clock:
        """The clock of the process that works here."""

    @property
    def local_path(self) -> Path | None:
        """The path under which other libraries open it; None in an object store, where each call is a request."""

    def absolute(self) -> "Place":
        """Return the place with its absolute path. Links are not followed."""

    def children(self) -> "Iterator[Place]":
        """List a folder. Raises FileNotFoundError if there is none, NotADirectoryError for a file."""

    def is_file(self) -> bool:
        """Whether there is a file."""

    def is_folder(self) -> bool:
        """Whether there is a folder."""

    def open(self) -> BinaryIO:
        """Open the file for reading at any position."""

    def read(self) -> bytes:
        """Read the whole file."""

    def write(self, content: bytes) -> None:
        """Write a small file in one step: readers see the old content or the new."""

    def new_file(self) -> NewFile:
        """Begin a file that is published later."""

    def delete(self) -> None:
        """Delete the file, if there is one."""

    def make_folder(self) -> None:
        """Create the folder, and those above it."""

    def sync(self) -> None:
        """Make the names in this folder (created, renamed, deleted files) survive a power cut."""

    def delete_temporary_files(self) -> None:
        """Delete the files that killed writers left in this folder. The caller holds the lock."""

    def may_still_be_committed(self) -> bool:
        """Return whether the commit of this file may still arrive, from a run that sent it and then lost the lock."""

    def lock(self) -> AbstractContextManager[Callable[[], None]]:
        """Hold the lock of this results folder, which is created if needed.

        The value of the `with` statement is a function that raises LockedError if the lock was lost. Raises LockedError
        if another process holds it, UsageError if no folder can be made here, FinnerError if the storage refuses.
        """


def place_of(output: "str | Path | Place") -> Place:
    """Return the place that a path or URL names. Raises UsageError for a URL of a store that cannot hold results."""
    if isinstance(output, Path):
        return LocalPlace(output)
    if not isinstance(output, str):
        return output
    if is_object_url(output):
        bucket, key = split_url(output)
        return ObjectPlace(open_bucket(bucket), key)
    if output.startswith("file://"):
        return LocalPlace(Path(url2pathname(urlsplit(output).path)))
    if "://" in output:
        raise UsageError(
            f"{output}: results are written to a folder or to s3://, whose conditional writes make the lock"
        )
    return LocalPlace(Path(output))


def children_like(folder: Place, pattern: str) -> Iterator[Place]:
    """List the children of a folder whose names match a glob pattern; none if there is no folder."""
    try:
        for child in folder.children():
            if fnmatchcase(child.name, pattern) and (pattern.startswith(".") or not child.name.startswith(".")):
                yield child
    except (FileNotFoundError, NotADirectoryError):
        return


def matching(place: Place) -> list[Place]:
    """Return the place; if it does not exist and its path is a glob pattern, the places that match, sorted."""
    if not glob.has_magic(str(place)) or place.is_folder() or place.is_file():
        return [place]
    return sorted(_matching(place), key=str)


def _matching(place: Place) -> list[Place]:
    if not glob.has_magic(str(place)):
        return [place]
    folders = _matching(place.parent)
    if glob.has_magic(place.name):
        return [child for folder in folders for child in children_like(folder, place.name)]
    return [folder / place.name for folder in folders]


def map_in_order(place: Place, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Apply a function to each item, in order; in an object store to several items at the same time."""
    if place.local_path is not None:
        yield from map(function, items)
        return
    with ThreadPoolExecutor(REQUESTS, thread_name_prefix="remote") as executor:
        yield from executor.map(function, items)
