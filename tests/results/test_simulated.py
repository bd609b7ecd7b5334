"""Runs and compactions over a disk and a bucket in memory, which stop at any of their changes."""

import copy
import random
from pathlib import Path

import pytest
from simulated import Crash, FakeClock, Fuse, MemoryBucket, MemoryFiles

from finner_batch.errors import LockedError
from finner_batch.query.connection import connect
from finner_batch.results.compact import compact
from finner_batch.results.part import list_parts, part_of
from finner_batch.results.results_folder import open_results
from finner_batch.storage.lease import LEASE_S, Note
from finner_batch.storage.local import LocalPlace
from finner_batch.storage.object_place import COMMITTED_WITHIN_S, ObjectPlace

ACCESSION = "0000320193-23-000106"
FOLDER = Path("/results")


@pytest.fixture
def nights(content):
    """What there is to read in the first and in the second night."""
    return (
        {
            "/in/a": content((("a.htm", "rate 1"), ("b.htm", "rate 2")), ACCESSION),
            "/in/s": content((("x", "rate 3"), ("y", "rate 4")), shard=True),
        },
        {
            "/in/a": content((("b.htm", "rate 2"), ("c.htm", "fail")), ACCESSION),
            "/in/s": content((("x", "rate 3"), ("y", "rate 5"), ("z", "rate 6")), shard=True),
        },
    )


def work(results, job, sources):
    """A run, and a compaction after it."""
    with results.lock() as check:
        job(results, commit_every=2, check=check).run(sources)
    compact(results)


def complete_parts(results):
    """Fails where a part lacks a file, or a file its part."""
    entities = {part_of(file.name) for file in (results / "entities").children()} - {None}
    assert entities == set(list_parts(results))


def test_a_power_cut_at_any_change_of_the_disk_leaves_every_document_once(job, nights, look, tmp_path):
    first, second = nights

    def disk(files):
        return LocalPlace(FOLDER, files, FakeClock())

    def seen(files, name):
        files.copy_to(tmp_path / name)
        return look(tmp_path / name / "results")

    files = MemoryFiles(Fuse())
    work(disk(files), job, first)
    undisturbed = copy.deepcopy(files)
    calls = undisturbed.fuse.calls
    work(disk(undisturbed), job, second)
    expected = seen(undisturbed, "undisturbed")
    assert len(expected["documents"]) == 5
    calls = undisturbed.fuse.calls - calls
    assert calls > 40
    chance = random.Random(1)
    for step in range(1, calls + 1, 4):
        cut = copy.deepcopy(files)
        cut.fuse = Fuse(step)
        with pytest.raises(Crash):
            work(disk(cut), job, second)
        left = cut.after_crash(chance)
        work(disk(left), job, second)
        assert seen(left, f"{step}") == expected, f"power cut at change {step}"
        complete_parts(disk(left))
        last = job(disk(left))
        last.run(second)
        assert last.done == []


def seen_in(results):
    with connect(results) as connection:
        return connection.execute(
            "SELECT source, document_id, d.sha256, d.status, d.entities, count(e.label), list(e.text ORDER BY e.start) "
            "FROM documents AS d LEFT JOIN entities AS e USING (source, document_id, run_id) GROUP BY ALL ORDER BY ALL"
        ).fetchall()


def bucket_place(bucket, clock):
    """A results folder of a process on a machine of its own, which does not see whether another one is alive."""
    return ObjectPlace(bucket, "results", clock, lambda: Note(machine=""))


@pytest.mark.parametrize("loses_answers", [False, True])
def test_a_kill_at_any_change_of_the_bucket_leaves_every_document_once(loses_answers, job, nights):
    first, second = nights
    clock = FakeClock()
    bucket = MemoryBucket(clock, random.Random(1) if loses_answers else None)
    work(bucket_place(bucket, clock), job, first)
    objects = dict(bucket.objects)
    bucket.fuse = Fuse()
    work(bucket_place(bucket, clock), job, second)
    calls, expected = bucket.fuse.calls, seen_in(bucket_place(bucket, clock))
    assert len(expected) == 5
    assert all(row[4] == row[5] for row in expected)
    for step in range(1, calls - 5, 5 if loses_answers else 4):
        bucket.objects = dict(objects)
        bucket.fuse = Fuse(step)
        with pytest.raises(Crash):
            work(bucket_place(bucket, clock), job, second)
        bucket.fuse = Fuse()
        begun = clock.seconds
        work(bucket_place(bucket, clock), job, second)
        assert clock.seconds - begun < 3 * LEASE_S
        assert seen_in(bucket_place(bucket, clock)) == expected, f"killed at change {step}"
        clock.sleep(COMMITTED_WITHIN_S)
        open_results(bucket_place(bucket, clock))
        complete_parts(bucket_place(bucket, clock))
    assert calls > 20


def test_a_machine_that_slept_longer_than_its_lease_commits_nothing_afterwards(job, nights):
    first, second = nights
    clock, slept = FakeClock(), FakeClock()
    bucket = MemoryBucket(clock)
    with bucket_place(bucket, slept).lock() as check:
        job(bucket_place(bucket, slept), check=check).run(first)
        slept.seconds += 2 * LEASE_S  # it renews nothing while it sleeps
        clock.sleep(2 * LEASE_S)
        work(bucket_place(bucket, clock), job, second)
        expected = seen_in(bucket_place(bucket, clock))
        with pytest.raises(LockedError, match="lost the lock of s3://simulated/results"):
            job(bucket_place(bucket, slept), check=check).run(first)
    assert seen_in(bucket_place(bucket, clock)) == expected


def test_a_lock_is_renewed_while_its_holder_works_and_refuses_others(job, nights):
    clock = FakeClock()
    bucket = MemoryBucket(clock)
    with bucket_place(bucket, clock).lock() as check:
        clock.sleep(10 * LEASE_S)
        with pytest.raises(LockedError, match="in use by another run"), bucket_place(bucket, clock).lock():
            pass
        check()
        job(bucket_place(bucket, clock), check=check).run(nights[0])
    with bucket_place(bucket, clock).lock():
        pass
