"""What of HTML is read: visible text, in blocks, word for word."""

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from finner_batch.errors import DocumentError
from finner_batch.text import html
from finner_batch.text.extract import extract


def blocks(markup, **options):
    return [block.text for block in extract(markup, "html", **options).blocks]


@pytest.mark.parametrize(
    "markup",
    [
        "<p>sh<span>ar</span>es of<b> </b>stock</p>",
        '<p>sh<ix:nonFraction name="a:B" unitRef="u">ar</ix:nonFraction>es of stock</p>',
        "<p>sh<ix:exclude>ar</ix:exclude><ix:continuation id='c'>es</ix:continuation> of stock</p>",
        "<p>sh<a name='x'>ar</a><font size=2>es</font> of <!-- a comment -->stock</p>",
        "<p>shares\n\t of&nbsp;&#160;&#8203;\u2003stock&#xFEFF;</p>",
        "<p>shares of stock",
        "shares of stock",
    ],
)
def test_an_inline_element_neither_inserts_a_space_nor_breaks_a_word(markup):
    assert blocks(markup) == ["shares of stock"]


@pytest.mark.parametrize("tag", ["p", "div", "h1", "li", "blockquote", "dd", "section", "center", "hr", "page"])
def test_a_block_element_ends_a_block(tag):
    assert blocks(f"<body>one<{tag}>two</{tag}>three</body>") == ["one", "two", "three"] or tag in {"hr", "page"}
    assert blocks(f"<body>one<{tag}></{tag}>three</body>") == ["one", "three"]


@pytest.mark.parametrize(
    "hidden",
    [
        "<div style='display:none'>gone</div>",
        "<span style='color:red; DISPLAY : none !important'>gone</span>",
        "<span style='visibility:hidden'>gone</span>",
        "<span style='visibility: collapse;x:y'>gone<div><b>gone</b></div></span>",
        "<ix:header><ix:hidden><ix:nonNumeric name='dei:X'>gone</ix:nonNumeric></ix:hidden></ix:header>",
        "<script>if (a < b) '</p>'</script>",
        "<style>p { color: red }</style>",
        "<template><p>gone</p></template>",
        "<noscript>gone</noscript>",
        "<!-- gone -->",
        "<br style='display:none'>",
    ],
)
def test_what_is_not_shown_is_not_read_and_leaves_no_trace(hidden):
    assert blocks(f"<html><head><title>gone</title></head><body><div>be{hidden}fore</div></body></html>") == ["before"]


@pytest.mark.parametrize("style", ["display:nonetheless", "display:inline", "x-display:block", "visibility:visible"])
def test_what_is_shown_is_read_whatever_its_style(style):
    assert blocks(f"<p>be<span style='{style}'>fo</span>re</p>") == ["before"]


def test_entities_and_windows_characters_become_the_characters_they_stand_for():
    assert blocks("<p>&ldquo;AT&amp;T&rdquo; &#8211; &#x2019; &#150; &lt;b&gt; R&D &copy &unknown;</p>") == [
        "\u201cAT&T\u201d \u2013 \u2019 \u2013 <b> R&D \xa9 &unknown;"
    ]


@pytest.mark.parametrize("declared", ['<?xml version="1.0" encoding="UTF-16"?>', '<meta charset="iso-8859-1">'])
def test_a_declared_encoding_does_not_matter_once_the_text_is_decoded(declared):
    assert blocks(f"{declared}<p>\u20ac5 \u2013 \u00e9</p>") == ["\u20ac5 \u2013 \u00e9"]


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("Debt<br>In March 2021, we repaid", ["Debt", "In March 2021, we repaid"]),
        ("The Company is not<br/>\nliable for", ["The Company is not liable for"]),
        ("CONDITION AND RESULTS OF<br>OPERATIONS", ["CONDITION AND RESULTS OF OPERATIONS"]),
        ("December 30, 2000,<br>December 25, 1999", ["December 30, 2000, December 25, 1999"]),
        ("one<br><br>two", ["one", "two"]),
        ("<br>One<br>", ["One"]),
    ],
)
def test_a_line_break_ends_a_block_unless_the_sentence_goes_on(markup, expected):
    assert blocks(f"<p>{markup}</p>") == expected


def test_self_closed_elements_of_xhtml_hold_nothing():
    assert blocks("<div/>a<span/>b<p/>c<td/>d") == ["ab", "c", "d"]


def test_preformatted_text_is_read_like_a_text_filing():
    markup = """<p>Before</p><PRE>
The notes bear interest at a fixed rate of
4.25% a year.

<TABLE><CAPTION>
               1996     1995
<S>            <C>      <C>
Net sales      $ 12     $ 11
</TABLE>
                 <b>12</b>
<PAGE>
After the page.
</PRE><p>After</p>"""
    expected = ["Before", "The notes bear interest at a fixed rate of 4.25% a year.", "After the page.", "After"]
    assert blocks(markup) == expected
    assert "Net sales $ 12 $ 11" in blocks(markup, tables=True)


@pytest.mark.parametrize(
    "tag", ["div", "b", *(pytest.param(tag, marks=pytest.mark.slow) for tag in ("span", "font", "p", "table", "ul"))]
)
@pytest.mark.parametrize("closed", [True, False])
def test_200_000_nested_tags_lose_no_text(tag, closed):
    end = f"</{tag}>" * 200_000 if closed else ""
    assert blocks(f"<html><body><p>first</p>{f'<{tag}>' * 200_000}deep{end}<p>last</p>") == ["first", "deep", "last"]


def test_ends_that_end_nothing_lose_no_text_deep_in_markup():
    markup = f"<p>first</p>{'<b>' * 20_000}<p>deep</p>{'</i>' * 20_000}<p>last</p>"
    assert blocks(markup) == ["first", "deep", "last"]


def test_a_rule_prevails_where_it_stands_though_its_selector_comes_again():
    style = "<style>.a{display:none} .b{display:block} .a{top:1px}</style>"
    assert blocks(f"{style}<p class='a b'>shown</p><p class=a>hidden</p>") == ["shown"]


def test_of_thousands_of_rules_each_finds_its_elements():
    rules = "".join(f".t.x{number}{{display:none}}" for number in range(3000))
    markup = f"<style>{rules}</style><p class='t x2999'>hidden</p><p class='t x3000'>shown</p>"
    assert blocks(markup) == ["shown"]


def test_nested_layout_tables_lose_no_text_and_take_no_time():
    assert blocks("<table><tr><td>word " * 20_000 + "end") == ["word"] * 19_999 + ["word end"]


def test_an_entity_bomb_stays_unexpanded_and_the_text_is_read():
    entities = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 30))
    markup = f'<?xml version="1.0"?><!DOCTYPE html [<!ENTITY l0 "lol">{entities}]><html><body><p>x &l29; y</p><p>z</p>'
    read = blocks(markup)
    assert read[-2:] == ["x &l29; y", "z"]
    assert sum(map(len, read)) < 100


@pytest.mark.parametrize("length", [11_000_000])
def test_no_limit_of_the_parser_truncates_a_document(length):
    words = "word " * (length // 5)
    assert blocks(f"<p>{words}end</p><p>after</p>") == [f"{words}end", "after"]
    assert blocks(f"<p title='{words}'>in</p><p>after</p><!-- {words} --><p>last</p>") == ["in", "after", "last"]


@pytest.mark.parametrize("markup", ["", " ", "<", "<p", "</p>", "<html></html>", "<!--", "\x00", "<![CDATA[x]]>"])
def test_nothing_in_nothing_out(markup):
    assert extract(markup, "html").text in {"", "<", "\ufffd"}


def test_a_lone_surrogate_becomes_a_replacement_character():
    assert blocks("<p>a\ud800b</p>") == ["a\ufffdb"]
    assert extract("a\ud800b", "prose").text == "a\ufffdb"


TAGS = "<p> </p> <div> </div> <table> </table> <tr> <td> </td> <b> </b> <br> <pre> </pre> <li> <!--x--> <a &nbsp; &amp;"
PIECES = (*TAGS.split(" "), " ", "\n", "<span style='display:none'>no</span>")
MARKUP = st.lists(st.sampled_from(PIECES) | st.text(alphabet="abc 19.,%", max_size=8), max_size=60)


@settings(max_examples=150, deadline=None)
@given(MARKUP, st.booleans())
def test_whatever_the_markup_offsets_hold_and_space_is_collapsed(pieces, tables):
    extraction = extract("".join(pieces), "html", tables=tables, facts=True)
    assert extraction.text == "\n".join(block.text for block in extraction.blocks)
    for block in extraction.blocks:
        assert extraction.text[block.start : block.start + len(block.text)] == block.text
        assert block.text == " ".join(block.text.split())
        assert block.text


def test_an_error_of_extraction_names_its_stage(monkeypatch):
    class Refusing:
        def __init__(self, **_):
            pass

        def feed(self, _content):
            raise etree.XMLSyntaxError("refused", 1, 1, 1)

    monkeypatch.setattr(html.etree, "HTMLParser", Refusing)
    with pytest.raises(DocumentError, match="refused") as caught:
        extract("<div>x</p>", "html")
    assert caught.value.stage == "extract"


PARSE_WITHIN = """
import resource, sys
from pathlib import Path
from finner_batch.text.html import parse_html

page = "<html><body>" + "<p>Term loans of $7.5 million bear interest at 4.75%. &nbsp;&nbsp;" * 60_000
in_use = next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if "VmData" in line)
limit = in_use * 1024 + int(sys.argv[1]) * (1 << 20)
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
try:
    print(len(parse_html(page, tables=False, tags=None)))
except MemoryError:
    print("no memory")
"""


@pytest.mark.parametrize(
    ("mebibytes", "said"), [*((few, "no memory") for few in (1, 3, 5, 8, 12)), (16, None), (20, None), (200, "60000")]
)
def test_a_parser_that_runs_out_of_memory_says_so(mebibytes, said):
    child = [sys.executable, "-c", PARSE_WITHIN, str(mebibytes)]
    output = subprocess.run(child, capture_output=True, text=True, check=True).stdout.strip()
    assert output in ({said} if said else {"no memory", "60000"})


@pytest.mark.corpus
@pytest.mark.parametrize("mebibytes", [1, 15, 20, 31, 45, 120])
def test_a_collected_page_is_read_whole_or_runs_out_of_memory(mebibytes, corpus):
    script = corpus / "faults" / "out-of-memory-in-parser-is-ok-without-rows" / "repro.py"
    output = subprocess.run([sys.executable, script, str(mebibytes)], capture_output=True, text=True, check=True).stdout
    assert output.strip() in {f"{mebibytes} MemoryError:", f"{mebibytes} 200000 blocks of 200000"}


@pytest.mark.parametrize(
    "within",
    ["<sub></sub>", "<sup> </sup>", "<strike> gone </strike>", "<s>gone</s>", "&shy;", "&#8203;", "<b>&#8203;</b>"],
)
def test_a_preformatted_line_that_shows_nothing_is_blank(within):
    markup = f"<p>First.</p><pre>{within}</pre><pre>The loan bears 5%.\n{within}\nIt is due.\n\n{within}\n\nMore.</pre>"
    assert blocks(markup) == ["First.", "The loan bears 5%.", "It is due.", "More."]
