import pytest

from finner_batch.benchmark.input_counts import Spread, ratios


def test_a_spread_is_median_lowest_highest_and_how_many():
    assert Spread.of([3.0, 1.0, 10.0]) == Spread(median=3.0, lowest=1.0, highest=10.0, n=3)
    with pytest.raises(ValueError, match="no repeat"):
        Spread.of([])


def test_the_highest_rate_comes_of_the_lowest_time():
    assert Spread.of([2.0, 4.0, 1.0]).rate(8) == Spread(median=4.0, lowest=2.0, highest=8.0, n=3)


def test_a_ratio_is_that_of_the_medians_and_its_range_that_of_the_pairs():
    found = ratios([4.0, 40.0, 6.0], [1.0, 10.0, 2.0])
    assert found.median == 6.0 / 2.0
    assert (found.lowest, found.highest, found.n) == (3.0, 4.0, 3)
