"""The lock of an object store, with the proxy as the unreliable network."""

import json
import os
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest

from finner_batch.errors import LockedError, UsageError
from finner_batch.query.connection import connect
from finner_batch.results.ledger import Ledger
from finner_batch.results.part import PartFile, PartNames, list_parts, part_of
from finner_batch.results.results_folder import open_results
from finner_batch.results.schema import DOCUMENTS
from finner_batch.results.writer import Writer
from finner_batch.storage import lease as lease_module
from finner_batch.storage.clock import SystemClock
from finner_batch.storage.lease import RENEW_S, Lease, Note
from finner_batch.storage.local import LocalPlace
from finner_batch.storage.place import place_of


@pytest.fixture
def elsewhere(monkeypatch):
    """Leases made while inside belong to another machine."""

    def pretend(name="other"):
        monkeypatch.setattr(lease_module, "_machine", lambda: name)

    return pretend


def note(results):
    return json.loads((results / ".lock.json").read())


class MutedClock(SystemClock):
    """A clock that renews no lock in the background; `ahead_s` is added to its time."""

    def __init__(self):
        self.ahead_s = 0

    def monotonic(self):
        return super().monotonic() + self.ahead_s

    def repeat(self, seconds, call):  # noqa: ARG002 - nothing is repeated
        return lambda: None


def lease_of(results, *, clock=None, renew_s=RENEW_S, **note):
    return Lease(results.bucket, results.key, clock=clock or SystemClock(), note=Note(**note), renew_s=renew_s)


@contextmanager
def held(results, **options):
    lease = lease_of(results, **options)
    lease.acquire()
    try:
        yield lease
    finally:
        lease.release()


def silent(results, **options):
    """A lock whose holder is gone without a word."""
    lease = lease_of(results, clock=MutedClock(), **options)
    lease.acquire()
    return lease


def test_a_second_run_is_refused_at_once_with_the_name_of_who_holds_the_lock(results):
    with results.lock():
        begun = time.monotonic()
        with pytest.raises(LockedError, match=rf"process {os.getpid()} on .*, last heard of \d+ s ago") as error:
            lease_of(results).acquire()
        assert error.value.exit_code == 4
        assert time.monotonic() - begun < 5
    with results.lock():
        pass
    assert note(results)["released"]


def test_the_lock_of_a_run_that_was_killed_on_this_machine_is_free_at_once(results):
    silent(results, pid=2**22 + 1)  # beyond the largest process id
    begun = time.monotonic()
    with results.lock():
        assert note(results)["pid"] == os.getpid()
    assert time.monotonic() - begun < 5


def test_a_silent_lock_of_another_machine_is_taken_over_when_its_time_is_up(results, elsewhere):
    elsewhere("one")
    lost = silent(results, lease_s=2)
    elsewhere("two")
    begun = time.monotonic()
    with held(results):
        assert 1 < time.monotonic() - begun < 20
        lost._clock.ahead_s += 100
        with pytest.raises(LockedError, match=r"lost the lock of s3://.*holds it"):
            lost.check()
        with pytest.raises(LockedError):
            lost.check()


def test_a_renewed_lock_of_another_machine_is_not_waited_for(results, elsewhere):
    elsewhere("one")
    with held(results, lease_s=60, renew_s=0.5):
        elsewhere("two")
        begun = time.monotonic()
        with pytest.raises(LockedError, match="in use by another run"):
            lease_of(results).acquire()
        assert time.monotonic() - begun < 20


def test_of_many_that_take_over_a_silent_lock_one_succeeds(results, elsewhere):
    elsewhere("one")
    silent(results, lease_s=0)
    time.sleep(1.1)
    won, refused = [], []

    def take():
        lease = lease_of(results, renew_s=0.5)
        try:
            lease.acquire()
            won.append(lease)
        except LockedError as error:
            refused.append(error)

    elsewhere("two")
    threads = [threading.Thread(target=take) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert len(refused) == 5
    won[0].release()


def test_a_lock_whose_answers_are_lost_is_held_all_the_same(results, proxy):
    lose = iter(["lost", "", "", "lost", "", "", "lost", "", ""])
    proxy.fault = lambda request: next(lose, "") if request.command == "PUT" else ""
    clock = MutedClock()
    with held(results, clock=clock) as lease:
        for _ in range(2):
            clock.ahead_s += 100
            lease.check()
        assert note(results)["beats"] == 2
    assert note(results)["released"]


def test_a_store_that_ignores_conditions_is_refused(results, proxy):
    proxy.dropped = {"if-none-match", "if-match"}
    with pytest.raises(UsageError, match=r"If-None-Match.*could overwrite each other"), results.lock():
        pass
    proxy.dropped = {"if-match"}
    with pytest.raises(UsageError, match=r"If-Match.*could overwrite each other"), results.lock():
        pass


def test_a_writer_that_lost_the_lock_commits_nothing(results, elsewhere, monkeypatch):
    monkeypatch.setattr("finner_batch.storage.object_place.COMMITTED_WITHIN_S", 0)
    elsewhere("one")
    lost = silent(results, lease_s=0)
    open_results(results)
    ledger = Ledger.load(results, model_id="m", config_id="c")
    with Writer(results, ledger=ledger, run_id="r", model_id="m", config_id="c", lock=lost.check) as writer:
        writer.add({"document_id": "a", "source": "/in/a", "sha256": "0" * 64, "kind": "html", "status": "ok"})
        writer.finish("/in/a", "0" * 64)
        time.sleep(1.1)
        elsewhere("two")
        with results.lock():
            with pytest.raises(LockedError):
                writer.commit()
            assert len(list_parts(results)) == 1
            open_results(results)
    assert [part_of(place.name) for place in (results / "entities").children()] == list_parts(results)


def test_a_commit_that_was_under_way_when_the_lock_was_lost_arrives_whole(results, elsewhere):
    """The request was sent while the lock was held, and the network held it up: no lock reaches it there."""
    document = {"document_id": "a", "source": "/in/a", "sha256": "0" * 64, "kind": "html", "status": "ok"}
    settings = {"model_id": "m", "config_id": "c"}
    elsewhere("one")
    silent(results, lease_s=0)
    open_results(results)
    late = PartFile(results, PartNames(results, "first").next())
    late.documents.append(
        pa.RecordBatch.from_pylist([document | settings | {"run_id": "first", "entities": 0}], DOCUMENTS)
    )
    late.seal()
    late.entities.publish(lambda: None)
    time.sleep(1.1)
    elsewhere("two")
    with results.lock() as lock:
        ledger = Ledger.load(results, **settings)
        with Writer(results, ledger=ledger, run_id="second", lock=lock, **settings) as writer:
            writer.add(document)
            writer.finish("/in/a", "0" * 64)
            late.documents.publish(lambda: None)
            writer.commit()
    with connect(results) as connection:
        assert connection.execute("SELECT run_id FROM documents").fetchall() == [("second",)]
        assert connection.execute("SELECT count(*) FROM entities").fetchall() == [(0,)]


def test_what_was_never_committed_goes_once_its_commit_can_no_more_arrive(results, monkeypatch):
    open_results(results)
    part = PartFile(results, PartNames(results, "r").next())
    part.seal()
    part.entities.publish(lambda: None)
    open_results(results)
    assert (results / "entities" / f"{part.name}.parquet").is_file()
    monkeypatch.setattr("finner_batch.storage.object_place.COMMITTED_WITHIN_S", 0)
    open_results(results)
    assert not (results / "entities" / f"{part.name}.parquet").is_file()
    assert len(list_parts(results)) == 1


def test_a_renewal_that_took_as_long_as_the_lease_is_made_again_before_a_commit(results, proxy):
    clock = MutedClock()
    with held(results, clock=clock, lease_s=60) as lease:
        clock.ahead_s += 31
        delays = iter([80, 1])

        def slow(request):
            if request.command == "PUT":
                clock.ahead_s += next(delays)
            return ""

        proxy.fault = slow
        proxy.requests.clear()
        lease.check()
        assert [request.status for request in proxy.asked("PUT", ".lock.json")] == [200, 200]
        assert 1 <= clock.monotonic() - lease._renewed_at < 30
        proxy.fault = lambda _request: ""


def test_no_bucket_or_no_credentials_is_one_clear_error(proxy):  # noqa: ARG001 - the server must be up
    with pytest.raises(UsageError, match="bucket does not exist"), place_of("s3://no-such-bucket/x").lock():
        pass
    with pytest.raises(UsageError, match="names no bucket"):
        place_of("s3://")
    with pytest.raises(UsageError, match="credentials in it") as error:
        place_of("s3://AKIA1234:SECRET@bucket/x")
    assert "SECRET" not in str(error.value)
    assert "AKIA" not in str(error.value)
    with pytest.raises(UsageError, match="written to a folder or to s3://"):
        place_of("gs://bucket/x")
    assert place_of("file:///a/b") == LocalPlace(Path("/a/b"))
