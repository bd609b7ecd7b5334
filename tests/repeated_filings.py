"""Filings of two companies that repeat some of their windows."""

from datetime import date

from finner_batch.benchmark.repeats import Filing


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
