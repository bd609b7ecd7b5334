"""Plain-text filings: paragraphs from hard-wrapped lines, without pages and tables."""

import gzip
import time

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
        ("at a rate of 6-\n7/8% a year", "at a rate of 6-7/8% a year"),
        ("may lend $1,\n500,000 more", "may lend $1,500,000 more"),
        ("of 12,\n500,000 shares", "of 12,500,000 shares"),
        ("on May 5,\n200 of them", "on May 5, 200 of them"),
    ],
)
def test_a_hyphen_at_the_end_of_a_line_is_kept_and_joins(text, expected):
    assert blocks(text) == [expected]


def test_paragraphs_separated_only_by_indents_are_recognised():
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


def test_page_numbers_and_running_heads_are_removed_within_a_sentence():
    agreement, *rest = blocks(PAGES)
    assert agreement.startswith("The Agreement provides for a facility of $500 million, of which the Company has drawn")
    assert agreement.endswith("has drawn $200 million. It ends in 1999.")
    assert rest == ["The next page begins here.", "(ii) Last."]


HEADS_OF_PAGES = (
    ("NORTHERN LUMBER CO AND SUBSIDIARIES\n\nNOTES TO CONSOLIDATED FINANCIAL STATEMENTS -- (CONTINUED)",),
    ("Northern Lumber Co",),
    ("Northern Lumber Co\nAnnual Report",),
    ("NOTE 7 - DEBT (Continued)",),
    ("Item 7. Management's Discussion and Analysis of Financial Condition and\n-----\nResults (Continued)\n-----",),
)


@pytest.mark.parametrize("head", [head for (head,) in HEADS_OF_PAGES])
@pytest.mark.parametrize("mark", ["-22-\n<PAGE>", "<PAGE>   23", "22\n\f", "Page 22\n<PAGE>"])
def test_a_running_head_of_several_lines_does_not_split_a_sentence(head, mark):
    text = f"The loans of the group of banks bear interest at\nLIBOR\n\n  {mark}\n\n{head}\n\nplus 1.75%.\n\nIt ends."
    assert blocks(text) == ["The loans of the group of banks bear interest at LIBOR plus 1.75%.", "It ends."]


def test_a_page_number_alone_ends_a_page_within_a_sentence():
    text = "The commitment of the banks was increased on\n                23\n\n\n       to $300 million in 1997."
    assert blocks(text) == ["The commitment of the banks was increased on to $300 million in 1997."]


def test_a_foot_that_counts_the_pages_does_not_split_a_sentence():
    halves = (
        ("We paid a part of the term loan in March and", "the rest in May."),
        ("The banks that lent us the money were those of", "the year before."),
        ("None of them asked for a higher margin, and all of", "them agreed."),
    )
    text = "".join(
        f"{first}\n\n  Northern Lumber 10-K   {page}\n<PAGE>\n\n{second}\n\n"
        for page, (first, second) in enumerate(halves, 7)
    )
    assert blocks(text) == [" ".join(half) for half in halves]


RUNNING_HEADING = """ITEM 6.  SELECTED FINANCIAL DATA

See the table elsewhere.

                       -21-
<PAGE>

Item 7.  Management's Discussion and Analysis of Financial Condition and Results
--------------------------------------------------------------------------------
of Operations
-------------

     Sales of lumber improved over the prior year because volumes rose.

                       -22-
<PAGE>

Item 7.  Management's Discussion and Analysis of Financial Condition and Results
--------------------------------------------------------------------------------
of Operations (Continued)
-------------

     The facility bears interest at LIBOR plus 1.75%, and the notes bear interest at

                       -23-
<PAGE>

Item 7.  Management's Discussion and Analysis of Financial Condition and Results
--------------------------------------------------------------------------------
of Operations (Continued)
-------------

a stated rate of 6.25%.

                       -24-
<PAGE>

ITEM 8.  FINANCIAL STATEMENTS

See index.
"""


@pytest.mark.parametrize("tables", [True, False])
def test_a_running_head_that_is_a_heading_is_kept_where_it_first_occurs(tables):
    found = [block for block in extract(RUNNING_HEADING, "text", tables=tables).blocks if not block.row]
    assert [(block.section, block.text) for block in found] == [
        ("Part II, Item 6", "ITEM 6. SELECTED FINANCIAL DATA"),
        ("Part II, Item 6", "See the table elsewhere."),
        (
            "Part II, Item 7",
            "Item 7. Management's Discussion and Analysis of Financial Condition and Results of Operations",
        ),
        ("Part II, Item 7", "Sales of lumber improved over the prior year because volumes rose."),
        (
            "Part II, Item 7",
            "The facility bears interest at LIBOR plus 1.75%, and the notes bear interest at a stated rate of 6.25%.",
        ),
        ("Part II, Item 8", "ITEM 8. FINANCIAL STATEMENTS"),
        ("Part II, Item 8", "See index."),
    ]


def test_a_statement_of_scale_in_a_running_head_is_kept():
    page = "Northern Lumber Co\n(Dollars in thousands)\n\nIt paid $5 of its debt.\n\n12\n<PAGE>\n"
    assert blocks(page * 4).count("(Dollars in thousands)") == 3 + 0


def test_a_statement_of_scale_in_a_running_head_does_not_split_a_sentence():
    head = "Northern Lumber Co\nNotes to Financial Statements\n(Dollars in thousands)"
    pages = [
        f"     In year {page} the loans of the group of banks bore interest at\nLIBOR\n\n  -{page}-\n<PAGE>\n{head}\n\n"
        "plus 1.75%.\n\nThey ended.\n\n"
        for page in range(3, 8)
    ]
    assert blocks("".join(pages)) == [
        text
        for page in range(3, 8)
        for text in (
            f"In year {page} the loans of the group of banks bore interest at LIBOR plus 1.75%.",
            "(Dollars in thousands)",
            "They ended.",
        )
    ]


PROSE = (
    "The Company has a revolving credit facility with a group of banks which provides for borrowings of up to $250.0 \
million and bears interest at LIBOR plus 1.75%. The Senior Notes bear interest at a stated rate of 6.25% per annum and \
mature on June 1, 2005. The term loan of the subsidiary has an effective interest rate of 7.40%."
)


def justified(text, width, fill):
    lines, line = [], []
    for word in text.split():
        if sum(map(len, line)) + len(line) + len(word) > width:
            gaps = len(line) - 1
            missing = width - sum(map(len, line))
            lines.append("".join(w + fill(gap, gaps, missing) for gap, w in enumerate(line)).rstrip())
            line = []
        line.append(word)
    return "\n".join([*lines, " ".join(line)])


def evenly(gap, gaps, missing):
    return " " * (missing // gaps + (gap < missing % gaps)) if gap < gaps else ""


@pytest.mark.parametrize("width", [60, 72, 80, 100])
def test_fully_justified_prose_is_prose(width):
    assert blocks(justified(PROSE, width, evenly)) == [PROSE]


def test_prose_stretched_to_three_spaces_and_more_is_prose():
    assert blocks(justified(PROSE, 60, lambda gap, *_: "   " if gap % 3 else "    ")) == [PROSE]


@pytest.mark.parametrize("every", [1, 2, 5])
def test_tabs_between_words_of_prose_are_spaces(every):
    assert blocks(justified(PROSE, 70, lambda gap, *_: " " if gap % every else "\t")) == [PROSE]


@pytest.mark.parametrize(
    "row",
    [
        "Net income before taxes and extraordinary items    1,234    5,678",
        "Net income before taxes and extraordinary items\t1,234\t5,678",
        "John Miller    45    President and chief executive officer",
        "John Miller\t45\tPresident and chief executive officer",
        "Balance at the end of the year   5",
    ],
)
def test_rows_of_labels_and_figures_are_no_prose(row):
    assert blocks(f"{row}\n{row}") == []


DOUBLE_SPACED = """                        PART II



ITEM 7.  MANAGEMENT'S DISCUSSION AND ANALYSIS OF FINANCIAL CONDITION



     The Company has a revolving credit facility with a group of banks which

provides for borrowings of up to $250.0 million and bears interest at LIBOR

plus 1.75%. The Senior Notes bear interest at a stated rate of 6-

7/8% per annum and mature on June 1, 2005. The term loan has an effective

interest rate of 7.40%.

     The bank may lend a further $1,

500,000 under the agreement with us.



ITEM 8.  FINANCIAL STATEMENTS



     See the index.
"""


def test_lines_of_a_double_spaced_filing_are_joined():
    part, item, first, second, *rest = blocks(DOUBLE_SPACED)
    assert (part, item) == ("PART II", "ITEM 7. MANAGEMENT'S DISCUSSION AND ANALYSIS OF FINANCIAL CONDITION")
    assert "bears interest at LIBOR plus 1.75%. The Senior Notes bear interest at a stated rate of 6-7/8% per" in first
    assert first.startswith("The Company has a revolving")
    assert first.endswith("interest rate of 7.40%.")
    assert second == "The bank may lend a further $1,500,000 under the agreement with us."
    assert rest == ["ITEM 8. FINANCIAL STATEMENTS", "See the index."]


def test_double_spaced_lines_that_are_no_prose_are_not_joined():
    lines = ["Northern Lumber Co", "Springfield, Ohio", "List of exhibits", "Credit agreement", "Indenture of 1997"]
    assert blocks("\n\n".join(lines)) == lines


@pytest.mark.parametrize(
    "unit",
    [
        "-" * 299 + "x\n",
        " " * 299 + "x\n",
        "12\n\n<PAGE>\n",
        "\f",
        "a\n\f\n",
        "\n",
        "a   ",
        "x" + " " * 290 + "5\n",
        "- 1 -\n",
    ],
)
def test_time_grows_with_the_length_of_the_text(unit):
    def seconds(size):
        text = unit * (size // len(unit))
        begin = time.process_time()
        extract(text, "text")
        return time.process_time() - begin

    assert any(seconds(160_000) < 8 * max(seconds(40_000), 0.05) for _ in range(3))


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


def test_prose_after_a_table_that_was_never_closed_is_not_lost():
    prose = "  Sales rose by 5% in 1993, for the third year in a row, and\ncosts fell.\n\nNotes\n"
    text = f"{TABLE.replace('</TABLE>', '')}\n\n{prose}"
    assert blocks(text)[-2:] == ["Sales rose by 5% in 1993, for the third year in a row, and costs fell.", "Notes"]


def test_a_heading_that_touches_a_table_or_is_underlined_is_not_lost():
    rows = "Net sales      $ 12     $ 11\nCosts          $ 10     $ 10"
    text = f"ITEM 6. SELECTED FINANCIAL DATA\n{rows}\nITEM 7. MANAGEMENT'S DISCUSSION\n"
    assert blocks(text) == ["ITEM 6. SELECTED FINANCIAL DATA", "ITEM 7. MANAGEMENT'S DISCUSSION"]
    assert blocks("Item 1. Business\n- ------  --------\n\nText.") == ["Item 1. Business", "Text."]


def test_a_heading_that_touches_the_last_row_below_running_text_is_not_part_of_that_text():
    text = (
        "The price range per share of common stock represents the highest and lowest\nprices on the market in which it "
        "is traded during each of the quarters that\nended in the years below, as the market told them to all.\n"
        "The Company paid no dividends.\n                    FIRST     SECOND\n"
        "Price range per common\n  share..............  $64-$25   $69-$40\nITEM 6. SELECTED DATA\n\nSee below."
    )
    assert blocks(text)[-2:] == ["ITEM 6. SELECTED DATA", "See below."]


@pytest.mark.parametrize(
    "heading",
    [
        "ITEM  12.  CERTAIN   RELATIONSHIPS  AND  RELATED   TRANSACTIONS,   AND  DIRECTOR\nINDEPENDENCE",
        "Item  13.  Certain   Relationships  and  Related   Transactions,   and  Director\n           Independence.",
        "ITEM   7.   MANAGEMENT'S   DISCUSSION   AND   ANALYSIS",
    ],
)
def test_a_heading_filled_up_to_the_right_margin_is_no_row(heading):
    assert blocks(f"{heading}\n\nSee below.") == [" ".join(heading.split()), "See below."]


@pytest.mark.parametrize("entry", ["Item 12.   Certain Relationships    14", "Item 12      $ 5      $ 6"])
def test_rows_that_begin_like_a_heading_stay_rows(entry):
    assert blocks(f"{entry}\n{entry}\n\nSee below.") == ["See below."]


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
@pytest.mark.parametrize(
    ("kind", "name", "sentence", "section"),
    [
        (
            "text-filing-justified-or-tabbed",
            "txt_justified.txt",
            "bears interest at LIBOR plus 1.75%.",
            "Part II, Item 7",
        ),
        ("text-filing-double-spaced", "txt_double_spaced.txt", "stated rate of 6-7/8% per annum", "Part II, Item 7"),
        ("text-filing-double-spaced", "txt_double_spaced.txt", "a further $1,500,000 under it.", "Part II, Item 7"),
        ("running-head-removes-item-heading", "t_running_head.txt", "at LIBOR plus 1.75%.", "Part II, Item 7"),
        (
            "two-line-running-head-splits-sentence",
            "txt_page.txt",
            "interest at LIBOR plus 1.75%. The",
            "Part II, Item 7",
        ),
    ],
)
def test_paragraphs_of_the_corpus_are_whole(corpus, kind, name, sentence, section):
    text = (corpus / "faults" / kind / name).read_text()
    found = extract(text[text.index("<TEXT>") : text.index("</TEXT>")], "text").blocks
    assert [block.section for block in found if sentence in block.text] == [section]


@pytest.mark.corpus
def test_a_filing_of_1994_has_its_items_notes_and_sentences(corpus):
    path = corpus / "filings_odd" / "FORD-MOTOR-CO__10-K__0000037996-94-000005.txt.gz"
    text = gzip.decompress(path.read_bytes()).decode("latin-1")
    extraction = extract(text[text.index("<TEXT>") : text.index("</TEXT>")], "text")
    sections = {block.section for block in extraction.blocks}
    assert "Part IV, Item 14 > Note 9 - Debt" in sections
    assert "Part I, Item 1" in sections
    assert sum(block.text[-1] in ".:;" for block in extraction.blocks if len(block.text) > 200) > 190


@pytest.mark.parametrize("shown_as_nothing", ["\u00ad", "\u200b \u200b", "\ufeff", "<B>\u00ad</B>"])
def test_a_line_that_shows_nothing_is_no_block(shown_as_nothing):
    text = f"The notes bear 5%.\n\n{shown_as_nothing}\n\nThe loan is due."
    assert blocks(text) == ["The notes bear 5%.", "The loan is due."]
