"""Chooses for each label the threshold with the lowest cost of wrong rows and missed numbers.

A number gets its most probable label but O if that reaches its threshold (`Tagger.spans`), so each label's threshold is
independent of the others.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finner_batch.errors import UsageError
from finner_batch.storage.whole_file import whole_folder
from finner_batch.tagging.model import Model, load_model
from finner_batch.training.evaluation.scores import THRESHOLD

NEVER = 1.0
"""A threshold that only certainty reaches: the label is not given."""


@dataclass(frozen=True, slots=True)
class Cost:
    """The costs of a wrong row (`fp`) and of a missed number (`fn`), in any unit."""

    fp: float
    fn: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The errors at a threshold, their cost, precision and recall."""

    threshold: float
    false_positives: int
    false_negatives: int
    cost: float
    precision: float
    recall: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A label's outcome at the threshold 0.5 (`usual`), and at the one with the lowest cost (`best`)."""

    usual: Outcome
    best: Outcome


def parse_cost(text: str) -> Cost:
    """Parse `fp=1,fn=5`. Raises UsageError for anything else."""
    pairs = [part.partition("=") for part in text.split(",")]
    try:
        costs = {name.strip(): float(value) for name, _, value in pairs}
        cost = Cost(**costs)
    except (ValueError, TypeError):
        raise UsageError(f"--cost {text}: needs both costs, as in fp=1,fn=5") from None
    if len(pairs) > len(costs) or not all(np.isfinite(value) and value >= 0 for value in costs.values()):
        raise UsageError(f"--cost {text}: each cost is given once, a number from 0 up")
    return cost


def choose_thresholds(
    probabilities: NDArray[np.float64], gold: NDArray[np.int64], labels: Sequence[str], cost: Cost
) -> dict[str, Choice]:
    """Find each label's threshold with the lowest cost on known numbers; of equal ones the nearest to 0.5."""
    best, confidence = probabilities[:, 1:].argmax(axis=1) + 1, probabilities[:, 1:].max(axis=1)
    chosen = {}
    for index, label in enumerate(labels[1:], start=1):
        candidate = best == index
        right = gold[candidate] == index
        support = int((gold == index).sum())
        outcomes = [
            _outcome(threshold, confidence[candidate], right, support, cost)
            for threshold in thresholds_between(confidence[candidate])
        ]
        cheapest = min(outcomes, key=lambda outcome: (outcome.cost, abs(outcome.threshold - THRESHOLD)))
        chosen[label] = Choice(usual=_outcome(THRESHOLD, confidence[candidate], right, support, cost), best=cheapest)
    return chosen


def thresholds_between(confidences: NDArray[np.float64]) -> list[float]:
    """Return 0.5, the middle of each pair of neighbouring confidences, 0 and `NEVER`."""
    known = np.unique(confidences)
    return [THRESHOLD, *(round(float(value), 6) for value in (known[1:] + known[:-1]) / 2), 0.0, NEVER]


def write_thresholds(model: Model, thresholds: Mapping[str, float]) -> Model:
    """Write thresholds into a model folder's config.json, then checksums.json; return the changed model.

    The model's identity changes, so `run` repeats what was done with other thresholds. Raises FinnerError if the
    folder cannot be written, ModelError if the new model cannot be read.
    """
    config_path, checksums_path = model.folder / "config.json", model.folder / "checksums.json"
    config = json.loads(config_path.read_text(encoding="utf-8"))
    config["thresholds"] = {**config["thresholds"], **thresholds}
    content = _json_bytes(config)
    checksums = {**model.checksums, config_path.name: hashlib.sha256(content).hexdigest()}
    with whole_folder(model.folder, last=checksums_path.name) as new:
        (new / config_path.name).write_bytes(content)
        (new / checksums_path.name).write_bytes(_json_bytes(checksums))
    return load_model(model.folder)


def _outcome(
    threshold: float, confidence: NDArray[np.float64], right: NDArray[np.bool_], support: int, cost: Cost
) -> Outcome:
    given = confidence >= threshold
    hits = int((given & right).sum())
    wrong, missed = int(given.sum()) - hits, support - hits
    return Outcome(
        threshold=threshold,
        false_positives=wrong,
        false_negatives=missed,
        cost=wrong * cost.fp + missed * cost.fn,
        precision=hits / (hits + wrong) if hits + wrong else 0.0,
        recall=hits / support if support else 0.0,
    )


def _json_bytes(content: Mapping[str, object]) -> bytes:
    return (json.dumps(content, indent=2) + "\n").encode()
