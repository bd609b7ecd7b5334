from pathlib import Path

import pytest
from reading import ReadingRate, extrapolated, powers_of_two, reading_rates, table

from finner_batch.benchmark.input_counts import Spread

DATA = Path(__file__).parents[2] / "data" / "filings"


def rate(processes: int, speed: float, receiving: float) -> ReadingRate:
    return ReadingRate(
        processes=processes,
        tokens_per_second=Spread(median=speed, lowest=speed - 1, highest=speed + 1, n=3),
        receiving=receiving,
    )


def test_each_number_of_processes_is_measured_on_all_files():
    found = reading_rates([str(DATA)], [1, 2], repeats=2)
    assert [one.processes for one in found] == [1, 2]
    for one in found:
        assert one.tokens_per_second.n == 2
        assert 0 < one.tokens_per_second.lowest <= one.tokens_per_second.highest
        assert one.tokens_per_second.median < 1 / one.receiving  # taking costs less than reading


def test_more_processes_are_extrapolated_until_the_main_process_is_full():
    found = [rate(1, 500_000, 1e-8), rate(2, 900_000, 1e-8)]
    assert extrapolated(found, 16) == pytest.approx(7_200_000)
    full = [rate(1, 500_000, 1e-6), rate(2, 900_000, 1e-6)]
    assert extrapolated(full, 16) == pytest.approx(1_000_000)


def test_the_table_says_what_was_measured_and_what_was_extrapolated():
    text = table([rate(1, 500_000, 1e-8), rate(2, 900_000, 1e-8)])
    assert "90%" in text
    assert "extrapolated to 16 processes: 7,200,000" in text
    assert "extrapolated" not in table([rate(1, 500_000, 1e-8), rate(16, 7e6, 1e-8)])


@pytest.mark.parametrize(("most", "numbers"), [(1, [1]), (2, [1, 2]), (6, [1, 2, 4, 6]), (16, [1, 2, 4, 8, 16])])
def test_processes_are_doubled_up_to_the_cpus(most, numbers):
    assert powers_of_two(most) == numbers
