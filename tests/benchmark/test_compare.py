import random
import shutil

import numpy as np
import pytest

from finner_batch.benchmark import usual_stack
from finner_batch.benchmark.compare import LOOP, OURS, PIPELINE, _sample_documents, compare
from finner_batch.benchmark.input_counts import survey
from finner_batch.benchmark.usual_stack import OnnxLoop, TransformersPipeline, soup_text
from finner_batch.readers.discover import discover
from finner_batch.tagging.device import Device
from finner_batch.tagging.onnx_file import read_encoder
from finner_batch.tagging.tagger import Tagger
from finner_batch.text.numbers import number_tokens


@pytest.fixture(scope="module")
def counted(sources, model):
    return survey(sources, model)


@pytest.fixture(scope="module")
def comparison(sources, counted, model, session):
    for package in ("pysbd", "torch", "transformers"):
        pytest.importorskip(package)
    encoder = read_encoder(model.onnx_path("int8"))
    return compare(sources, *counted, model, session, encoder, max_sentences=4, repeats=2, run_seconds=0.5)


@pytest.mark.slow
def test_every_contest_has_finner_batch_first_and_the_usual_stack_last(comparison):
    names = {contest.stage: [one.name for one in contest.contestants] for contest in comparison.contests}
    assert names == {
        "extract": [OURS, "BeautifulSoup get_text"],
        "split": [OURS, "pysbd"],
        "tag": [OURS, "finner-batch, every sentence", "plain onnxruntime loop", "transformers pipeline"],
    }


def test_the_ratios_match_the_seconds(comparison):
    for contest in comparison.contests:
        ours = contest.contestants[0]
        assert ours.times_as_fast.median == 1.0
        for one in contest.contestants:
            assert one.seconds.n == 2
            assert one.times_as_fast.median == pytest.approx(one.seconds.median / ours.seconds.median)
            assert one.rate.median == pytest.approx(contest.amount / one.seconds.median)


def test_the_sample_is_stated_and_bounded(comparison):
    tag = comparison.contests[-1]
    assert tag.sample.startswith("4 distinct sentences")
    assert (tag.unit, tag.clock) == ("tokens", "wall")


def test_the_batches_of_the_peers_and_the_load_at_the_end_are_stated(comparison):
    assert comparison.batches == {LOOP: 1, PIPELINE: 1}
    assert comparison.load_after >= 0


def test_no_two_sampled_documents_are_copies(filings, tmp_path):
    for name in ("a.htm", "b.htm", "c.htm"):
        shutil.copy(filings / "a.htm", tmp_path / name)
    assert len(_sample_documents(list(discover([str(tmp_path)])), random.Random(0))) == 1


class Shapes:
    """A session that writes down the shapes of what it is given, and labels nothing."""

    def __init__(self):
        self.seen = []

    def run(self, _outputs, given):
        self.seen.append(given["input_ids"].shape)
        return [np.zeros((*given["input_ids"].shape, 3), np.float32)]


@pytest.mark.parametrize(("device", "rows"), [("cpu", [1] * 9), ("cuda", [8, 1])])
def test_the_plain_loop_takes_a_sentence_at_a_time_on_a_cpu_and_batches_on_a_gpu(device, rows, model, monkeypatch):
    monkeypatch.setitem(usual_stack.LOOP_BATCH, "cpu", usual_stack.LOOP_BATCH[device])
    loop = OnnxLoop(model, "int8", Device("cpu", "requested"))
    loop._session = Shapes()
    loop(["The notes bear interest at 4.25%."] * 9)
    assert [shape[0] for shape in loop._session.seen] == rows


@pytest.mark.slow
@pytest.mark.parametrize(("device", "rows"), [("cpu", [1] * 33), ("cuda", [32, 1])])
def test_the_pipeline_takes_a_sentence_at_a_time_on_a_cpu_and_batches_on_a_gpu(device, rows, model, monkeypatch):
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    monkeypatch.setitem(usual_stack.PIPELINE_BATCH, "cpu", usual_stack.PIPELINE_BATCH[device])
    tagger = TransformersPipeline(model, read_encoder(model.onnx_path("int8")), Device("cpu", "requested"))
    seen = []
    tagger._pipeline.model.register_forward_pre_hook(
        lambda _network, _given, named: seen.append(len(named["input_ids"])), with_kwargs=True
    )
    tagger(["At 4.25%."] * 33)
    assert seen == rows


def test_the_whole_job_is_estimated_from_the_rates_for_the_whole_input(comparison, counted):
    found, _ = counted
    rates = {contest.stage: contest.contestants[-1].rate.median for contest in comparison.contests}
    before = found.html_bytes / rates["extract"] + found.characters / rates["split"]
    whole = comparison.whole_job
    assert whole["every_sentence_seconds"] == pytest.approx(before + found.prose_tokens / rates["tag"])
    assert whole["numbered_only_seconds"] == pytest.approx(before + found.numbered_tokens / rates["tag"])
    assert whole["every_sentence_ratio"] == pytest.approx(whole["every_sentence_seconds"] / 0.5)
    assert whole["every_sentence_ratio"] > whole["numbered_only_ratio"]


def test_the_plain_loop_labels_what_the_tagger_labels(model, session):
    texts = ["The notes bear interest at a fixed rate of 4.25% per annum.", "We employ 12,500 people in 37 countries."]
    tagger = Tagger(model, session)
    windows = [window for text in texts for window in tagger.tokenizer().windows(text, number_tokens(text))]
    given = sum(map(len, tagger.spans(windows, tagger.probabilities(windows)[0])))
    assert given == 1
    assert OnnxLoop(model, "int8", session.device)(texts) >= given


def test_the_soup_has_the_text_of_a_page():
    assert "4.25%" in soup_text("<html><body><p>at <b>4.25%</b></p></body></html>")
