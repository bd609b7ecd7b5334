import pytest

from finner_batch.text.extract import extract
from finner_batch.text.sentences import split
from finner_batch.values.entity import replaced_number


def replaced(markup, number):
    """Return the number that the one sentence's number replaced: as printed, and its value."""
    (sentence,) = split(extract(f"<html><body><p>{markup}</p></body></html>", "html"))
    start = sentence.text.index(number)
    end = start + len(number)
    found = replaced_number(sentence, start, end)
    return found and (found.text, found.value)


@pytest.mark.parametrize(
    ("markup", "number", "before"),
    [
        ("The commitment is <s>$200.0 million</s> <u>$275.0 million</u>.", "275.0", ("200.0", 2e8)),
        ("The commitment is <u>$275.0 million</u> <s>$200.0 million</s>.", "275.0", ("200.0", 2e8)),
        ("The commitment is $<strike>200.0</strike><u>275.0</u> million.", "275.0", ("200.0", 2e8)),
        ("The commitment is $<u>275.0</u><del>200.0</del> million.", "275.0", ("200.0", 2e8)),
        ("SOFR plus <del>2.50%</del><ins>2.25%</ins> a year.", "2.25", ("2.50", 0.025)),
        ("SOFR plus <del>2.50</del><ins>2.25</ins>% a year.", "2.25", ("2.50", 0.025)),
        ("SOFR plus <del>3.00% per annum</del> <ins>2.25% per annum</ins>.", "2.25", ("3.00", 0.03)),
        (
            "up to <span style='text-decoration:line-through'>&#8364;90 million</span> &#8364;1.5 billion.",
            "1.5",
            ("90", 9e7),
        ),
        ("tiers of <s>1.25</s> 1.00%, <s>1.75</s> 1.50% and 2.00%.", "1.00", ("1.25", 0.0125)),
        ("tiers of <s>1.25</s> 1.00%, <s>1.75</s> 1.50% and 2.00%.", "1.50", ("1.75", 0.0175)),
    ],
)
def test_a_struck_number_next_to_a_number_is_the_one_it_replaced(markup, number, before):
    assert replaced(markup, number) == before


@pytest.mark.parametrize(
    ("markup", "number"),
    [
        ("The commitment is $275.0 million.", "275.0"),
        ("The commitment is <s>that of the banks, which is</s> $275.0 million.", "275.0"),
        ("The commitment of <s>$200.0 million</s> the banks is $275.0 million.", "275.0"),
        ("tiers of <s>1.25</s> 1.00%, <s>1.75</s> 1.50% and 2.00%.", "2.00"),
        ("In <s>2021</s> 2023 the notes bear 6.25% and $5.0 million is due.", "6.25"),
        ("SOFR plus <s>$200.0 million</s> 2.25% a year.", "2.25"),
        ("SOFR plus <s>2.</s>3.50% a year.", "3.50"),
    ],
)
def test_a_number_without_a_struck_number_of_its_unit_replaced_none(markup, number):
    assert replaced(markup, number) is None
