"""Folders, local or behind fsspec, listed one at a time and walked in the order of their paths."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from finner_batch.sources.names import recordable
from finner_batch.storage.bucket import Bucket, strong

PassedOver = Callable[[str, str], None]
"""Told the path of what is left out, and why."""

_RESULTS = frozenset({"entities", "documents", "runs"})


@dataclass(frozen=True, slots=True)
class Entry:
    """What a folder holds: a file or a folder; neither where it is a pipe, a socket or a device."""

    name: str
    is_folder: bool
    is_file: bool
    etag: str = ""
    """As in `Source`."""
    size: int = 0

    def sort_key(self) -> str:
        """Order entries so that a walk yields paths in the order of the paths themselves, as they are recorded."""
        return recordable(f"{self.name}/" if self.is_folder else self.name)


class Tree(Protocol):
    """Where folders are listed."""

    def entries(self, folder: str) -> Iterable[Entry]:
        """List a folder. Raises OSError where it cannot be listed."""

    def identity(self, folder: str) -> object:
        """Tell a folder from others that a link may lead to."""


class LocalTree:
    """The local file system. Links are followed."""

    def entries(self, folder: str) -> Iterable[Entry]:
        """List a folder; only links cost a call each. A link to nothing is a file, which reading will not find."""
        with os.scandir(folder) as found:
            return [_entry(entry) for entry in found]

    def identity(self, folder: str) -> object:
        """Device and inode."""
        status = Path(folder).stat()
        return status.st_dev, status.st_ino


class RemoteTree:
    """A file system of fsspec."""

    def __init__(self, filesystem: Any) -> None:
        self._filesystem = filesystem

    def entries(self, folder: str) -> Iterable[Entry]:
        """List a folder; the listing is not kept."""
        found = self._filesystem.ls(folder, detail=True)
        self._filesystem.invalidate_cache(folder)
        return [
            Entry(path.rpartition("/")[2], item["type"] == "directory", item["type"] == "file")
            for item in found
            if (path := item["name"].rstrip("/")) != folder.rstrip("/")
        ]

    def identity(self, folder: str) -> object:
        """Its path: object stores have no links."""
        return folder


class ObjectTree:
    """A bucket. Folders are what keys have before a slash; `folder` begins with a slash, as paths do."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def entries(self, folder: str) -> Iterable[Entry]:
        """List a folder by pages of a thousand names."""
        prefix = f"{folder.strip('/')}/".lstrip("/")
        return [
            Entry(item.name, item.is_folder, not item.is_folder, strong(item.etag), item.size)
            for item in self._bucket.entries(prefix)
        ]

    def identity(self, folder: str) -> object:
        """Its path: object stores have no links."""
        return folder


def _entry(entry: os.DirEntry[str]) -> Entry:
    try:
        return Entry(entry.name, entry.is_dir(), entry.is_file() or (entry.is_symlink() and not Path(entry).exists()))
    except OSError:  # a link in a circle: reading it tells
        return Entry(entry.name, False, True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """A walk over the files below a folder.

    `chosen` and `entered` are asked about the relative path of each file and folder, `beside` about the path of each
    folder and the names of its files: it returns those to leave out and why. Hidden files and folders, and results
    folders of this program, are left out too. `passed_over` is told.
    """

    tree: Tree
    chosen: Callable[[str], bool]
    beside: Callable[[str, Sequence[str]], Mapping[str, str]]
    entered: Callable[[str], bool]
    passed_over: PassedOver

    def below(self, root: str) -> Iterator[tuple[str, Entry | None]]:
        """Yield paths, relative to `root`, and entries of the files below it, in order; one listing a level is held.

        A folder below `root` that cannot be listed is yielded without an entry: reading it leaves a row that says why.
        Raises OSError where `root` itself cannot be listed.
        """
        return self._below(root, "", ())

    def _below(self, folder: str, relative: str, ancestors: tuple[object, ...]) -> Iterator[tuple[str, Entry | None]]:
        try:
            identity = self.tree.identity(folder)
            entries = sorted(self.tree.entries(folder), key=Entry.sort_key)
        except OSError:
            if not relative:
                raise
            yield relative, None
            return
        if identity in ancestors:
            self.passed_over(folder, "a link back to a folder that holds it")
        elif is_results_folder(entries):
            self.passed_over(folder, "a results folder of finner-batch")
        else:
            left_out = self.beside(folder, [entry.name for entry in entries if entry.is_file])
            for entry in entries:
                if entry.name in left_out:
                    self.passed_over(f"{folder}/{entry.name}", left_out[entry.name])
                else:
                    yield from self._entry(entry, folder, relative, (*ancestors, identity))

    def _entry(
        self, entry: Entry, folder: str, relative: str, ancestors: tuple[object, ...]
    ) -> Iterator[tuple[str, Entry | None]]:
        path = f"{folder}/{entry.name}"
        below = f"{relative}/{entry.name}" if relative else entry.name
        if not entry.name:
            self.passed_over(path, "its key has two slashes in a row")
        elif entry.name.startswith("."):
            self.passed_over(path, "hidden")
        elif entry.is_folder:
            if self.entered(below):
                yield from self._below(path, below, ancestors)
        elif not entry.is_file:
            self.passed_over(path, "no regular file")
        elif self.chosen(below):
            yield below, entry


def is_results_folder(entries: Iterable[Entry]) -> bool:
    """Tell whether a folder is where this program writes."""
    return {entry.name for entry in entries if entry.is_folder} >= _RESULTS
