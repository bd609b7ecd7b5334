"""Discovery: inputs (files, folders, globs, URLs) into sources, lazily and in a fixed order."""

import heapq
import logging
import os
import re
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit
from urllib.request import url2pathname

from finner_batch.errors import UsageError
from finner_batch.objects.bucket import Bucket, is_object_url, split_url, strong
from finner_batch.sources.archive import archive_of
from finner_batch.sources.document import MEMBER_MARK, Source, is_web_url
from finner_batch.sources.edgar_path import document_address, document_name, path_header
from finner_batch.sources.listing import LocalTree, ObjectTree, PassedOver, RemoteTree, Tree, Walk
from finner_batch.sources.names import recordable
from finner_batch.sources.refused import beside_a_filing
from finner_batch.sources.streams import is_url

_MAGIC = re.compile(r"[*?\[]")
_COMPANIONS = frozenset(
    [
        *(".css", ".csv", ".gif", ".idx", ".jpeg", ".jpg", ".js", ".log", ".md", ".part", ".tmp", ".tsv", ".xml"),
        *(".bmp", ".ico", ".pdf", ".png", ".svg", ".tif", ".tiff", ".webp", ".xls", ".xlsm", ".xlsx", ".xsd"),
    ]
)
"""What lies beside filings and is none: graphics, spreadsheets, PDFs, XBRL data, contents, unfinished downloads."""
_DELIMITED = frozenset({".csv", ".tsv"})
"""Of these, what may be shards."""
_OF_CRAWLER = re.compile(r"companies_info\.json|FILINGS_METADATA\w*\.csv|\d{4}_QTR[1-4]\.tsv")
"""What edgar-crawler writes about filings."""
_READ_WITH_COLUMN = ": with --text-column it is read as a shard"

_logger = logging.getLogger(__name__)


def discover(
    inputs: Sequence[str], *, passed_over: PassedOver | None = None, with_csv: bool = False
) -> Iterator[Source]:
    """Find the sources that `inputs` name: each once, in the order of their paths, as they are asked for.

    A folder is walked recursively, and so is one that a glob matches; `**` stands for any number of folders. Hidden
    files, results folders of this program, companions of filings (`.csv`, `.xsd`, `.jpg`, …) and what EDGAR keeps
    beside a filing (`R2.htm`, `…-index.htm`) are left out there, which `passed_over` is told with the reason; a file
    that is named, or whose suffix the glob spells, is taken. `with_csv`: `.csv` and `.tsv` files are shards, not
    companions.
    Raises `UsageError` for an input that matches nothing: at once where there is no such path, else before the first
    source.
    """
    if not inputs:
        raise UsageError("no input: give files, folders, globs or URLs")
    told = passed_over or _log_passed_over
    found = [_sources(given, told, with_csv=with_csv) for given in inputs]
    return _each_once(heapq.merge(*found, key=attrgetter("uri")))


def no_filing(name: str, *, with_csv: bool = False) -> str:
    """Tell by its name what a file beside filings is; empty for one that may be a filing, or a shard (`with_csv`)."""
    if _is_hidden_member(name):
        return "hidden"
    own_name = document_name(name)
    if _OF_CRAWLER.fullmatch(own_name) or (own_name == "metadata.json" and path_header(name).accession_number):
        return "a downloader's description of filings"
    suffix = Path(own_name).suffix.lower()
    if suffix not in _COMPANIONS or (with_csv and suffix in _DELIMITED):
        return ""
    return f"a {suffix} file is no filing{_READ_WITH_COLUMN if suffix in _DELIMITED else ''}"


def _is_hidden_member(name: str) -> bool:
    """Tell what an archive holds beside its files: hidden ones, and what macOS adds (`__MACOSX/._a.htm`)."""
    archive = archive_of(name)
    if archive is None:
        return False
    parts = name.removeprefix(f"{archive}{MEMBER_MARK}").split("/")
    return any(part == "__MACOSX" or (part.startswith(".") and part.strip(".")) for part in parts)


def _log_passed_over(path: str, reason: str) -> None:
    _logger.debug("left out %s: %s", path, reason)


def _each_once(sources: Iterator[Source]) -> Iterator[Source]:
    last = None
    for source in sources:
        if source.uri != last:
            yield source
        last = source.uri


def _sources(given: str, passed_over: PassedOver, *, with_csv: bool) -> Iterator[Source]:
    if given.startswith("file://"):
        given = url2pathname(urlsplit(given).path)
    if is_object_url(given):
        return _objects(given, passed_over, with_csv=with_csv)
    if is_url(given):
        return _remote(given, passed_over, with_csv=with_csv)
    path = os.path.abspath(Path(given).expanduser())  # noqa: PTH100 - resolve() would follow links
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError) as error:
        if not _MAGIC.search(path):
            raise UsageError(f"no such file or folder: {given} ({getattr(error, 'strerror', error)})") from error
        root, pattern = _split_glob(path)
        return _below(_Place(given, LocalTree(), root, ""), pattern, passed_over, with_csv=with_csv)
    if stat.S_ISDIR(mode):
        return _below(_Place(given, LocalTree(), path, ""), "**", passed_over, with_csv=with_csv)
    if stat.S_ISREG(mode):
        return iter([Source(uri=recordable(path), name=recordable(Path(path).name))])
    raise UsageError(f"{given} is no regular file or folder: give a file that can be read twice")


def _remote(given: str, passed_over: PassedOver, *, with_csv: bool) -> Iterator[Source]:
    if is_web_url(given):
        uri = recordable(document_address(given))
        return iter([Source(uri=uri, name=urlsplit(uri).path.rpartition("/")[2] or uri)])
    import fsspec  # noqa: PLC0415 - only URLs need it

    try:
        filesystem, path = fsspec.core.url_to_fs(given)
        is_file = filesystem.isfile(path)
        root, pattern = _split_glob(path) if _MAGIC.search(path) and not is_file else (path.rstrip("/"), "**")
        is_folder = not is_file and filesystem.isdir(root)
    except ImportError as error:
        raise UsageError(f"{given}: {error}") from error
    except Exception as error:
        raise UsageError(f"{given}: {error}: check the URL and the credentials") from error
    uri = str(filesystem.unstrip_protocol(root))
    if is_file:
        return iter([Source(uri=recordable(uri), name=recordable(root.rpartition("/")[2]))])
    if not is_folder:
        raise UsageError(f"no such file or folder: {given}")
    return _below(
        _Place(given, RemoteTree(filesystem), root, uri.removesuffix(root)), pattern, passed_over, with_csv=with_csv
    )


def _objects(given: str, passed_over: PassedOver, *, with_csv: bool) -> Iterator[Source]:
    """Find objects of a bucket, with their ETags, so that those of an unchanged one need not be fetched."""
    name, key = split_url(given)
    bucket = Bucket(name)
    try:
        root, pattern = (_split_glob(f"/{key}")) if _MAGIC.search(key) else (f"/{key}".rstrip("/"), "**")
        if key and not given.endswith("/"):
            try:
                got = bucket.get(key, 0, 1)
            except FileNotFoundError:
                pass
            else:
                uri = recordable(f"s3://{name}/{key}")
                return iter([Source(uri=uri, name=uri.rpartition("/")[2], etag=strong(got.etag), size=got.size)])
        if next(bucket.listed(f"{root.strip('/')}/".lstrip("/")), None) is None:
            raise UsageError(f"no such file or folder: {given}")
    except OSError as error:
        raise UsageError(f"{given}: {error}: check the URL and the credentials") from error
    return _below(_Place(given, ObjectTree(bucket), root, f"s3://{name}"), pattern, passed_over, with_csv=with_csv)


class _Place(NamedTuple):
    """A folder that an input names; `scheme` makes URLs of its paths (`s3://`)."""

    given: str
    tree: Tree
    root: str
    scheme: str


def _below(place: _Place, pattern: str, passed_over: PassedOver, *, with_csv: bool) -> Iterator[Source]:
    """Yield the files below the place that `pattern` matches; a folder that it matches stands for all below it."""
    left_out: Counter[bool] = Counter()

    def leave_out(path: str, reason: str) -> None:
        left_out[reason.endswith(_READ_WITH_COLUMN)] += 1
        passed_over(path, reason)

    def chosen(relative: str) -> bool:
        if not _match(pattern.split("/"), relative.split("/"), whole=True):
            return False
        reason = no_filing(f"{place.root}/{relative}", with_csv=with_csv)
        if reason and Path(document_name(relative)).suffix.lower() not in pattern.lower():
            leave_out(f"{place.root}/{relative}", reason)
            return False
        return True

    walk = Walk(
        tree=place.tree,
        chosen=chosen,
        beside=beside_a_filing,
        entered=lambda folder: _match(pattern.split("/"), folder.split("/"), whole=False),
        passed_over=leave_out,
    )
    found = False
    try:
        for relative, entry in walk.below(place.root):
            found = True
            name = recordable(relative)
            etag, size = (entry.etag, entry.size) if entry else ("", 0)
            yield Source(
                uri=f"{place.scheme}{recordable(place.root.rstrip('/'))}/{name}", name=name, etag=etag, size=size
            )
    except OSError as error:
        raise UsageError(f"{place.given} cannot be listed: {error.strerror or error}") from error
    if not found:
        besides = ""
        if left_out:
            besides = f" ({left_out.total()} left out: hidden, a results folder, or no filing by their suffix)"
        if left_out[True]:
            besides += f"; {left_out[True]} .csv or .tsv files are read as shards with --text-column"
        raise UsageError(f"{place.given} matches no file to read{besides}")


def _split_glob(path: str) -> tuple[str, str]:
    """Split a glob into the folder before its first wildcard, and the pattern below it."""
    parts = path.split("/")
    first = next(number for number, part in enumerate(parts) if _MAGIC.search(part))
    return "/".join(parts[:first]) or "/", "/".join(parts[first:])


def _match(pattern: Sequence[str], path: Sequence[str], *, whole: bool) -> bool:
    """Match parts of a path one by one; `**` stands for any number of them.

    `whole` asks whether the pattern matches the path or a folder above it; else, whether it may match something below.
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
