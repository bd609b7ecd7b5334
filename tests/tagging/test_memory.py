import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from finner_batch.errors import FinnerError, OutOfMemoryError
from finner_batch.tagging.batching import ShrinkingBatches, is_out_of_memory
from finner_batch.tagging.tagger import Tagger

CHILD = Path(__file__).with_name("memory_child.py")


class Refusing:
    """A session without memory for more than `most` tokens."""

    def __init__(self, session, most):
        self._session, self.most = session, most
        self.device, self.variant, self.backend = session.device, session.variant, session.backend
        self.concurrent_batches = 1
        self.refused = []

    def logits(self, ids, mask):
        if ids.size > self.most:
            self.refused.append(ids.size)
            raise OutOfMemoryError("too much") from RuntimeError("CUDA failure 2: out of memory")
        return self._session.logits(ids, mask)


@pytest.fixture(scope="module")
def tagger():
    return Tagger.load(device="cpu", backend="onnxruntime")


@pytest.fixture(scope="module")
def windows(windows_of):
    return windows_of(
        f"The {2020 + n} notes bear interest at {n % 9}.{n:02d}%{' a year' * (n % 3)}." for n in range(90)
    )


def test_batches_are_halved_until_they_fit_and_the_lower_budget_is_kept_and_logged(tagger, windows, caplog):
    wanted, _ = tagger.probabilities(windows)
    refusing = Refusing(tagger.session, 150)
    small = Tagger(tagger.model, refusing, budget_tokens=400)
    with caplog.at_level("WARNING", logger="finner_batch"):
        found, statistics = small.probabilities(windows)
        refused, logged = len(refusing.refused), len(caplog.records)
        again, _ = small.probabilities(windows)
    for table, one, other in zip(wanted, found, again, strict=True):
        assert np.array_equal(table, one)
        assert np.array_equal(table, other)
    assert statistics.windows_run == len(windows)
    assert refused == logged == 2  # 400 and 200
    assert (len(refusing.refused), len(caplog.records)) == (refused, logged)
    assert small.budget_tokens <= 150
    assert f"batch_tokens={small.budget_tokens}" in caplog.records[-1].getMessage()


def test_a_window_that_does_not_fit_alone_ends_the_run_and_says_what_to_do(tagger, windows):
    small = Tagger(tagger.model, Refusing(tagger.session, 5))
    with pytest.raises(FinnerError, match=r"one window of \d+ tokens does not fit .*--device cpu.*out of memory"):
        small.probabilities(windows)


def test_other_failures_are_not_tried_again():
    calls = []

    def logits(ids, _):
        calls.append(ids.shape)
        raise FinnerError("something else")

    ids = np.ones((4, 8), dtype=np.int64)
    shrinking = ShrinkingBatches(logits, 1024)
    with pytest.raises(FinnerError, match="something else"):
        shrinking(ids, ids)
    assert calls == [(4, 8)]
    assert shrinking.budget_tokens == 1024


@pytest.mark.slow
def test_an_onnxruntime_that_really_runs_out_of_memory_gives_the_same_rows():
    plain, short = (
        subprocess.run([sys.executable, CHILD, *given], capture_output=True, text=True, check=True).stdout.splitlines()
        for given in (["1024"], ["32768", "24"])
    )
    assert len(plain) == 1
    assert any("memory-ran-out" in line for line in short)
    wanted, found = json.loads(plain[-1]), json.loads(short[-1])
    assert found["rows"] == wanted["rows"]
    assert found["same"]
    assert found["budget"] < 32768


@pytest.mark.parametrize(
    "message",
    [
        "[ONNXRuntimeError] : 1 : FAIL : Failed to allocate memory for requested buffer of size 100663296",
        "BFCArena::AllocateRawInternal Available memory of 0 is smaller than requested bytes of 6400",
        "CUDA failure 2: out of memory ; GPU=0 ; hostname=x ; expr=cudaMalloc((void**)&p, size);",
        "CUDA out of memory",
        "CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0",
        "std::bad_alloc",
    ],
)
def test_onnxruntimes_messages_that_memory_ran_out_are_recognised(message):
    assert is_out_of_memory(RuntimeError(message))
    assert not is_out_of_memory(RuntimeError("CUDA failure 700: an illegal memory access was encountered ; GPU=0"))
    assert not is_out_of_memory(RuntimeError("indices element out of data bounds, idx=1000000000"))
