from dataclasses import replace

import numpy as np
import pytest

from finner_batch.training.evaluation.intervals import resampling, scores_with_intervals
from finner_batch.training.evaluation.model_figures import report
from finner_batch.training.evaluation.scores import Scored

LABELS = ["O", "A"]


def numbers_of(gold, predicted, companies, sentences=None):
    logits = np.where(np.arange(2) == np.array(predicted)[:, None], 5.0, 0.0)
    return Scored(logits, np.array(gold), np.arange(len(gold)) if sentences is None else sentences, np.array(companies))


def width(numbers, predicted):
    drawn = resampling(numbers)
    low, high = scores_with_intervals(numbers.gold, np.array(predicted), LABELS, drawn)["micro"].recall_interval
    return high - low


def test_intervals_are_those_of_independent_companies():
    rng = np.random.default_rng(0)
    predicted = (rng.uniform(size=400) < 0.8).astype(int)
    numbers = numbers_of(np.ones(400, dtype=int), predicted, np.arange(400))
    share = predicted.mean()
    low, high = report(numbers, LABELS, 1.0).unfiltered["A"].recall_interval
    error = (share * (1 - share) / 400) ** 0.5
    assert (low, high) == pytest.approx((share - 1.96 * error, share + 1.96 * error), abs=0.01)


def test_sentences_that_a_company_repeats_do_not_make_an_interval_narrower():
    gold, predicted = np.ones(20, dtype=int), np.array([1, 0] * 10)
    once = numbers_of(gold, predicted, np.arange(20))
    tenfold = numbers_of(np.tile(gold, 10), np.tile(predicted, 10), np.tile(np.arange(20), 10))
    assert width(tenfold, np.tile(predicted, 10)) == pytest.approx(width(once, predicted))
    alone = replace(tenfold, companies=np.arange(200))
    assert width(alone, np.tile(predicted, 10)) < 0.5 * width(once, predicted)


def test_intervals_are_the_same_each_time():
    numbers = numbers_of([1, 1, 0, 1, 1, 0], [1, 0, 1, 1, 1, 0], [0, 0, 1, 1, 2, 2])
    assert report(numbers, LABELS, 1.0) == report(numbers, LABELS, 1.0)
    assert report(numbers, LABELS, 1.0).resampled == "companies"


def test_sentences_are_drawn_where_one_company_is_all_there_is_and_the_report_says_so():
    numbers = numbers_of([1, 1, 0, 1], [1, 0, 1, 1], [7, 7, 7, 7])
    result = report(numbers, LABELS, 1.0)
    assert (result.resampled, result.groups) == ("sentences", 4)
    low, high = result.unfiltered["A"].f1_interval
    assert low < result.unfiltered["A"].f1 < high


def test_without_companies_there_are_no_intervals():
    numbers = replace(numbers_of([1, 0], [1, 1], [0, 1]), companies=None)
    result = report(numbers, LABELS, 1.0)
    assert (result.resampled, result.false_positive_interval, result.unfiltered["A"].f1_interval) == (None, None, None)


def test_the_false_positives_have_an_interval_over_companies():
    companies = np.repeat(np.arange(50), 4)
    predicted = np.where(companies < 5, 1, 0)
    result = report(numbers_of(np.zeros(200, dtype=int), predicted, companies), LABELS, 1.0)
    assert result.false_positive_sentences == pytest.approx(0.1)
    low, high = result.false_positive_interval
    assert 0 < low < 0.06
    assert 0.14 < high < 0.25


def test_a_label_that_a_resample_lacks_does_not_count_there():
    gold, predicted = [1, 1, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0]
    result = report(numbers_of(gold, predicted, [0, 0, 1, 1, 2, 2]), LABELS, 1.0)
    assert {name: score.f1_interval for name, score in result.unfiltered.items()} == dict.fromkeys(
        ["A", "micro", "macro", "weighted"], (1.0, 1.0)
    )


def test_filtered_figures_of_one_company_among_several_have_no_interval():
    gold, predicted = [1, 1, 1, 0, 0, 0], [1, 0, 1, 0, 1, 0]
    result = report(numbers_of(gold, predicted, [0, 0, 0, 1, 1, 2]), LABELS, 1.0)
    assert result.resampled == "companies"
    assert result.unfiltered["micro"].f1_interval is not None
    assert result.filtered["micro"].f1_interval is None


def test_the_macro_interval_does_not_gain_from_draws_that_lack_a_hard_label():
    companies = np.repeat(np.arange(8), 2)
    gold = np.where(np.arange(16) < 2, 2, 1)
    logits = np.where(np.arange(3) == np.where(gold == 2, 0, gold)[:, None], 5.0, 0.0)
    result = report(Scored(logits, gold, np.arange(16), companies), ["O", "A", "B"], 1.0)
    assert result.unfiltered["macro"].f1 == 0.5
    assert result.unfiltered["macro"].f1_interval == (0.5, 0.5)
