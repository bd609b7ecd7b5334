"""Local copies of URLs and archive members, so that each is fetched once.

Shards in an object store are not copied: their ETag identifies their content, and they are read by range.
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
from finner_batch.readers.archive import BrokenArchiveError, is_archive, members
from finner_batch.readers.discover import log_left_out, reason_not_a_filing
from finner_batch.readers.document import MEMBER_MARK, Source, is_web_url
from finner_batch.readers.format import SNIFF_BYTES
from finner_batch.readers.listing import OnLeftOut
from finner_batch.readers.read import ReadOptions, file_format_of
from finner_batch.readers.shards import SHARDS
from finner_batch.readers.stored import fingerprint, open_stored
from finner_batch.readers.streams import bounded, chunks_of, is_url

_FOLDER_PREFIX = "finner-batch-copies-"
_SETTLED_S = 60
"""The run that creates a younger folder of copies may not have locked it yet."""
_RETRIES = 2
"""After a connection that ended early."""
_LARGEST_BYTES = ReadOptions().max_document_bytes


def check_web_inputs(inputs: Iterable[str], user_agent: str | None) -> None:
    """Raise UsageError if an input is a web address and `user_agent` is invalid or not what its server requires."""
    if addresses := [given for given in inputs if is_web_url(given)]:
        from finner_batch.readers.web import check_user_agent  # noqa: PLC0415 - only web addresses need it

        check_user_agent(addresses, user_agent)


class Copies:
    """A temporary folder of fetched files, created with the first file and deleted on exit (a context manager).

    The folder is locked. A folder whose lock is free was left by a killed run, and the next run deletes it.
    """

    def __init__(self, user_agent: str | None = None) -> None:
        """`user_agent` names this program to web servers."""
        self._user_agent = user_agent
        self._creating = threading.Lock()
        self._folder: Path | None = None
        self._lock: FileLock | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._folder is not None and self._lock is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._lock.release()

    def fetch(self, source: Source) -> tuple[Source, str, int]:
        """Fetch a URL, and return the source to read, the SHA-256 in hex of its content, and its size in bytes.

        A shard in an object store is not fetched; its digest is that of its version. Raises DocumentError if the source
        cannot be read.
        """
        if not is_url(source.uri) or source.copy:
            return source, *fingerprint(source)
        for _ in range(_RETRIES):
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
        on_left_out: OnLeftOut = log_left_out,
        broken_before: frozenset[str] = frozenset(),
        with_csv: bool = False,
    ) -> Iterator[Source]:
        """Yield the sources, with each archive replaced by its members, copied in the archive's order.

        A member that cannot be read or exceeds `max_bytes` becomes a source with an `error`. So does an archive that
        ends early, after its members. An archive of `broken_before` that is intact now is yielded too, without a text,
        so that its failure is superseded. `on_left_out` and `with_csv`: as in `discover`.
        """
        for source in sources:
            if not is_archive(source.uri) or source.error:
                yield source
                continue
            try:
                with self._fetched_archive(source) as archive:
                    for member in members(archive):
                        source_of_member = Source(
                            uri=f"{source.uri}{MEMBER_MARK}{member.name}",
                            name=f"{source.name}{MEMBER_MARK}{member.name}",
                        )
                        if reason := reason_not_a_filing(source_of_member.uri, with_csv=with_csv):
                            on_left_out(source_of_member.uri, reason)
                            continue
                        try:
                            copied, _, size = self._copied(source_of_member, bounded(member.chunks(), max_bytes))
                            yield replace(copied, size=size)
                        except BrokenArchiveError:
                            raise
                        except DocumentError as error:
                            yield replace(source_of_member, error=str(error))
            except DocumentError as error:
                yield replace(source, error=str(error))
            else:
                if source.uri in broken_before:
                    yield source

    def local(self, sources: Iterable[Source], *, with_csv: bool = False) -> Iterator[Source]:
        """Yield the sources and archive members, web addresses fetched. A copy exists until the next source is read."""
        for source in self.with_members(sources, max_bytes=_LARGEST_BYTES, with_csv=with_csv):
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
        descriptor, name = tempfile.mkstemp(dir=self._locked_folder())
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

    def _locked_folder(self) -> Path:
        with self._creating:
            if self._folder is None:
                _delete_abandoned_folders()
                self._folder = Path(tempfile.mkdtemp(prefix=_FOLDER_PREFIX))
                self._lock = FileLock(self._folder / ".lock", thread_local=False)
                self._lock.acquire()
            return self._folder


def _write(descriptor: int, data: bytes) -> None:
    """Write to a copy. Raises FinnerError, not DocumentError, if the disk fails, since it is not the source's fault."""
    left = memoryview(data)
    try:
        while left:
            left = left[os.write(descriptor, left) :]
    except OSError as error:
        raise FinnerError(
            f"cannot write a copy in {tempfile.gettempdir()}: {error.strerror}. Free some space there, or set TMPDIR"
        ) from error


def _delete_abandoned_folders() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{_FOLDER_PREFIX}*"):
        try:
            if time.time() - folder.stat().st_mtime > _SETTLED_S:
                with FileLock(folder / ".lock", timeout=0):
                    shutil.rmtree(folder, ignore_errors=True)
        except (Timeout, OSError):  # in use by another run, or of another user
            continue


def _is_shard(head: bytes, source: Source) -> bool:
    try:
        return file_format_of(head, source) in SHARDS
    except DocumentError:  # reading it raises the same error
        return False


def drop_copy(source: Source) -> None:
    """Delete the local copy of a source, if it has one."""
    if source.copy:
        Path(source.copy).unlink(missing_ok=True)


def version_digest(source: Source) -> str:
    """Return the SHA-256 in hex of a source's store and version."""
    return hashlib.sha256(f"{source.uri.partition('://')[0]} {source.version}".encode()).hexdigest()
