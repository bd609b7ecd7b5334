"""Partition keys in folder names, as Hive writes them: `year=2023/form=10-K/part-0.parquet`."""

from itertools import takewhile
from urllib.parse import unquote

from finner_batch.sources.archive import is_archive
from finner_batch.sources.document import MEMBER_MARK, Source
from finner_batch.sources.kind import SHARD_NAME

_ARCHIVE_END = MEMBER_MARK.removesuffix("/")
_NULL = "__HIVE_DEFAULT_PARTITION__"


def path_keys(source: Source) -> dict[str, str | None]:
    """Return the keys of the folders below the input, and of the key folders directly above it, outermost first.

    So a file has the same keys if it is the input itself. The innermost value of a repeated key counts. Keys and values
    are URL-decoded, as Hive, Spark and Arrow write them; `__HIVE_DEFAULT_PARTITION__` is null.
    """
    *below, _ = source.name.split("/")
    above = source.uri.removesuffix(source.name).rstrip("/").split("/") if source.uri.endswith(source.name) else []
    key_folders_above = [*takewhile(_is_key, reversed(above))]
    keys: dict[str, str | None] = {}
    for folder in (*reversed(key_folders_above), *filter(_is_key, below)):
        key, _, value = folder.partition("=")
        keys[unquote(key)] = None if value == _NULL else unquote(value)
    return keys


def has_rows_of_its_own(source: Source) -> bool:
    """Return whether a source is named as a shard and has keys in its path, which are part of its rows.

    The rows of such a shard differ from those of a shard with the same bytes elsewhere.
    """
    return bool(SHARD_NAME.search(source.uri)) and bool(path_keys(source))


def _is_key(folder: str) -> bool:
    names_archive = folder.endswith(_ARCHIVE_END) and is_archive(folder.removesuffix(_ARCHIVE_END))
    return folder.find("=") > 0 and not names_archive
