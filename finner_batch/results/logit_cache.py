"""A cache of the model's logits by window: a SQLite file of bounded size in the results folder.

The file can be lost at any time: the run then computes the logits again. Rows are added at the end and deleted at the
beginning, so adding thousands takes milliseconds, whatever the size of the file. Their digests, which are random, are
held in memory (`DigestIndex`). A row that is found in the older half of a full file is copied to the end, so the rows
that were unused for the longest time are deleted first.

After a kill the file is as it was at its last commit (https://sqlite.org/wal.html), and every row has a checksum, so a
damaged row is never returned. Only the holder of the folder's lock uses the file.
"""

import sqlite3
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from finner_batch.results.digests import NOWHERE, DigestIndex, Words32
from finner_batch.storage.clock import Clock, SystemClock

DIGEST_BYTES = 16
CACHE_FILE = Path("cache") / "windows.sqlite"
"""In the results folder. During a run SQLite keeps its log of some mebibytes next to it."""

_APPLICATION_ID = 0x46424348
_FORMAT_VERSION = 1
_CHECKSUM_BYTES = 4
_WORD_BYTES = 4
_SLICE_BYTES = 1 << 20
_ROW_BYTES = 16
"""Approximate bytes that SQLite and the list of digests add to a row."""
_ASKED_AT_ONCE = 500
_ENDINGS = ("-wal", "-shm", "-journal", "")
"""Suffixes of SQLite's own files, and of the file itself, which is deleted last, so that no log is left without it."""
_SCHEMA = f"""
PRAGMA application_id = {_APPLICATION_ID};
PRAGMA user_version = {_FORMAT_VERSION};
CREATE TABLE windows (place INTEGER PRIMARY KEY, content BLOB NOT NULL);
CREATE TABLE digests (first_place INTEGER PRIMARY KEY, words BLOB NOT NULL);
"""
"""`place`: position of the row. `content`: digest, CRC-32 of digest and value, value. `words`: the first 4 bytes of the
digests of rows that were added together, little-endian, for the positions from `first_place` on."""


class _DamagedError(Exception):
    """The file does not hold what was written."""


class LogitCache:
    """Values by digest, at most about `limit_bytes`. The file is opened at the first use; call `close` at the end.

    Its errors never end a run. A damaged file is deleted and started again, a file of another program is renamed. If
    the disk refuses, the cache is off, for the reason `off`. `report(event, reason)` is called in each of these cases.
    """

    def __init__(
        self, path: Path, limit_bytes: int, report: Callable[[str, str], None], *, clock: Clock | None = None
    ) -> None:
        self.off: str | None = None
        self.seconds = 0.0
        """Wall-clock time spent in this cache."""
        self._path = path
        self._slice_bytes = min(_SLICE_BYTES, limit_bytes // 4)
        self._limit_bytes = limit_bytes - 2 * self._slice_bytes
        self._report = report
        self._clock = clock or SystemClock()
        self._connection: sqlite3.Connection | None = None
        self._index = DigestIndex()
        self._first = self._next = 0
        self._was_damaged = False

    def find(self, digests: Sequence[bytes], sizes: Sequence[int]) -> list[bytes | None]:
        """Return the value of each digest (16 bytes), None if there is none. `sizes`: the lengths of the values."""
        if self.off is None:
            with self._guarded():
                connection = self._opened()
                found = self._find(connection, digests, sizes)
                middle = self._middle(connection)
                again = [index for index, (position, _) in enumerate(found) if NOWHERE < position < middle]
                self._append(connection, [digests[index] for index in again], [found[index][1] for index in again])
                return [value if position > NOWHERE else None for position, value in found]
        return [None] * len(digests)

    def keep(self, digests: Sequence[bytes], values: Sequence[bytes]) -> None:
        """Add values that were not found; delete the oldest ones to make room."""
        if self.off is None:
            with self._guarded():
                self._append(self._opened(), digests, values)

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            with suppress(sqlite3.Error):  # what was committed is in the log
                self._connection.close()
            self._connection = None

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Turn an error of the file into the loss of the cache or of its content."""
        started = self._clock.monotonic()
        try:
            yield
        except sqlite3.ProgrammingError:  # a bug of this program, not an error of the file
            raise
        except (sqlite3.OperationalError, OSError) as error:  # the disk refuses, or another process holds the file
            self._switch_off(str(error))
        except (sqlite3.DatabaseError, _DamagedError) as error:
            self._start_again(str(error))
        finally:
            self.seconds += self._clock.monotonic() - started

    def _opened(self) -> sqlite3.Connection:
        if self._connection is not None:
            return self._connection
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if not _is_own(self._path):
            aside = self._path.with_suffix(".foreign")
            for ending in _ENDINGS:
                with suppress(FileNotFoundError):
                    _with_ending(self._path, ending).replace(_with_ending(aside, ending))
            self._report("cache-put-aside", f"{self._path} was not finner-batch's: it is {aside.name} now")
        self._connection = connection = sqlite3.connect(self._path, timeout=1, isolation_level=None)
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")  # no shared memory, which network file systems lack
        if not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
        if connection.execute("PRAGMA user_version").fetchone() != (_FORMAT_VERSION,):
            raise _DamagedError("it was written by another version")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA journal_size_limit = {4 * _SLICE_BYTES}")
        self._load_index(connection)
        return connection

    def _load_index(self, connection: sqlite3.Connection) -> None:
        self._index = DigestIndex()
        self._first = self._next = 0
        for first, packed in connection.execute("SELECT first_place, words FROM digests ORDER BY first_place"):
            if not isinstance(packed, bytes) or len(packed) % _WORD_BYTES or first < self._next:
                raise _DamagedError("its list of digests is garbled")
            self._first = self._first if self._next else first
            self._index.put(np.frombuffer(packed, "<u4").astype(np.uint32), first, oldest=self._first)
            self._next = first + len(packed) // _WORD_BYTES

    def _find(
        self, connection: sqlite3.Connection, digests: Sequence[bytes], sizes: Sequence[int]
    ) -> list[tuple[int, bytes]]:
        """Return position and value of each digest; `NOWHERE` if there is none."""
        found = [(NOWHERE, b"")] * len(digests)
        positions = self._index.find(_words(digests))
        known = np.flatnonzero(positions >= self._first)
        known = known[np.argsort(positions[known])]
        for start in range(0, len(known), _ASKED_AT_ONCE):
            indexes = known[start : start + _ASKED_AT_ONCE].tolist()
            asked = [int(positions[index]) for index in indexes]
            marks = ",".join("?" * len(asked))
            rows = dict(connection.execute(f"SELECT place, content FROM windows WHERE place IN ({marks})", asked))  # noqa: S608 - marks only
            for index, position in zip(indexes, asked, strict=True):
                value = _checked(rows.get(position), digests[index], sizes[index])
                if value is not None:
                    found[index] = (position, value)
        return found

    def _middle(self, connection: sqlite3.Connection) -> int:
        """Return the position below which a row is old: the first one, while the file is less than half full."""
        is_half_full = _used_bytes(connection) > self._limit_bytes // 2
        return (self._first + self._next) // 2 if is_half_full else self._first

    def _append(self, connection: sqlite3.Connection, digests: Sequence[bytes], values: Sequence[bytes]) -> None:
        """Add rows at the end, slice by slice. The transaction of a slice makes room for it first."""
        rows = (
            (digest, digest + zlib.crc32(value, zlib.crc32(digest)).to_bytes(_CHECKSUM_BYTES) + value)
            for digest, value in zip(digests, values, strict=True)
        )
        for some in _slices(rows, self._slice_bytes):
            words = _words([digest for digest, _ in some])
            connection.execute("BEGIN IMMEDIATE")
            self._make_room(connection)
            numbered = ((position, content) for position, (_, content) in enumerate(some, start=self._next))
            connection.executemany("INSERT INTO windows VALUES (?, ?)", numbered)
            connection.execute("INSERT INTO digests VALUES (?, ?)", (self._next, words.astype("<u4").tobytes()))
            connection.execute("COMMIT")
            self._index.put(words, self._next, oldest=self._first)
            self._next += len(some)

    def _make_room(self, connection: sqlite3.Connection) -> None:
        """Delete the oldest rows until a slice has room. SQLite uses their pages again."""
        while _used_bytes(connection) > self._limit_bytes:
            oldest = [first for (first,) in connection.execute("SELECT first_place FROM digests ORDER BY 1 LIMIT 2")]
            if not oldest:
                return
            self._first = oldest[1] if len(oldest) == 2 else self._next
            connection.execute("DELETE FROM windows WHERE place < ?", (self._first,))
            connection.execute("DELETE FROM digests WHERE first_place < ?", (self._first,))

    def _start_again(self, reason: str) -> None:
        """Delete a damaged file. If a second one is damaged, the cause is not the file: switch the cache off."""
        if self._was_damaged:
            self._switch_off(reason)
            return
        self._was_damaged = True
        self._report("cache-damaged", f"{self._path} starts again: {reason}")
        self.close()
        try:
            for ending in _ENDINGS:
                _with_ending(self._path, ending).unlink(missing_ok=True)
        except OSError as error:
            self._switch_off(str(error))

    def _switch_off(self, reason: str) -> None:
        self.off = reason
        self._report("cache-off", f"{self._path}: {reason}; the run goes on without")
        self.close()


def _with_ending(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _is_own(path: Path) -> bool:
    """Whether a file is missing, empty, or marked as this program's (https://sqlite.org/fileformat.html)."""
    try:
        with path.open("rb") as file:
            header = file.read(72)
    except FileNotFoundError:
        return True
    return not header or (header.startswith(b"SQLite format 3\0") and header[68:] == _APPLICATION_ID.to_bytes(4))


def _used_bytes(connection: sqlite3.Connection) -> int:
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def _words(digests: Sequence[bytes]) -> Words32:
    return np.frombuffer(b"".join(digests), "<u4")[:: DIGEST_BYTES // _WORD_BYTES].astype(np.uint32)


def _checked(content: object, digest: bytes, size: int) -> bytes | None:
    """Return the value of a row; None for no row, or that of a digest that begins alike. Raises _DamagedError."""
    if content is None:
        return None
    head = DIGEST_BYTES + _CHECKSUM_BYTES
    if not isinstance(content, bytes) or len(content) < head:
        raise _DamagedError("a row has no checksum")
    of, checksum, value = content[:DIGEST_BYTES], content[DIGEST_BYTES:head], content[head:]
    if zlib.crc32(value, zlib.crc32(of)) != int.from_bytes(checksum):
        raise _DamagedError("a row does not fit its checksum")
    if of != digest:
        return None
    if len(value) != size:
        raise _DamagedError("a row is not as long as it must be")
    return value


def _slices(rows: Iterator[tuple[bytes, bytes]], slice_bytes: int) -> Iterator[list[tuple[bytes, bytes]]]:
    """Group rows into lists of about `slice_bytes`, one row at least."""
    some: list[tuple[bytes, bytes]] = []
    size = 0
    for row in rows:
        some.append(row)
        size += len(row[1]) + _ROW_BYTES
        if size >= slice_bytes:
            yield some
            some, size = [], 0
    if some:
        yield some
