"""`train` with an output folder that is not empty."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from finner_batch.errors import LockedError, UsageError
from finner_batch.training.data.dataset import write_sentences
from finner_batch.training.learning import passes
from finner_batch.training.learning.output import begin, check_folder
from finner_batch.training.learning.train import train
from finner_batch.training.learning.train_config import TrainConfig


@pytest.fixture
def config(tmp_path, lesson, tiny_config):
    splits = {"train": slice(0, 40), "validation": slice(40, 60), "dev": slice(60, 80)}
    taught = lesson(20)
    rows = [replace(row, company=split, split=split) for split, part in splits.items() for row in taught[part]]
    write_sentences(rows, tmp_path / "rows.parquet")
    settings = {"concept_epochs": 0, "epochs": 6, "patience": 6, "learning_rate": 1e-2}
    return tiny_config(tmp_path / "rows.parquet", tmp_path / "model", **settings)


def content(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and ".lock" not in path.name}


def unfinished(config, made, *, epochs=2):
    """Write the state of a training with the identity `made` that was killed after some epochs."""
    with begin(config, made):
        pass
    folder = config.output + "/checkpoint"
    progress = {"history": [{"loss": 1.0, "score": None, "tokens": 1, "seconds": 1.0}] * epochs, "steps": 9}
    metadata = {"identity": "", "progress": json.dumps(progress)}
    save_file({"model.weight": torch.ones(2)}, f"{folder}/state.safetensors", metadata)


MADE = {"data": ["a1"], "labels": ["Coupon"], "cues": {}, "base": "b2", "epochs": 5, "seed": 13, "device": "cpu"}


def test_a_broken_off_training_goes_on_when_it_is_started_again_and_a_finished_one_is_not_repeated(
    config, tmp_path, monkeypatch, caplog
):
    caplog.set_level("INFO")
    validation_f1, calls = passes.validation_f1, []

    def die(*arguments):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return validation_f1(*arguments)

    monkeypatch.setattr(passes, "validation_f1", die)
    with pytest.raises(KeyboardInterrupt):
        train(config)
    assert train(config) == tmp_path / "model"
    assert len(calls) == 7, "three epochs before, the fourth broken off, three after"
    assert "resuming" in caplog.text
    before = content(tmp_path / "model")
    assert not [path for path in before if path.name in {"unfinished.json", "state.safetensors"}]
    train(replace(config, checkpoint_steps=5))
    assert "trained already" in caplog.text
    assert content(tmp_path / "model") == before
    with pytest.raises(UsageError, match=r"holds a trained model .* --epochs \(6 before, 7 now\)\. Name another"):
        train(replace(config, epochs=7))
    assert content(tmp_path / "model") == before


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"epochs": 9}, r"--epochs \(5 before, 9 now\)"),
        ({"data": ["other"]}, r"--data \(other content\)"),
        ({"labels": ["Size"]}, r"--labels \(other content\)"),
        ({"base": "b3"}, r"--base \(other content\)"),
        ({"device": "cuda"}, r" device \(cpu before, cuda now\)"),
        ({"seed": 1, "epochs": 2}, r"--epochs .*, --seed"),
    ],
)
def test_another_training_leaves_an_unfinished_one_as_it_is_and_names_what_differs(tmp_path, changed, words):
    config = TrainConfig(output=str(tmp_path / "model"))
    unfinished(config, MADE)
    before = content(tmp_path)
    with (
        pytest.raises(UsageError, match=rf"\(checkpoint epochs=2 .*differs in.*{words}.*--no-resume"),
        begin(config, MADE | changed),
    ):
        pass
    assert content(tmp_path) == before
    with begin(config, MADE) as found:
        assert found.made_from == MADE
    with begin(replace(config, resume=False), MADE | changed) as found:
        assert found.made_from == MADE | changed
    assert not (tmp_path / "model" / "checkpoint" / "state.safetensors").exists()


def test_a_training_of_which_no_epoch_was_done_gives_way(tmp_path):
    config = TrainConfig(output=str(tmp_path / "model"))
    with begin(config, MADE):
        pass
    with begin(config, MADE | {"epochs": 9}) as found:
        assert found.made_from["epochs"] == 9


def test_a_damaged_state_and_that_of_an_earlier_version_are_left_for_their_user_to_decide(tmp_path):
    config = TrainConfig(output=str(tmp_path / "model"))
    unfinished(config, MADE)
    state = tmp_path / "model" / "checkpoint" / "state.safetensors"
    (state.parent / "unfinished.json").unlink()
    with pytest.raises(UsageError, match=r"by an earlier version \(checkpoint epochs=2"), begin(config, MADE):
        pass
    state.write_bytes(state.read_bytes()[:-4])
    with pytest.raises(UsageError, match=r"damaged .*--no-resume"), begin(config, MADE):
        pass
    assert state.exists()


def test_a_model_whose_checkpoint_another_training_began_to_replace_is_trained_again_by_the_same_command(tmp_path):
    config = TrainConfig(output=str(tmp_path / "model"))
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "checksums.json").write_text("{}")
    record = {"trained": "2026-01-02", "config": {"notes": ""}, "made_from": MADE}
    (tmp_path / "model" / "training.json").write_text(json.dumps(record))
    with begin(config, MADE) as found:
        assert found is None
    with begin(replace(config, resume=False), MADE | {"epochs": 0}):
        pass
    with begin(config, MADE) as found:
        assert found.made_from == MADE
    with pytest.raises(UsageError, match=r"trained model \(2026-01-02\)"), begin(config, MADE | {"seed": 1}):
        pass


def test_a_model_of_an_earlier_version_is_not_replaced(tmp_path):
    config = TrainConfig(output=str(tmp_path / "model"))
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "checksums.json").write_text("{}")
    (tmp_path / "model" / "training.json").write_text('{"trained": "2026-01-02", "config": {"notes": ""}}')
    with pytest.raises(UsageError, match=r"trained model \(2026-01-02\).*earlier version"), begin(config, MADE):
        pass
    with begin(replace(config, resume=False), MADE) as found:
        assert found


def test_two_trainings_of_one_folder_exclude_each_other(tmp_path):
    config = TrainConfig(output=str(tmp_path / "model"))
    with begin(config, MADE), pytest.raises(LockedError) as raised, begin(config, MADE):
        pass
    assert raised.value.exit_code == 4


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("notes.txt", r"files \(notes.txt\)"),
        ("entities/a.parquet", "the results of `finner-batch run`"),
        ("sentences.parquet", "a dataset of `finner-batch label`"),
        ("model.safetensors", "an encoder or checkpoint"),
    ],
)
def test_a_folder_of_something_else_is_not_written_to(config, tmp_path, file, words):
    path = tmp_path / "model" / file
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    for resume in (True, False):
        with pytest.raises(UsageError, match=rf"--output .*model holds {words}, and no model: name a new"):
            train(replace(config, output=str(tmp_path / "model"), resume=resume))
    assert [each for each in (tmp_path / "model").rglob("*") if each.is_file()] == [path]


def test_a_file_and_the_base_itself_are_no_output(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match="is not a folder"):
        check_folder(TrainConfig(output=str(tmp_path / "file")))
    (tmp_path / "model" / "checkpoint").mkdir(parents=True)
    with pytest.raises(UsageError, match=r"--base .*checkpoint lies in --output"):
        check_folder(TrainConfig(output=str(tmp_path / "model"), base=str(tmp_path / "model" / "checkpoint")))
    check_folder(TrainConfig(output=str(tmp_path / "new")))


def test_a_data_error_writes_nothing(config, tmp_path):
    with pytest.raises(UsageError, match="no labelled data there"):
        train(replace(config, data=(str(tmp_path / "missing.jsonl"),)))
    assert not (tmp_path / "model").exists()
