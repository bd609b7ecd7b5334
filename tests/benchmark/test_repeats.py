from datetime import date

from finner_batch.benchmark.repeats import Filing, after_earlier_ones


def filing(form, period, distinct, *, cik="1", repeats=0):
    return Filing(
        cik=cik,
        form=form,
        period=period,
        sentences=len(distinct) + repeats,
        windows=len(distinct) + repeats,
        tokens=sum(distinct.values()) + 7 * repeats,
        distinct=distinct,
    )


YEAR = filing("10-K", date(2023, 12, 31), {b"a": 10, b"b": 20, b"c": 30})
QUARTER = filing("10-Q", date(2024, 3, 31), {b"a": 10, b"d": 5}, repeats=2)
NEXT = filing("10-Q", date(2024, 9, 30), {b"b": 20, b"d": 5, b"e": 1})
OTHER = filing("10-Q", date(2024, 3, 31), {b"a": 10}, cik="2")


def test_a_filing_is_held_against_earlier_periods_of_its_own_firm_only():
    counts = after_earlier_ones([NEXT, OTHER, QUARTER, YEAR])
    assert set(counts) == {("10-Q", "a quarter after"), ("10-Q", "a year after")}
    quarter, later = counts["10-Q", "a quarter after"], counts["10-Q", "a year after"]
    assert (quarter.filings, quarter.windows, quarter.tokens) == (1, 2, 15)
    assert (quarter.known_windows, quarter.known_tokens) == (1, 10)
    assert (later.known_windows, later.known_tokens) == (2, 25)
