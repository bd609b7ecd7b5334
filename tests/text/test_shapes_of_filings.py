"""Unusual filings with their right text: struck text, cut paragraphs, broken tables, preformatted text."""

import pytest

from finner_batch.readers.document import Document, Source
from finner_batch.readers.format import document_format
from finner_batch.readers.read import ReadOptions, read_documents
from finner_batch.readers.wrappers import unwrap
from finner_batch.text.extract import extract

LOAN = "The Harbor Street facility permits borrowings of up to $85.0 million and bears interest at SOFR plus 2.10%."
BONDS = "The Coral Bonds carry a coupon of 4.375% and fall due in May 2033."
TERM = "A term loan of the same banks has an effective interest rate of 6.15%."


def blocks(content):
    body = document_format(content)
    markup = "html" if body in ("html", "ixbrl") else "text"
    return [block.text for block in extract(unwrap(content) if body == "preformatted" else content, markup).blocks]


def page(body, head=""):
    return f"<html><head><title>x</title>{head}</head><body>{body}</body></html>"


STRUCK = "The rate is 2.10% a year."


@pytest.mark.parametrize(
    "content",
    [
        page("<p>The rate is <s>2.60%</s> 2.10% a year.</p>"),
        page("<p>The rate is <strike>2.60%</strike> <u>2.10%</u> a year.</p>"),
        page("<p>The rate is <del>2.60%</del> <ins>2.10%</ins> a year.</p>"),
        page("<p>The rate is <span style='text-decoration:line-through'>2.60%</span> 2.10% a year.</p>"),
        page("<p>The rate is <font style='TEXT-DECORATION: underline LINE-THROUGH red'>2.60%</font> 2.10% a year.</p>"),
        page(
            "<p>The rate is <span style='text-decoration-line: line-through !important'>2.60% </span>2.10% a year.</p>"
        ),
        page(
            "<p>The rate is <span class='gone'>2.60%</span> 2.10% a year.</p>",
            "<style>p {margin: 0} .gone { text-decoration : line-through }</style>",
        ),
        page("<p>The rate is 2.10% a year.</p><div style='text-decoration:line-through'><p>It is 2.60%.</p></div>"),
        page("<table><tr><td>The rate is <s>2.60%</s> 2.10% a year.</td></tr></table>"),
        page("<pre>\nThe rate is <s>2.60%</s> 2.10% a year.\n</pre>"),
        page("<pre>\nThe rate is <strike>2.60%</strike> 2.10% a year.\n</pre>"),
        page("<p>The rate is 2.<s>6</s>10% a year.</p>"),
        page("<p>The rate is <em>2.60%</em> 2.10% a year.</p>", "<style>em {text-decoration: line-through}</style>"),
    ],
)
def test_struck_text_is_no_text(content):
    assert blocks(content) == [STRUCK]


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("notes at 8<sup>3</sup>/<sub>4</sub>% due", "notes at 8 3/4% due"),
        ("notes at 8-<sup>3</sup>/<sub>4</sub>% due", "notes at 8-3/4% due"),
        ("a line of $120<sup>3</sup> million", "a line of $120\u00b3 million"),
        ("a line of $120<sup>(2)</sup> million", "a line of $120\u207d\u00b2\u207e million"),
        ("the 1<sup>st</sup> amendment", "the 1st amendment"),
        ("a cre&shy;dit line of $12&#8203;0.0 mil&#173;lion", "a credit line of $120.0 million"),
        ("the\u200bnotes", "the\u200bnotes".replace("\u200b", " ")),
    ],
)
def test_superscripts_and_invisible_characters_keep_words_and_numbers_whole(markup, text):
    (block,) = blocks(page(f"<p>{markup}</p>"))
    assert block.replace("the notes", "thenotes") == text.replace("the notes", "thenotes")


@pytest.mark.parametrize(
    "content",
    [
        page(f"<table><tr><td>Sum</td><td>7</td><td>9</td></tr><p>{LOAN}</p><p>{BONDS}</p>"),
        page(f"<table><tr><td>Sum</td><td>7</td><p>{LOAN}</p><p>{BONDS}</p>"),
        page(f"<table><tr><td>Sum</td><td>7</td></tr></table></table><p>{LOAN}</p></td></tr><p>{BONDS}</p>"),
        page(
            f"<table><tr><td>Sum</td><td>7</td></tr><table><tr><td>5</td><td>6</td></tr></table><p>{LOAN}</p><p>{BONDS}</p>"
        ),
        page(f"<table><p>{LOAN}</p><tr><td>Sum</td><td>7</td></tr></table><p>{BONDS}</p>"),
    ],
)
def test_a_table_that_is_not_closed_swallows_no_text(content):
    found = blocks(content)
    assert LOAN in found
    assert BONDS in found


FIRST, SECOND = (
    "The Harbor Street facility, which eleven banks granted us in June, bears interest at SOFR plus",
    "2.10% a year.",
)


def pages(*between):
    """Return a sentence that a page end cuts, and other pages with the same head and foot."""
    others = "".join(f"<p>{LOAN}</p><p>{number}</p><p>Table of Contents</p>" for number in (11, 12, 13))
    return page(others + f"<p>{FIRST}</p>" + "".join(between) + f"<p>{SECOND}</p>")


@pytest.mark.parametrize(
    "between",
    [
        ["<p>14</p>"],
        ["<p>14</p>", "<hr>", "<p><a href='#toc'>Table of Contents</a></p>"],
        ["<div>- 14 -</div>", "<div>NOTES TO FINANCIAL STATEMENTS (Continued)</div>"],
        ["<table><tr><td>14</td></tr></table>", "<p>Table of Contents</p>"],
    ],
)
def test_a_page_end_in_html_does_not_split_a_sentence(between):
    assert f"{FIRST} {SECOND}" in blocks(pages(*between))


def test_separate_text_after_a_page_end_is_not_joined():
    found = blocks(page(f"<p>{LOAN}</p><p>14</p><p>Table of Contents</p><p>{BONDS}</p>"))
    assert LOAN in found
    assert BONDS in found


def test_lines_that_breaks_wrap_are_one_paragraph():
    lines = (
        "The Harbor Street facility permits borrowings of<br>up to $85.0 million and bears interest at SOFR plus<br>"
        f"2.10%. {BONDS}"
    )
    assert blocks(page(f"<p>{lines}</p>")) == [f"{LOAN} {BONDS}"]


TYPED = """
                                 PART II

Item 7.  Management's Discussion and Analysis

     The Harbor Street facility permits borrowings of up to $85.0 million and
bears interest at SOFR plus 2.10%.

Item 8.  Financial Statements

     The Coral Bonds carry a coupon of 4.375% and fall due in May 2033.
"""


@pytest.mark.parametrize(
    "content",
    [
        TYPED,
        page(f"<pre>{TYPED}</pre>"),
        page(f"<div>{TYPED}</div>"),
        page(f"<p>{TYPED}</p>"),
        page(f"<xmp>{TYPED}</xmp>"),
        page(f"<plaintext>{TYPED}"),
        page(f"<font face='Courier'><tt>{TYPED}</tt></font>"),
        page(f"<table width='100%'>\n<tr><td>{TYPED}</td></tr></table>"),
        page(f"<p>The report follows.</p><hr><pre>{TYPED}</pre>"),
        page(f"<div style='white-space: pre-wrap'>{TYPED}</div>"),
        TYPED.replace("Item 8.", "<br>\nItem 8."),
    ],
)
def test_preformatted_text_reads_like_a_text_filing_in_any_markup(content):
    found = blocks(content)
    assert LOAN in found
    assert BONDS in found
    assert "PART II" in found
    assert "Item 8. Financial Statements" in found


def test_markup_with_a_page_mark_is_html():
    found = blocks(f"<P>{LOAN}</P>\n<PAGE>\n<P>{BONDS}</P>\n<P>{TERM}</P>")
    assert found == [LOAN, BONDS, TERM]


@pytest.mark.parametrize(
    "lines",
    [
        """     The  Harbor   Street   facility  permits   borrowings  of  up  to   $85.0
million   and   bears   interest   at   SOFR   plus   2.10%.""",
        """The Harbor\tStreet facility permits borrowings of up to
$85.0 million and bears\tinterest at SOFR
plus 2.10%.""",
        """     The Harbor Street facility permits borrowings of up to $85.0 million

and bears interest at SOFR plus 2.10%. The Coral Bonds carry a coupon of

4.375% and fall due in May 2033. A term loan of the same banks has an

effective interest rate of 6.15%.""",
    ],
    ids=["justified", "tabbed", "double-spaced"],
)
def test_a_paragraph_of_a_text_filing_is_whole_however_it_was_set(lines):
    found = blocks(
        f"ITEM 7.  MANAGEMENT'S DISCUSSION AND ANALYSIS\n\n{lines}\n\nITEM 8.  FINANCIAL STATEMENTS\n\nSee below.\n"
    )
    assert any(block.startswith(LOAN) for block in found)


def test_running_heads_of_a_text_filing_neither_split_a_sentence_nor_hide_the_heading():
    title = "Item 7.  Management's Discussion and Analysis of Financial Condition and\nResults of Operations"
    head = f"{title} (Continued)\n\n"
    text = (
        "ITEM 6.  SELECTED DATA\n\nSee below.\n\n  5\n<PAGE>\n"
        "Item 7.  Management's Discussion and Analysis of Financial Condition and\nResults of Operations\n\n"
        f"     {TERM}\n\n  6\n<PAGE>\n{head}     {BONDS}\n\n  7\n<PAGE>\n{head}"
        "     The Harbor Street facility permits borrowings of up to $85.0 million and\nbears interest at SOFR\n\n"
        "  8\n<PAGE>\n"
        f"{head}plus 2.10%.\n\n  9\n<PAGE>\n{head}     See below.\n"
    )
    extraction = extract(text, "text")
    assert [block.section for block in extraction.blocks if block.text == LOAN] == ["Part II, Item 7"]
    assert [block.section for block in extraction.blocks if block.text == TERM] == ["Part II, Item 7"]


RIGHT = {
    "struck-text-becomes-rows/strike.htm": ["LIBOR plus 2.25% per annum", "is $275.0 million."],
    "page-end-splits-sentence-html/f_contin.htm": ["SOFR plus 1.75% and matures"],
    "page-end-splits-sentence-html/page_break_html.htm": ["SOFR plus 1.75% per annum and permits"],
    "br-and-div-wrapped-lines/br_wrapped.htm": ["SOFR plus 1.75%. The Senior Notes bear interest at a stated rate"],
    "plain-text-inside-div/t_text_in_div.htm": ["LIBOR plus 1.75%.", "June 1, 2005."],
    "plain-text-inside-div/t_text_in_code.htm": ["LIBOR plus 1.75%.", "June 1, 2005."],
    "soft-hyphen-and-zero-width/soft_hyphen.htm": [
        "bear interest at a stated rate of 6.25% per annum",
        "$250.0 million",
    ],
    "superscript-fraction-not-tagged/split_tags.htm": ["at 6 1/4% and the bonds at 5 7/8 %"],
    "unclosed-table-swallows-the-rest/t_table_unclosed_mid.htm": ["SOFR plus 1.75%.", "June 1, 2031.", "of 7.40%."],
    "text-filing-justified-or-tabbed/txt_justified.txt": ["LIBOR plus 1.75%. The Senior Notes", "rate of 7.40%."],
    "text-filing-double-spaced/txt_double_spaced.txt": ["LIBOR plus 1.75%.", "6-7/8%", "$1,500,000"],
    "two-line-running-head-splits-sentence/txt_page.txt": [
        "LIBOR plus 1.75%.",
        "to $300 million in 1997.",
    ],
    "running-head-removes-item-heading/t_running_head.txt": ["and Results of Operations", "LIBOR plus 1.75%."],
    "html-fragment-with-page-mark/page_in_html_fragment.htm": ["SOFR plus 1.75%.", "rate of 7.40%."],
    "html-fragment-with-page-mark/frameset.htm": ["SOFR plus 1.75%.", "June 1, 2031."],
    "html-fragment-with-page-mark/strike_upper.htm": ["SOFR plus 1.75%.", "June 1, 2031."],
}
WRONG = ("200.0", "2.50%", "5.125% 5", "<P", "9.00%", "Continued", "\u00ad", "12,000")


@pytest.mark.corpus
@pytest.mark.parametrize("name", RIGHT)
def test_the_collected_shapes_read_right(corpus, name):
    source = Source(uri=str(corpus / "faults" / name), name=name.rpartition("/")[2])
    (document,) = (found for found in read_documents(source, ReadOptions()) if isinstance(found, Document))
    text = extract(document.content, document.markup).text
    assert [said for said in RIGHT[name] if said not in text] == []
    assert [said for said in WRONG if said in text] == []
