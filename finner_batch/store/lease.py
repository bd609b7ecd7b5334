"""One writer at a time in an object store: a lock object that its holder renews, and that ends when it falls silent.

The store's conditional writes decide: of several that create the object (`If-None-Match: *`), renew it or take it over
(`If-Match`), one succeeds. Its age is told by the store's clock alone. Whoever finds a lock waits until it is renewed,
which refuses it, or silent for `LEASE_S`, which lets it take over; on the holder's own machine it need not wait.

A holder asks `check` before each commit, and no lock reaches a request that is under way: one that is held up for half
the lease, by the network or because the machine sleeps just then, may be done after the lock was lost. What it commits
is whole (`place.may_be_committed`), and where the machines' clocks agree older by its name than what the next holder
commits, so of a document that both did the next holder's rows count.
"""

import json
import logging
import os
import secrets
import socket
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from finner_batch.errors import FinnerError, LockedError, UsageError
from finner_batch.objects.path import ObjectPath
from finner_batch.objects.retry import BusyError, ChangedError

LEASE_S = 60.0
"""A lock that was not renewed for this long may be taken over."""
RENEW_S = 10.0
LOOK_S = 1.0

LOG = logging.getLogger(__name__)


def _now() -> float:
    """Seconds that go on while the machine sleeps, where the system has such a clock."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _machine() -> str:
    """Name this boot of this machine and the process ids that are seen here; empty where the system does not tell."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _start_of(pid: int) -> str:
    """When a process began, in the kernel's clock ticks; empty where there is none (proc(5), field 22 of stat)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
    except OSError:
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What a lock object says: who holds it. `beats` makes each renewal another content, and so another ETag."""

    pid: int = field(default_factory=os.getpid)
    host: str = field(default_factory=socket.gethostname)
    machine: str = field(default_factory=_machine)
    process_started: str = field(default_factory=lambda: _start_of(os.getpid()))
    since: str = field(default_factory=lambda: f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")
    token: str = field(default_factory=lambda: secrets.token_hex(8))
    lease_s: float = LEASE_S
    beats: int = 0
    released: bool = False

    def as_bytes(self) -> bytes:
        """Return it as it is stored."""
        return json.dumps(asdict(self)).encode()

    def is_ended(self) -> bool:
        """Whether the holder ran on this machine and is gone."""
        return bool(self.machine) and self.machine == _machine() and _start_of(self.pid) != self.process_started

    def is_here(self) -> bool:
        """Whether the holder runs on this machine."""
        return bool(self.machine) and self.machine == _machine() and not self.is_ended()

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} since {self.since}"


@dataclass(frozen=True, slots=True)
class _Found:
    note: Note
    etag: str
    age_s: float


class Lease:
    """The lock of a results folder in an object store. Use as a context manager."""

    def __init__(self, results: ObjectPath, *, lease_s: float = LEASE_S, renew_s: float = RENEW_S) -> None:
        self._results = results
        self._object = results / ".lock.json"
        self._note = Note(lease_s=lease_s)
        self._renew_s = renew_s
        self._etag = ""
        self._renewed_at = 0.0
        self._turn = threading.Lock()
        self._ended = threading.Event()
        self._lost: LockedError | None = None
        self._beating = threading.Thread(target=self._beat, name="lease", daemon=True)

    def __enter__(self) -> Self:
        """Take the lock. Raises LockedError where another run holds it, UsageError for a store without conditions."""
        while not self._create():
            found = self._wait()
            if found is not None and self._write(self._note, found.etag):
                break
        try:
            self._refuse_store_without_conditions()
        except BaseException:
            self._release()
            raise
        self._beating.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._beating.join()
        self._release()

    def _release(self) -> None:
        with suppress(OSError, BusyError):  # it ends by itself then
            self._write(replace(self._note, released=True), self._etag)

    def check(self) -> None:
        """Make sure that the lock is held for the next half of the lease. Raises LockedError where it was lost."""
        with self._turn:
            while self._lost is None and _now() - self._renewed_at > self._note.lease_s / 2:
                self._renew()
            if self._lost is not None:
                raise self._lost

    def _beat(self) -> None:
        while not self._ended.wait(self._renew_s):
            with self._turn:
                try:
                    self._renew()
                except (OSError, BusyError) as error:
                    LOG.warning("event=lock-not-renewed error=%r", str(error))
                if self._lost is not None:
                    return

    def _renew(self) -> None:
        note = replace(self._note, beats=self._note.beats + 1)
        if self._write(note, self._etag):
            self._note = note
            return
        found = self._find()
        holder = f"{found.note} holds it" if found else "its lock object is gone"
        self._lost = LockedError(
            f"this run lost the lock of {self._results}: {holder}. What was committed before is whole; start again "
            "when that run has ended"
        )

    def _create(self) -> bool:
        begun = _now()
        try:
            self._etag = self._object.bucket.put(self._object.key, self._note.as_bytes(), if_absent=True)
        except ChangedError:
            return self._is_ours(self._note, begun)
        self._renewed_at = begun
        return True

    def _write(self, note: Note, etag: str) -> bool:
        """Replace the lock object if it is the one of this ETag; False where it is not."""
        begun = _now()
        try:
            self._etag = self._object.bucket.put(self._object.key, note.as_bytes(), if_etag=etag)
        except (ChangedError, FileNotFoundError):
            return self._is_ours(note, begun)
        self._renewed_at = begun
        return True

    def _is_ours(self, note: Note, begun: float) -> bool:
        """Whether the store did what it was asked and its answer was lost, so that asking again failed."""
        found = self._find()
        if found is None or found.note != note:
            return False
        self._etag, self._renewed_at = found.etag, begun
        return True

    def _find(self) -> _Found | None:
        try:
            got = self._object.bucket.get(self._object.key)
        except FileNotFoundError:
            return None
        try:
            note = Note(**json.loads(got.data))
        except (ValueError, TypeError) as error:
            raise FinnerError(f"{self._object} is not finner-batch's ({error}): delete it if no run is on") from error
        return _Found(note, got.etag, got.age_s)

    def _wait(self) -> _Found | None:
        """Return the lock that may be taken over, None where it is gone. Raises LockedError where its holder lives."""
        first = found = self._find()
        while first is not None and found is not None and not found.note.released:
            if found.etag != first.etag or found.note.is_here():
                raise self._refused(found)
            if found.note.is_ended() or found.age_s > found.note.lease_s:
                return found
            if found is first:
                LOG.warning(
                    'event=waiting holder="%s" silent_s=%.0f lease_s=%.0f', found.note, found.age_s, found.note.lease_s
                )
            time.sleep(LOOK_S)
            found = self._find()
        return found

    def _refused(self, found: _Found) -> LockedError:
        return LockedError(
            f"{self._results} is in use by another run ({found.note}, last heard of {found.age_s:.0f} s ago): wait for "
            "it, or choose another --output"
        )

    def _refuse_store_without_conditions(self) -> None:
        never: tuple[dict[str, Any], ...] = ({"if_absent": True}, {"if_etag": '"no such version"'})
        for condition in never:
            with suppress(ChangedError):
                self._object.bucket.put(self._object.key, self._note.as_bytes(), **condition)
                raise UsageError(
                    f"{self._results}: this store overwrites an object that it was told to leave (If-None-Match, "
                    "If-Match), so two runs could not be kept apart: write to a folder, or to a store that obeys"
                )
