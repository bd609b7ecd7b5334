"""Archives: tar files (plain, gzip, Zstandard) and zip files, of which every member is a source of its own.

EDGAR's daily feed is one: `20240102.nc.tar.gz` holds the submissions of a day. An archive is read once, from its
beginning to its end, and no member's name is used as a path. A member that cannot be read is a source whose reading
fails, and so is an archive that breaks off, behind the members that came before.
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
from finner_batch.sources.compression import decompressed
from finner_batch.sources.document import MEMBER_MARK, Source, is_web_url
from finner_batch.sources.names import recordable
from finner_batch.sources.streams import Joined, chunks_of, is_url, open_file, seekable, unreadable

ARCHIVE_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.zst", ".tzst", ".zip")
_ZIP_MAGIC = b"PK"
_IS_ENCRYPTED = 1
_EXTENDED_HEADERS = (
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
)
_LONGEST_EXTENDED_HEADER = 1 << 20
"""Bytes: `tarfile` reads it whole."""


_TAR_ERRORS = (tarfile.TarError, EOFError, UnicodeError, ValueError, OverflowError)
_ZIP_ERRORS = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError),
    *(EOFError, NotImplementedError, RuntimeError, ValueError),
)


class BrokenArchiveError(DocumentError):
    """The archive cannot be read further."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A file in an archive.

    `name`: as in the archive, in recordable form, with `#2` where the archive has the name a second time. `size`:
    bytes, as the archive states them.
    """

    name: str
    size: int
    chunks: Callable[[], Iterator[bytes]]
    """Reads it, until the next member is asked for.

    Raises DocumentError where this member cannot be read, and BrokenArchiveError where no later one can either.
    """


def is_archive(uri: str) -> bool:
    """Tell an archive by its name. One within another is none: it is a member that cannot be read."""
    return _is_named_so(uri) and archive_of(uri) is None


def archive_of(uri: str) -> str | None:
    """The URI of the archive that a source is a member of; None for another source."""
    end = uri.find(MEMBER_MARK)
    while end >= 0:
        if _is_named_so(uri[:end]):
            return uri[:end]
        end = uri.find(MEMBER_MARK, end + 1)
    return None


def _is_named_so(uri: str) -> bool:
    path = urlsplit(uri).path if is_web_url(uri) else uri
    return path.lower().endswith(ARCHIVE_SUFFIXES)


def members(archive: Source, user_agent: str | None = None) -> Iterator[Member]:
    """Yield the files of an archive in its order; folders, links and devices are none.

    Raises BrokenArchiveError where the archive cannot be read, or not further.
    """
    try:
        with open_file(archive, user_agent) as file, seekable(file) as stream:
            head = stream.read(len(_ZIP_MAGIC))
            stream.seek(0)
            for member in _named_apart(_in_zip(stream) if head == _ZIP_MAGIC else _in_tar(stream)):
                yield replace(member, chunks=partial(_read, archive, member))
    except BrokenArchiveError:
        raise
    except DocumentError as error:
        raise BrokenArchiveError(error.stage, str(error)) from error


def member_digests(archive: str) -> dict[str, str]:
    """SHA-256 in hex of the members of an archive that can be read, by the URIs of their sources."""
    digests = {}
    with suppress(BrokenArchiveError):
        for member in members(Source(uri=archive, name=archive)):
            digest = hashlib.sha256()
            with suppress(DocumentError):
                for chunk in member.chunks():
                    digest.update(chunk)
                digests[f"{archive}{MEMBER_MARK}{member.name}"] = digest.hexdigest()
    return digests


_begun: dict[tuple[object, ...], Iterator[Member]] = {}
"""Where the reading of the archive stands that a member was opened of last: the next one mostly stands behind it."""
atexit.register(_begun.clear)  # while what its generators close is still there


@contextmanager
def open_member(uri: str, user_agent: str | None = None) -> Iterator[BinaryIO]:
    """Open a member by the URI of its source; the archive is read up to it, or on to it from the one opened before.

    Raises DocumentError, FileNotFoundError.
    """
    archive = archive_of(uri)
    if archive is None:
        raise FileNotFoundError(uri)
    source = Source(uri=archive, name=archive)
    state = _state(source)
    found = _begun.pop(state, None)
    member = None
    if found:
        with suppress(DocumentError):
            member = _named(found, f"{archive}{MEMBER_MARK}", uri)
    if found is None or member is None:
        found = members(source, user_agent)
        member = _named(found, f"{archive}{MEMBER_MARK}", uri)
    if member is None:
        raise FileNotFoundError(uri)
    with tempfile.TemporaryFile() as copy:
        try:
            for chunk in member.chunks():
                copy.write(chunk)
        except BrokenArchiveError:
            raise
        except DocumentError:
            _go_on_later(state, found)
            raise
        _go_on_later(state, found)
        copy.seek(0)
        yield copy


def _go_on_later(state: tuple[object, ...], found: Iterator[Member]) -> None:
    _begun.clear()
    _begun[state] = found


def _state(archive: Source) -> tuple[object, ...]:
    if is_url(archive.uri):
        return (archive.uri,)
    status = Path(archive.path).stat()
    return archive.uri, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _named(found: Iterator[Member], prefix: str, uri: str) -> Member | None:
    return next((member for member in found if uri == f"{prefix}{member.name}"), None)


def _read(archive: Source, member: Member) -> Iterator[bytes]:
    with unreadable(archive):
        yield from member.chunks()


def _named_apart(found: Iterator[Member]) -> Iterator[Member]:
    seen: Counter[str] = Counter()
    for member in found:
        name = member.name
        while name in seen:
            seen[member.name] += 1
            name = f"{member.name}#{seen[member.name]}"
        seen[name] = 1
        yield replace(member, name=name)


def _in_tar(stream: BinaryIO) -> Iterator[Member]:
    content = io.BufferedReader(Joined(decompressed(chunks_of(stream))))
    try:
        with tarfile.open(fileobj=content, mode="r|", tarinfo=_Header, encoding="utf-8") as tar:
            for header in tar:
                tar.members.clear()  # type: ignore[attr-defined]  # it would hold the header of every member
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
    """A member's header. `tarfile` takes a damaged one, and that there is none, for the archive's end."""

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


def _damaged(kind: str, why: Exception | str) -> BrokenArchiveError:
    return BrokenArchiveError("read", f"damaged or cut off {kind} data ({why}): fetch the archive again")
