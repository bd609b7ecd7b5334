"""Discovery of sources: files, folders, globs and URLs, lazily and in a fixed order.

The sources are counted without parsing them, and divided among machines without communication between these: the share
of a source follows from a hash of its name, its path relative to the input. It is equal on every machine with the same
inputs, wherever they are mounted. A new file does not change the share of another file.
"""

import hashlib
import heapq
import logging
import os
import re
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pyarrow as pa
import pyarrow.parquet as pq

from finner_batch.errors import DocumentError, UsageError
from finner_batch.readers.archive import archive_of, is_archive, members
from finner_batch.readers.compression import decompressed
from finner_batch.readers.document import MEMBER_MARK, Source, is_web_url, recordable
from finner_batch.readers.edgar_path import document_address, document_name, path_header
from finner_batch.readers.format import SHARD_NAME
from finner_batch.readers.listing import LocalTree, ObjectTree, OnLeftOut, RemoteTree, Tree, Walk
from finner_batch.readers.streams import chunks_of, is_url
from finner_batch.storage.bucket import is_object_url, split_url, strong
from finner_batch.storage.s3 import open_bucket

LOG = logging.getLogger(__name__)
_WILDCARD = re.compile(r"[*?\[]")
_COMPANIONS = frozenset(
    [
        *(".css", ".csv", ".gif", ".idx", ".jpeg", ".jpg", ".js", ".log", ".md", ".part", ".tmp", ".tsv", ".xml"),
        *(".bmp", ".ico", ".pdf", ".png", ".svg", ".tif", ".tiff", ".webp", ".xls", ".xlsm", ".xlsx", ".xsd"),
    ]
)
"""Files stored with filings that are not filings: graphics, spreadsheets, PDFs, XBRL data, unfinished downloads."""
_DELIMITED = frozenset({".csv", ".tsv"})
"""Companions that may be shards."""
_OF_CRAWLER = re.compile(r"companies_info\.json|FILINGS_METADATA\w*\.csv|\d{4}_QTR[1-4]\.tsv")
"""Files with which edgar-crawler describes filings."""
_READ_WITH_COLUMN = ": with --text-column it is read as a shard"

_SHARE = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")


def log_left_out(path: str, reason: str) -> None:
    """Log a path that is not read, at level DEBUG."""
    LOG.debug("left out %s: %s", path, reason)


def discover(
    inputs: Sequence[str], *, on_left_out: OnLeftOut = log_left_out, with_csv: bool = False
) -> Iterator[Source]:
    """Yield the sources that `inputs` name lazily, each once, in the order of their paths.

    A folder is walked recursively, including a folder that a glob matches; `**` matches any number of folders. The walk
    leaves out hidden files, results folders of this program, companions of filings (`.csv`, `.xsd`, `.jpg`, …) and
    EDGAR's own files about a filing (`R2.htm`, `…-index.htm`), and calls `on_left_out` with each path and the reason. A
    file that is named explicitly, or by a glob that includes its suffix, is always taken. `with_csv`: `.csv` and `.tsv`
    files are shards, not companions.
    Raises UsageError for an input that matches nothing: immediately if there is no such path, else before the first
    source is yielded.
    """
    if not inputs:
        raise UsageError("no input: give files, folders, globs or URLs")
    found = [_sources(given, on_left_out, with_csv=with_csv) for given in inputs]
    return (next(same) for _, same in groupby(heapq.merge(*found, key=attrgetter("uri")), key=attrgetter("uri")))


def reason_not_a_filing(name: str, *, with_csv: bool = False) -> str:
    """Return why a file of this name is not a filing; empty if it may be a filing or, `with_csv`, a shard."""
    if _is_hidden_member(name):
        return "hidden"
    file_name = document_name(name)
    if _OF_CRAWLER.fullmatch(file_name) or (file_name == "metadata.json" and path_header(name).accession_number):
        return "a downloader's description of filings"
    suffix = Path(file_name).suffix.lower()
    if suffix not in _COMPANIONS or (with_csv and suffix in _DELIMITED):
        return ""
    return f"a {suffix} file is not a filing{_READ_WITH_COLUMN if suffix in _DELIMITED else ''}"


def _is_hidden_member(name: str) -> bool:
    """Return whether an archive member is hidden or added by macOS (`__MACOSX/._a.htm`)."""
    archive = archive_of(name)
    if archive is None:
        return False
    parts = name.removeprefix(f"{archive}{MEMBER_MARK}").split("/")
    return any(part == "__MACOSX" or (part.startswith(".") and part.strip(".")) for part in parts)


class _Folder(NamedTuple):
    """A folder, and the pattern of the paths below it. `scheme` (`s3://`) turns its paths into URLs."""

    tree: Tree
    root: str
    pattern: str
    scheme: str = ""


def _sources(given: str, on_left_out: OnLeftOut, *, with_csv: bool) -> Iterator[Source]:
    if given.startswith("file://"):
        given = url2pathname(urlsplit(given).path)
    find = _in_bucket if is_object_url(given) else _at_url if is_url(given) else _on_disk
    found = find(given)
    return iter([found]) if isinstance(found, Source) else _below(given, found, on_left_out, with_csv=with_csv)


def _on_disk(given: str) -> Source | _Folder:
    path = os.path.abspath(Path(given).expanduser())  # noqa: PTH100 - resolve() would follow links
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError) as error:
        if not _WILDCARD.search(path):
            raise UsageError(f"no such file or folder: {given} ({getattr(error, 'strerror', error)})") from error
        return _Folder(LocalTree(), *_split_glob(path))
    if stat.S_ISDIR(mode):
        return _Folder(LocalTree(), path, "**")
    if stat.S_ISREG(mode):
        return Source(uri=recordable(path), name=recordable(Path(path).name))
    raise UsageError(f"{given} is not a regular file or folder: give a file that can be read twice")


def _at_url(given: str) -> Source | _Folder:
    if is_web_url(given):
        uri = recordable(document_address(given))
        return Source(uri=uri, name=urlsplit(uri).path.rpartition("/")[2] or uri)
    import fsspec  # noqa: PLC0415 - only URLs need it

    try:
        filesystem, path = fsspec.core.url_to_fs(given)
        is_file = filesystem.isfile(path)
        root, pattern = _split_glob(path) if _WILDCARD.search(path) and not is_file else (path.rstrip("/"), "**")
        is_folder = not is_file and filesystem.isdir(root)
    except ImportError as error:
        raise UsageError(f"{given}: {error}") from error
    except Exception as error:
        raise UsageError(f"{given}: {error}: check the URL and the credentials") from error
    uri = str(filesystem.unstrip_protocol(root))
    if is_file:
        return Source(uri=recordable(uri), name=recordable(root.rpartition("/")[2]))
    if not is_folder:
        raise UsageError(f"no such file or folder: {given}")
    return _Folder(RemoteTree(filesystem), root, pattern, uri.removesuffix(root))


def _in_bucket(given: str) -> Source | _Folder:
    """Find objects with their ETags, so that unchanged objects need not be fetched."""
    name, key = split_url(given)
    bucket = open_bucket(name)
    try:
        root, pattern = (_split_glob(f"/{key}")) if _WILDCARD.search(key) else (f"/{key}".rstrip("/"), "**")
        if key and not given.endswith("/"):
            with suppress(FileNotFoundError):
                got = bucket.get(key, 0, 1)
                uri = recordable(f"s3://{name}/{key}")
                return Source(uri=uri, name=uri.rpartition("/")[2], etag=strong(got.etag), size=got.size)
        if next(bucket.entries(f"{root.strip('/')}/".lstrip("/")), None) is None:
            raise UsageError(f"no such file or folder: {given}")
    except OSError as error:
        raise UsageError(f"{given}: {error}: check the URL and the credentials") from error
    return _Folder(ObjectTree(bucket), root, pattern, f"s3://{name}")


def _below(given: str, folder: _Folder, on_left_out: OnLeftOut, *, with_csv: bool) -> Iterator[Source]:
    """Yield the files of a folder whose path, or a folder above them, matches the pattern."""
    pattern = folder.pattern.split("/")
    left_out: Counter[bool] = Counter()

    def leave_out(path: str, reason: str) -> None:
        left_out[reason.endswith(_READ_WITH_COLUMN)] += 1
        on_left_out(path, reason)

    def chosen(relative: str) -> bool:
        if not _match(pattern, relative.split("/"), whole=True):
            return False
        reason = reason_not_a_filing(f"{folder.root}/{relative}", with_csv=with_csv)
        if reason and Path(document_name(relative)).suffix.lower() not in folder.pattern.lower():
            leave_out(f"{folder.root}/{relative}", reason)
            return False
        return True

    walk = Walk(
        tree=folder.tree,
        chosen=chosen,
        entered=lambda relative: _match(pattern, relative.split("/"), whole=False),
        on_left_out=leave_out,
    )
    found = False
    try:
        for relative, entry in walk.below(folder.root):
            found = True
            name = recordable(relative)
            etag, size = (entry.etag, entry.size) if entry else ("", 0)
            yield Source(
                uri=f"{folder.scheme}{recordable(folder.root.rstrip('/'))}/{name}", name=name, etag=etag, size=size
            )
    except OSError as error:
        raise UsageError(f"{given} cannot be listed: {error.strerror or error}") from error
    if not found:
        besides = ""
        if left_out:
            besides = f" ({left_out.total()} left out: hidden, in a results folder, or not a filing by their suffix)"
        if left_out[True]:
            besides += f"; {left_out[True]} .csv or .tsv files are read as shards with --text-column"
        raise UsageError(f"{given} matches no file to read{besides}")


def _split_glob(path: str) -> tuple[str, str]:
    """Split a glob into the folder before its first wildcard, and the pattern below it."""
    parts = path.split("/")
    first = next(number for number, part in enumerate(parts) if _WILDCARD.search(part))
    return "/".join(parts[:first]) or "/", "/".join(parts[first:])


def _match(pattern: Sequence[str], path: Sequence[str], *, whole: bool) -> bool:
    """Match a path against a pattern part by part; `**` matches any number of parts.

    With `whole`, return whether the pattern matches the path or a folder above it; else, whether it may match a path
    below.
    """
    if not pattern:
        return True
    if pattern[0] == "**":
        return (len(pattern) == 1 or not whole) or any(
            _match(pattern[1:], path[skipped:], whole=whole) for skipped in range(len(path))
        )
    if not path:
        return not whole
    return fnmatchcase(path[0], pattern[0]) and _match(pattern[1:], path[1:], whole=whole)


def count_documents(sources: Iterable[Source], *, with_csv: bool = False) -> Iterator[tuple[Source, int | None]]:
    """Yield each source with its number of documents: each archive member and other file counts 1, a shard its rows.

    A submission counts 1, although it may hold more. None means that the number is unknown until the source has been
    fetched or read. `with_csv`: as in `discover`. Raises what `sources` raises.
    """
    for source in sources:
        if not is_archive(source.uri):
            yield source, _count_in_file(source)
        elif is_url(source.uri):
            yield source, None
        else:
            with suppress(DocumentError):
                for member in members(source):
                    if not reason_not_a_filing(f"{source.uri}{MEMBER_MARK}{member.name}", with_csv=with_csv):
                        yield source, 1


def _count_in_file(source: Source) -> int | None:
    shard = SHARD_NAME.search(source.uri)
    if shard is None:
        return 1
    if is_url(source.uri):
        return None
    try:
        if shard[1].lower() in {"jsonl", "ndjson"}:
            with Path(source.path).open("rb") as stream:
                return sum(chunk.count(b"\n") for chunk in decompressed(chunks_of(stream)))
        if shard[0].lower() == ".parquet":
            with pq.ParquetFile(source.path) as table:
                return int(table.metadata.num_rows)
    except (OSError, DocumentError, pa.ArrowException):
        return 1  # an unreadable file is one failed document
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Share `number` of `of`, counting from 1."""

    number: int
    of: int

    @classmethod
    def parse(cls, written: str) -> "Share":
        """Parse `2/8`. Raises UsageError unless these are two whole numbers, the first from 1 to the second."""
        found = _SHARE.fullmatch(written.strip())
        number, of = (int(found[1]), int(found[2])) if found else (0, 0)
        if not 1 <= number <= of:
            raise UsageError(f"--shard {written}: write i/n, i from 1 to n, as in 2/8 for the second of eight")
        return cls(number=number, of=of)

    def of_these(self, sources: Iterable[Source]) -> Iterator[Source]:
        """Return the sources of this share, in the given order."""
        return (source for source in sources if share_of(share_key(source), self.of) == self.number)


def share_key(source: Source) -> str:
    """Return the name from which the share of a source follows.

    A file that is itself an input gets its accession number as a prefix, since downloaders name all filings alike.
    """
    accession_number = None if "/" in source.name else path_header(source.uri).accession_number
    if accession_number is None or accession_number in source.name:
        return source.name
    return f"{accession_number}/{source.name}"


def share_of(name: str, of: int) -> int:
    """Return the share, from 1 to `of`, of a source with this name."""
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest) % of + 1
