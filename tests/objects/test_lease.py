"""The lock of an object store, with the proxy as the unreliable network."""

import json
import os
import threading
import time
from pathlib import Path

import pyarrow as pa
import pytest

from finner_batch.errors import LockedError, UsageError
from finner_batch.query.connection import connect
from finner_batch.store import lease as lease_module
from finner_batch.store.folder import open_results
from finner_batch.store.lease import Lease
from finner_batch.store.ledger import Ledger
from finner_batch.store.lock import lock_results
from finner_batch.store.part import PartFile, PartNames, list_parts
from finner_batch.store.place import place_of
from finner_batch.store.schema import DOCUMENTS
from finner_batch.store.writer import Writer


@pytest.fixture
def elsewhere(monkeypatch):
    """Leases made while inside belong to another machine."""

    def pretend(name="other"):
        monkeypatch.setattr(lease_module, "_machine", lambda: name)

    return pretend


def note(results):
    return json.loads((results / ".lock.json").read_bytes())


def silent(results, **options):
    """A lock whose holder is gone without a word."""
    lease = Lease(results, **options)
    lease._beating = threading.Thread(target=lambda: None)
    return lease.__enter__()


def test_a_second_run_is_refused_at_once_and_told_who_holds_the_lock(results):
    with lock_results(results):
        begun = time.monotonic()
        with pytest.raises(LockedError, match=rf"process {os.getpid()} on .*, last heard of \d+ s ago") as error:
            Lease(results).__enter__()
        assert error.value.exit_code == 4
        assert time.monotonic() - begun < 5
    with lock_results(results):
        pass
    assert note(results)["released"]


def test_the_lock_of_a_run_that_was_killed_on_this_machine_is_free_at_once(results):
    holder = Lease(results)
    holder._note = lease_module.replace(holder._note, pid=2**22 + 1)  # beyond the largest process id
    holder._beating = threading.Thread(target=lambda: None)
    holder.__enter__()
    begun = time.monotonic()
    with lock_results(results):
        assert note(results)["pid"] == os.getpid()
    assert time.monotonic() - begun < 5


def test_a_silent_lock_of_another_machine_is_taken_over_when_its_time_is_up(results, elsewhere):
    elsewhere("one")
    lost = silent(results, lease_s=2)
    elsewhere("two")
    begun = time.monotonic()
    with Lease(results):
        assert 1 < time.monotonic() - begun < 20
        lost._renewed_at -= 100
        with pytest.raises(LockedError, match=r"lost the lock of s3://.*holds it"):
            lost.check()
        with pytest.raises(LockedError):
            lost.check()


def test_a_renewed_lock_of_another_machine_is_not_waited_for(results, elsewhere):
    elsewhere("one")
    with Lease(results, lease_s=60, renew_s=0.5):
        elsewhere("two")
        begun = time.monotonic()
        with pytest.raises(LockedError, match="in use by another run"):
            Lease(results).__enter__()
        assert time.monotonic() - begun < 20


def test_of_many_that_take_over_a_silent_lock_one_succeeds(results, elsewhere):
    elsewhere("one")
    silent(results, lease_s=0)
    time.sleep(1.1)
    won, refused = [], []

    def take():
        lease = Lease(results, renew_s=0.5)
        try:
            won.append(lease.__enter__())
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
    won[0].__exit__()


def test_a_lock_whose_answers_are_lost_is_held_all_the_same(results, proxy):
    lose = iter(["lost", "", "", "lost", "", "", "lost", "", ""])
    proxy.fault = lambda request: next(lose, "") if request.command == "PUT" else ""
    with Lease(results, renew_s=60) as lease:
        for _ in range(2):
            lease._renewed_at -= 100
            lease.check()
        assert note(results)["beats"] == 2
    assert note(results)["released"]


def test_a_store_that_ignores_conditions_is_refused(results, proxy):
    proxy.dropped = {"if-none-match", "if-match"}
    with pytest.raises(UsageError, match=r"If-None-Match.*could not be kept apart"), lock_results(results):
        pass
    proxy.dropped = {"if-match"}
    with pytest.raises(UsageError, match=r"If-Match.*could not be kept apart"), lock_results(results):
        pass


def test_a_writer_that_lost_the_lock_commits_nothing(results, elsewhere, monkeypatch):
    monkeypatch.setattr("finner_batch.store.place.COMMITTED_WITHIN_S", 0)
    elsewhere("one")
    lost = silent(results, lease_s=0)
    open_results(results)
    ledger = Ledger.load(results, model_id="m", config_id="c")
    with Writer(results, ledger=ledger, run_id="r", model_id="m", config_id="c", lock=lost.check) as writer:
        writer.add({"document_id": "a", "source": "/in/a", "sha256": "0" * 64, "kind": "html", "status": "ok"})
        writer.finish("/in/a", "0" * 64)
        time.sleep(1.1)
        elsewhere("two")
        with lock_results(results):
            with pytest.raises(LockedError):
                writer.commit()
            assert len(list_parts(results)) == 1
            open_results(results)
    assert [path.stem for path in (results / "entities").iterdir()] == list_parts(results)


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
    with lock_results(results) as lock:
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
    monkeypatch.setattr("finner_batch.store.place.COMMITTED_WITHIN_S", 0)
    open_results(results)
    assert not (results / "entities" / f"{part.name}.parquet").is_file()
    assert len(list_parts(results)) == 1


def test_a_renewal_that_took_as_long_as_the_lease_is_made_again_before_a_commit(results, proxy, monkeypatch):
    with Lease(results, lease_s=60, renew_s=60) as lease:
        clock = [lease_module._now()]
        monkeypatch.setattr(lease_module, "_now", lambda: clock[0])
        clock[0] += 31
        delays = iter([80, 1])

        def slow(request):
            if request.command == "PUT":
                clock[0] += next(delays)
            return ""

        proxy.fault = slow
        proxy.requests.clear()
        lease.check()
        assert [request.status for request in proxy.asked("PUT", ".lock.json")] == [200, 200]
        assert clock[0] - lease._renewed_at == 1
        proxy.fault = lambda _request: ""


def test_no_bucket_or_no_credentials_is_one_clear_error(proxy):  # noqa: ARG001 - the server must be up
    with pytest.raises(UsageError, match="bucket does not exist"), lock_results(place_of("s3://no-such-bucket/x")):
        pass
    with pytest.raises(UsageError, match="names no bucket"):
        place_of("s3://")
    with pytest.raises(UsageError, match="credentials in it") as error:
        place_of("s3://AKIA1234:SECRET@bucket/x")
    assert "SECRET" not in str(error.value)
    assert "AKIA" not in str(error.value)
    with pytest.raises(UsageError, match="written to a folder or to s3://"):
        place_of("gs://bucket/x")
    assert place_of("file:///a/b") == Path("/a/b")
