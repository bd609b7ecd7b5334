"""Archives: tar files (plain, gzip, Zstandard) and zip files. Every member is a source of its own.

EDGAR's daily feed is an archive: `20240102.nc.tar.gz` holds the submissions of one day. An archive is read once, from
beginning to end, and a member's name is never used as a path. A member that cannot be read is a failed source. An
archive that ends early is a failed source too, after the members that came before the damage.
"""

import atexit
import hashlib
import io
import lzma
import tarfile
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO, Self, cast
from urllib.parse import urlsplit

from finner_batch.errors import DocumentError
from finner_batch.readers.compression import decompressed
from finner_batch.readers.document import MEMBER_MARK, Source, is_web_url, recordable
from finner_batch.readers.streams import ChunkStream, chunks_of, is_url, open_file, seekable, unreadable

_ARCHIVE_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.zst", ".tzst", ".zip")
_ZIP_MAGIC = b"PK"
_IS_ENCRYPTED = 1
_EXTENDED_HEADERS = (
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
)
_LONGEST_EXTENDED_HEADER = 1 << 20
"""Bytes. `tarfile` reads an extended header into memory as a whole."""
_TAR_ERRORS = (tarfile.TarError, EOFError, UnicodeError, ValueError, OverflowError)
_ZIP_ERRORS = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError),
    *(EOFError, NotImplementedError, RuntimeError, ValueError),
)


class BrokenArchiveError(DocumentError):
    """The rest of the archive cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A file in an archive.

    `name` is the name in the archive, in recordable form; the second file of the same name gets `#2`. `size` is the
    number of bytes that the archive states.
    """

    name: str
    size: int
    chunks: Callable[[], Iterator[bytes]]
    """Yields the content. Valid until the next member is requested.

    Raises DocumentError if this member cannot be read, BrokenArchiveError if no later member can be read either.
    """


def is_archive(uri: str) -> bool:
    """Return whether the name is that of an archive. An archive within an archive is an unreadable member instead."""
    return _has_archive_name(uri) and archive_of(uri) is None


def archive_of(uri: str) -> str | None:
    """Return the URI of the archive that contains the source, or None if it is not a member of an archive."""
    end = uri.find(MEMBER_MARK)
    while end >= 0:
        if _has_archive_name(uri[:end]):
            return uri[:end]
        end = uri.find(MEMBER_MARK, end + 1)
    return None


def _has_archive_name(uri: str) -> bool:
    path = urlsplit(uri).path if is_web_url(uri) else uri
    return path.lower().endswith(_ARCHIVE_SUFFIXES)


def members(archive: Source, user_agent: str | None = None) -> Iterator[Member]:
    """Yield the regular files of an archive, in its order. Folders, links and devices are left out.

    Raises BrokenArchiveError where the archive, or the rest of it, cannot be read.
    """
    try:
        with open_file(archive, user_agent) as file, seekable(file) as stream:
            head = stream.read(len(_ZIP_MAGIC))
            stream.seek(0)
            for member in _with_unique_names(_in_zip(stream) if head == _ZIP_MAGIC else _in_tar(stream)):
                yield replace(member, chunks=partial(_read, archive, member))
    except BrokenArchiveError:
        raise
    except DocumentError as error:
        raise BrokenArchiveError(error.stage, str(error)) from error


def member_digests(archive: str) -> dict[str, str]:
    """Return the SHA-256 in hex of each readable member of an archive, by the URI of its source."""
    digests = {}
    with suppress(BrokenArchiveError):
        for member in members(Source(uri=archive, name=archive)):
            digest = hashlib.sha256()
            with suppress(DocumentError):
                for chunk in member.chunks():
                    digest.update(chunk)
                digests[f"{archive}{MEMBER_MARK}{member.name}"] = digest.hexdigest()
    return digests


_partly_read: dict[tuple[object, ...], Iterator[Member]] = {}
"""The archive that was read last, by its state: the member requested next usually follows in it."""
atexit.register(_partly_read.clear)  # closes the generators before the interpreter removes what they need


@contextmanager
def open_member(uri: str, user_agent: str | None = None) -> Iterator[BinaryIO]:
    """Open a member by the URI of its source, continuing from the member opened before it where possible.

    Raises DocumentError if it cannot be read, FileNotFoundError if there is no such member.
    """
    archive = archive_of(uri)
    if archive is None:
        raise FileNotFoundError(uri)
    source = Source(uri=archive, name=archive)
    name = uri.removeprefix(f"{archive}{MEMBER_MARK}")
    state = _state(source)
    member = None
    if remaining := _partly_read.pop(state, None):
        with suppress(DocumentError):
            member = _next_named(remaining, name)
    if remaining is None or member is None:
        remaining = members(source, user_agent)
        member = _next_named(remaining, name)
    if member is None:
        raise FileNotFoundError(uri)
    with tempfile.TemporaryFile() as copy:
        try:
            for chunk in member.chunks():
                copy.write(chunk)
        except BrokenArchiveError:
            raise
        except DocumentError:
            _keep_partly_read(state, remaining)
            raise
        _keep_partly_read(state, remaining)
        copy.seek(0)
        yield copy


def _keep_partly_read(state: tuple[object, ...], remaining: Iterator[Member]) -> None:
    _partly_read.clear()
    _partly_read[state] = remaining


def _state(archive: Source) -> tuple[object, ...]:
    if is_url(archive.uri):
        return (archive.uri,)
    status = Path(archive.path).stat()
    return archive.uri, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _next_named(remaining: Iterator[Member], name: str) -> Member | None:
    return next((member for member in remaining if member.name == name), None)


def _read(archive: Source, member: Member) -> Iterator[bytes]:
    with unreadable(archive):
        yield from member.chunks()


def _with_unique_names(found: Iterator[Member]) -> Iterator[Member]:
    seen: Counter[str] = Counter()
    for member in found:
        name = member.name
        while name in seen:
            seen[member.name] += 1
            name = f"{member.name}#{seen[member.name]}"
        seen[name] = 1
        yield replace(member, name=name)


def _in_tar(stream: BinaryIO) -> Iterator[Member]:
    content = io.BufferedReader(ChunkStream(decompressed(chunks_of(stream))))
    try:
        with tarfile.open(fileobj=content, mode="r|", tarinfo=_Header, encoding="utf-8") as tar:
            for header in tar:
                tar.members.clear()  # type: ignore[attr-defined]  # it would keep the header of every member
                if header.isfile():
                    yield Member(
                        name=recordable(header.name), size=header.size, chunks=partial(_tar_chunks, tar, header)
                    )
    except _TAR_ERRORS as error:
        raise _damaged("tar", error) from error


def _tar_chunks(tar: tarfile.TarFile, header: tarfile.TarInfo) -> Iterator[bytes]:
    try:
        with cast("BinaryIO", tar.extractfile(header)) as opened:
            yield from chunks_of(opened)
    except _TAR_ERRORS as error:
        raise _damaged("tar", error) from error


class _Header(tarfile.TarInfo):
    """A member's header. `tarfile` by itself treats a damaged or missing header as the end of the archive."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        if not buf:
            raise BrokenArchiveError("read", "the tar data ends without its end mark: fetch the archive again")
        try:
            header = super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if any(buf):
                raise _damaged("tar", error) from error
            raise  # the end mark
        if header.type in _EXTENDED_HEADERS and header.size > _LONGEST_EXTENDED_HEADER:
            raise _damaged("tar", f"a header of {header.size:,} bytes")
        return header


def _in_zip(stream: BinaryIO) -> Iterator[Member]:
    try:
        archive = zipfile.ZipFile(stream)
    except _ZIP_ERRORS as error:
        raise _damaged("zip", error) from error
    with archive:
        for header in archive.infolist():
            if not header.is_dir():
                yield Member(
                    name=recordable(header.filename),
                    size=header.file_size,
                    chunks=partial(_zip_chunks, archive, header),
                )


def _zip_chunks(archive: zipfile.ZipFile, header: zipfile.ZipInfo) -> Iterator[bytes]:
    if header.flag_bits & _IS_ENCRYPTED:
        raise DocumentError("read", "encrypted: unpack the archive with its password, and give the folder")
    try:
        with cast("BinaryIO", archive.open(header)) as opened:
            yield from chunks_of(opened)
    except _ZIP_ERRORS as error:
        raise DocumentError("read", f"damaged zip data ({error}): fetch the archive again") from error


def _damaged(archive_format: str, why: Exception | str) -> BrokenArchiveError:
    return BrokenArchiveError("read", f"damaged or truncated {archive_format} data ({why}): fetch the archive again")
