"""The same rows on every device, within tolerances: int8 and fp16 on a CPU, and CPU and GPU if there is a GPU."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from finner_batch.machine import MEBIBYTE
from finner_batch.readers.discover import discover
from finner_batch.readers.read import ReadOptions, read_documents
from finner_batch.runner.parse_document import Stopwatch, parse
from finner_batch.tagging.device import cuda_obstacle
from finner_batch.tagging.model import EVERY_SENTENCE, load_model
from finner_batch.tagging.session import GpuSession, RoundRobin
from finner_batch.tagging.tagger import Tagger
from finner_batch.tagging.tokens import SentenceTokenizer, Window

FILINGS = Path(__file__).resolve().parents[2] / "data" / "filings"
PROBABILITY_TOLERANCE = 0.05
"""Largest difference of a probability between int8 on the CPU and fp16. Numbers this near a threshold may differ."""
LOGIT_TOLERANCE = 0.05
"""Largest difference of a logit between fp16 computed in fp16 and in fp32. Rounding in NumPy gives 0.007."""

on_the_gpu = [pytest.mark.gpu, pytest.mark.skipif(cuda_obstacle() is not None, reason=f"no GPU: {cuda_obstacle()}")]
fp16_devices = pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=on_the_gpu)])


@pytest.fixture(scope="module")
def windows():
    model = load_model()
    tokenizer = SentenceTokenizer(model.folder / "tokenizer.json", model.max_length, EVERY_SENTENCE)
    documents = [document for source in discover([str(FILINGS)]) for document in read_documents(source, ReadOptions())]
    return [
        window
        for document in documents
        for window in parse(document, tokenizer, tables=False, watch=Stopwatch()).windows
    ]


@pytest.fixture(scope="module")
def int8(windows):
    tagger = Tagger.load(device="cpu", backend="onnxruntime")
    tables, _ = tagger.probabilities(windows)
    return tagger, tables


def disputed(tagger, windows, ones, others):
    """Return numbers with different labels, without those whose probability is near a threshold or another label's."""
    found = []
    for window, one, other in zip(windows, ones, others, strict=True):
        spans, other_spans = (set(_labels(tagger, window, table)) for table in (one, other))
        for start, end, _ in spans ^ other_spans:
            rows = [table[window.numbers.index((start, end))][1:] for table in (one, other)]
            if not any(_unsure(row, tagger._thresholds[1:]) for row in rows):
                found.append((start, end))
    return found


def _unsure(row, thresholds):
    """Return whether the likeliest label is near its threshold or another label's probability."""
    second, best = np.sort(row)[-2:]
    above = best - thresholds[row.argmax()]
    return abs(above) <= PROBABILITY_TOLERANCE or (above > 0 and best - second <= PROBABILITY_TOLERANCE)


def _labels(tagger, window, table):
    return [(span.start, span.end, span.label) for span in tagger.spans([window], [table])[0]]


@fp16_devices
def test_int8_on_a_cpu_and_fp16_give_the_same_spans_of_the_sample_filings(device, windows, int8):
    tagger, on_cpu = int8
    tables, statistics = Tagger.load(device=device, variant="fp16").probabilities(windows)
    assert statistics.windows > 100
    assert sum(len(spans) for spans in tagger.spans(windows, tables)) > 50
    assert disputed(tagger, windows, on_cpu, tables) == []
    assert max(abs(one - other).max() for one, other in zip(on_cpu, tables, strict=True)) <= PROBABILITY_TOLERANCE


def test_a_label_that_is_lost_well_above_its_threshold_is_disputed(windows, int8):
    tagger, tables = int8
    sure = next(i for i, table in enumerate(tables) if table[:, 1:].max() > 0.9)
    changed = list(tables)
    changed[sure] = np.eye(len(tagger.model.labels))[np.zeros(len(tables[sure]), dtype=int)]  # all `O`
    assert disputed(tagger, windows, tables, changed)


@pytest.mark.gpu
@pytest.mark.skipif(cuda_obstacle() is not None, reason=f"no GPU: {cuda_obstacle()}")
def test_fp16_logits_of_a_gpu_are_those_of_the_cpu_whatever_the_batch(windows):
    cpu, gpu = (Tagger.load(device=device, variant="fp16").session for device in ("cpu", "cuda"))
    for window in windows[:: len(windows) // 40]:
        ids = window.ids.astype(np.int64)[None]
        wanted = cpu.logits(ids, np.ones_like(ids))[0]
        for rows, padding in ((1, 0), (64, -window.length % 8)):
            many = np.pad(np.repeat(ids, rows, axis=0), ((0, 0), (0, padding)))
            mask = (np.arange(many.shape[1]) < window.length).astype(np.int64)[None].repeat(rows, axis=0)
            found = gpu.logits(many, mask)[:, : window.length]
            assert abs(found - wanted).max() <= LOGIT_TOLERANCE


@pytest.mark.gpu
@pytest.mark.skipif(cuda_obstacle() is not None, reason=f"no GPU: {cuda_obstacle()}")
def test_a_batch_that_a_gpu_has_no_memory_for_is_done_in_smaller_ones(windows, caplog):
    tagger = Tagger.load(device="cuda")
    wanted, _ = tagger.probabilities(windows)
    limit = {"device_id": "0", "arena_extend_strategy": "kSameAsRequested", "gpu_mem_limit": str(400 * MEBIBYTE)}
    path = str(tagger.model.onnx_path("fp16"))
    small = onnxruntime.InferenceSession(path, providers=[("CUDAExecutionProvider", limit)])
    tagger.session._gpus = RoundRobin([GpuSession(small, "cuda", 0)])
    tagger.budget_tokens = 1 << 20
    chance = np.random.default_rng(3)
    many = [Window(chance.integers(1000, 5000, 256, dtype=np.int32).tobytes(), (1,), ((0, 1),)) for _ in range(2048)]
    with caplog.at_level("WARNING", logger="finner_batch"):
        tagger.probabilities(many)
        found, _ = tagger.probabilities(windows)
    assert "memory-ran-out" in caplog.text
    assert tagger.budget_tokens < 1 << 20
    assert max(abs(one - other).max() for one, other in zip(wanted, found, strict=True)) <= PROBABILITY_TOLERANCE
