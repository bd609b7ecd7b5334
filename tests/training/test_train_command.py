import importlib

import pytest
from click.testing import CliRunner

from finner_batch.cli.main import commands
from finner_batch.errors import UsageError
from finner_batch.training.learning import processes
from finner_batch.training.learning import train_config as settings
from finner_batch.training.learning.train_config import TrainConfig


@pytest.fixture
def configuration(monkeypatch, tmp_path):
    """Call `train` with flags, job file and environment; return the settings of the training."""
    seen = []

    def note(config):
        seen.append(config)
        return tmp_path

    monkeypatch.setattr(importlib.import_module("finner_batch.training.learning.train"), "train", note)
    (tmp_path / "README.md").write_text("the card\n")

    def invoke(*flags, job="", **environment):
        (tmp_path / "job.toml").write_text(job)
        arguments = ["train", "--config", str(tmp_path / "job.toml"), *flags]
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        done = CliRunner().invoke(commands, arguments, auto_envvar_prefix="FINNER", standalone_mode=False)
        if done.exception:
            raise done.exception
        return seen[-1], done.stdout

    return invoke


def test_without_settings_a_training_has_the_defaults_and_its_card_is_shown(configuration):
    assert configuration() == (TrainConfig(), "the card\n")


def test_data_are_given_several_times_by_flag_by_environment_or_in_a_job_file(configuration):
    assert configuration("--data", "a", "--data", "nlpaueb/finer-139")[0].data == ("a", "nlpaueb/finer-139")
    job = 'data = ["a", "b.jsonl"]\n'
    assert configuration(job=job)[0].data == ("a", "b.jsonl")
    assert configuration(job='data = "a"\n')[0].data == ("a",)
    assert configuration(job=job, FINNER_TRAIN_DATA="c:d/e")[0].data == ("c", "d/e")
    assert configuration("--data", "f", job=job, FINNER_TRAIN_DATA="c:d/e")[0].data == ("f",)


def test_every_setting_is_a_key_of_the_job_file_and_an_environment_variable(configuration):
    job = (
        'class-weights = "balanced"\naccumulate = 4\ncheckpoint-steps = 50\nresume = true\n'
        'mlflow = "sqlite:///m.db"\nvalidation-share = 0.2\nlabels = "frequent:100"\n'
    )
    config, _ = configuration(job=job)
    assert (config.class_weights, config.accumulate, config.checkpoint_steps) == ("balanced", 4, 50)
    assert (config.resume, config.mlflow, config.validation_share) == (True, "sqlite:///m.db", 0.2)
    assert config.labels == "frequent:100"
    config, _ = configuration(
        "--no-resume", job=job, FINNER_TRAIN_CLASS_WEIGHTS="none", FINNER_TRAIN_MLFLOW_EXPERIMENT="rates"
    )
    assert (config.class_weights, config.mlflow_experiment, config.resume) == ("none", "rates", False)


def test_settings_out_of_range_are_refused(configuration):
    with pytest.raises(UsageError, match="--checkpoint-steps -1"):
        configuration(job="checkpoint-steps = -1\n")
    for flag, value, words in (
        ("--accumulate", "0", "needs 1 or more"),
        ("--threshold", "0", "needs more than 0 and at most 1"),
        ("--threshold", "-0.5", "needs more than 0"),
        ("--threshold", "1.1", "at most 1"),
        ("--max-length", "2", "needs 16 or more"),
        ("--learning-rate", "-1", "needs more than 0"),
        ("--concept-learning-rate", "0", "needs more than 0"),
        ("--learning-rate", "nan", "needs more than 0"),
        ("--average", "7", "needs 0 or more and less than 1"),
        ("--average", "1", "less than 1"),
    ):
        with pytest.raises(UsageError, match=f"{flag} .*{words}"):
            configuration(flag, value)
    assert configuration("--max-length", "16", "--average", "0")[0].average == 0


def test_only_the_main_of_several_processes_shows_the_card(configuration):
    assert configuration(RANK="1", WORLD_SIZE="2")[1] == ""
    assert not processes.is_main()


def test_a_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setattr(settings.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(UsageError, match=r"finner-batch\[train\]"):
        settings.require_train_extra()
