import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finner_batch.text.numbers import FRACTION_CHARACTERS, magnitude, number_tokens


def printed(sentence):
    return [sentence[start:end] for start, end in number_tokens(sentence)]


@pytest.mark.parametrize(
    ("sentence", "tokens"),
    [
        ("a $1,500,000 note at 2.25%, up .75 to 3,000.5", ["1,500,000", "2.25", ".75", "3,000.5"]),
        ("prime plus 1/2%, 3 1/4% or 3-1/4% Notes, 7½% or ½%", ["1/2", "3 1/4", "3-1/4", "7½", "½"]),
        ("6 7/16%, 61/4%, 1/100th of 1%", ["6 7/16", "61/4", "1/100", "1"]),
        ("an 80/20 rule, 97/2Q, 2 97/2Q, 61/4", ["80", "20", "97", "2", "2", "97", "2", "61", "4"]),
        ("on 3/8/96 and 2.5/8", ["3", "8", "96", "2.5", "8"]),
        ("a 50/50 venture on 12/31/2023, 24/7", ["50", "50", "12", "31", "2023", "24", "7"]),
        ("a date of 9/30 and 10/8/2023", ["9", "30", "10", "8", "2023"]),
        ("Form 10-K, Rule 10b-5, Q3, 7.5x, 1.5e9", ["10", "10", "5", "3", "7.5", "1.5", "9"]),
        ("a 364-day facility, 2022-2023, (415) 555-0199", ["364", "2022", "2023", "415", "555", "0199"]),
        ("in 2023. The next", ["2023"]),
        ("notes 1,2 and 3; December 31,2023", ["1", "2", "3", "31", "2023"]),
        ("the 5.250%Notes, $1.5B, $350MM, L+175bps", ["5.250", "1.5", "350", "175"]),
        ("Section 4.1.2 and 31.12.2023", ["4.1.2", "31.12.2023"]),
        ("No.5, $.75, (.5), p.9", ["5", ".75", ".5", "9"]),
        ("5(1) and 25th", ["5", "1", "25"]),
        ("1.234,56 and 1.500.000 and 1'500'000 and 12,34,567", ["1.234,56", "1.500.000", "1'500'000", "12,34,567"]),
        ("1.250,2.500", ["1.250", "2.500"]),
        ("2023,000 and 12,345,6789", ["2023", "000", "12,345", "6789"]),
        (
            "3 - 1/4%, 4 and 1/8 percent, 66 2 \u2044 3 %, 5\u20115/8%",
            ["3 - 1/4", "4 and 1/8", "66 2 \u2044 3", "5\u20115/8"],
        ),
        ("2\u00bd%, 2-\u00bd%, 2 and \u00bd%", ["2\u00bd", "2-\u00bd", "2 and \u00bd"]),
        ("pages 3 - 1/2 and 3 and 1/2", ["3", "1/2", "3", "1/2"]),
        ("0-1/2% and 1/2\u20133/4%", ["0", "1/2", "1/2", "3/4"]),
        ("on May 8, 2011 and 1/16th per quarter", ["8", "2011", "1/16"]),
        ("7,40%, 7,5 %, 6,5 to 7,25 percent", ["7,40", "7,5", "6,5", "7,25"]),
        ("2,3 and 4%; 1,2,5%; 31,2 million", ["2", "3", "4", "1", "2", "5", "31", "2"]),
        ("EUR 1,5 million, \u20ac2,25 billion and 1,500 million", ["1,5", "2,25", "1,500"]),
        ("$41. 7 million, $36 .5 billion, in 2023. 5 banks", ["41. 7", "36 .5", "2023", "5"]),
        ("$250, 000, $1,500, 000 and $500 , 000", ["250, 000", "1,500, 000", "500 , 000"]),
        ("$1, 500,000 or $2 ,750,000.50", ["1, 500,000", "2 ,750,000.50"]),
        ("par value $1, 500,000 shares; $1, 250,000 Series A preferred units", ["1", "500,000", "1", "250,000"]),
        ("1, 500,000; $25, 500 and $10, 20,000", ["1", "500,000", "25", "500", "10", "20,000"]),
        ("at 6 .875% or 12 .5 percent, Level 5 .25%", ["6 .875", "12", ".5", "5", ".25"]),
        ("no number, not one", []),
        ("", []),
    ],
)
def test_a_token_is_digits_with_their_separators(sentence, tokens):
    assert printed(sentence) == tokens


@pytest.mark.parametrize(
    ("token", "number"),
    [
        ("1,500,000", "1500000"),
        (".75", "0.75"),
        ("3,000.5", "3000.5"),
        ("0010", "10"),
        ("3 1/4", "3.25"),
        ("3-1/4", "3.25"),
        ("1/2", "0.5"),
        ("7½", "7.5"),
        ("⅞", "0.875"),
        ("3\u20131/4", "3.25"),
        ("3 - 1 / 4", "3.25"),
        ("3 and 1/4", "3.25"),
        ("3&1/4", "3.25"),
        ("7-\u215e", "7.875"),
        ("7,40", "7.4"),
        ("0,125", "0.125"),
        ("41. 7", "41.7"),
        ("1,\u00ad500", "1500"),
        ("61/4", "6.25"),
        ("103/8", "10.375"),
        ("113/16", None),
        ("1.234,56", "1234.56"),
        ("1.500.000", "1500000"),
        ("1'500'000", "1500000"),
        ("12,34,567", "1234567"),
        ("4.1.2", None),
        ("31.12.2023", None),
    ],
)
def test_a_token_prints_one_number_or_none(token, number):
    assert magnitude(token) == (None if number is None else Decimal(number))


texts = st.text(st.sampled_from("0123456789.,/-'% $½\u2044()aK\n"), max_size=60) | st.text(max_size=60)


@pytest.mark.parametrize(
    ("sentence", "tokens"),
    [
        ("up to $310(1) million at 4.125%(2)", ["310", "4.125"]),
        ("$12,750(3) of notes, 4.5 %(1)(2), 5%(1, 2) and 6%[4]", ["12,750", "4.5", "5", "6"]),
        ("from 5.25(1) to 6.0(2)%", ["5.25", "6.0"]),
        ("a loss of $(1.5)(2) million", ["1.5"]),
        (
            "Section 4(2), Rule 144(1), 73.3(1) of the Act, 401(k), 3(a)(9)",
            ["4", "2", "144", "1", "73.3", "1", "401", "3", "9"],
        ),
        ("(5) and $1,234 (5)", ["5", "1,234", "5"]),
        ("$310 million(1), 2.5 billion(2)(3) and 150 basis points(4)", ["310", "2.5", "150"]),
        ("$310 (1) million, 150 (2) basis points, 12 (5)%", ["310", "150", "12", "5"]),
        ("notes due 2031(4), June 1, 2029(5) or maturing 2030(6)", ["2031", "1", "2029", "2030"]),
        ("Section 2031(4), Rule 2012(1), due 2031 (4)", ["2031", "4", "2012", "1", "2031", "4"]),
        ("to pay $310 million (1) first and (2) second", ["310", "1", "2"]),
        ("six percent(6%) and 5%(7.5%)", ["6", "5", "7.5"]),
        ("$250\u00b2 million, 10\u2076 and 6.25%\u207d\u00b9\u207e", ["250", "10", "6.25"]),
    ],
)
def test_a_footnote_mark_glued_to_an_amount_or_a_rate_is_no_token(sentence, tokens):
    assert printed(sentence) == tokens


def test_an_invisible_character_does_not_end_a_token():
    sentence = "a 6.\u200b25% note of $1,\u00ad500,\u2060000"
    assert printed(sentence) == ["6.\u200b25", "1,\u00ad500,\u2060000"]


@given(texts)
def test_every_digit_outside_a_footnote_mark_is_in_exactly_one_token(text):
    covered = [position for start, end in number_tokens(text) for position in range(start, end)]
    assert len(covered) == len(set(covered))
    wanted = {match.start() for match in re.finditer(f"[0-9{FRACTION_CHARACTERS}]", text)}
    marked = {
        place
        for mark in re.finditer(r"[(\[][1-9][0-9]?(?:,\s?[1-9][0-9]?)*[)\]]", text)
        for place in range(*mark.span())
    }
    assert wanted <= set(covered) | marked


@given(texts)
def test_tokens_are_in_order_and_a_number_or_none(text):
    tokens = number_tokens(text)
    assert tokens == sorted(tokens)
    for start, end in tokens:
        number = magnitude(text[start:end])
        assert number is None or number >= 0


@given(st.decimals(min_value=0, max_value=10**12, places=3, allow_nan=False))
def test_a_grouped_number_is_read_back(number):
    for form in (f"{number:,f}", f"{number:f}"):
        assert number_tokens(form) == [(0, len(form))]
        assert magnitude(form) == number


def test_a_long_sentence_is_read_in_linear_time():
    sentence = "1,2 3/ 4-5. " * 50_000
    assert len(number_tokens(sentence)) == 250_000
    assert number_tokens("9" * 500_000) == [(0, 500_000)]
