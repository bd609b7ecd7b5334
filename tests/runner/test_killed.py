import os
import random
import signal
import subprocess
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from engine_helpers import command, finner, leftovers, marked, plain_rows, processes_marked, run_job

SMALL_COMMITS = ("--commit-seconds", 0, "--window-sentences", 8)


def start(filings, results, mark):
    environment = os.environ | marked(mark)
    arguments = command("run", "--input", filings, "--output", results, "--workers", 2, *SMALL_COMMITS)
    return subprocess.Popen(arguments, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def check_whole(filings, results, undisturbed):
    """Finish a results folder, and compare it with an undisturbed one; then nothing is left to do."""
    run_job(filings, results, *SMALL_COMMITS)
    for table in ("entities", "documents"):
        assert plain_rows(results, table) == plain_rows(undisturbed, table)
    assert leftovers(results) == []
    again = run_job(filings, results)
    assert again["documents"] == {"ok": 0, "failed": 0}
    assert again["sources"]["unchanged"] == 40


@pytest.mark.slow
def test_twenty_kills_leave_every_row_exactly_once(filings, tmp_path):
    """Each comes at a random moment after so many commits of its run: how fast the machine is does not matter."""
    undisturbed = tmp_path / "undisturbed"
    run_job(filings, undisturbed, *SMALL_COMMITS)
    assert plain_rows(undisturbed, "entities").total() > 40
    chance = random.Random(20)
    kills = folders = resumed = 0
    results = tmp_path / "killed-0"
    for _ in range(60):
        process = start(filings, results, "kill")
        commits = chance.randrange(8)
        for line in process.stderr:
            commits -= "event=commit" in line
            if commits <= 0 and "event=" in line:
                break
        time.sleep(chance.uniform(0, 0.2))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        kills += process.returncode == -signal.SIGKILL
        resumed += bool(list(results.glob("documents/part-*-000002.parquet")))
        if process.returncode == 0 or kills == 20:
            check_whole(filings, results, undisturbed)
            folders += 1
            results = tmp_path / f"killed-{folders}"
        if kills == 20:
            break
    assert kills == 20
    assert resumed >= 3, "some kills must have come after commits"
    deadline = time.monotonic() + 10
    while processes_marked("kill") and time.monotonic() < deadline:
        time.sleep(0.1)
    assert processes_marked("kill") == [], "workers must end with the run that was killed"


@pytest.mark.slow
def test_a_stopped_run_ends_cleanly_and_is_resumed(filings, tmp_path):
    for number, code in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
        results = tmp_path / f"results-{code}"
        process = start(filings, results, code)
        seen = ""
        while "event=commit" not in seen:
            seen = process.stderr.readline()
            assert seen, "the run ended before its first commit"
        process.send_signal(number)
        process.communicate(timeout=60)
        assert process.returncode == code
        before = plain_rows(results, "documents")
        assert before
        run_job(filings, results)
        after = plain_rows(results, "documents")
        assert before <= after
        assert after.total() == 40


def test_a_second_run_is_refused_and_a_dead_ones_lock_is_not_in_the_way(filings, tmp_path):
    results = tmp_path / "results"
    process = start(filings, results, "lock")
    while "event=start" not in process.stderr.readline():
        assert process.poll() is None
    refused = finner("run", "--input", filings, "--output", results, expect=4)
    assert "in use by another run" in refused.stderr
    assert str(process.pid) in refused.stderr
    process.send_signal(signal.SIGKILL)
    process.communicate()
    report = run_job(filings, results)
    assert report["status"] == "done"


def shard_of(rows):
    texts = [
        f"The {n} notes bear interest at a fixed rate of {n % 8 + 1}.{n % 90 + 10}% per annum." for n in range(rows)
    ]
    return pa.table({"id": [f"row-{n}" for n in range(rows)], "text": texts})


@pytest.mark.slow
def test_a_shard_is_committed_as_it_is_read_and_resumed_inside(tmp_path):
    folder = tmp_path / "shards"
    folder.mkdir()
    pq.write_table(shard_of(3_000), folder / "rows.parquet", row_group_size=200)
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    whole = run_job(folder, undisturbed)
    assert whole["documents"]["ok"] == 3_000
    process = start(folder, killed, "shard")
    while process.poll() is None and len(list(killed.glob("documents/part-*.parquet"))) < 4:
        time.sleep(0.02)
    assert process.poll() is None, "the shard was done before it could be killed"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    before = plain_rows(killed, "documents").total()
    assert before > 0
    report = run_job(folder, killed)
    assert report["documents"]["ok"] == 3_000 - before
    for table in ("entities", "documents"):
        assert plain_rows(killed, table) == plain_rows(undisturbed, table)


@pytest.mark.slow
def test_a_signal_to_the_whole_process_group_ends_as_one_to_the_run(filings, tmp_path):
    for attempt in range(6):
        results = tmp_path / f"results-{attempt}"
        arguments = command("run", "--input", filings, "--output", results, *SMALL_COMMITS)
        process = subprocess.Popen(
            arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        time.sleep(0.7 + 0.25 * attempt)
        os.killpg(process.pid, signal.SIGTERM)
        _, log = process.communicate(timeout=60)
        assert process.returncode in {143, -signal.SIGTERM, 0}, log
        assert "Traceback" not in log
        run_job(filings, results)
        assert plain_rows(results, "documents").total() == 40
