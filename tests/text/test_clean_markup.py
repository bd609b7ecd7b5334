from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finner_batch.readers.discover import discover
from finner_batch.readers.document import Document
from finner_batch.readers.read import ReadOptions, read_documents
from finner_batch.text.clean_markup import UncleanError, walk
from finner_batch.text.html import parse_html
from finner_batch.text.visible_text import VisibleText

SAMPLES = Path(__file__).parents[2] / "data" / "filings"


def walked(content, *, tables):
    """Return the paragraphs of `walk`, or None if it leaves the document to the HTML parser."""
    visible = VisibleText(tables=tables, places=False)
    try:
        walk(content, visible)
    except UncleanError:
        return None
    return [paragraph.text for paragraph in visible.paragraphs]


def parsed(content, *, tables):
    return [paragraph.text for paragraph in parse_html(content, tables=tables, tags=None)]


def documents(folder):
    for source in discover([str(folder)]):
        for document in read_documents(source, ReadOptions(documents="all")):
            if isinstance(document, Document) and document.markup == "html":
                yield document


CLEAN = [
    "<p>one</p><p>two<br>three</p>",
    "<div>The <span style='color:red'>No</span>tes bear 2<sup>1</sup>&nbsp;&#8211; 5&#37; &amp; more</div>",
    '<div>seen<div style="display:none">not<div>nor this</div>nor that</div>again</div>',
    "<div>seen<span style='visibility: hidden'>not</span>again</div>",
    "<!-- <p>no</p> --><p>yes</p><script>if (a<b) { document.write('</p>') }</script><p>also</p>",
    "<table><tr><td>Rate</td><td>5.25%</td></tr><tr><td/><td>The notes bear interest, said the bank.</td></tr></table>",
    (
        "<html><head><title>no</title></head><body><ix:header><ix:hidden>no</ix:hidden></ix:header>"
        '<p>a <ix:nonFraction name="x:Y" contextRef="c">5</ix:nonFraction>%</p></body></html>'
    ),
    "<P CLASS='x'>upper</P><BR/><DIV>case</DIV>",
]


@pytest.mark.parametrize("content", CLEAN)
def test_clean_markup_is_walked_and_reads_as_the_parser_reads_it(content):
    for tables in (False, True):
        assert walked(content, tables=tables) == parsed(content, tables=tables)


UNCLEAN = [
    "<p>one<br>two<br<b>three</p>",
    "<p>one</p><p>two</p><p",
    "<div>a</p>",
    "<p>a<p>b",
    "<div>a < b</div>",
    '<div title="a>b">c</div>',
    "<div>a</div></div>",
    "<pre>a\nb</pre>",
    "<p>a\0b</p>",
    "<!-- open <p>a</p>",
    "<div style='display:none'>open",
    "<![CDATA[ <p>a</p> ]]>",
    "<textarea><p>a</p></textarea>",
    "<!DOCTYPE html [<!ENTITY a 'b'>]><p>&a;</p>",
]


@pytest.mark.parametrize("content", UNCLEAN)
def test_anything_else_is_left_to_the_parser(content):
    assert walked(content, tables=False) is None


PIECES = st.sampled_from(
    [
        *("a ", "5.25% ", " ", "&amp;", "&lt;b&gt; ", "&#160;", "&nbsp", "<", ">", "\n"),
        *("<p>", "</p>", "<div>", "</div>", "<div/>", "<br>", "<br/>", "</br>", "<span>", "</span>", "<b>", "</b>"),
        *("<table>", "</table>", "<tr>", "</tr>", "<td>", "</td>", "<td/>", "<th>", "</th>", "<li>", "</li>"),
        *("<div style='display:none'>", '<span style="display: NONE">', "<p style='visibility:hidden'>", "<hr>"),
        *('<ix:nonFraction name="a">', "</ix:nonFraction>", "<ix:header>", "</ix:header>", "<script>", "</script>"),
        *("<!--", "-->", "<title>", "</title>", "<select>", "</select>", "<p", '"', "<a href='x>y'>", "</a>"),
    ]
)


TAGS = [
    *("p", "div", "span", "b", "h1", "ul", "li", "table", "tr", "td", "th", "tbody", "center", "section", "a", "font"),
    *("div style='display:none'", 'p style="visibility:hidden"', "ix:nonFraction name='a'", "ix:header", "caption"),
]
NESTED = st.recursive(
    st.sampled_from(["a ", "5.25% ", " ", "b", "&amp;", "\n", "<br/>", "<hr/>", "<!-- x -->", "<script>x</script>"]),
    lambda inside: st.tuples(st.sampled_from(TAGS), st.lists(inside, max_size=3)).map(
        lambda made: f"<{made[0]}>{''.join(made[1])}</{made[0].split()[0]}>"
    ),
    max_leaves=12,
)


@settings(max_examples=1500, deadline=None)
@given(st.one_of(st.lists(PIECES, max_size=24), st.lists(NESTED, max_size=3)).map("".join), st.booleans())
def test_whatever_is_walked_reads_as_the_parser_reads_it(content, tables):
    found = walked(f"<div>{content}</div>", tables=tables)
    assert found is None or found == parsed(f"<div>{content}</div>", tables=tables)


LOST = [
    "<script>x</SCRIPT><p>visible 5%</p><script>y</script>",
    "<script>x</script ><p>visible 5%</p><script>y</script>",
    "<script src='a.js'/><p>visible 5%</p><script>y</script>",
    "<!-- a --!><p>visible</p><!-- x -->",
    "<ix:header>a</ix:header ><p>visible</p><ix:header></ix:header>",
    "<html><head><p>text</p></head></html>",
    "<html><head>text</head></html>",
    "<div><p style='display:none'>a<div>b</div>visible</p></div>",
    "<div><p><p>b</p>c </p>b</div>",
    "<div><p>a<hr/>b</p>c</div>",
]


@pytest.mark.parametrize("content", LOST)
def test_text_that_the_parser_would_show_is_never_lost(content):
    found = walked(content, tables=False)
    assert found is None or found == parsed(content, tables=False)


def test_the_samples_are_walked_and_read_the_same():
    contents = [document.content for document in documents(SAMPLES)]
    assert sum(walked(content, tables=False) is not None for content in contents) >= 2
    for content in contents:
        assert walked(content, tables=False) in (None, parsed(content, tables=False))


@pytest.mark.parametrize("content", ["<" * 300_000, "<!--" * 100_000, "<div>" * 100_000, "<p title='" * 50_000])
def test_hostile_markup_is_given_up_in_linear_time(content):
    assert walked(content, tables=False) is None


@pytest.mark.parametrize("length", [1, 2, 3, 7, 50])
def test_where_a_stretch_of_markup_ends_makes_no_difference(length, monkeypatch):
    page = (
        "".join(sorted(CLEAN, key=lambda content: "<html>" not in content))
        + "<p>a<!-- <p>no</p> -->b</p>"
        + "<p>"
        + "word " * 100
        + "</p>"
    )
    whole = walked(page, tables=True)
    monkeypatch.setattr("finner_batch.text.clean_markup._STRETCH", length)
    assert whole is not None
    assert walked(page, tables=True) == whole


@pytest.mark.corpus
def test_mutated_filings_are_walked_and_read_the_same(corpus):
    found = list(documents(corpus / "faults" / "walk-differs-from-parser"))
    assert len(found) >= 5
    for document in found:
        walk_of_it = walked(document.content, tables=False)
        assert walk_of_it is None or walk_of_it == parsed(document.content, tables=False), document.document_id


@pytest.mark.corpus
def test_real_filings_are_walked_and_read_the_same(corpus):
    seen = clean = 0
    for folder, step in (("filings", 12), ("filings_odd", 1)):
        for place, document in enumerate(documents(corpus / folder)):
            if place % step == 0:
                found = walked(document.content, tables=False)
                assert found is None or found == parsed(document.content, tables=False), document.document_id
                seen += 1
                clean += found is not None
    assert clean >= 0.6 * seen
