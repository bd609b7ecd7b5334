import numpy as np
import pytest

from finner_batch.training.evaluation.model_figures import report
from finner_batch.training.evaluation.scores import Scored, decide, scores

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


def test_the_weighted_mean_goes_by_support_and_the_macro_mean_leaves_out_labels_that_no_one_gave():
    result = scores(np.array([1, 1, 1, 2]), np.array([1, 1, 1, 0]), [*LABELS, "C"])
    assert result["weighted"].f1 == pytest.approx(3 / 4)
    assert result["macro"].f1 == pytest.approx(1 / 2)
    assert result["C"].f1 == 0.0


def test_a_filter_hides_false_positives_on_other_sentences_and_the_unfiltered_figures_show_them():
    numbers = Scored(logits_of([1, 2, 1, 0]), np.array([1, 2, 0, 0]), np.array([0, 0, 1, 2]))
    result = report(numbers, LABELS, 1.0)
    assert result.unfiltered["micro"].precision == pytest.approx(2 / 3)
    assert result.filtered["micro"].precision == 1.0
    assert (result.sentences_without_label, result.false_positive_sentences) == (2, 0.5)


def test_numbers_of_which_nothing_is_known_are_left_out_and_counted():
    known = Scored(logits_of([1, 0]), np.array([1, 0]), np.array([0, 1]))
    more = Scored(logits_of([1, 0, 1, 2]), np.array([1, 0, -1, -1]), np.array([0, 1, 0, 2]))
    one, other = (report(numbers, LABELS, 1.0) for numbers in (known, more))
    assert (one.unknown, other.unknown) == (0, 2)
    assert other.unfiltered == one.unfiltered
    assert (other.sentences, other.numbers, other.confusion) == (2, 2, one.confusion)


def test_the_confusion_matrix_has_gold_in_rows_and_predictions_in_columns():
    numbers = Scored(logits_of([0, 1, 2, 2]), np.array([0, 1, 1, 0]), np.arange(4))
    assert report(numbers, LABELS, 1.0).confusion == [[1, 0, 1], [0, 1, 1], [0, 0, 0]]


def test_a_label_below_its_threshold_is_not_given():
    probabilities = np.array([[0.3, 0.6, 0.1], [0.3, 0.1, 0.6], [0.9, 0.1, 0.0]])
    assert decide(probabilities).tolist() == [1, 2, 0]
    assert decide(probabilities, [0.7, 0.5]).tolist() == [0, 2, 0]
