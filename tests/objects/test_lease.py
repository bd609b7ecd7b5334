"""The lock of an object store, with the proxy as the unreliable network."""

import json
import os
import threading
import time
from pathlib import Path

import pytest

from finner_batch.errors import LockedError, UsageError
from finner_batch.store import lease as lease_module
from finner_batch.store.folder import open_results
from finner_batch.store.lease import Lease
from finner_batch.store.ledger import Ledger
from finner_batch.store.lock import lock_results
from finner_batch.store.part import list_parts
from finner_batch.store.place import place_of
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
        lease = Lease(results)
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


def test_a_writer_that_lost_the_lock_commits_nothing(results, elsewhere):
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


def test_no_bucket_or_no_credentials_is_one_clear_error(proxy):  # noqa: ARG001 - the server must be up
    with pytest.raises(UsageError, match="bucket does not exist"), lock_results(place_of("s3://no-such-bucket/x")):
        pass
    with pytest.raises(UsageError, match="names no bucket"):
        place_of("s3://")
    with pytest.raises(UsageError, match="written to a folder or to s3://"):
        place_of("gs://bucket/x")
    assert place_of("file:///a/b") == Path("/a/b")
