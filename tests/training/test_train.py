import json
import logging
from dataclasses import replace

import pytest

from finner_batch.errors import ModelError, UsageError
from finner_batch.tagger.tagger import Tagger
from finner_batch.training import export
from finner_batch.training.config import TrainConfig
from finner_batch.training.dataset import write_sentences
from finner_batch.training.evaluate import evaluate
from finner_batch.training.export import export_model
from finner_batch.training.train import LABEL_SETS, read_labels, train

RATE = "DebtInstrumentInterestRateStatedPercentage"


@pytest.fixture(scope="module")
def data(tmp_path_factory, lesson):
    path = tmp_path_factory.mktemp("data") / "sentences.parquet"
    write_sentences(
        [*lesson(40, company="0000000001"), *lesson(12, company="0000000002", split="dev")],
        path,
    )
    return path


@pytest.fixture(scope="module")
def config(data, bert_folder, label_file, tmp_path_factory):
    return TrainConfig(
        data=str(data),
        output=str(tmp_path_factory.mktemp("trained") / "model"),
        base=str(bert_folder),
        labels=str(label_file),
        name="tiny",
        concept_epochs=4,
        concept_minimum=5,
        concept_learning_rate=5e-3,
        epochs=10,
        learning_rate=3e-3,
        batch_tokens=256,
        max_length=64,
        notes="Made up.",
    )


@pytest.fixture(scope="module")
def trained(config):
    return train(config)


def test_what_the_words_say_is_learnt_and_found_on_companies_never_seen(trained, data):
    found = evaluate(str(trained), data)
    assert found.unfiltered["micro"].f1 > 0.8
    assert found.false_positive_sentences < 0.3
    recorded = json.loads((trained / "training.json").read_text())["development"]
    assert recorded["unfiltered"]["micro"]["f1"] == pytest.approx(found.unfiltered["micro"].f1, abs=0.05)


def test_the_tagger_reads_the_folder_and_labels_a_number(trained):
    tagger = Tagger.load(trained, device="cpu")
    sentence = "the notes bear interest at a rate of 9.87%."
    windows = tagger.tokenizer().windows(sentence, [(37, 41)])
    ((span,),) = tagger.spans(windows, tagger.probabilities(windows)[0])
    assert (sentence[span.start : span.end], span.label) == ("9.87", RATE)


def test_a_damaged_file_of_the_folder_is_noticed(trained, tmp_path):
    for path in trained.iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "tokenizer.json").write_bytes((tmp_path / "tokenizer.json").read_bytes() + b" ")
    with pytest.raises(ModelError, match="damaged"):
        Tagger.load(tmp_path, device="cpu")


def test_the_card_states_the_measured_figures_and_the_gates(trained):
    card = (trained / "README.md").read_text()
    record = json.loads((trained / "training.json").read_text())
    micro = record["development"]["unfiltered"]["micro"]
    assert f"| micro | {micro['support']} | {micro['precision']:.3f} | {micro['recall']:.3f}" in card
    for precision in ("int8", "fp16"):
        assert f"| {precision} | " in card
        assert record["gates"][precision]["span_agreement"] >= 0.995
    assert record["data"]["sha256"][:16] in card
    assert "Made up." in card


def test_a_variant_that_fails_its_gate_is_an_error_and_leaves_no_file(trained, data, monkeypatch):
    assert export_model(trained, data, ["fp32"])[0].max_logit_difference < 1e-4
    (trained / "model.fp32.onnx").unlink()
    monkeypatch.setitem(export.MAX_LOGIT_DIFFERENCE, "fp32", -1.0)
    with pytest.raises(ModelError, match=r"fp32 variant .* fails its gate: logits differ"):
        export_model(trained, data, ["fp32"])
    assert not list(trained.glob("model.fp32*"))


def test_a_finished_concept_pass_is_not_repeated_and_any_other_setting_repeats_it(config, trained, caplog):
    caplog.set_level(logging.INFO)
    assert (trained / "concepts" / "model.safetensors").is_file()
    train(replace(config, epochs=1))
    assert "already done" in caplog.text
    caplog.clear()
    train(replace(config, epochs=1, concept_epochs=1))
    assert "already done" not in caplog.text


def test_labels_come_from_a_known_set_or_a_file(tmp_path):
    assert read_labels("debt4") == list(LABEL_SETS["debt4"])
    (tmp_path / "own.txt").write_text("Goodwill\n\nDebt \n")
    assert read_labels(str(tmp_path / "own.txt")) == ["Goodwill", "Debt"]
    (tmp_path / "own.txt").write_text("Goodwill\nGoodwill\n")
    for wrong in (str(tmp_path / "own.txt"), "no_such_set"):
        with pytest.raises(UsageError):
            read_labels(wrong)


def test_a_folder_without_a_checkpoint_cannot_be_exported(tmp_path, data):
    with pytest.raises(ModelError, match="made by `train`"):
        export_model(tmp_path, data)
