from dataclasses import replace

import numpy as np
import pytest

from finner_batch.results.logit_cache import LogitCache
from finner_batch.tagging.device import Device
from finner_batch.tagging.session import Session
from finner_batch.tagging.tagger import Tagger

SENTENCES = [
    f"The {2020 + n} Notes bear interest at {n % 9}.{n:02d}% and the facility has a size of ${n + 100} million."
    for n in range(60)
]


@pytest.fixture(scope="module")
def session(model):
    return Session(model, Device("cpu", "a test"))


@pytest.fixture
def cache(tmp_path):
    opened = LogitCache(tmp_path / "windows.sqlite", 1 << 24, lambda *told: pytest.fail(str(told)))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def windows(windows_of):
    return windows_of(SENTENCES)


def same(tables, others):
    return all(np.array_equal(table, other) for table, other in zip(tables, others, strict=True))


def test_cached_logits_are_equal_to_the_last_bit_and_their_windows_are_not_run(model, session, cache, windows):
    plain, without = Tagger(model, session).probabilities(windows)
    first, before = Tagger(model, session, cache=cache).probabilities(windows[:40])
    tagger = Tagger(model, session, cache=cache)
    mixed, after = tagger.probabilities([*windows[::-1], windows[50]])
    assert same(first, plain[:40])
    assert same(mixed, [*plain[::-1], plain[50]])
    assert (without.tokens_from_cache, before.tokens_from_cache) == (0, 0)
    assert after.tokens_from_cache == before.tokens_run
    assert after.tokens_run + before.tokens_run == without.tokens_run
    assert after.windows_run == without.windows_run - 40
    again, nothing = tagger.probabilities(windows)
    assert same(again, plain)
    assert (nothing.windows_run, nothing.tokens_run, nothing.tokens_padded) == (0, 0, 0)
    assert tagger.probabilities([])[0] == []


def test_models_variants_and_runtimes_share_no_cached_logits(model, session, cache, windows, monkeypatch):
    _, first = Tagger(model, session, cache=cache).probabilities(windows)
    assert first.tokens_run > 0
    half = Session(model, Device("cpu", "a test"), variant="fp16")
    plain, _ = Tagger(model, half).probabilities(windows)
    for other in (
        Tagger(replace(model, name="other"), session, cache=cache),
        Tagger(model, half, cache=cache),
    ):
        _, statistics = other.probabilities(windows)
        assert statistics.tokens_from_cache == 0
        assert other.probabilities(windows)[1].tokens_run == 0
    assert same(Tagger(model, half, cache=cache).probabilities(windows)[0], plain)
    monkeypatch.setattr("onnxruntime.__version__", "0.1")
    assert Tagger(model, session, cache=cache).probabilities(windows)[1].tokens_from_cache == 0


def test_the_same_ids_with_other_numbers_are_another_window(model, session, cache, windows):
    window = max(windows, key=lambda window: len(window.positions))
    assert len(window.positions) > 1
    fewer = window._replace(positions=window.positions[1:], numbers=window.numbers[1:])
    tagger = Tagger(model, session, cache=cache)
    (whole,), _ = tagger.probabilities([window])
    (part,), statistics = tagger.probabilities([fewer])
    assert statistics.tokens_from_cache == 0
    assert np.array_equal(part, whole[1:])
