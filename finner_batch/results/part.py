"""Parts: the pairs of Parquet files in a results folder.

A part is `entities/NAME.parquet` and `documents/NAME.parquet`. The documents file is the commit record: it is published
last and deleted first. So an entities file without a documents file does not count, and every documents file has its
entities file. The names sort in the order of the commits.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from finner_batch.results.schema import DOCUMENTS, ENTITIES, REPETITIVE, SCHEMA_VERSION
from finner_batch.storage.bucket import no_check
from finner_batch.storage.place import Place

_SCHEMA = f"s{SCHEMA_VERSION}"
"""In every name, so that readers know without opening a file whether all parts have the same columns."""

FIRST_PART = f"part-0000000000000-empty-{_SCHEMA}-000000"
"""A part without rows, the first of every results folder: readers find the columns before the first commit."""

ROW_GROUP_ROWS = 65_536
ROW_GROUP_BYTES = 32 << 20
"""A row group ends at either bound (bytes of uncompressed Arrow data), so memory is bounded for rows of any size."""

_FILE = re.compile(r"(part-(\d{13})-.+-\d{6})\.parquet")


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of a results folder."""

    results: Place

    @property
    def folders(self) -> tuple[Place, Place, Place]:
        """The three folders, `documents`, `entities`, `runs`."""
        return self.results / "documents", self.results / "entities", self.results / "runs"

    def documents(self, name: str) -> Place:
        """Return the file of a part's document rows."""
        return self.results / "documents" / f"{name}.parquet"

    def entities(self, name: str) -> Place:
        """Return the file of a part's entity rows."""
        return self.results / "entities" / f"{name}.parquet"


def list_parts(results: Place) -> list[str]:
    """List the committed parts, oldest first. Raises FileNotFoundError if there is no `documents` folder."""
    return sorted(name for file in (results / "documents").children() if (name := part_of(file.name)))


def part_of(file_name: str) -> str | None:
    """Return the name of the part that a file belongs to; None for any other file."""
    match = _FILE.fullmatch(file_name)
    return match[1] if match else None


def columns_of(name: str) -> str:
    """Return the schema version in the name of a part; empty for version 1."""
    found = re.search(r"-s([0-9]+)-[0-9]{6}$", name)
    return found[1] if found else ""


def open_parquet(file: Place, *, pre_buffer: bool = False) -> pq.ParquetFile:
    """Open a Parquet file. `pre_buffer`: read the columns in few requests. Raises OSError, pa.ArrowException."""
    return pq.ParquetFile(file.local_path or file.open(), pre_buffer=pre_buffer)


class PartNames:
    """Makes names that sort after all names of a folder and after each other, even if the clock is set back."""

    def __init__(self, results: Place, run_id: str) -> None:
        self._clock = results.clock
        self._run_id = run_id
        self._last_ms = max((int(name.split("-")[1]) for name in list_parts(results)), default=0)
        self._count = 0

    def next(self) -> str:
        """Return a new name: `part-<UTC milliseconds>-<run_id>-s<schema version>-<count>`."""
        self._last_ms = max(int(self._clock.now().timestamp() * 1000), self._last_ms + 1)
        self._count += 1
        return f"part-{self._last_ms:013d}-{self._run_id}-{_SCHEMA}-{self._count:06d}"


class TableFile:
    """A Parquet file that is being written from Arrow batches. No reader sees it before it is published."""

    def __init__(self, path: Place, schema: pa.Schema, repetitive: tuple[str, ...]) -> None:
        self.rows = 0
        self._schema = schema
        self._batches: list[pa.RecordBatch] = []
        self._waiting_rows = 0
        self._waiting_bytes = 0
        self._new = path.new_file()
        self._parquet = pq.ParquetWriter(
            self._new.file, schema, compression="zstd", use_dictionary=list(repetitive), write_statistics=True
        )

    @property
    def bytes_on_disk(self) -> int:
        """Bytes written so far, without the rows that wait for their row group to be full."""
        return self._new.file.tell()

    def append(self, batch: pa.RecordBatch, characters: int = 0) -> None:
        """Add rows. A row group is written when it is full.

        `batch` may hold text as dictionaries: `characters` is then the length of the text without them.
        """
        self._batches.append(batch)
        self.rows += batch.num_rows
        self._waiting_rows += batch.num_rows
        self._waiting_bytes += batch.nbytes + characters
        if self._waiting_rows >= ROW_GROUP_ROWS or self._waiting_bytes >= ROW_GROUP_BYTES:
            self._flush()

    def seal(self) -> None:
        """Write the remaining rows and the footer."""
        if self._batches or not self.rows:
            self._flush()
        self._parquet.close()
        self._new.seal()

    def publish(self, check: Callable[[], None]) -> None:
        """Make the file visible. `check` raises if this writer must not write any more."""
        self._new.publish(check)

    def discard(self) -> None:
        """Drop the file."""
        self._batches = []
        self._parquet.is_open = False  # so that the destructor does not write the footer
        self._new.discard()

    def _flush(self) -> None:
        schema = self._batches[0].schema if self._batches else self._schema
        table = pa.Table.from_batches(self._batches, schema)
        if schema != self._schema:
            table = table.combine_chunks().cast(self._schema)
        self._parquet.write_table(table, row_group_size=max(1, table.num_rows))
        self._batches, self._waiting_rows, self._waiting_bytes = [], 0, 0


class PartFile:
    """A part that is being written: both files are sealed together, then published, entities first."""

    def __init__(self, results: Place, name: str) -> None:
        layout = Layout(results)
        self.name = name
        self.entities = TableFile(layout.entities(name), ENTITIES, REPETITIVE["entities"])
        try:
            self.documents = TableFile(layout.documents(name), DOCUMENTS, REPETITIVE["documents"])
        except BaseException:
            self.entities.discard()
            raise

    @property
    def bytes_on_disk(self) -> int:
        """Bytes written so far to both files."""
        return self.entities.bytes_on_disk + self.documents.bytes_on_disk

    def seal(self) -> None:
        """Finish both files, so that two renames or two requests publish them."""
        self.entities.seal()
        self.documents.seal()

    def publish(self, check: Callable[[], None] = no_check) -> None:
        """Make the part visible. The documents file is the commit. `check` raises if the lock was lost."""
        self.entities.publish(no_check)
        self.documents.publish(check)

    def discard(self) -> None:
        """Drop a part that was not published."""
        self.entities.discard()
        self.documents.discard()
