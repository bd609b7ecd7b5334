import numpy as np
import pytest

from finner_batch.training.evaluate import (
    Scored,
    calibration_error,
    decide,
    fit_temperature,
    report,
    scores,
    softmax,
    summary,
)

LABELS = ["O", "A", "B"]


def logits_of(predicted, confidence=5.0):
    rows = np.zeros((len(predicted), 3), dtype=np.float32)
    rows[np.arange(len(predicted)), predicted] = confidence
    return rows


def test_scores_are_those_of_the_textbook():
    gold = np.array([1, 1, 2, 0, 0, 2])
    predicted = np.array([1, 0, 2, 1, 0, 1])
    result = scores(gold, predicted, LABELS)
    assert (result["A"].precision, result["A"].recall, result["A"].support) == (1 / 3, 1 / 2, 2)
    assert (result["B"].precision, result["B"].recall, result["B"].f1) == (1.0, 1 / 2, pytest.approx(2 / 3))
    assert (result["micro"].precision, result["micro"].recall) == (2 / 4, 2 / 4)
    assert result["macro"].f1 == pytest.approx((2 / 5 + 2 / 3) / 2)


def test_a_filter_hides_false_positives_on_other_sentences_and_the_unfiltered_figures_show_them():
    numbers = Scored(logits_of([1, 2, 1, 0]), np.array([1, 2, 0, 0]), np.array([0, 0, 1, 2]))
    result = report(numbers, LABELS, 1.0)
    assert result.unfiltered["micro"].precision == pytest.approx(2 / 3)
    assert result.filtered["micro"].precision == 1.0
    assert result.false_positive_sentences == 0.5
    assert "50.00%" in summary(result)


def test_a_label_below_its_threshold_is_not_given():
    probabilities = np.array([[0.3, 0.6, 0.1], [0.3, 0.1, 0.6], [0.9, 0.1, 0.0]])
    assert decide(probabilities).tolist() == [1, 2, 0]
    assert decide(probabilities, [0.7, 0.5]).tolist() == [0, 2, 0]


def test_the_temperature_undoes_overconfidence():
    rng = np.random.default_rng(0)
    honest = rng.normal(size=(20_000, 3)) * 2
    gold = (softmax(honest, 1.0).cumsum(axis=1) < rng.uniform(size=(20_000, 1))).sum(axis=1)
    overconfident = (honest * 2.5).astype(np.float32)
    temperature = fit_temperature(overconfident, gold)
    assert temperature == pytest.approx(2.5, rel=0.05)
    before, after = (calibration_error(softmax(overconfident, value), gold) for value in (1.0, temperature))
    assert after < 0.02 < before


def test_the_calibration_error_is_the_gap_between_confidence_and_precision():
    probabilities = np.tile([0.2, 0.8, 0.0], (10, 1))
    assert calibration_error(probabilities, np.array([1] * 8 + [0] * 2)) == pytest.approx(0.0)
    assert calibration_error(probabilities, np.array([1] * 3 + [0] * 7)) == pytest.approx(0.5)
    assert calibration_error(np.array([[1.0, 0.0, 0.0]]), np.array([1])) == 0.0
