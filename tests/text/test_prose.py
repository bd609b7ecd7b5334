"""Shard rows: the text is unchanged, and offsets refer to it."""

from hypothesis import given
from hypothesis import strategies as st

from finner_batch.text.extract import extract
from finner_batch.text.sentences import split


def blocks(text):
    return [block.text for block in extract(text, "prose").blocks]


@given(st.text(alphabet="aB1. \n\r\t\u00a0\u2028", max_size=200))
def test_the_text_is_untouched_and_blocks_cover_every_word_once(text):
    extraction = extract(text, "prose")
    assert extraction.text == text
    position = 0
    for block in extraction.blocks:
        assert text[position : block.start].strip() == ""
        assert text[block.start : block.start + len(block.text)] == block.text == block.text.strip() != ""
        position = block.start + len(block.text)
    assert text[position:].strip() == ""


def test_a_line_break_or_a_blank_line_ends_a_paragraph():
    assert blocks("Item 7. Management's Discussion\nWe had debt of $5 million.\n\n  We repaid it.\r\nAll of it.") == [
        "Item 7. Management's Discussion",
        "We had debt of $5 million.",
        "We repaid it.",
        "All of it.",
    ]


def test_a_line_that_continues_a_sentence_is_joined_by_a_space():
    text = "The notes bear interest at a fixed\nrate of 4.25% a year. They end in 2031."
    assert blocks(text) == [text]
    sentences = split(extract(text, "prose"))
    assert [sentence.text for sentence in sentences] == [
        "The notes bear interest at a fixed rate of 4.25% a year.",
        "They end in 2031.",
    ]
    for sentence in sentences:
        own = text[sentence.start : sentence.start + len(sentence.text)]
        assert own.replace("\n", " ") == sentence.text


def test_hard_wrapped_prose_is_joined():
    text = (
        "The Company entered into a credit agreement with a group of banks led by The\n"
        "Chase Manhattan Bank. Loans under it bear interest at a rate equal to LIBOR plus\n"
        "0.75%, and they are due in 2001."
    )
    assert blocks(text) == [text]


def test_a_sentence_continues_after_a_line_that_does_not_end_it():
    text = "The notes bear interest at a rate equal to SOFR plus\n1.75% a year.\nThe Agent and\nThe Lender signed."
    assert blocks(text) == [
        "The notes bear interest at a rate equal to SOFR plus\n1.75% a year.",
        "The Agent and\nThe Lender signed.",
    ]


def test_shard_rows_know_their_section():
    text = "Item 8. Financial Statements and Supplementary Data\nNOTE 7. DEBT\nWe have notes of $5 million."
    assert extract(text, "prose").blocks[-1].section == "Part II, Item 8 > Note 7 - DEBT"
