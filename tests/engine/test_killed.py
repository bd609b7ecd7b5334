import os
import random
import signal
import subprocess
import time

from engine_helpers import command, finner, leftovers, plain_rows, processes_marked, run_job

SMALL_COMMITS = ("--commit-seconds", 0, "--window-sentences", 8)


def start(filings, results, mark):
    environment = os.environ | {"FINNER_TEST_MARK": str(mark)}
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


def test_twenty_kills_leave_every_row_exactly_once(filings, tmp_path):
    undisturbed = tmp_path / "undisturbed"
    begun = time.monotonic()
    run_job(filings, undisturbed, *SMALL_COMMITS)
    duration = time.monotonic() - begun
    assert plain_rows(undisturbed, "entities").total() > 40
    chance = random.Random(20)
    kills = folders = resumed = 0
    results = tmp_path / "killed-0"
    for _ in range(60):
        process = start(filings, results, "kill")
        try:
            process.wait(chance.uniform(0.2, 0.9) * duration)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            kills += 1
            resumed += bool(list(results.glob("documents/part-*-000002.parquet")))
        process.communicate()
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
