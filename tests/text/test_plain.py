"""Plain-text filings: paragraphs from hard-wrapped lines, without pages and tables."""

import gzip

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finner_batch.text.extract import extract


def blocks(text, **options):
    return [block.text for block in extract(text, "text", **options).blocks]


def test_a_hard_wrapped_paragraph_is_one_block():
    text = """
     The Company has a revolving credit
facility of $1.5 billion.  It bears
interest at LIBOR plus 1.25%.

     The next paragraph.
"""
    assert blocks(text) == [
        "The Company has a revolving credit facility of $1.5 billion. It bears interest at LIBOR plus 1.25%.",
        "The next paragraph.",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("its long-\nterm debt", "its long-term debt"),
        ("short-\nand long-term debt", "short- and long-term debt"),
        ("the notes -\nall of them", "the notes - all of them"),
        ('Moody\'s rates it "Prime-\n1"', 'Moody\'s rates it "Prime- 1"'),
    ],
)
def test_a_hyphen_at_the_end_of_a_line_stays_and_joins(text, expected):
    assert blocks(text) == [expected]


def test_paragraphs_that_only_indent_are_told_apart():
    text = """     The Company leases its plants from others under leases that end in 2004.
     It also owns four plants in Ohio, which it bought in 1994 from a group of
banks and others.
USL Capital Corporation
     USL Capital, a diversified commercial leasing and financing group, was
acquired in 1987."""
    assert blocks(text) == [
        "The Company leases its plants from others under leases that end in 2004.",
        "It also owns four plants in Ohio, which it bought in 1994 from a group of banks and others.",
        "USL Capital Corporation",
        "USL Capital, a diversified commercial leasing and financing group, was acquired in 1987.",
    ]


def test_a_list_is_a_block_each():
    text = "The rate is the higher of:\n  (a) the prime rate; and\n  (b) the federal funds rate plus\n      0.50%."
    assert blocks(text) == [
        "The rate is the higher of:",
        "(a) the prime rate; and",
        "(b) the federal funds rate plus 0.50%.",
    ]


PAGES = """
The Agreement provides for a facility of $500 million, of which the Company has



                                      -2-
<PAGE>
ACME CORPORATION

drawn $200 million.  It ends in 1999.

                                       3
<PAGE>    4
ACME CORPORATION

The next page begins here.

                                     F-12
<PAGE>
ACME CORPORATION

(ii) Last.
"""


def test_page_numbers_and_running_heads_go_and_a_sentence_runs_on_behind_them():
    agreement, *rest = blocks(PAGES)
    assert agreement.startswith("The Agreement provides for a facility of $500 million, of which the Company has drawn")
    assert agreement.endswith("has drawn $200 million. It ends in 1999.")
    assert rest == ["The next page begins here.", "(ii) Last."]


TABLE = """The receivables were as follows (in millions):
<TABLE>
<CAPTION>
                                       1993     1992        1991
                                       ----     ----        ----
   <S>                                <C>       <C>        <C>
   Beginning balance                  $699      $591       $450
     Other adjustments, primarily
       reserves                         27        20         96
                                      ====      ====       ====
</TABLE>
Text behind it."""


def test_a_marked_table_is_left_out_and_its_rows_are_blocks_on_request():
    assert blocks(TABLE) == ["The receivables were as follows (in millions):", "Text behind it."]
    assert "Beginning balance $699 $591 $450" in blocks(TABLE, tables=True)
    assert [block.text for block in extract(TABLE, "text", tables=True).blocks if not block.row] == blocks(TABLE)


def test_a_table_without_marks_is_known_by_its_columns_and_leaders():
    text = """The expenses were:

Restructuring charges................    $   8         $ 149
  Intangible assets..................        -            37

Net sales              1,000      900
Cost                     800      700

The sales rose in 1997."""
    assert blocks(text) == ["The expenses were:", "The sales rose in 1997."]


def test_prose_behind_a_table_that_was_never_closed_is_not_lost():
    prose = "  Sales rose by 5% in 1993, for the third year in a row, and\ncosts fell.\n\nNotes\n"
    text = f"{TABLE.replace('</TABLE>', '')}\n\n{prose}"
    assert blocks(text)[-2:] == ["Sales rose by 5% in 1993, for the third year in a row, and costs fell.", "Notes"]


def test_a_heading_that_touches_a_table_or_is_underlined_is_not_lost():
    rows = "Net sales      $ 12     $ 11\nCosts          $ 10     $ 10"
    text = f"ITEM 6. SELECTED FINANCIAL DATA\n{rows}\nITEM 7. MANAGEMENT'S DISCUSSION\n"
    assert blocks(text) == ["ITEM 6. SELECTED FINANCIAL DATA", "ITEM 7. MANAGEMENT'S DISCUSSION"]
    assert blocks("Item 1. Business\n- ------  --------\n\nText.") == ["Item 1. Business", "Text."]


def test_tabs_form_feeds_and_carriage_returns_are_layout():
    assert blocks("One\ttwo\r\nthree\r\n\r\nFour.\x0cFive") == ["One two three", "Four.", "Five"]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["<PAGE>", "<TABLE>", "</TABLE>", "   12", "Net sales    $1     $2", "----", "", "", "(a) that it", "12"]
        )
        | st.text(alphabet="abAB .,-", max_size=40),
        max_size=30,
    ),
    st.booleans(),
)
def test_whatever_the_lines_offsets_hold(lines, tables):
    extraction = extract("\n".join(lines), "text", tables=tables)
    assert extraction.text == "\n".join(block.text for block in extraction.blocks)
    for block in extraction.blocks:
        assert extraction.text[block.start : block.start + len(block.text)] == block.text != ""


@given(st.lists(st.text(alphabet="abcde", min_size=1, max_size=9), min_size=1, max_size=80))
def test_no_word_of_wrapped_prose_is_lost(words):
    lines, line = [], ""
    for word in words:
        if len(line) + len(word) > 60:
            lines.append(line)
            line = ""
        line = f"{line} {word}".strip()
    assert " ".join(blocks("\n".join([*lines, line]))) == " ".join(words)


@pytest.mark.corpus
def test_a_filing_of_1994_has_its_items_notes_and_sentences(corpus):
    path = corpus / "filings_odd" / "FORD-MOTOR-CO__10-K__0000037996-94-000005.txt.gz"
    text = gzip.decompress(path.read_bytes()).decode("latin-1")
    extraction = extract(text[text.index("<TEXT>") : text.index("</TEXT>")], "text")
    sections = {block.section for block in extraction.blocks}
    assert "Part IV, Item 14 > Note 9 - Debt" in sections
    assert "Part I, Item 1" in sections
    assert sum(block.text[-1] in ".:;" for block in extraction.blocks if len(block.text) > 200) > 190
