from repeated_filings import NEXT, OTHER, QUARTER, YEAR

from finner_batch.benchmark.repeats import after_earlier_ones


def test_a_filing_is_held_against_earlier_periods_of_its_own_firm_only():
    counts = after_earlier_ones([NEXT, OTHER, QUARTER, YEAR])
    assert set(counts) == {("10-Q", "a quarter after"), ("10-Q", "a year after")}
    quarter, later = counts["10-Q", "a quarter after"], counts["10-Q", "a year after"]
    assert (quarter.filings, quarter.windows, quarter.tokens) == (1, 2, 15)
    assert (quarter.known_windows, quarter.known_tokens) == (1, 10)
    assert (later.known_windows, later.known_tokens) == (2, 25)
