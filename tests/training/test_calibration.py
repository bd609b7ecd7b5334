import numpy as np
import pytest

from finner_batch.training.evaluation.model_figures import brier_score, calibration_error, fit_temperature, reliability
from finner_batch.training.evaluation.scores import softmax


def drawn(logits, rng):
    """Draw gold labels from the softmax of the logits, which is then calibrated."""
    return (softmax(logits, 1.0).cumsum(axis=1) < rng.uniform(size=(len(logits), 1))).sum(axis=1)


def test_the_temperature_undoes_overconfidence():
    rng = np.random.default_rng(0)
    honest = rng.normal(size=(20_000, 3)) * 2
    gold = drawn(honest, rng)
    overconfident = (honest * 2.5).astype(np.float32)
    temperature = fit_temperature(overconfident, gold)
    assert temperature == pytest.approx(2.5, rel=0.05)
    before, after = (calibration_error(softmax(overconfident, value), gold) for value in (1.0, temperature))
    assert after < 0.02 < before


def test_many_easy_numbers_without_a_label_do_not_spoil_the_confidences_of_the_labelled_ones():
    rng = np.random.default_rng(1)
    hard = rng.normal(size=(2_000, 3)) * 2
    easy = np.array([4.0, 0.0, 0.0]) + rng.normal(size=(50_000, 3)) * 0.3
    gold = np.concatenate([drawn(hard, rng), np.zeros(len(easy), dtype=int)])
    logits = np.concatenate([hard * 2, easy])

    def loss(temperature):
        return -np.log(softmax(logits, temperature)[np.arange(len(gold)), gold]).mean()

    over_all = min(np.geomspace(0.5, 5.0, 200), key=loss)
    none, wrong, right = (
        calibration_error(softmax(logits, value), gold) for value in (1.0, over_all, fit_temperature(logits, gold))
    )
    assert over_all < 1
    assert right < 0.05 < none < wrong


def test_numbers_that_are_unknown_or_never_labelled_do_not_move_the_temperature():
    rng = np.random.default_rng(2)
    logits = rng.normal(size=(2_000, 3)) * 4
    gold = drawn(logits / 2, rng)
    temperature = fit_temperature(logits, gold)
    unlabelled = logits.argmax(axis=1) == 0
    assert fit_temperature(logits, np.where(unlabelled, 2, gold)) == temperature
    more = np.concatenate([logits, rng.normal(size=(2_000, 3)) * 9])
    assert fit_temperature(more, np.concatenate([gold, np.full(2_000, -1)])) == temperature
    assert fit_temperature(logits[unlabelled], gold[unlabelled]) == 1.0


def test_the_calibration_error_is_the_gap_between_confidence_and_precision():
    probabilities = np.tile([0.2, 0.8, 0.0], (10, 1))
    assert calibration_error(probabilities, np.array([1] * 8 + [0] * 2)) == pytest.approx(0.0)
    assert calibration_error(probabilities, np.array([1] * 3 + [0] * 7)) == pytest.approx(0.5)
    assert calibration_error(np.array([[1.0, 0.0, 0.0]]), np.array([1])) == 0.0


def test_the_brier_score_is_the_squared_distance_of_the_confidence_from_the_truth():
    probabilities = np.tile([0.2, 0.8, 0.0], (4, 1))
    assert brier_score(probabilities, np.array([1, 1, 1, 0])) == pytest.approx((3 * 0.04 + 0.64) / 4)
    assert brier_score(np.array([[1.0, 0.0, 0.0]]), np.array([1])) == 0.0


def test_reliability_is_the_share_of_right_labels_by_confidence():
    probabilities = np.array([[0.05, 0.95, 0.0], [0.0, 1.0, 0.0], [0.45, 0.55, 0.0], [0.9, 0.1, 0.0]])
    low, high = reliability(probabilities, np.array([1, 0, 1, 1]))
    assert (low.low, low.high, low.numbers, low.precision) == (0.5, 0.6, 1, 1.0)
    assert (high.numbers, high.confidence, high.precision) == (2, pytest.approx(0.975), 0.5)
