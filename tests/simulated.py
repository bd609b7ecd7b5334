"""A file system, a bucket and a clock in memory, which lose at a crash what a real machine may lose.

`Disk`, `S3Bucket` and `SystemClock` are what they stand for.
"""

import io
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from finner_batch.storage.bucket import ChangedError, Got, Listed, no_check


class Crash(BaseException):
    """The process dies here."""


class Fuse:
    """Counts the calls that change something. From the one numbered `at` on each raises Crash; 0 is never."""

    def __init__(self, at: int = 0) -> None:
        self.at = at
        self.calls = 0

    def __call__(self) -> None:
        self.calls += 1
        if 0 < self.at <= self.calls:
            raise Crash


class FakeClock:
    """Time that passes only in `sleep`, and at once."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._repeated: list[dict] = []

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        end = self.seconds + seconds
        while due := [one for one in self._repeated if one["next"] <= end]:
            one = min(due, key=lambda one: one["next"])
            self.seconds = one["next"]
            one["next"] += one["seconds"]
            one["call"]()
        self.seconds = end

    def repeat(self, seconds, call):
        one = {"next": self.seconds + seconds, "seconds": seconds, "call": call}
        self._repeated.append(one)
        return lambda: self._repeated.remove(one)


@dataclass(eq=False)
class Inode:
    content: bytes = b""
    synced: bytes = b""


class OpenFile(io.RawIOBase):
    """A file that is being written. Nothing of it lasts before it is synced, so a crash within it is one after it."""

    def __init__(self, inode: Inode) -> None:
        super().__init__()
        self.inode = inode

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return len(self.inode.content)

    def write(self, data) -> int:
        self.inode.content += bytes(data)
        return len(data)


class MemoryFiles:
    """A file system. A content lasts when it was synced, a name when its folder was; a folder lasts at once."""

    def __init__(self, fuse: Fuse) -> None:
        self.fuse = fuse
        self.folders = {Path("/")}
        self.visible: dict[Path, Inode] = {}
        self.lasting: dict[Path, Inode] = {}
        self._locked: set[Path] = set()

    def after_crash(self, chance: random.Random) -> "MemoryFiles":
        """What a power cut leaves: of all that was not synced any part, in any order."""
        left = MemoryFiles(Fuse())
        left.folders = set(self.folders)
        for path in sorted(self.visible.keys() | self.lasting.keys()):
            inode = chance.choice([self.visible.get(path), self.lasting.get(path)])
            if inode is not None:
                half = inode.content[: len(inode.content) // 2]
                content = chance.choice([inode.synced, half, inode.content])
                content = inode.synced if inode.synced == inode.content else content
                left.visible[path] = left.lasting[path] = Inode(content, content)
        return left

    def copy_to(self, folder: Path) -> None:
        for path, inode in self.visible.items():
            target = folder / path.relative_to("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(inode.content)

    def open(self, path, mode):
        if mode == "rb":
            return io.BytesIO(self._inode(path).content)
        self.fuse()
        self._require_folder(path.parent)
        inode = self.visible.setdefault(path, Inode())
        inode.content = b""
        return OpenFile(inode)

    def sync(self, file) -> None:
        self.fuse()
        file.inode.synced = file.inode.content

    def sync_folder(self, folder) -> None:
        self.fuse()
        self._require_folder(folder)
        for path in self.visible.keys() | self.lasting.keys():
            if path.parent == folder:
                self.lasting.pop(path, None)
                if path in self.visible:
                    self.lasting[path] = self.visible[path]

    def replace(self, path, target) -> None:
        self.fuse()
        inode = self._inode(path)
        del self.visible[path]
        self.visible[target] = inode

    def unlink(self, path) -> None:
        self.fuse()
        self._inode(path)
        del self.visible[path]

    def make_folder(self, folder) -> None:
        self.fuse()
        self.folders |= {folder, *folder.parents}

    def names(self, folder):
        self._require_folder(folder)
        below = [*self.visible, *self.folders]
        return sorted(path.name for path in below if path.parent == folder and path != folder)

    def is_file(self, path) -> bool:
        return path in self.visible

    def is_folder(self, path) -> bool:
        return path in self.folders

    def lock(self, path):
        if path in self._locked:
            return None
        self._locked.add(path)
        return lambda: self._locked.remove(path)

    def library_path(self, path) -> None:  # noqa: ARG002 - no library opens it
        return None

    def _inode(self, path) -> Inode:
        if path not in self.visible:
            raise FileNotFoundError(2, "No such file", str(path))
        return self.visible[path]

    def _require_folder(self, folder) -> None:
        if folder not in self.folders:
            raise FileNotFoundError(2, "No such folder", str(folder))


class MemoryBucket:
    """A bucket. With `loses` some answers to conditional writes are lost, so that the retry is refused."""

    name = "simulated"

    def __init__(self, clock: FakeClock, loses: random.Random | None = None) -> None:
        self.fuse = Fuse()
        self.objects: dict[str, tuple[bytes, str, float]] = {}
        self._clock = clock
        self._loses = loses
        self._versions = 0

    def get(self, key, begin=0, end=None, *, etag=None) -> Got:
        if key not in self.objects:
            raise FileNotFoundError(f"no object {key}")
        data, found, written_at = self.objects[key]
        if etag and etag != found:
            raise ChangedError(f"{key} has another version")
        return Got(data[begin:end], len(data), found, self._clock.seconds - written_at)

    def put(self, key, data, *, if_absent=False, if_etag=None, check=no_check) -> str:
        check()
        self.fuse()
        there = self.objects.get(key)
        if (if_absent and there) or (if_etag and (there is None or there[1] != if_etag)):
            raise ChangedError(f"{key} is not as expected")
        self._versions += 1
        self.objects[key] = (bytes(data), f'"{self._versions}"', self._clock.seconds)
        if (if_absent or if_etag) and self._loses and self._loses.random() < 0.3:
            raise ChangedError("the answer was lost, and the retry refused")
        return self.objects[key][1]

    def upload(self, key, file, size, *, check=no_check) -> None:
        file.seek(0)
        data = file.read()
        assert len(data) == size
        self.put(key, data, check=check)

    def delete(self, key) -> None:
        self.fuse()
        self.objects.pop(key, None)

    def entries(self, prefix) -> Iterator[Listed]:
        below = sorted(key[len(prefix) :] for key in self.objects if key.startswith(prefix))
        yield from (Listed(name, 0, "") for name in sorted({name.split("/")[0] for name in below if "/" in name}))
        for name in (name for name in below if "/" not in name):
            data, etag, written_at = self.objects[prefix + name]
            yield Listed(name, len(data), etag, self._clock.seconds - written_at)
