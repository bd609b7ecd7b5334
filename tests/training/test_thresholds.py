import json
import shutil

import numpy as np
import pytest

from finner_batch.errors import UsageError
from finner_batch.tagging.model import DEFAULT_MODEL, load_model
from finner_batch.training.evaluation.scores import decide
from finner_batch.training.evaluation.thresholds import NEVER, Cost, choose_thresholds, parse_cost, write_thresholds

LABELS = ["O", "A", "B"]


def made(rng, count=400):
    probabilities = rng.dirichlet([1.0, 1.0, 1.0], size=count)
    right = rng.uniform(size=count) < probabilities.max(axis=1)
    gold = np.where(right, probabilities.argmax(axis=1), rng.integers(0, 3, size=count))
    return probabilities, gold


def cost_of(probabilities, gold, thresholds, cost):
    predicted = decide(probabilities, thresholds)
    wrong = ((predicted > 0) & (predicted != gold)).sum()
    missed = ((gold > 0) & (predicted != gold)).sum()
    return cost.fp * wrong + cost.fn * missed


@pytest.mark.parametrize("cost", [Cost(1, 1), Cost(1, 5), Cost(7, 1)])
def test_no_pair_of_thresholds_costs_less_than_the_chosen_one(cost):
    probabilities, gold = made(np.random.default_rng(0))
    chosen = choose_thresholds(probabilities, gold, LABELS, cost)
    best = [chosen[label].best.threshold for label in LABELS[1:]]
    stated = sum(choice.best.cost for choice in chosen.values())
    grid = np.linspace(0, 1, 41)
    assert cost_of(probabilities, gold, best, cost) == stated
    assert stated <= min(cost_of(probabilities, gold, [one, other], cost) for one in grid for other in grid)
    assert sum(choice.usual.cost for choice in chosen.values()) == cost_of(probabilities, gold, [0.5, 0.5], cost)


def test_dear_wrong_rows_raise_a_threshold_and_dear_misses_lower_it():
    probabilities, gold = made(np.random.default_rng(1))
    even, wary, eager = (
        choose_thresholds(probabilities, gold, LABELS, cost)["A"].best
        for cost in (Cost(1, 1), Cost(20, 1), Cost(1, 20))
    )
    assert eager.threshold < even.threshold < wary.threshold
    assert eager.recall > even.recall > wary.recall
    assert wary.precision > even.precision > eager.precision


def test_a_label_that_is_always_wrong_is_never_given_and_one_never_seen_keeps_its_threshold():
    probabilities = np.array([[0.1, 0.9, 0.0], [0.2, 0.8, 0.0]])
    chosen = choose_thresholds(probabilities, np.array([0, 0]), LABELS, Cost(1, 1))
    assert (chosen["A"].best.cost, chosen["A"].usual.cost) == (0, 2)
    assert 0.9 < chosen["A"].best.threshold <= NEVER
    assert chosen["B"].best.threshold == 0.5


def test_a_low_threshold_finds_numbers_that_are_likelier_none_of_the_labels():
    probabilities = np.array([[0.7, 0.3, 0.0], [0.8, 0.2, 0.0], [0.9, 0.1, 0.0], [0.95, 0.05, 0.0]])
    best = choose_thresholds(probabilities, np.array([1, 1, 0, 0]), LABELS, Cost(1, 5))["A"].best
    assert (best.recall, best.false_positives) == (1.0, 0)
    assert decide(probabilities, [best.threshold, 0.5]).tolist() == [1, 1, 0, 0]


def test_costs_are_read_and_anything_else_is_refused():
    assert parse_cost("fp=1,fn=5") == parse_cost(" fn=5, fp=1.0") == Cost(1.0, 5.0)
    for wrong in ("fp=1", "5", "fp=1,fn=x", "fp=1,fn=-1", "fp=1,fn=nan", "fp=1,fn=2,fp=3", "fp=1,fn=2,tp=3", ""):
        with pytest.raises(UsageError, match="--cost"):
            parse_cost(wrong)


def test_written_thresholds_are_those_of_a_whole_verified_model_of_another_identity(tmp_path):
    for path in DEFAULT_MODEL.iterdir():
        if path.suffix != ".onnx":
            shutil.copy(path, tmp_path)
    before = load_model(tmp_path)
    label = before.labels[1]
    after = write_thresholds(before, {label: 0.731})
    assert after.thresholds == {**before.thresholds, label: 0.731}
    assert after.model_id != before.model_id
    assert load_model(tmp_path) == after
    kept = {**json.loads((DEFAULT_MODEL / "config.json").read_text()), "thresholds": None}
    assert {**json.loads((tmp_path / "config.json").read_text()), "thresholds": None} == kept
