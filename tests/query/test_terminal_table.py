from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finner_batch.terminal import cells_wide, table_lines, visible


def test_numbers_stand_to_the_right_and_null_is_empty():
    assert list(table_lines(["label", "value"], [("Basis", 0.0225), (None, 1.5e9), ("x", None)], width=80)) == [
        "label       value",
        "-----  ----------",
        "Basis      0.0225",
        "       1500000000",
        "x",
    ]


def test_a_table_without_rows_shows_its_columns():
    assert list(table_lines(["label"], [], width=80)) == ["label", "-----"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", r"\x1b[31mred"),
        ("two\nlines\tand a tab", r"two\nlines\tand a tab"),
        ("a\u202eb", r"a\u202eb"),
        ("zero\u200bwidth", r"zero\u200bwidth"),
        ("non\xa0breaking", "non breaking"),
        ("\x9b31m", r"\x9b31m"),
        ("Café 漢字", "Café 漢字"),
    ],
)
def test_nothing_is_shown_that_a_terminal_would_obey(text, shown):
    assert visible(text) == shown
    assert shown in "\n".join(table_lines(["a"], [(text,)], width=80))


def test_wide_characters_take_two_cells_and_combining_marks_none():
    assert cells_wide("漢字") == 4
    assert cells_wide("e\u0301") == 1


CELLS = st.one_of(
    st.none(), st.text(max_size=60), st.integers(), st.floats(), st.booleans(), st.decimals(allow_nan=False)
)


@given(rows=st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=5), width=st.integers(40, 120))
def test_every_line_fits_and_is_printable(rows, width):
    for line in table_lines(["one", "two", "three"], rows, width=width):
        assert cells_wide(line) <= width
        assert line.isprintable()


def test_a_sentence_keeps_three_times_what_other_wide_columns_keep():
    rows = [("Company " * 8, "word " * 100, "Section " * 8)]
    head = list(table_lines(["company", "sentence", "section"], rows, width=79))[1]
    assert [len(column) for column in head.split("  ")] == [15, 45, 15]
    wide = list(table_lines(["company", "sentence", "section"], rows, width=118))[1]
    assert [len(column) for column in wide.split("  ")] == [30, 54, 30]
    narrow = list(table_lines(["company", "sentence", "section"], rows, width=40))
    assert {len(line) for line in narrow} <= set(range(41))


def test_narrow_columns_stay_whole_when_a_wide_one_is_cut():
    lines = list(table_lines(["n", "sentence"], [(Decimal(7), "word " * 100)], width=40))
    assert lines[2].startswith("7  word word")
    assert lines[2].endswith("…")
    assert len(lines[2]) == 40
