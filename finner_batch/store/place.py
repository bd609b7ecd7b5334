"""Where results lie: a local folder or a folder of an object store, and what differs between the two.

`Place` is a `Path` or an `ObjectPath`, which has the same methods as far as the store uses them. Everything that a file
system and an object store do in different ways is a function here, in `newfile` and in `lock`.
"""

import glob
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeAlias, TypeVar
from urllib.parse import urlsplit
from urllib.request import url2pathname

from finner_batch.errors import UsageError
from finner_batch.objects.bucket import is_object_url
from finner_batch.objects.path import ObjectPath

Place: TypeAlias = Path | ObjectPath
Item = TypeVar("Item")
Result = TypeVar("Result")

COMMITTED_WITHIN_S = 3600.0
"""A request that was sent before its run lost the lock has arrived by then, or never will: TCP gives up before."""
REQUESTS = 16
"""Objects that are read at a time."""


def place_of(output: str | Place) -> Place:
    """Return the place that a path or URL names. Raises UsageError for a URL of a store that cannot hold results."""
    if not isinstance(output, str):
        return output
    if is_object_url(output):
        return ObjectPath.of(output)
    if output.startswith("file://"):
        return Path(url2pathname(urlsplit(output).path))
    if "://" in output:
        raise UsageError(
            f"{output}: results are written to a folder or to s3://, whose conditional writes make the lock"
        )
    return Path(output)


def absolute(place: Place) -> Place:
    """Return the place as it is called from everywhere; links stay."""
    return Path(os.path.abspath(place)) if isinstance(place, Path) else place  # noqa: PTH100 - resolve() follows links


def may_be_committed(entities: Place) -> bool:
    """Tell whether the commit of this entities file may still arrive: from a run that sent it, and then lost the lock.

    A folder's lock does not get lost.
    """
    return not isinstance(entities, Path) and entities.age_s < COMMITTED_WITHIN_S


def matching(place: Place) -> list[Place]:
    """Return the place; where there is none and its name is a glob, the places that it matches, in their order."""
    if not glob.has_magic(str(place)) or place.exists():
        return [place]
    if isinstance(place, Path):
        return [Path(path) for path in sorted(glob.glob(str(place)))]  # noqa: PTH207 - the whole path is the pattern
    matched = [ObjectPath(place.bucket, "")]
    for part in place.key.split("/"):
        if glob.has_magic(part):
            matched = [below for folder in matched for below in folder.glob(part)]
        else:
            matched = [folder / part for folder in matched]
    return sorted(matched)


def parquet_source(path: Place) -> Any:
    """Return what pyarrow reads: a local path, or an object by range."""
    return path if isinstance(path, Path) else path.open()


def waits_for_answers(place: Place) -> bool:
    """Tell whether reading is mostly waiting, so that ranges are best asked for together."""
    return not isinstance(place, Path)


def map_in_order(place: Place, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Apply `function` to each item, in order; in an object store to several at a time."""
    if not waits_for_answers(place):
        yield from map(function, items)
        return
    with ThreadPoolExecutor(REQUESTS, thread_name_prefix="objects") as executor:
        yield from executor.map(function, items)
