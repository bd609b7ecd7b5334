"""The lock of results in an object store: its holder renews an object; when it does not, another run takes over.

The store's conditional writes decide: of several writers that create the object (`If-None-Match: *`), renew it or take
it over (`If-Match`), one succeeds. Only the store's clock measures its age. A run that finds a lock waits. If the lock
is renewed meanwhile, the run is refused; if it is not renewed for `LEASE_S`, the run takes it over. If the holder was a
process on the same machine and has ended, the run does not wait.

A holder calls `check` before each commit. A lock cannot stop a request that was already sent: a request that is delayed
for half the lease, by the network or because the machine sleeps, may arrive after the lock was lost. What it commits is
whole (`Place.may_still_be_committed`). If the clocks of the machines agree, its name sorts before what the next holder
commits, so the next holder's rows of a document are in force.
"""

import json
import logging
import os
import secrets
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from finner_batch.errors import FinnerError, LockedError, UsageError
from finner_batch.storage.bucket import Bucket, BusyError, ChangedError, object_url
from finner_batch.storage.clock import Clock

LEASE_S = 60.0
"""A lock that was not renewed for this long may be taken over."""
RENEW_S = 10.0
POLL_S = 1.0
"""Seconds between two reads of a lock while waiting for it."""

LOG = logging.getLogger(__name__)


def _machine() -> str:
    """Identify this boot of this machine and its process namespace; empty if the system does not say."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _start_of(pid: int) -> str:
    """Return the start of a process, in clock ticks; empty if there is no such process (proc(5), field 22 of stat)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
    except OSError:
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """The content of a lock object: who holds it. `beats` gives each renewal another content, and so another ETag."""

    pid: int = field(default_factory=os.getpid)
    host: str = field(default_factory=socket.gethostname)
    machine: str = field(default_factory=_machine)
    process_started: str = field(default_factory=lambda: _start_of(os.getpid()))
    since: str = ""
    token: str = field(default_factory=lambda: secrets.token_hex(8))
    lease_s: float = LEASE_S
    beats: int = 0
    released: bool = False

    def as_bytes(self) -> bytes:
        """Return the note as it is stored."""
        return json.dumps(asdict(self)).encode()

    def is_ended(self) -> bool:
        """Whether the holder ran on this machine and has ended."""
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
    """The lock of a results folder in a bucket."""

    def __init__(self, bucket: Bucket, folder: str, *, clock: Clock, note: Note, renew_s: float = RENEW_S) -> None:
        self._bucket = bucket
        self._key = f"{folder}/.lock.json".lstrip("/")
        self._folder = object_url(bucket, folder)
        self._clock = clock
        self._note = replace(note, since=f"{clock.now():%Y-%m-%dT%H:%M:%SZ}")
        self._renew_s = renew_s
        self._etag = ""
        self._renewed_at = 0.0
        self._turn = threading.Lock()
        self._lost: LockedError | None = None
        self._end_renewing: Callable[[], None] = lambda: None

    def acquire(self) -> None:
        """Take the lock. Raises LockedError if another run holds it, UsageError for a store without conditions."""
        while not self._create():
            found = self._wait()
            if found is not None and self._write(self._note, found.etag):
                break
        try:
            self._refuse_store_without_conditions()
        except BaseException:
            self.release()
            raise
        self._end_renewing = self._clock.repeat(self._renew_s, self._renew_in_background)

    def release(self) -> None:
        """Give the lock back."""
        self._end_renewing()
        with suppress(OSError, BusyError):  # the lock then expires
            self._write(replace(self._note, released=True), self._etag)

    def check(self) -> None:
        """Make sure that the lock is held for the next half of the lease. Raises LockedError if it was lost."""
        with self._turn:
            while self._lost is None and self._clock.monotonic() - self._renewed_at > self._note.lease_s / 2:
                self._renew()
            if self._lost is not None:
                raise self._lost

    def _renew_in_background(self) -> None:
        with self._turn:
            if self._lost is None:
                try:
                    self._renew()
                except (OSError, BusyError) as error:
                    LOG.warning("event=lock-not-renewed error=%r", str(error))

    def _renew(self) -> None:
        note = replace(self._note, beats=self._note.beats + 1)
        if self._write(note, self._etag):
            self._note = note
            return
        found = self._find()
        holder = f"{found.note} holds it" if found else "its lock object is gone"
        self._lost = LockedError(
            f"this run lost the lock of {self._folder}: {holder}. What was committed before is intact; start again "
            "when that run has ended"
        )

    def _create(self) -> bool:
        begun = self._clock.monotonic()
        try:
            self._etag = self._bucket.put(self._key, self._note.as_bytes(), if_absent=True)
        except ChangedError:
            return self._is_ours(self._note, begun)
        self._renewed_at = begun
        return True

    def _write(self, note: Note, etag: str) -> bool:
        """Replace the lock object if it has this ETag, else return False."""
        begun = self._clock.monotonic()
        try:
            self._etag = self._bucket.put(self._key, note.as_bytes(), if_etag=etag)
        except (ChangedError, FileNotFoundError):
            return self._is_ours(note, begun)
        self._renewed_at = begun
        return True

    def _is_ours(self, note: Note, begun: float) -> bool:
        """Return whether the store wrote the note although the call failed: its answer was lost, the retry refused."""
        found = self._find()
        if found is None or found.note != note:
            return False
        self._etag, self._renewed_at = found.etag, begun
        return True

    def _find(self) -> _Found | None:
        try:
            got = self._bucket.get(self._key)
        except FileNotFoundError:
            return None
        try:
            note = Note(**json.loads(got.data))
        except (ValueError, TypeError) as error:
            where = object_url(self._bucket, self._key)
            raise FinnerError(f"{where} is not finner-batch's ({error}): delete it if no run is active") from error
        return _Found(note, got.etag, got.age_s)

    def _wait(self) -> _Found | None:
        """Return the lock that may be taken over, None if it is gone. Raises LockedError if its holder is alive."""
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
            self._clock.sleep(POLL_S)
            found = self._find()
        return found

    def _refused(self, found: _Found) -> LockedError:
        return LockedError(
            f"{self._folder} is in use by another run ({found.note}, last heard of {found.age_s:.0f} s ago): wait for "
            "it, or choose another --output"
        )

    def _refuse_store_without_conditions(self) -> None:
        never: tuple[dict[str, Any], ...] = ({"if_absent": True}, {"if_etag": '"no such version"'})
        for condition in never:
            with suppress(ChangedError):
                self._bucket.put(self._key, self._note.as_bytes(), **condition)
                raise UsageError(
                    f"{self._folder}: this store ignores the conditions of a write (If-None-Match, If-Match), so "
                    "two runs could overwrite each other: write to a folder, or to a store that supports them"
                )
