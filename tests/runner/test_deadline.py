import signal
import subprocess
import sys
from time import monotonic, process_time

import pytest
from engine_helpers import wait_for

from finner_batch.errors import OutOfTimeError
from finner_batch.runner import deadline
from finner_batch.runner.deadline import STEP_S, Deadline


@pytest.fixture
def clocks(monkeypatch):
    """Wall clock and CPU clock, to be set."""
    now = {"wall": 100.0, "cpu": 10.0}
    monkeypatch.setattr(deadline, "monotonic", lambda: now["wall"])
    monkeypatch.setattr(deadline, "process_time", lambda: now["cpu"])
    return now


def test_time_that_is_looked_at_often_counts_as_it_passes(clocks):
    limit = Deadline(10)
    for _ in range(19):
        clocks["wall"] += 0.5
        limit.check()
    clocks["wall"] += 0.5
    with pytest.raises(OutOfTimeError, match="longer than 10 s: raise --timeout-s"):
        limit.check()


def test_work_during_which_nobody_looks_counts_in_full(clocks):
    limit = Deadline(10)
    clocks["wall"] += 11
    clocks["cpu"] += 11
    with pytest.raises(OutOfTimeError):
        limit.check()


def test_time_in_which_the_process_is_stopped_counts_as_one_step(clocks):
    limit = Deadline(10)
    clocks["wall"] += 3600
    assert limit.left_s() == 10 - STEP_S


def test_a_deadline_that_is_renewed_starts_again(clocks):
    limit = Deadline(1)
    clocks["wall"] += 0.9
    limit.renew()
    clocks["wall"] += 0.9
    limit.check()


WORK = """
import sys, time
from finner_batch.runner.worker import _time_limit
print("begun", flush=True)
with _time_limit(float(sys.argv[1])):
    end = time.process_time() + float(sys.argv[2])
    while time.process_time() < end:
        pass
print("done", flush=True)
"""


def start(limit_s, work_s):
    process = subprocess.Popen(
        [sys.executable, "-c", WORK, str(limit_s), str(work_s)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "begun\n"
    return process


@pytest.mark.slow
def test_a_process_that_is_really_stopped_for_longer_than_the_limit_finishes_its_document():
    process = start(limit_s=20, work_s=0.5)
    process.send_signal(signal.SIGSTOP)
    assert not wait_for(lambda: process.poll() is not None, seconds=22)
    process.send_signal(signal.SIGCONT)
    out, error = process.communicate(timeout=60)
    assert out == "done\n", error


def test_a_process_that_works_for_longer_than_the_limit_is_broken_off_in_time():
    begun, cpu = monotonic(), process_time()
    process = start(limit_s=1.5, work_s=600)
    out, error = process.communicate(timeout=60)
    assert "OutOfTimeError: took longer than 1.5 s" in error
    assert out == ""
    assert monotonic() - begun < 30
    assert process_time() - cpu < 5
