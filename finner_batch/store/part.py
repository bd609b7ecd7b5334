"""Parts: the pairs of Parquet files that a results folder is made of.

A part is `entities/NAME.parquet` and `documents/NAME.parquet`. The documents file is the commit record: it is published
last and deleted first, so an entities file without it does not count, and every documents file has its entities file.
Names sort in the order of the commits.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from finner_batch.objects.bucket import always
from finner_batch.store.newfile import new_file
from finner_batch.store.place import Place
from finner_batch.store.schema import DOCUMENTS, ENTITIES, REPETITIVE, SCHEMA_VERSION

_SCHEMA = f"s{SCHEMA_VERSION}"
"""In every name, so that readers know without opening the files whether all have the same columns."""

FIRST_PART = f"part-0000000000000-empty-{_SCHEMA}-000000"
"""A part without rows that every results folder begins with: readers find the columns before the first commit."""

ROW_GROUP_ROWS = 65_536
ROW_GROUP_BYTES = 32 << 20
"""A row group is closed at either bound (of uncompressed Arrow data), so memory is bounded whatever a row holds."""

_NAME = re.compile(r"part-(\d{13})-.+-\d{6}")


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things lie in a results folder."""

    results: Place

    @property
    def folders(self) -> tuple[Place, Place, Place]:
        """The three folders, `documents`, `entities`, `runs`."""
        return self.results / "documents", self.results / "entities", self.results / "runs"

    def documents(self, name: str) -> Place:
        """File of a part's document rows."""
        return self.results / "documents" / f"{name}.parquet"

    def entities(self, name: str) -> Place:
        """File of a part's entity rows."""
        return self.results / "entities" / f"{name}.parquet"

    def bytes(self, name: str) -> int:
        """Size of both files of a part."""
        return self.documents(name).stat().st_size + self.entities(name).stat().st_size


def list_parts(results: Place) -> list[str]:
    """Names of the committed parts, oldest first. Raises FileNotFoundError where there is no `documents` folder."""
    return sorted(path.stem for path in (results / "documents").iterdir() if is_part(path))


def is_part(path: Place) -> bool:
    """Tell a part's file from anything else by its name."""
    return path.suffix == ".parquet" and _NAME.fullmatch(path.stem) is not None


def columns_of(name: str) -> str:
    """Return the schema version in a part's name; empty before version 2."""
    found = re.search(r"-s([0-9]+)-[0-9]{6}$", name)
    return found[1] if found else ""


class PartNames:
    """Gives names that sort after all names of a folder and after each other, also where the clock runs back."""

    def __init__(self, results: Place, run_id: str) -> None:
        self._run_id = run_id
        self._last_ms = max((int(match[1]) for match in map(_NAME.fullmatch, list_parts(results)) if match), default=0)
        self._count = 0

    def next(self) -> str:
        """Return a new name: `part-<UTC milliseconds>-<run_id>-s<schema version>-<count>`."""
        self._last_ms = max(time.time_ns() // 1_000_000, self._last_ms + 1)
        self._count += 1
        return f"part-{self._last_ms:013d}-{self._run_id}-{_SCHEMA}-{self._count:06d}"


class TableFile:
    """One Parquet file being written: batches in, row groups out, nothing visible before it is published."""

    def __init__(self, path: Place, schema: pa.Schema, repetitive: tuple[str, ...]) -> None:
        self.rows = 0
        self._schema = schema
        self._batches: list[pa.RecordBatch] = []
        self._waiting_rows = 0
        self._waiting_bytes = 0
        self._new = new_file(path)
        self._parquet = pq.ParquetWriter(
            self._new.file, schema, compression="zstd", use_dictionary=list(repetitive), write_statistics=True
        )

    @property
    def bytes_on_disk(self) -> int:
        """Size of what is written; rows that wait for their row group do not count."""
        return self._new.file.tell()

    def append(self, batch: pa.RecordBatch, characters: int = 0) -> None:
        """Add rows; writes a row group when enough wait.

        `batch` may hold text by dictionary: `characters` are then those of the text once it is spelt out.
        """
        self._batches.append(batch)
        self.rows += batch.num_rows
        self._waiting_rows += batch.num_rows
        self._waiting_bytes += batch.nbytes + characters
        if self._waiting_rows >= ROW_GROUP_ROWS or self._waiting_bytes >= ROW_GROUP_BYTES:
            self._flush()

    def seal(self) -> None:
        """Write the rest and the footer, so that only publishing is left."""
        if self._batches or not self.rows:
            self._flush()
        self._parquet.close()
        self._new.seal()

    def publish(self, allowed: Callable[[], None]) -> None:
        """Make the file visible; `allowed` raises where this writer may not write any more."""
        self._new.publish(allowed)

    def discard(self) -> None:
        """Drop the file; nothing of it was visible."""
        self._batches = []
        self._parquet.is_open = False  # the footer of a dropped file is never written, also not by the destructor
        self._new.discard()

    def _flush(self) -> None:
        schema = self._batches[0].schema if self._batches else self._schema
        table = pa.Table.from_batches(self._batches, schema)
        if schema != self._schema:
            table = table.combine_chunks().cast(self._schema)
        self._parquet.write_table(table, row_group_size=max(1, table.num_rows))
        self._batches, self._waiting_rows, self._waiting_bytes = [], 0, 0


class PartFile:
    """A part being written: both files, sealed together, published entities first."""

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
        """Size of what is written of both files."""
        return self.entities.bytes_on_disk + self.documents.bytes_on_disk

    def seal(self) -> None:
        """Finish both files. From here on only two renames, or two requests, are missing."""
        self.entities.seal()
        self.documents.seal()

    def publish(self, allowed: Callable[[], None] = always) -> None:
        """Make the part visible. The documents file is the commit. `allowed` raises where the lock is lost."""
        self.entities.publish(always)
        self.documents.publish(allowed)

    def discard(self) -> None:
        """Drop a part that was not published."""
        self.entities.discard()
        self.documents.discard()
