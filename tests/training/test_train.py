import hashlib
import json
import logging
import shutil
from dataclasses import replace

import pytest
import torch
from tokenizers import Tokenizer

from finner_batch.errors import ModelError, UsageError
from finner_batch.tagging.model import load_model
from finner_batch.tagging.tagger import Tagger
from finner_batch.training.data.dataset import LABEL_SETS, STATISTICS_FILE, read_labels, read_sentences, write_sentences
from finner_batch.training.evaluation.evaluate import EvaluationConfig, measure
from finner_batch.training.evaluation.thresholds import write_thresholds
from finner_batch.training.export import export
from finner_batch.training.export.export import export_model
from finner_batch.training.learning import passes, processes
from finner_batch.training.learning.checkpoints import Epoch
from finner_batch.training.learning.encoder import load_base
from finner_batch.training.learning.loop import FitConfig
from finner_batch.training.learning.train import chosen_epochs, train

CAPACITY = "LineOfCreditFacilityMaximumBorrowingCapacity"
RATE = "DebtInstrumentInterestRateStatedPercentage"


@pytest.fixture(scope="module")
def data(tmp_path_factory, lesson):
    path = tmp_path_factory.mktemp("data") / "sentences.parquet"
    taught = lesson(62)
    splits = {"train": slice(0, 160), "validation": slice(160, 200), "dev": slice(200, 248)}
    rows = [replace(row, company=split, split=split) for split, part in splits.items() for row in taught[part]]
    write_sentences(rows, path)
    return path


@pytest.fixture(scope="module")
def config(data, tiny_config, tmp_path_factory):
    return tiny_config(
        data,
        tmp_path_factory.mktemp("trained") / "model",
        name="tiny",
        concept_epochs=4,
        concept_minimum=5,
        concept_learning_rate=5e-3,
        epochs=10,
        learning_rate=3e-3,
        notes="Made up.",
    )


@pytest.fixture(scope="module")
def trained(config):
    return train(config)


def test_a_trained_model_labels_the_sentences_of_unseen_companies(trained, data):
    found = measure(EvaluationConfig(model=str(trained), data=data)).figures
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


def test_the_record_names_data_machine_and_versions_and_what_was_chosen_by_what(trained, data, config):
    record = json.loads((trained / "training.json").read_text())
    (source,) = record["data"]["sources"]
    assert source == {"name": str(data), "sha256": record["data"]["sha256"], "sentences": 248, "filings": None}
    assert hashlib.sha256(data.read_bytes()).hexdigest() == source["sha256"]
    counted = {name: record["data"][f"{name}_sentences"] for name in ("train", "validation", "dev")}
    assert counted == {"train": 160, "validation": 40, "dev": 48}
    assert record["config"]["seed"] == config.seed
    assert {"torch", "python", "finner-batch"} <= record["versions"].keys()
    assert record["machine"]["processes"] == 1
    assert all(epoch["score"] is not None for epoch in record["passes"]["labels"])
    assert "development_filers" not in record, "nobody read a sentence"


def test_the_exported_model_is_evaluated_with_report_and_pictures(trained):
    written = {path.name for path in (trained / "evaluation").iterdir()}
    assert {"report.json", "classification_report.txt", "confusion.png", "reliability.png"} <= written
    assert (trained / "evaluation" / "confusion.png").read_bytes().startswith(b"\x89PNG")
    assert RATE in (trained / "evaluation" / "classification_report.txt").read_text()


@pytest.mark.slow
def test_nothing_is_chosen_by_the_split_that_is_reported(config, data, tmp_path):
    def other(row):
        """Give every number of the split dev a wrong reading."""
        numbers = (replace(number, reading="LineOfCreditFacilityMaximumBorrowingCapacity") for number in row.numbers)
        return replace(row, numbers=tuple(numbers)) if row.split == "dev" else row

    rows = read_sentences(data)
    write_sentences([other(row) for row in rows], tmp_path / "other.parquet")
    quick = replace(config, concept_epochs=0, epochs=5)
    found = []
    for name, path in (("one", data), ("two", tmp_path / "other.parquet")):
        folder = train(replace(quick, data=(str(path),), output=str(tmp_path / name)))
        record = json.loads((folder / "training.json").read_text())
        found.append(((folder / "checkpoint" / "model.safetensors").read_bytes(), record))
    (weights, record), (other_weights, other_record) = found
    assert weights == other_weights
    assert record["development"]["temperature"] == other_record["development"]["temperature"]
    assert other_record["development"]["unfiltered"] != record["development"]["unfiltered"]
    assert other_record["development_filers"]["unfiltered"] == record["development"]["unfiltered"]


def test_a_training_that_died_and_is_started_again_goes_on_to_the_same_weights(
    config, trained, tmp_path, monkeypatch, caplog
):
    output = tmp_path / "model"
    validation_f1 = passes.validation_f1
    calls = iter(range(100))

    def die(*arguments):
        if next(calls) == 2:
            raise KeyboardInterrupt
        return validation_f1(*arguments)

    monkeypatch.setattr(passes, "validation_f1", die)
    with pytest.raises(KeyboardInterrupt):
        train(replace(config, output=str(output), checkpoint_steps=3))
    monkeypatch.undo()
    assert (output / "checkpoint" / "state.safetensors").is_file()
    assert not (output / "concepts" / "state.safetensors").is_file(), "that pass is done"
    caplog.set_level(logging.INFO)
    train(replace(config, output=str(output)))
    assert "checkpoint epochs=2" in caplog.text
    name = "checkpoint/model.safetensors"
    assert (output / name).read_bytes() == (trained / name).read_bytes()
    assert not list(output.rglob("*state*"))


@pytest.mark.slow
def test_a_refit_learns_from_validation_too_for_the_epochs_that_were_chosen_without_it(config, tmp_path):
    quick = replace(config, concept_epochs=0, epochs=3)
    records, weights = [], []
    for refit in (False, True):
        folder = train(replace(quick, refit=refit, output=str(tmp_path / str(refit))))
        records.append(json.loads((folder / "training.json").read_text()))
        weights.append((folder / "checkpoint" / "model.safetensors").read_bytes())
    scores = [epoch["score"] for epoch in records[0]["passes"]["labels"]]
    assert [epoch["score"] for epoch in records[1]["passes"]["labels"]] == scores
    assert len(records[1]["passes"]["refit"]) == scores.index(max(scores)) + 1
    assert records[1]["passes"]["refit"][0]["tokens"] > records[1]["passes"]["labels"][0]["tokens"]
    assert records[1]["development"]["temperature"] == records[0]["development"]["temperature"]
    assert weights[0] != weights[1]
    assert not list(tmp_path.rglob("*state*"))


def test_a_training_without_scores_is_refitted_for_all_its_epochs():
    def epochs(*scores):
        return [Epoch(0.5, score, 1, 1.0) for score in scores]

    assert chosen_epochs(epochs(None, None, None)) == 3
    assert chosen_epochs(epochs(0.1, 0.4, 0.4, 0.2)) == 2
    assert chosen_epochs(epochs(0.0, 0.0)) == 1
    assert chosen_epochs([]) == 0


def test_a_length_beyond_the_positions_of_the_base_is_refused(config, tmp_path):
    with pytest.raises(UsageError, match=r"--max-length 65: .* 64 positions"):
        train(replace(config, max_length=65, output=str(tmp_path / "model")))


def test_a_training_that_starts_over_deletes_the_earlier_record_and_states(config, data, tmp_path, monkeypatch):
    output = tmp_path / "model"
    kept = [output / name / "state.safetensors" for name in ("concepts", "checkpoint", "checkpoint/refit")]
    for path in kept:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"old")
    (output / "checkpoint" / "training.json").write_text("{}")

    def die(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(passes, "fit", die)
    with pytest.raises(UsageError, match="damaged"):
        train(replace(config, output=str(output)))
    assert all(path.exists() for path in kept)
    with pytest.raises(KeyboardInterrupt):
        train(replace(config, output=str(output), resume=False))
    assert not any(path.exists() for path in kept)
    with pytest.raises(ModelError, match="unfinished training"):
        export_model(output, data)


def test_a_variant_that_fails_its_gate_is_an_error_and_leaves_no_file(trained, data, monkeypatch):
    assert export_model(trained, data, ["fp32"])[0].max_logit_difference < 1e-4
    (trained / "model.fp32.onnx").unlink()
    monkeypatch.setitem(export.MAX_LOGIT_DIFFERENCE, "fp32", -1.0)
    with pytest.raises(ModelError, match=r"fp32 variant .* fails its gate: logits differ"):
        export_model(trained, data, ["fp32"])
    assert not list(trained.glob("model.fp32*"))


@pytest.fixture
def copied(trained, tmp_path):
    """Copy the trained folder and change its thresholds."""
    folder = tmp_path / "copy"
    shutil.copytree(trained, folder)
    write_thresholds(load_model(folder), {RATE: 0.8, CAPACITY: 0.2})
    return folder


def test_chosen_thresholds_outlast_an_export_of_the_same_training_only(config, copied, data, caplog):
    export_model(copied, data, ["fp32"])
    assert load_model(copied).thresholds == {RATE: 0.8, CAPACITY: 0.2}
    assert set(load_model(copied).variants) - {"openvino"} == {"int8", "fp16", "fp32"}
    assert "reset" not in caplog.text
    train(replace(config, concept_epochs=0, epochs=3, output=str(copied), resume=False))
    assert load_model(copied).thresholds == {RATE: 0.5, CAPACITY: 0.5}
    assert "reset to 0.5" in caplog.text


def test_the_trainings_threshold_is_that_of_folder_and_gates_and_a_gate_that_compares_nothing_fails(
    trained, data, tmp_path
):
    folder = tmp_path / "strict"
    shutil.copytree(trained, folder)
    (folder / "config.json").unlink()
    path = folder / "checkpoint" / "training.json"
    record = json.loads(path.read_text())
    for threshold in (0.9, 1.0):
        path.write_text(json.dumps(record | {"config": record["config"] | {"threshold": threshold}}))
        if threshold == 1:  # no probability is
            with pytest.raises(ModelError, match=r"gate: nothing was compared: of \d+ numbers neither") as raised:
                export_model(folder, data, ["fp32"])
            assert raised.value.exit_code == 5
            continue
        (gate,) = export_model(folder, data, ["fp32"])
        assert 0 < gate.spans < record["gates"]["fp16"]["spans"]
        assert load_model(folder).thresholds == {RATE: 0.9, CAPACITY: 0.9}


def test_a_model_is_not_gated_on_data_without_its_labels(trained, tmp_path):
    rows = tmp_path / "others.jsonl"
    entities = [{"start": 3, "end": 4, "label": "Goodwill"}]
    rows.write_text(json.dumps({"text": "at 5%", "entities": entities, "split": "test"}))
    with pytest.raises(UsageError, match=r"others.jsonl has none of the model's labels.*It has Goodwill"):
        export_model(trained, rows, ["fp32"])


def test_a_model_that_labels_nothing_is_a_failure_and_no_model(config, tmp_path):
    quick = replace(config, concept_epochs=0, epochs=1, learning_rate=1e-9, output=str(tmp_path / "model"))
    with pytest.raises(ModelError, match=r"labels nothing: none of the 24 numbers of the split dev") as raised:
        train(quick)
    assert raised.value.exit_code == 5
    assert not list(tmp_path.rglob("*.onnx"))
    assert (tmp_path / "model" / "checkpoint" / "state.safetensors").is_file()


@pytest.mark.parametrize("split", ["validation", "dev"])
def test_a_split_without_any_of_the_labels_is_refused_before_the_training(config, data, tmp_path, split):
    def bare(row):
        numbers = tuple(replace(number, concept=None) for number in row.numbers)
        return replace(row, numbers=numbers) if row.split == split else row

    write_sentences([bare(row) for row in read_sentences(data)], tmp_path / "rows.parquet")
    with pytest.raises(UsageError, match=f"no sentence of the split '{split}' holds one of these labels"):
        train(replace(config, data=(str(tmp_path / "rows.parquet"),), output=str(tmp_path / "model")))
    assert not (tmp_path / "model").exists()


def test_a_folder_is_unchanged_where_any_variant_fails_its_gate(copied, data, monkeypatch):
    def content():
        return {path: path.read_bytes() for path in copied.rglob("*") if path.is_file()}

    before = content()
    monkeypatch.setitem(export.MAX_LOGIT_DIFFERENCE, "fp16", -1.0)
    with pytest.raises(ModelError, match="fp16 variant"):
        export_model(copied, data, ["fp32", "fp16"])
    assert content() == before


@pytest.fixture(scope="module")
def trained_on_own_rows(config, own_rows, tmp_path_factory):
    folder = tmp_path_factory.mktemp("own") / "model"
    shares = {"validation_share": 0.15, "dev_share": 0.2}
    return train(
        replace(config, data=(str(own_rows),), output=str(folder), concept_epochs=0, epochs=4, notes="", **shares)
    )


@pytest.mark.slow
def test_a_model_of_ones_own_rows_is_exported_against_the_share_that_its_training_set_aside(
    trained_on_own_rows, own_rows, tmp_path
):
    folder = tmp_path / "model"
    shutil.copytree(trained_on_own_rows, folder)
    (gate,) = export_model(folder, own_rows, ["fp32"])
    gates = json.loads((folder / "training.json").read_text())["gates"]
    assert gate.numbers == gates["int8"]["numbers"]
    assert gate.reference_f1 == gates["int8"]["reference_f1"]
    partly = tmp_path / "partly.jsonl"
    partly.write_text(json.dumps({"text": "at 5%", "entities": [{"number": "5", "tag": RATE}], "split": "dev"}))
    with pytest.raises(UsageError, match="no text whose numbers are all known"):
        export_model(folder, partly, ["fp32"])


def test_rows_of_ones_own_have_no_figures_by_filers_and_a_card_that_speaks_of_none(trained_on_own_rows):
    assert "development_filers" not in json.loads((trained_on_own_rows / "training.json").read_text())
    card = (trained_on_own_rows / "README.md").read_text()
    for word in ("filer", "filing", "readers", "XBRL", "us-gaap", "notes", "10-K", "companies,"):
        assert word not in card.replace(RATE, "").split("## How it was made")[0], word
    assert "10-K" not in card
    assert "Never trained on: " in card


def test_the_card_of_a_model_of_filings_speaks_of_readers_filers_and_notes(config, data, tmp_path):
    folder = tmp_path / "dataset"
    folder.mkdir()

    def read(row):
        return replace(row, numbers=tuple(replace(number, reading=number.concept or "O") for number in row.numbers))

    write_sentences([read(row) for row in read_sentences(data)], folder / "sentences.parquet")
    (folder / STATISTICS_FILE).write_text('{"documents": 3}')
    quick = replace(config, concept_epochs=0, epochs=5, data=(str(folder),), output=str(tmp_path / "model"))
    card = " ".join((train(quick) / "README.md").read_text().split())
    for words in ("By the filers' tags", "readings of the sentences", "of notes that hold", "10-K", "us-gaap"):
        assert words in card, words


def test_generated_sentences_are_left_out_where_they_know_less_than_the_labels(lesson, labelled, caplog):
    rows = [*lesson(2), *lesson(1, origin="generated")]
    assert passes.drop_partly_labelled(rows, ["O", RATE, CAPACITY]) == rows
    assert not caplog.text
    assert passes.drop_partly_labelled(rows, ["O", RATE, "Goodwill"]) == lesson(2)
    assert "left out generated sentences=4" in caplog.text
    rows.append(labelled("goodwill of $5 million", "Goodwill", origin="generated"))
    assert passes.drop_partly_labelled(rows, ["O", RATE, "Goodwill"]) == rows, "these know other labels, too"


def test_what_a_pass_over_other_labels_learns_is_without_the_generated_sentences(config, lesson, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(passes, "fit", lambda _model, examples, *_, **__: seen.append(len(examples)) or [])
    training = [*lesson(3), *lesson(2, origin="generated")]
    base = load_base(config.base)
    for labels in (["O", RATE], ["O", RATE, "Goodwill"]):
        passes.label_pass(base, labels, training, [], config, tmp_path)
    assert seen == [20, 12]


def test_a_finished_concept_pass_is_not_repeated_and_any_other_setting_repeats_it(config, trained, caplog):
    caplog.set_level(logging.INFO)
    assert (trained / "concepts" / "model.safetensors").is_file()
    train(replace(config, epochs=1, resume=False))
    assert "already done" in caplog.text
    caplog.clear()
    train(replace(config, epochs=1, concept_epochs=1, resume=False))
    assert "already done" not in caplog.text


def test_a_concept_pass_is_repeated_where_anything_that_it_was_made_from_has_changed(config, lesson, monkeypatch):
    base, rows = load_base(config.base), lesson(1)
    settings = FitConfig(epochs=1, learning_rate=1e-3, hard_ratio=1.0, easy_ratio=1.0)

    def key(base=base, rows=rows):
        return passes.pass_key(base, rows, ["O", RATE], settings, config)

    name = "embeddings.word_embeddings.weight"
    tokenizer = Tokenizer.from_str(base.tokenizer.to_str())
    tokenizer.add_tokens(["debenture"])
    row = (torch.ones(32), torch.tensor(0.0))
    others = [
        key(replace(base, weights={**base.weights, name: base.weights[name] + 1})),
        key(replace(base, head={RATE: row})),
        key(replace(base, head={CAPACITY: row})),
        key(replace(base, tokenizer=tokenizer)),
        key(rows=[replace(rows[0], exhaustive=False), *rows[1:]]),
        key(rows=[replace(rows[0], in_note=False), *rows[1:]]),
    ]
    assert key() == key(load_base(config.base))
    monkeypatch.setattr(processes, "size", lambda: 2)
    others.append(key())
    monkeypatch.undo()
    assert len({key(), *others}) == 8


def test_a_concept_pass_that_dies_leaves_no_record_of_the_weights(config, lesson, tmp_path, monkeypatch):
    (tmp_path / "concepts").mkdir()
    (tmp_path / "concepts" / "training.json").write_text('{"key": "of another pass"}')
    monkeypatch.setattr(passes, "fit", lambda *_, **__: [])

    def die(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(passes, "save_checkpoint", die)
    with pytest.raises(KeyboardInterrupt):
        passes.concept_pass(load_base(config.base), lesson(6), config, tmp_path)
    assert not (tmp_path / "concepts" / "training.json").exists()


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
