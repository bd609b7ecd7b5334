from urllib.parse import unquote

import pytest

from finner_batch.values.entity import sec_url_of

PAGE = "https://www.sec.gov/Archives/edgar/data/999401/000999040124000007/copper10k.htm"


def fragment(sentence, number):
    start = sentence.index(number)
    address = sec_url_of(PAGE, sentence, start, start + len(number))
    assert address.startswith(f"{PAGE}#:~:text=")
    return address.removeprefix(f"{PAGE}#:~:text=")


def test_the_fragment_holds_the_words_around_the_number():
    sentence = "As of year end, loans bear interest at SOFR plus 2.25% per annum, payable in arrears, and mature."
    assert unquote(fragment(sentence, "2.25")) == "bear interest at SOFR plus 2.25% per annum, payable in arrears,"
    assert unquote(fragment("At 2.25% it is due.", "2.25")) == "At 2.25% it is due."


def test_in_a_plain_text_few_words_are_given_as_they_must_stand_on_one_line():
    page = PAGE.replace(".htm", ".txt")
    assert (
        sec_url_of(page, "The notes bear interest at 4.25% per annum.", 27, 31) == f"{page}#:~:text=at%204.25%25%20per"
    )


@pytest.mark.parametrize("mark", ["\N{BULLET}", "(1)", "(iv)", "b.", "\N{EN DASH}"])
def test_the_mark_of_a_list_item_which_may_stand_apart_is_left_out(mark):
    assert unquote(fragment(f"{mark} $42.8 million of notes due in 2037", "42.8")) == "$42.8 million of notes due in"


def test_what_separates_the_parts_of_a_directive_is_encoded():
    assert fragment("The 364-day facility of A&B, up to $1,250 million.", "1,250") == (
        "facility%20of%20A%26B%2C%20up%20to%20%241%2C250%20million."
    )
    assert "%2D" in fragment("A 364-day facility of $75 million.", "75")
    assert fragment("Bis zu 75 Mio. \N{EURO SIGN} a\N{NO-BREAK SPACE}year", "75").endswith("%E2%82%AC%20a%20year")


def test_an_endless_word_is_left_out_and_the_address_is_short():
    sentence = "x" * 100_000 + " up to $75 million " + "y" * 100_000
    assert unquote(fragment(sentence, "75")) == "up to $75 million"
    assert len(fragment(sentence, "75")) < 1000
    assert len(fragment("x" * 1000 + "75" + "y" * 1000, "75")) < 1000


@pytest.mark.parametrize("address", [None, "https://www.sec.gov/Archives/edgar/data/1/000000000124000001/0-index.htm"])
def test_what_does_not_hold_the_sentence_gets_no_fragment(address):
    assert sec_url_of(address, "The rate is 2.25%.", 12, 16) == address
