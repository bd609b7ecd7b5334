"""Concurrent batches. Two CPU sessions replace two GPUs, with bound buffers and round robin as on GPUs."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from finner_batch.errors import FinnerError
from finner_batch.tagging import device as device_module
from finner_batch.tagging.batching import batches, run_concurrently
from finner_batch.tagging.device import Device, choose_device
from finner_batch.tagging.session import GpuSession, Session
from finner_batch.tagging.tagger import Tagger


@pytest.fixture(scope="module")
def one(model):
    return Tagger(model, Session(model, Device("cpu", "a test"), threads=1), budget_tokens=256)


@pytest.fixture(scope="module")
def windows(windows_of):
    return windows_of(
        f"The {2020 + n} notes{' of ours' * (n % 9)} bear interest at {n % 9}.{n:02d}% plus SOFR." for n in range(90)
    )


def test_two_devices_give_the_bits_of_one_in_its_order_and_both_work(model, one, windows, monkeypatch):
    wanted, statistics = one.probabilities(windows)
    used = []
    call = GpuSession.__call__
    monkeypatch.setattr(GpuSession, "__call__", lambda self, *given: used.append(self) or call(self, *given))
    two = Tagger(model, Session(model, Device("cpu", "a test", count=2), threads=1), budget_tokens=256)
    used.clear()  # opening a session runs it once
    found, of_two = two.probabilities(windows)
    assert len(used) > 10
    assert len(set(used)) == 2
    assert of_two == statistics
    for table, other in zip(wanted, found, strict=True):
        assert np.array_equal(table, other)


def test_empty_rows_and_padding_change_no_logits(model, windows):
    session = Session(model, Device("cpu", "a test"), variant="fp16", threads=1)
    made = [
        list(batches(windows, budget_tokens=4096, length_multiple=8, few_shapes=few_shapes))
        for few_shapes in (False, True)
    ]
    assert any(batch.input_ids.shape[0] > len(batch.members) for batch in made[1])
    for plain, few in zip(*made, strict=True):
        wanted, found = (session.logits(batch.input_ids, batch.attention_mask) for batch in (plain, few))
        assert np.isfinite(found).all()
        assert abs(found[: len(wanted)] - wanted).max() < 1e-3


def test_the_run_after_a_failed_one_frees_memory_and_gives_the_same_logits(model):
    session = Session(model, Device("cpu", "a test", count=2), threads=1)
    ids = np.full((2, 16), 7, dtype=np.int64)
    wanted = session.logits(ids, np.ones_like(ids))
    gpu_session = session._gpus._of_thread.session
    with pytest.raises(FinnerError, match="batch of 2 x 16 tokens"):
        session.logits(np.full_like(ids, 10**9), np.ones_like(ids))
    assert gpu_session._shrink
    assert np.array_equal(session.logits(ids, np.ones_like(ids)), wanted)
    assert not gpu_session._shrink


def test_after_an_error_or_a_stop_no_batch_runs_on(windows):
    running = threading.Semaphore(0)
    done = []

    def logits(ids, _):
        done.append(len(done))
        if len(done) == 3:
            raise FinnerError("the third batch fails")
        running.release()
        return np.zeros((*ids.shape, 5), dtype=np.float32)

    with ThreadPoolExecutor(2) as threads:
        with pytest.raises(FinnerError, match="third"):
            list(run_concurrently(batches(windows, budget_tokens=64), logits, lambda: False, threads, 2))
        after = len(done)
        assert threads.submit(len, done).result() == after < 10
        stops = iter([False, False, False, True])
        with pytest.raises(InterruptedError):
            list(run_concurrently(batches(windows, budget_tokens=64), logits, lambda: next(stops), threads, 2))
        assert threads.submit(len, done).result() <= after + 3


def test_the_next_batches_are_made_while_one_runs(windows):
    made = []
    seen = threading.Event()

    def making():
        for batch in batches(windows, budget_tokens=64):
            made.append(batch)
            if len(made) == 3:
                seen.set()
            yield batch

    def logits(ids, _):
        assert seen.wait(30)  # the first does not end before the third is made
        return np.zeros((*ids.shape, 5), dtype=np.float32)

    with ThreadPoolExecutor(1) as threads:
        ran = list(run_concurrently(making(), logits, lambda: False, threads, 1))
    assert [batch.members for batch, _ in ran] == [batch.members for batch in made]


@pytest.mark.parametrize(("names", "count"), [(("H200",), 1), (("H200", "H200"), 2)])
def test_cuda_means_every_gpu_that_is_visible(names, count, monkeypatch):
    monkeypatch.setattr(device_module, "cuda_obstacle", lambda: None)
    monkeypatch.setattr(device_module, "visible_gpus", lambda: names)
    assert choose_device("cuda") == Device("cuda", "requested", count)
