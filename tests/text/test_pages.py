"""Text that layout has cut: sentences across a page end, and wrapped lines that are separate paragraphs."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finner_batch.text.extract import extract
from finner_batch.text.pages import join_cut_paragraphs
from finner_batch.text.paragraph import Paragraph

FIRST = "Our revolving credit facility with a group of lenders bears interest at SOFR plus"
SECOND = "1.75% per annum and permits borrowings of up to $250.0 million."


def blocks(markup, **options):
    return [block.text for block in extract(f"<html><body>{markup}</body></html>", "html", **options).blocks]


def paragraphs(*texts):
    return "".join(f"<p>{text}</p>" for text in texts)


@pytest.mark.parametrize(
    "furniture",
    [
        ("45",),
        ("- 45 -", "Table of Contents"),
        ("F-12", "TABLE OF CONTENTS"),
        ("Page 45 of 120",),
        ("xii",),
        ("45 | Northern Lumber 2023 Form 10-K",),
        ("Northern Lumber 2023 Form 10-K | 45",),
        ("45", "NORTHERN LUMBER, INC.", "NOTES TO CONSOLIDATED FINANCIAL STATEMENTS (Continued)"),
        ("45", "Note 7 - Debt (continued)"),
        ("45", "Back to Contents", "7. Debt, Continued"),
        ("45", "Back to Top"),
        ("See accompanying notes to consolidated financial statements.", "45"),
    ],
)
def test_a_page_end_does_not_split_a_sentence(furniture):
    read = blocks(paragraphs("Earlier text.", FIRST, *furniture, SECOND, "Later text."))
    assert read[:2] == ["Earlier text.", f"{FIRST} {SECOND}"]
    assert read[-1] == "Later text."
    assert not set(read) & ({*furniture} - {"NORTHERN LUMBER, INC."})


HALVES = (
    ("The facility that eleven banks granted us in June bears interest at rates that", "depend on our leverage."),
    ("In March the banks agreed to lower the commitment fee that is owed by the", "Company to 0.25%."),
    (FIRST, SECOND),
)
TITLES = ("NORTHERN LUMBER, INC.", "NOTES TO CONSOLIDATED FINANCIAL STATEMENTS", "December 31, 2023 and 2022")


@pytest.mark.parametrize("halves", HALVES)
@pytest.mark.parametrize(
    "titles",
    [
        TITLES[:1],
        TITLES[:2],
        TITLES,
        (*TITLES[:2], "(Unaudited)"),
        (*TITLES[:2], "(Dollars in thousands, except per share data)"),
    ],
)
def test_titles_on_one_page_only_do_not_split_a_sentence_and_are_kept(halves, titles):
    assert blocks(paragraphs(halves[0], "45", *titles, halves[1])) == [" ".join(halves), *titles]


@pytest.mark.parametrize("halves", [HALVES[0], HALVES[2]])
def test_a_foot_with_number_and_title_ends_a_page(halves):
    foot = "45 Northern Lumber 2023 Annual Report"
    text = ("Earlier text of the Company and its mills.", halves[0], foot, halves[1], "Later text of the Company.")
    assert blocks(paragraphs(*text)) == [text[0], " ".join(halves), foot, text[-1]]


@pytest.mark.parametrize(
    "page_end",
    [
        "<div>45</div><hr style='page-break-after:always'/><div><a href='#toc'>Table of Contents</a></div>",
        "<table><tr><td>Northern Lumber</td><td>45</td></tr></table><hr/>",
        "<table><tr><td>Table of Contents</td></tr></table>",
        "<br/><br/>45<br/><br/>",
    ],
)
@pytest.mark.parametrize("tables", [True, False])
def test_a_page_end_of_any_markup_does_not_split_a_sentence(page_end, tables):
    assert blocks(f"<p>{FIRST}</p>{page_end}<p>{SECOND}</p>", tables=tables)[0] == f"{FIRST} {SECOND}"


def test_running_heads_are_recognised_by_their_repetition():
    halves = (
        ("The lenders agreed in the spring to lower the margin of the term loan,", "and the Company paid them a fee."),
        ("In the summer the Company bought land beside its mill in Ohio that", "it had leased before."),
        ("A part of the price was paid with an additional loan from a bank that is", "no lender of the term loan."),
        ("Interest on the additional loan is due at the end of each quarter of", "the year."),
    )
    heads = [(f"{page} Northern Lumber and its many small subsidiaries", "What happened") for page in range(4, 8)]
    text = paragraphs(*[line for half, head in zip(halves, heads, strict=True) for line in (half[0], *head, half[1])])
    assert blocks(text) == [" ".join(half) for half in halves]


def test_a_sentence_runs_over_several_pages():
    text = paragraphs(
        FIRST, "45", "a margin that rises with the leverage of the borrower, and", "46", "that falls again."
    )
    assert blocks(text) == [f"{FIRST} a margin that rises with the leverage of the borrower, and that falls again."]


def test_a_word_hyphenated_at_a_page_end_is_one_word():
    first = "We recorded charges in fiscal 2021, 2020 and 2019, respectively, to write-"
    assert blocks(paragraphs(first, "62", "down the assets.")) == [f"{first}down the assets."]


@pytest.mark.parametrize(
    "texts",
    [
        ("We have no debt of any kind, and we plan to have none.", "45", "eBay is a customer."),
        ("The facility of our subsidiary has the following terms:", "45", "a margin of 2%"),
        ("Management's Discussion and Analysis of Financial Condition", "45", "a table follows"),
        (FIRST, "45", "(a) 1.75% per annum, or"),
        (FIRST, "45", "Quantitative Disclosures About Market Risk"),
        ("Interest rate", "45", "and other risks"),
        ("changes in the interest rates that our lenders ask from us", "45", "changes in laws"),
        (f"{FIRST} a margin", "We repaid it.", "45", "and more"),
        (f"{FIRST} a margin", "The next heading is here", "and more"),
    ],
)
def test_paragraphs_that_are_not_halves_of_a_sentence_are_not_joined(texts):
    assert blocks(paragraphs(*texts)) == list(texts)


def test_a_page_end_between_sentences_is_unchanged():
    texts = ("We have notes of $5 million.", "45", "Table of Contents", "We have a loan of $6 million.")
    assert blocks(paragraphs(*texts)) == list(texts)


def test_a_statement_of_scale_at_a_page_end_is_kept():
    head = "Amounts in millions of dollars (continued)"
    assert blocks(paragraphs(FIRST, "45", head, SECOND)) == [f"{FIRST} {SECOND}", head]


def test_a_sentence_cut_after_a_word_that_ends_none_continues_in_the_next_paragraph():
    assert blocks(paragraphs(FIRST, SECOND)) == [f"{FIRST} {SECOND}"]
    assert blocks(paragraphs(FIRST, "The next sentence.")) == [FIRST, "The next sentence."]


CONTINUED = """<html xmlns:ix="http://www.xbrl.org/2013/inlineXBRL"><body>
<ix:nonNumeric contextRef="c" name="us-gaap:DebtDisclosureTextBlock" continuedAt="k1"><p>Note 7 - Debt</p>
<p>We may borrow $<ix:nonFraction contextRef="c" unitRef="u" name="us-gaap:LineOfCredit" format="ixt:num-dot-decimal"
scale="6" decimals="-5">250.0</ix:nonFraction> million from the lenders named there and pre-</p></ix:nonNumeric>
<p>45</p><p>Note 7 - Debt (continued)</p>
<ix:continuation id="k1"><p>pay it at <ix:nonFraction contextRef="c" unitRef="p" name="us-gaap:Rate" scale="-2"
format="ixt:num-dot-decimal">1.75</ix:nonFraction>% in 2028.</p></ix:continuation><p>Behind the note.</p>
</body></html>"""


@pytest.mark.parametrize("tables", [True, False])
def test_facts_and_notes_keep_their_place_in_a_joined_sentence(tables):
    extraction = extract(CONTINUED, "html", facts=True, tables=tables)
    sentence = "We may borrow $250.0 million from the lenders named there and pre-pay it at 1.75% in 2028."
    assert [block.text for block in extraction.blocks] == [
        "Note 7 - Debt",
        sentence,
        "Behind the note.",
    ]
    assert [(fact.text, fact.in_note) for fact in extraction.facts] == [("250.0", True), ("1.75", True)]
    for fact in extraction.facts:
        assert extraction.text[fact.start : fact.end] == fact.text
    ((start, end),) = extraction.note_spans
    assert extraction.text[start:end] == "Note 7 - Debt\n" + sentence


WRAPPED = (
    "The revolving credit facility provides for borrowings of",
    "up to $250.0 million and bears interest at SOFR plus",
    "1.75%. The interest on loans made by The Senior",
    "Lenders is 6.25% per annum, and all of it matures on",
    "June 1, 2031.",
)


@pytest.mark.parametrize("tag", ["div", "p", "li"])
def test_wrapped_lines_that_are_paragraphs_are_joined(tag):
    assert blocks("".join(f"<{tag}>{line}</{tag}>" for line in WRAPPED)) == [" ".join(WRAPPED)]


def test_wrapped_lines_that_br_ends_are_joined():
    assert blocks(f"<p>{'<br>'.join(WRAPPED)}</p>") == [" ".join(WRAPPED)]


def test_headings_and_page_ends_among_wrapped_lines_are_not_joined():
    heading, next_heading = "Item 7. Management's Discussion and Analysis", "Liquidity and Capital Resources"
    page_end = ("45", "Table of Contents")
    last = ("We paid all of it back in cash, of which we had a lot, to", "our lenders.")
    assert blocks(paragraphs(heading, *WRAPPED[:2], *page_end, *WRAPPED[2:], next_heading, *last)) == [
        heading,
        " ".join(WRAPPED),
        next_heading,
        " ".join(last),
    ]


@pytest.mark.parametrize(
    "lines",
    [
        ("changes in interest rates", "changes in laws", "loss of customers", "loss of key personnel", "lower prices"),
        ("Northern Lumber", "12 Main Street", "Springfield, Ohio", "and at other places", "Telephone number"),
        ("Revenue", "Cost of sales", "of which rent", "Gross profit", "of which abroad", "Net income"),
    ],
)
def test_lists_and_addresses_are_not_joined(lines):
    assert blocks(paragraphs(*lines)) == list(lines)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("a fixed rate of 6-", "7/8% a year", "a fixed rate of 6-7/8% a year"),
        ("lent us $1,", "500,000 in cash", "lent us $1,500,000 in cash"),
        ("a total of 1,", "500,000 shares", "a total of 1,500,000 shares"),
        ("on December 31,", "500 persons left", "on December 31, 500 persons left"),
        ("in the years 1999,", "2000 and 2001", "in the years 1999, 2000 and 2001"),
        ("a 30-", "day note", "a 30-day note"),
        ("a fixed rate of 6", "1/2% a year", None),
        ("SOFR +", "1.75%", None),
        ("ends on June", "30, 2025", None),
        ("is due through", "2031", None),
        ("the spread exceeds", "1.75%", "the spread exceeds 1.75%"),
        ("a loan that then had a principal amount of about", "$5 million", None),
        ("borrowed from the group of banks an additional", "$5 million in cash", None),
    ],
)
def test_how_a_line_that_br_ends_joins_the_next(first, second, expected):
    assert blocks(f"<p>{first}<br>{second}</p>") == [expected or f"{first} {second}"]


@pytest.mark.parametrize(
    ("first", "second"), [("Debt", "$5 million"), ("Total borrowings", "1.75%"), ("Director -0- -0-", "2007")]
)
def test_a_label_is_not_joined_with_its_amount(first, second):
    assert blocks(f"<p>{first}<br>{second}</p>") == [first, second]


@pytest.mark.parametrize(
    "texts", [(FIRST,), (FIRST, "45"), (FIRST, "A Head"), ("45",), ("of the loans that the lenders made to the", "45")]
)
def test_time_grows_with_the_number_of_paragraphs(texts):
    def seconds(number):
        markup = paragraphs(*texts * number)
        begin = time.process_time()
        blocks(markup)
        return time.process_time() - begin

    assert any(seconds(4000) < 8 * max(seconds(1000), 0.05) for _ in range(3))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["45", "Table of Contents", FIRST, SECOND, "and of the", "A head", "Sales 5", "It ends."]),
            st.sampled_from([(False, False), (True, True), (True, False)]),
        ),
        max_size=30,
    )
)
def test_the_prose_is_the_same_with_and_without_rows_of_tables(entries):
    def read(*, tables):
        found = [Paragraph(text, row=row, in_small_table=small) for text, (row, small) in entries]
        return [paragraph for paragraph in join_cut_paragraphs(found, tables=tables) if not paragraph.row]

    assert read(tables=True) == read(tables=False)


@pytest.mark.corpus
def test_pages_and_wrapped_lines_of_the_corpus_are_whole(corpus):
    folder = corpus / "faults" / "page-end-splits-sentence-html"
    html = extract((folder / "page_break_html.htm").read_text(), "html")
    assert len(html.blocks) == 1
    assert "bears interest at a rate equal to SOFR plus 1.75% per annum and permits" in html.text
    inline = extract((folder / "f_contin.htm").read_text(), "html", facts=True)
    assert any("SOFR plus 1.75% and matures on June 1, 2028." in block.text for block in inline.blocks)
    assert [(fact.text, fact.in_note) for fact in inline.facts] == [("250.0", True), ("1.75", True)]
    wrapped = extract((corpus / "faults" / "br-and-div-wrapped-lines" / "br_wrapped.htm").read_text(), "html")
    assert len(wrapped.blocks) == 1
