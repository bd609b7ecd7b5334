"""Numbers and values take time linear in any text: no pattern scans the same text repeatedly."""

import importlib
import pkgutil
import re
import time

import pytest

import finner_batch.text
import finner_batch.values
from finner_batch.text.numbers import number_tokens
from finner_batch.values.document_scale import document_scales
from finner_batch.values.value import read_value

PIECES = [
    "1, ", "1 and ", "1,", "1,11,", "1,111,", "1'111", "1.111", "9", "$1 to ", "1 million, ", "1/2 ", "1/ ", "6-",
    "6 - ", "6 and ", "\u00bd-", "5(1)", "(1)", "5%(1,1)", "5* ", "in thousands ", "(in ", "(in millions",
    "in millions\n", "\n", "(000", "000's omitted ", "($ ", "U.S.", "A$5", "(pound)5", "1\u00ad", "one-half of 1 ",
    "shares is ", "shares of stock ", "than ", "a total of ", "per share ", "prices $1.25 ", "1 of 1% ", " ", "- ",
    "and ", "a-", "Aa ",
]  # fmt: skip
BEFORE = ["", "(in millions) shares of stock were "]


def cpu_seconds(function, *arguments):
    begin = time.process_time()
    function(*arguments)
    return time.process_time() - begin


def assert_linear(function, text_of, length):
    """Assert that four times the text takes less than nine times the time, unless that is too short to measure."""

    def least(size):
        return min(cpu_seconds(function, text_of(size)) for _ in range(3))

    long = cpu_seconds(function, text_of(4 * length))
    assert long < 0.15 or min(long, least(4 * length)) < 9 * least(length), text_of(20)


@pytest.mark.parametrize("before", BEFORE)
def test_the_numbers_of_a_sentence_are_found_in_linear_time(before):
    for piece in PIECES:
        assert_linear(number_tokens, lambda length, piece=piece: before + piece * (length // len(piece)), 8_000)


@pytest.mark.parametrize("before", BEFORE)
def test_the_scale_of_a_document_is_found_in_linear_time(before):
    for piece in PIECES:
        assert_linear(
            lambda text: document_scales("(in millions)\n" + text, range(0, len(text), 100)),
            lambda length, piece=piece: before + piece * (length // len(piece)),
            8_000,
        )


@pytest.mark.parametrize("before", BEFORE)
def test_a_value_is_read_in_bounded_time(before):
    for piece in PIECES:
        text = before + piece * (8_000 // len(piece))
        spans = number_tokens(text)
        spans = spans[:: max(1, len(spans) // 5)]
        begin = time.process_time()
        for span in spans:
            read_value(text, *span, document_scale=3)
        assert time.process_time() - begin < 0.02 * max(1, len(spans)), piece


def test_a_list_of_any_length_in_a_sentence_of_300_characters_has_its_value():
    counts = ", ".join(str(1 + count % 9) for count in range(45))
    text = f"Units were {counts}; under the revolving credit facility the maximum borrowing capacity is 730 million."
    assert read_value(text, text.index("730"), text.index("730") + 3).value == 7.3e8
    assert read_value(text, text.index("1"), text.index("1") + 1).value == 1.0


def compiled(value):
    values = value if isinstance(value, tuple) else (value,)
    firsts = [each[0] if isinstance(each, tuple) else each for each in values]
    return [first for first in firsts if isinstance(first, re.Pattern)]


MODULES = [
    importlib.import_module(module.name)
    for package in (finner_batch.values, finner_batch.text)
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
]
PATTERNS = [(module.__name__, name) for module in MODULES for name, value in vars(module).items() if compiled(value)]


@pytest.mark.parametrize(("module", "name"), PATTERNS)
def test_no_pattern_looks_back_without_bound(module, name):
    """Values are read in a window of 2,000 characters, where patterns match at a position or search 300 characters."""
    for pattern in compiled(vars(importlib.import_module(module))[name]):
        for before in BEFORE:
            for piece in PIECES:
                text = before + piece * (2_000 // len(piece)) + "!"
                assert cpu_seconds(pattern.match, text) < 0.1, (before, piece)
                assert cpu_seconds(pattern.search, text[:300] + "!") < 0.5, (before, piece)
