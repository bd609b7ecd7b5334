"""Walks over folders, local or remote, in the order of the paths, listing one folder at a time."""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from finner_batch.readers.document import recordable
from finner_batch.readers.refused_pages import companions_of_filing
from finner_batch.storage.bucket import Bucket, strong

OnLeftOut = Callable[[str, str], None]
"""Called with the path of each file or folder that is left out, and the reason."""

_RESULTS = frozenset({"entities", "documents", "runs"})
"""Folders of a results folder of this program."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a folder: a file, a folder, or neither (a pipe, a socket or a device)."""

    name: str
    is_folder: bool
    is_file: bool
    etag: str = ""
    """As in `Source`."""
    size: int = 0

    def sort_key(self) -> str:
        """Return a key that makes a walk yield paths in the order of the recorded paths."""
        return recordable(f"{self.name}/" if self.is_folder else self.name)


class Tree(Protocol):
    """A file system or object store."""

    def entries(self, folder: str) -> Iterable[Entry]:
        """List a folder. Raises OSError if it cannot be listed."""

    def identity(self, folder: str) -> object:
        """Return a value that identifies a folder, to detect links back to it: its path where there are no links."""
        return folder


class LocalTree(Tree):
    """The local file system. Links are followed."""

    def entries(self, folder: str) -> Iterable[Entry]:
        """List a folder, with an extra call per link only. A broken link is a file, which will fail as it is read."""
        with os.scandir(folder) as found:
            return [_entry(entry) for entry in found]

    def identity(self, folder: str) -> object:
        """Device and inode."""
        status = Path(folder).stat()
        return status.st_dev, status.st_ino


class RemoteTree(Tree):
    """A file system of fsspec."""

    def __init__(self, filesystem: Any) -> None:
        self._filesystem = filesystem

    def entries(self, folder: str) -> Iterable[Entry]:
        """List a folder, without fsspec's cache of listings."""
        found = self._filesystem.ls(folder, detail=True)
        self._filesystem.invalidate_cache(folder)
        return [
            Entry(path.rpartition("/")[2], item["type"] == "directory", item["type"] == "file")
            for item in found
            if (path := item["name"].rstrip("/")) != folder.rstrip("/")
        ]


class ObjectTree(Tree):
    """A bucket. Folders are the parts of keys before a slash; `folder` begins with a slash, as paths do."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def entries(self, folder: str) -> Iterable[Entry]:
        """List a folder in pages of a thousand names."""
        prefix = f"{folder.strip('/')}/".lstrip("/")
        return [
            Entry(item.name, item.is_folder, not item.is_folder, strong(item.etag), item.size)
            for item in self._bucket.entries(prefix)
        ]


def _entry(entry: os.DirEntry[str]) -> Entry:
    try:
        return Entry(entry.name, entry.is_dir(), entry.is_file() or (entry.is_symlink() and not Path(entry).exists()))
    except OSError:  # a circular link, which will fail as it is read
        return Entry(entry.name, False, True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """A walk over the files below a folder.

    `chosen` and `entered` decide on the relative path of each file and folder. Hidden files and folders, EDGAR's files
    about a filing, and results folders of this program are left out. `on_left_out` is called with everything left out.
    """

    tree: Tree
    chosen: Callable[[str], bool]
    entered: Callable[[str], bool]
    on_left_out: OnLeftOut

    def below(self, root: str) -> Iterator[tuple[str, Entry | None]]:
        """Yield the relative path and the entry of each file below `root`, in order, keeping one listing per level.

        A folder below `root` that cannot be listed is yielded without an entry, and will fail as it is read. Raises
        OSError if `root` itself cannot be listed.
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
            self.on_left_out(folder, "a link back to a folder that holds it")
        elif {entry.name for entry in entries if entry.is_folder} >= _RESULTS:
            self.on_left_out(folder, "a results folder of finner-batch")
        else:
            left_out = companions_of_filing(folder, [entry.name for entry in entries if entry.is_file])
            for entry in entries:
                if entry.name in left_out:
                    self.on_left_out(f"{folder}/{entry.name}", left_out[entry.name])
                else:
                    yield from self._entry(entry, folder, relative, (*ancestors, identity))

    def _entry(
        self, entry: Entry, folder: str, relative: str, ancestors: tuple[object, ...]
    ) -> Iterator[tuple[str, Entry | None]]:
        path = f"{folder}/{entry.name}"
        below = f"{relative}/{entry.name}" if relative else entry.name
        if not entry.name:
            self.on_left_out(path, "its key has two slashes in a row")
        elif entry.name.startswith("."):
            self.on_left_out(path, "hidden")
        elif entry.is_folder:
            if self.entered(below):
                yield from self._below(path, below, ancestors)
        elif not entry.is_file:
            self.on_left_out(path, "not a regular file")
        elif self.chosen(below):
            yield below, entry
