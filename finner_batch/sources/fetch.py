"""URLs, and members of archives, are fetched once: into a local copy, which is what is read.

Shards in an object store are not copied: the ETag stands for their content, and they are read by range.
"""

import hashlib
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Self

from filelock import FileLock, Timeout

from finner_batch.errors import BrokenOffError, DocumentError, FinnerError
from finner_batch.sources.archive import BrokenArchiveError, is_archive, members
from finner_batch.sources.discover import no_filing
from finner_batch.sources.document import MEMBER_MARK, Source, is_web_url
from finner_batch.sources.kind import SNIFF_BYTES
from finner_batch.sources.listing import PassedOver
from finner_batch.sources.read import ReadOptions, container_of
from finner_batch.sources.shards import SHARDS
from finner_batch.sources.storage import fingerprint, open_stored
from finner_batch.sources.streams import chunks_of, is_url, too_large

_NAME = "finner-batch-copies-"
_SETTLED_S = 60
"""A folder of copies that is younger may be about to be locked by the run that makes it."""
_TIMES_BROKEN_OFF = 2
_LARGEST_BYTES = ReadOptions().max_document_bytes


def check_web_inputs(inputs: Iterable[str], user_agent: str | None) -> None:
    """Raise UsageError where an input is at the SEC's and `user_agent` lacks what the SEC asks for, or is none."""
    if addresses := [given for given in inputs if is_web_url(given)]:
        from finner_batch.sources.web import check_user_agent  # noqa: PLC0415 - only web addresses need it

        check_user_agent(addresses, user_agent)


class Copies:
    """Fetched files in a temporary folder, made for the first. Use as a context manager: leaving it deletes them.

    What a killed run left is deleted by the next one: its lock tells that nobody holds it any more.
    """

    def __init__(self, user_agent: str | None = None) -> None:
        """`user_agent`: how web servers are asked."""
        self._user_agent = user_agent
        self._turn = threading.Lock()
        self._folder: Path | None = None
        self._lock: FileLock | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._folder is not None and self._lock is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._lock.release()

    def fetch(self, source: Source) -> tuple[Source, str, int]:
        """Return the source as it is best read, what stands for its content, and its size in bytes.

        That is the SHA-256 in hex of its bytes, or of its version for a shard in an object store. Raises
        `DocumentError` where it cannot be read.
        """
        if not is_url(source.uri) or source.copy:
            return source, *fingerprint(source)
        for _ in range(_TIMES_BROKEN_OFF):
            with suppress(BrokenOffError):
                return self._fetched(source)
        return self._fetched(source)

    def _fetched(self, source: Source) -> tuple[Source, str, int]:
        with open_stored(source, self._user_agent) as stream:
            head = stream.read(SNIFF_BYTES)
            if source.version and _is_shard(head, source):
                return source, version_digest(source), source.size
            return self._copied(source, chain([head], chunks_of(stream)))

    @contextmanager
    def _fetched_archive(self, source: Source) -> Iterator[Source]:
        archive = self.fetch(source)[0] if is_web_url(source.uri) else source
        try:
            yield archive
        finally:
            drop_copy(archive)

    def with_members(
        self,
        sources: Iterable[Source],
        *,
        max_bytes: int,
        left_out: PassedOver,
        broken_before: frozenset[str],
        with_csv: bool = False,
    ) -> Iterator[Source]:
        """Yield the sources, in place of each archive its members, which are copied in its order.

        A member that cannot be read, or has more than `max_bytes`, is a source with an `error`; so is, behind its
        members, an archive that breaks off. One of `broken_before` that is whole now is yielded too: it has no text.
        `with_csv`: as in `discover`.
        """
        for source in sources:
            if not is_archive(source.uri) or source.error:
                yield source
                continue
            try:
                with self._fetched_archive(source) as archive:
                    for member in members(archive):
                        own = Source(
                            uri=f"{source.uri}{MEMBER_MARK}{member.name}",
                            name=f"{source.name}{MEMBER_MARK}{member.name}",
                        )
                        if reason := no_filing(own.uri, with_csv=with_csv):
                            left_out(own.uri, reason)
                            continue
                        try:
                            copied, _, size = self._copied(own, _bounded(member.chunks(), max_bytes))
                            yield replace(copied, size=size)
                        except BrokenArchiveError:
                            raise
                        except DocumentError as error:
                            yield replace(own, error=str(error))
            except DocumentError as error:
                yield replace(source, error=str(error))
            else:
                if source.uri in broken_before:
                    yield source

    def local(self, sources: Iterable[Source], *, with_csv: bool = False) -> Iterator[Source]:
        """Yield the sources and the members of archives, each as long as it is asked for, web addresses fetched."""
        found = self.with_members(
            sources, max_bytes=_LARGEST_BYTES, left_out=_ignore, broken_before=frozenset(), with_csv=with_csv
        )
        for source in found:
            copied = source
            if is_web_url(source.uri) and not source.error:
                try:
                    copied = self.fetch(source)[0]
                except DocumentError as error:
                    copied = replace(source, error=str(error))
            yield copied
            drop_copy(copied)

    def _copied(self, source: Source, chunks: Iterable[bytes]) -> tuple[Source, str, int]:
        digest = hashlib.sha256()
        size = 0
        descriptor, name = tempfile.mkstemp(dir=self._made_folder())
        try:
            for chunk in chunks:
                size += len(chunk)
                digest.update(chunk)
                _write(descriptor, chunk)
        except BaseException:
            Path(name).unlink()
            raise
        finally:
            os.close(descriptor)
        return replace(source, copy=name), digest.hexdigest(), size

    def _made_folder(self) -> Path:
        with self._turn:
            if self._folder is None:
                _delete_left()
                self._folder = Path(tempfile.mkdtemp(prefix=_NAME))
                self._lock = FileLock(self._folder / ".lock", thread_local=False)
                self._lock.acquire()
            return self._folder


def _write(descriptor: int, data: bytes) -> None:
    """Write to a copy. Raises FinnerError where the disk refuses: no source is to blame."""
    left = memoryview(data)
    try:
        while left:
            left = left[os.write(descriptor, left) :]
    except OSError as error:
        raise FinnerError(
            f"a copy cannot be written in {tempfile.gettempdir()}: {error.strerror}. Make room there, or set TMPDIR"
        ) from error


def _bounded(chunks: Iterable[bytes], max_bytes: int) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > max_bytes:
            raise too_large(max_bytes)
        yield chunk


def _ignore(*_: object) -> None:
    """Count nothing."""


def _delete_left() -> None:
    """Delete the folders of runs that were killed."""
    for left in Path(tempfile.gettempdir()).glob(f"{_NAME}*"):
        try:
            if time.time() - left.stat().st_mtime > _SETTLED_S:
                with FileLock(left / ".lock", timeout=0):
                    shutil.rmtree(left, ignore_errors=True)
        except (Timeout, OSError):  # another run's, or another user's
            continue


def _is_shard(head: bytes, source: Source) -> bool:
    try:
        return container_of(head, source) in SHARDS
    except DocumentError:  # reading it says so again
        return False


def drop_copy(source: Source) -> None:
    """Delete the local copy of a source, if there is one."""
    if source.copy:
        Path(source.copy).unlink(missing_ok=True)


def version_digest(source: Source) -> str:
    """Return the SHA-256 in hex of an object's version."""
    return hashlib.sha256(f"{source.uri.partition('://')[0]} {source.version}".encode()).hexdigest()
