"""Training runs in an MLflow store: parameters, figures by epoch, final metrics by label, and the files written.

A training has one run, however often it is interrupted and resumed: the training's state holds the run's id.
`sqlite:///mlflow.db` needs no server: `mlflow ui --backend-store-uri sqlite:///mlflow.db` shows it. Such a store keeps
its artifacts in `mlartifacts/` next to the database.
"""

import getpass
import importlib
import importlib.util
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from finner_batch.errors import FinnerError, UsageError
from finner_batch.training.learning import processes
from finner_batch.training.learning.checkpoints import Epoch
from finner_batch.training.learning.output import Unfinished
from finner_batch.training.learning.train_config import TrainConfig

LOG = logging.getLogger(__name__)

SQLITE = "sqlite:///"
ARTIFACTS_FOLDER = "mlartifacts"
METRICS_AT_ONCE = 1000
"""MLflow's limit per call."""


@dataclass(frozen=True, slots=True)
class Tracker:
    """One run of an MLflow store; `client` is an `MlflowClient`. Raises FinnerError if the store fails."""

    client: Any
    run_id: str

    def watch(self, name: str) -> Callable[[int, Epoch], None]:
        """Return a `Watch` that records each epoch of the pass `name` once, under the epoch's number."""
        with _store_errors():
            recorded = {row.step for row in self.client.get_metric_history(self.run_id, f"{name}/loss")}

        def record(number: int, epoch: Epoch) -> None:
            if number in recorded:
                return
            figures = {"loss": epoch.loss, "tokens": epoch.tokens, "seconds": epoch.seconds, "f1": epoch.score}
            self.metrics({f"{name}/{key}": float(value) for key, value in figures.items() if value is not None}, number)

        return record

    def scores(self, name: str, unfiltered: Mapping[str, Mapping[str, Any]]) -> None:
        """Record precision, recall, F1 and support of each average and of each label that occurs, under `name`."""
        kinds = ("precision", "recall", "f1", "support")
        occurring = {label: score for label, score in unfiltered.items() if score["support"]}
        self.metrics({f"{name}/{label}/{kind}": score[kind] for label, score in occurring.items() for kind in kinds})

    def metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        """Record figures by name."""
        metric = importlib.import_module("mlflow.entities").Metric
        now = time.time_ns() // 1_000_000
        rows = [metric(name, value, now, step) for name, value in values.items()]
        for start in range(0, len(rows), METRICS_AT_ONCE):
            with _store_errors():
                self.client.log_batch(self.run_id, metrics=rows[start : start + METRICS_AT_ONCE])

    def artifacts(self, paths: Sequence[Path], folder: str | None = None) -> None:
        """Store files in a folder of the run's artifacts, or at the top level."""
        for path in paths:
            with _store_errors():
                self.client.log_artifact(self.run_id, str(path), folder)


@contextmanager
def tracked(config: TrainConfig, unfinished: Unfinished | None = None) -> Iterator[Tracker | None]:
    """Record a training in the store of the settings. Yields None without a store, and outside the main process.

    A failed training is recorded as failed, an interrupted one as killed; the run of `unfinished` in the same store is
    resumed. Raises UsageError if MLflow is missing or the store cannot be used.
    """
    if config.mlflow is None or not processes.is_main():
        yield None
        return
    tracker = _start(config, config.mlflow, unfinished)
    status = "FAILED"
    try:
        yield tracker
        status = "FINISHED"
    except KeyboardInterrupt:
        status = "KILLED"
        raise
    finally:
        try:
            tracker.client.set_terminated(tracker.run_id, status)
        except Exception as error:  # noqa: BLE001 - it must not hide the error that ended the training
            LOG.warning("--mlflow: the run %s could not be recorded as %s: %s", tracker.run_id, status, error)


@contextmanager
def _store_errors() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise FinnerError(
            f"--mlflow: the store failed ({error}). The training's state is kept: fix the store and start again"
        ) from error


def require_mlflow(config: TrainConfig) -> None:
    """Raise UsageError if the settings name a store and MLflow is missing."""
    if config.mlflow is not None and importlib.util.find_spec("mlflow") is None:
        raise UsageError("--mlflow: MLflow is not installed: pip install 'finner-batch[mlflow]'")


def _start(config: TrainConfig, store: str, unfinished: Unfinished | None) -> Tracker:
    require_mlflow(config)
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # a training only connects to the store
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        client = importlib.import_module("mlflow").MlflowClient(tracking_uri=store)
        if unfinished and unfinished.run and unfinished.run[0] == store and _resume_run(client, unfinished.run[1]):
            return Tracker(client, unfinished.run[1])
        existing = client.get_experiment_by_name(config.mlflow_experiment)
        experiment = existing.experiment_id if existing else _create_experiment(client, config.mlflow_experiment, store)
        run_id = client.create_run(experiment, run_name=config.name, tags=_tags(config)).info.run_id
        if unfinished:
            replace(unfinished, run=(store, run_id)).write()
        for key, value in asdict(config).items():
            if key not in {"notes", "mlflow", "mlflow_experiment"}:
                client.log_param(run_id, key, " ".join(value) if isinstance(value, tuple) else value)
    except Exception as error:
        raise UsageError(f"--mlflow {store}: the store cannot be used: {error}") from error
    return Tracker(client, run_id)


def _resume_run(client: Any, run_id: str) -> bool:
    """Set a run to RUNNING again; return False if it was deleted."""
    exceptions = importlib.import_module("mlflow.exceptions")
    try:
        run = client.get_run(run_id)
    except exceptions.MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return False
        raise
    if run.info.lifecycle_stage != "active":
        return False
    client.update_run(run_id, status="RUNNING")
    return True


def _create_experiment(client: Any, name: str, store: str) -> str:
    """Create an experiment; a store in a file has its artifacts next to the file."""
    location = None
    if store.startswith(SQLITE):
        location = (Path(store.removeprefix(SQLITE)).absolute().parent / ARTIFACTS_FOLDER).as_uri()
    experiment_id: str = client.create_experiment(name, artifact_location=location)
    return experiment_id


def _tags(config: TrainConfig) -> dict[str, str]:
    """Return the tags that MLflow shows as a run's source, user and description."""
    tags = {"mlflow.source.name": "finner-batch train", "mlflow.source.type": "LOCAL"}
    with suppress(OSError, KeyError):  # a user without a name, as in a container
        tags["mlflow.user"] = getpass.getuser()
    return tags | ({"mlflow.note.content": config.notes} if config.notes else {})
