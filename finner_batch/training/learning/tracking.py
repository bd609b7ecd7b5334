"""Training runs in an MLflow store: parameters, figures by epoch, final metrics by label, and what was written.

`sqlite:///mlflow.db` needs no server: `mlflow ui --backend-store-uri sqlite:///mlflow.db` shows it. Pictures and texts
of such a store lie in `mlartifacts/` beside the database.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finner_batch.errors import UsageError
from finner_batch.training.learning import processes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from finner_batch.training.learning.checkpoints import Epoch
    from finner_batch.training.learning.config import TrainConfig

SQLITE = "sqlite:///"
ARTIFACTS_FOLDER = "mlartifacts"
METRICS_AT_ONCE = 1000
"""MLflow takes no more in one call."""


@dataclass(frozen=True, slots=True)
class Tracker:
    """One run of an MLflow store; `client` is an `MlflowClient`."""

    client: Any
    run_id: str

    def watch(self, name: str) -> Callable[[int, Epoch], None]:
        """What `fit` tells of each epoch of the pass `name`, to be recorded under the epoch's number."""

        def record(number: int, epoch: Epoch) -> None:
            figures = {"loss": epoch.loss, "tokens": epoch.tokens, "seconds": epoch.seconds, "f1": epoch.score}
            self.metrics({f"{name}/{key}": float(value) for key, value in figures.items() if value is not None}, number)

        return record

    def scores(self, name: str, unfiltered: Mapping[str, Mapping[str, Any]]) -> None:
        """Record precision, recall, F1 and support of each label and average under `name`."""
        kinds = ("precision", "recall", "f1", "support")
        self.metrics({f"{name}/{label}/{kind}": score[kind] for label, score in unfiltered.items() for kind in kinds})

    def metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        """Record figures by name."""
        metric = importlib.import_module("mlflow.entities").Metric
        now = time.time_ns() // 1_000_000
        rows = [metric(name, value, now, step) for name, value in values.items()]
        for start in range(0, len(rows), METRICS_AT_ONCE):
            self.client.log_batch(self.run_id, metrics=rows[start : start + METRICS_AT_ONCE])

    def artifacts(self, paths: Sequence[Path]) -> None:
        """Store files."""
        for path in paths:
            self.client.log_artifact(self.run_id, str(path))


@contextmanager
def tracked(config: TrainConfig) -> Iterator[Tracker | None]:
    """Record a training in the store that the settings name; None where they name none, or not in this process.

    A training that fails is recorded as failed. Raises UsageError where MLflow is missing or the store cannot be used.
    """
    if config.mlflow is None or not processes.is_main():
        yield None
        return
    tracker = _start(config, config.mlflow)
    status = "FAILED"
    try:
        yield tracker
        status = "FINISHED"
    except KeyboardInterrupt:
        status = "KILLED"
        raise
    finally:
        tracker.client.set_terminated(tracker.run_id, status)


def _start(config: TrainConfig, store: str) -> Tracker:
    if importlib.util.find_spec("mlflow") is None:
        raise UsageError("--mlflow: MLflow is not installed: pip install 'finner-batch[mlflow]'")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # a training speaks to no one but the store
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        client = importlib.import_module("mlflow").MlflowClient(tracking_uri=store)
        found = client.get_experiment_by_name(config.mlflow_experiment)
        experiment = found.experiment_id if found else _experiment(client, config.mlflow_experiment, store)
        run_id = client.create_run(experiment, run_name=config.name).info.run_id
        for key, value in asdict(config).items():
            if key not in {"notes", "mlflow", "mlflow_experiment"}:
                client.log_param(run_id, key, " ".join(value) if isinstance(value, tuple) else value)
    except Exception as error:
        raise UsageError(f"--mlflow {store}: the store cannot be used: {error}") from error
    return Tracker(client, run_id)


def _experiment(client: Any, name: str, store: str) -> str:
    """Make an experiment, its artifacts beside the database where the store is a file."""
    location = None
    if store.startswith(SQLITE):
        location = (Path(store.removeprefix(SQLITE)).absolute().parent / ARTIFACTS_FOLDER).as_uri()
    made: str = client.create_experiment(name, artifact_location=location)
    return made
