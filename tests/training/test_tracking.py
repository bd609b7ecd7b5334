import json
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from finner_batch.errors import FinnerError, ModelError, UsageError
from finner_batch.tagging.model import load_model
from finner_batch.training.learning import passes, tracking
from finner_batch.training.learning.checkpoints import Epoch
from finner_batch.training.learning.output import begin
from finner_batch.training.learning.tracking import tracked
from finner_batch.training.learning.train import train
from finner_batch.training.learning.train_config import TrainConfig

mlflow = pytest.importorskip("mlflow", reason="MLflow is not installed: pip install mlflow-skinny sqlalchemy alembic")

SETTINGS = {"validation_share": 0.2, "dev_share": 0.2, "learning_rate": 3e-3}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db"


@pytest.fixture(scope="module")
def trained(own_rows, tiny_config, tmp_path_factory, store):
    return train(
        tiny_config(
            own_rows,
            tmp_path_factory.mktemp("tracked") / "model",
            **SETTINGS,
            name="tiny",
            concept_epochs=1,
            concept_minimum=5,
            epochs=5,
            mlflow=store,
            mlflow_experiment="rates",
        )
    )


@pytest.fixture(scope="module")
def run(trained, store):
    """Return the run as another client of the store sees it, such as `mlflow ui`."""
    assert trained.is_dir()
    client = mlflow.MlflowClient(tracking_uri=store)
    (found,) = client.search_runs([client.get_experiment_by_name("rates").experiment_id])
    return client, found


@pytest.mark.slow
def test_rows_of_ones_own_are_enough_for_a_whole_training(trained):
    record = json.loads((trained / "training.json").read_text())
    assert record["development"]["unfiltered"]["micro"]["f1"] > 0.7
    assert record["data"]["train_companies"] == 0, "none is stated"


@pytest.mark.slow
def test_a_finished_run_has_parameters_and_figures_by_epoch_and_by_label(run, trained, own_rows):
    client, found = run
    record = json.loads((trained / "training.json").read_text())
    assert (found.info.status, found.info.run_name) == ("FINISHED", "tiny")
    assert found.data.tags["mlflow.source.name"] == "finner-batch train"
    assert (found.data.params["learning_rate"], found.data.params["data"]) == ("0.003", str(own_rows))
    for name, epochs in record["passes"].items():
        stored = client.get_metric_history(found.info.run_id, f"{name}/loss")
        assert [(row.step, row.value) for row in stored] == [
            (number, pytest.approx(epoch["loss"])) for number, epoch in enumerate(epochs, start=1)
        ]
    scored = client.get_metric_history(found.info.run_id, "labels/f1")
    assert [row.value for row in scored] == [epoch["score"] for epoch in record["passes"]["labels"]]
    for label, score in record["development"]["unfiltered"].items():
        assert found.data.metrics[f"dev/{label}/f1"] == pytest.approx(score["f1"])


@pytest.mark.slow
def test_report_picture_card_and_model_are_artifacts_next_to_the_database(run, trained, store, tmp_path):
    client, found = run
    stored = {file.path: file.file_size for file in client.list_artifacts(found.info.run_id)}
    assert {"README.md", "classification_report.txt", "confusion.png", "reliability.png", "model"} <= stored.keys()
    assert stored["README.md"] == (trained / "README.md").stat().st_size
    picture = client.download_artifacts(found.info.run_id, "confusion.png", str(tmp_path))
    assert (trained / "evaluation" / "confusion.png").read_bytes() == Path(picture).read_bytes()
    folder = client.download_artifacts(found.info.run_id, "model", str(tmp_path))
    assert load_model(folder).model_id == load_model(trained).model_id, "a model folder as any other"
    assert load_model(folder).onnx_path("int8").is_file()
    database = store.removeprefix("sqlite:///")
    (location,) = sqlite3.connect(database).execute("SELECT artifact_uri FROM runs").fetchone()
    assert location.startswith(f"file://{database.removesuffix('mlflow.db')}mlartifacts/")


@pytest.fixture
def quick(own_rows, tiny_config, tmp_path):
    settings = {**SETTINGS, "concept_epochs": 0, "epochs": 4, "patience": 4}
    return tiny_config(own_rows, tmp_path / "model", **settings, mlflow=f"sqlite:///{tmp_path}/own.db")


def runs(config):
    client = mlflow.MlflowClient(tracking_uri=config.mlflow)
    return client, client.search_runs([experiment.experiment_id for experiment in client.search_experiments()])


@pytest.mark.slow
def test_a_training_has_one_run_however_often_and_however_it_is_broken_off(quick, monkeypatch):
    validation_f1, endings = passes.validation_f1, [None, KeyboardInterrupt, None, ValueError, None, None]

    def break_off(*arguments):
        if endings and (ending := endings.pop(0)):
            raise ending
        return validation_f1(*arguments)

    monkeypatch.setattr(passes, "validation_f1", break_off)
    for ending, status in ((KeyboardInterrupt, "KILLED"), (ValueError, "FAILED")):
        with pytest.raises(ending):
            train(quick)
        client, (found,) = runs(quick)
        assert found.info.status == status
    client.update_run(found.info.run_id, status="RUNNING")  # as SIGKILL leaves it
    train(quick)
    _, (last,) = runs(quick)
    assert (last.info.run_id, last.info.status) == (found.info.run_id, "FINISHED")
    steps = [row.step for row in client.get_metric_history(last.info.run_id, "labels/loss")]
    assert steps == [1, 2, 3, 4], "each epoch is recorded once"
    train(quick)
    assert len(runs(quick)[1]) == 1, "nothing was left to train"


@pytest.mark.slow
def test_a_run_that_was_deleted_or_lies_in_another_store_is_followed_by_a_new_one(tmp_path, store):
    config = TrainConfig(output=str(tmp_path / "model"), mlflow=store, mlflow_experiment="deleted")
    client = mlflow.MlflowClient(tracking_uri=store)
    seen = []
    for _ in range(2):
        with begin(config, {"seed": 1}) as unfinished, tracked(config, unfinished) as tracker:
            seen.append(tracker.run_id)
        client.delete_run(seen[-1])
    replace(unfinished, run=("sqlite:///elsewhere.db", seen[0])).write()
    with begin(config, {"seed": 1}) as unfinished, tracked(config, unfinished) as tracker:
        seen.append(tracker.run_id)
    assert len(set(seen)) == 3


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"data": ("missing.jsonl",)}, UsageError),
        ({"labels": "no-such-set"}, UsageError),
        ({"max_length": 65}, UsageError),
        ({"dev_share": 0.0}, UsageError),
        ({"base": "package:no_such_package"}, ModelError),
    ],
)
def test_an_error_of_use_has_no_run(quick, tmp_path, changes, error):
    with pytest.raises(error):
        train(replace(quick, **changes))
    assert sorted(path.name for path in tmp_path.iterdir()) == [], "neither a store nor a model"


@pytest.mark.slow
def test_a_training_that_is_terminated_is_recorded_as_killed(quick, tmp_path):
    endless = {**asdict(quick), "epochs": 10_000, "patience": 10_000}
    job = "".join(f"{key.replace('_', '-')} = {json.dumps(value)}\n" for key, value in endless.items())
    (tmp_path / "job.toml").write_text(job)
    command = [sys.executable, "-m", "finner_batch", "train", "--config", str(tmp_path / "job.toml")]
    child = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    state = tmp_path / "model" / "checkpoint" / "state.safetensors"
    while child.poll() is None and not state.exists():
        time.sleep(0.05)
    child.terminate()
    assert child.wait() == 128 + signal.SIGTERM
    assert [found.info.status for found in runs(quick)[1]] == ["KILLED"]


@pytest.mark.slow
def test_a_store_that_fails_midway_is_an_error_of_one_line_and_the_state_is_kept(quick, monkeypatch):
    def refuse(*_, **__):
        raise mlflow.exceptions.MlflowException("out of space")

    monkeypatch.setattr(mlflow.MlflowClient, "log_batch", refuse)
    with pytest.raises(FinnerError, match=r"the store failed \(out of space\).*start again"):
        train(quick)
    monkeypatch.undo()
    assert [found.info.status for found in runs(quick)[1]] == ["FAILED"]
    assert (Path(quick.output) / "checkpoint" / "state.safetensors").is_file()


def test_a_training_that_fails_is_recorded_as_failed(store):
    config = TrainConfig(mlflow=store, mlflow_experiment="rates", name="broken")
    seen = []

    def broken(error):
        with tracked(config) as tracker:
            seen.append(tracker)
            tracker.watch("labels")(1, Epoch(0.5, None, 10, 1.0))
            raise error

    for error, status in ((ValueError, "FAILED"), (KeyboardInterrupt, "KILLED")):
        with pytest.raises(error):
            broken(error)
        stored = seen[-1].client.get_run(seen[-1].run_id)
        assert (stored.info.status, stored.data.metrics["labels/loss"]) == (status, 0.5)


def test_nothing_is_recorded_by_default_or_in_another_process(store, monkeypatch):
    with tracked(TrainConfig()) as tracker:
        assert tracker is None
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with tracked(TrainConfig(mlflow=store)) as tracker:
        assert tracker is None


def test_a_missing_mlflow_and_a_store_that_is_none_are_usage_errors(monkeypatch, tmp_path):
    config = TrainConfig(mlflow=f"sqlite:///{tmp_path}/mlflow.db")
    wrong = replace(config, mlflow="nonsense://store")
    with pytest.raises(UsageError, match="nonsense://store: the store cannot be used"), tracked(wrong):
        pass
    monkeypatch.setattr(tracking.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(UsageError, match=r"pip install 'finner-batch\[mlflow\]'"), tracked(config):
        pass
    with pytest.raises(UsageError, match=r"pip install 'finner-batch\[mlflow\]'"):
        train(replace(config, data=("missing",), output=str(tmp_path / "model")))
