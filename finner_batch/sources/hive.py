"""Keys that folders state in the manner of Hive: `year=2023/form=10-K/part-0.parquet`."""

from itertools import takewhile
from urllib.parse import unquote

from finner_batch.sources.archive import is_archive
from finner_batch.sources.document import MEMBER_MARK, Source
from finner_batch.sources.kind import SHARD_NAME

_ARCHIVE_END = MEMBER_MARK.removesuffix("/")
_NULL = "__HIVE_DEFAULT_PARTITION__"


def path_keys(source: Source) -> dict[str, str | None]:
    """Read the keys of the folders below the input that a source was found under, and of those right above it.

    So a file has the same keys where it is named itself. Outermost first; of a key that stands twice the inner value
    counts. Keys and values are URL-decoded, as Hive, Spark and Arrow write them; `__HIVE_DEFAULT_PARTITION__` is null.
    """
    *below, _ = source.name.split("/")
    above = source.uri.removesuffix(source.name).rstrip("/").split("/") if source.uri.endswith(source.name) else []
    right_above = [*takewhile(_is_key, reversed(above))]
    keys: dict[str, str | None] = {}
    for folder in (*reversed(right_above), *filter(_is_key, below)):
        key, _, value = folder.partition("=")
        keys[unquote(key)] = None if value == _NULL else unquote(value)
    return keys


def has_rows_of_its_own(source: Source) -> bool:
    """Tell a shard, by its name, whose rows are other ones than those of a shard with the same bytes elsewhere.

    The keys of its path are part of them.
    """
    return bool(SHARD_NAME.search(source.uri)) and bool(path_keys(source))


def _is_key(folder: str) -> bool:
    is_of_archive = folder.endswith(_ARCHIVE_END) and is_archive(folder.removesuffix(_ARCHIVE_END))
    return folder.find("=") > 0 and not is_of_archive
