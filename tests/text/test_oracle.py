"""The streaming extractor against an independent one: BeautifulSoup's tree over Python's own HTML parser."""

import gzip
import os
from itertools import zip_longest
from unicodedata import normalize

import pytest
from bs4 import BeautifulSoup
from bs4.element import NavigableString, PreformattedString, Tag

from finner_batch.text.extract import extract
from finner_batch.text.line_breaks import continues
from finner_batch.text.pages import join_cut_paragraphs
from finner_batch.text.paragraph import Paragraph
from finner_batch.text.tables import read_table

INVISIBLE = {"head", "title", "script", "style", "template", "noscript", "ix:header", "ix:hidden", "object", "select"}
RENDERED_AS_BLOCKS = """
address blockquote center dialog div figure figcaption footer form header hr legend listing main p search xmp article
aside h1 h2 h3 h4 h5 h6 hgroup nav section dir dd dl dt menu ol ul li table caption colgroup col thead tbody tfoot tr td
th fieldset details summary option optgroup html body frameset noframes plaintext page pre
"""
BLOCKS = set(RENDERED_AS_BLOCKS.split())
"""Elements that the rendering rules of the HTML standard (15.3) display as blocks or parts of tables."""
FEW = (
    "0000021076__10-K__2022-06-30.htm.gz",
    "0000060667__10-Q__0000060667-23-000139.htm.gz",
    "0001341439__10-Q__0000950170-23-047713.htm.gz",
    "0001411579__10-Q__0001411579-23-000057.htm.gz",
)


class Reader:
    """Reads a tree into paragraphs, with white space collapsed word by word."""

    def __init__(self, *, tables):
        self.tables = tables
        self.paragraphs = []
        self.text = ""

    def visit(self, node):
        for child in node.children:
            if isinstance(child, NavigableString):
                if not isinstance(child, PreformattedString):
                    self.text += str(child)
            elif not is_hidden(child):
                self.visit_element(child)

    def visit_element(self, element):
        if element.name == "br":
            self.text += "\0"
        elif element.name not in BLOCKS:
            self.visit(element)
        else:
            self.end_block()
            if element.name == "table":
                self.visit_table(element)
            else:
                self.visit(element)
            self.end_block()

    def visit_table(self, table):
        rows = []
        for row in table.find_all("tr"):
            if row.find_parent("table") is table and not is_hidden(row):
                cells = [cell for cell in row.find_all(("td", "th"), recursive=False) if not is_hidden(cell)]
                rows.append([self.read_cell(cell) for cell in cells])
        is_small = not table.find_parent("table") and len(table.find_all("tr")) < 4 and not table.find("table")
        paragraphs = read_table(rows, tables=self.tables or is_small)
        for paragraph in paragraphs:
            paragraph.in_small_table = is_small and paragraph.row and len(paragraph.text) <= 150
        self.paragraphs += paragraphs

    def read_cell(self, cell):
        reader = Reader(tables=self.tables)
        reader.visit(cell)
        reader.end_block()
        return reader.paragraphs

    def end_block(self):
        lines = []
        for raw in self.text.split("\0"):
            line = spaces_collapsed(raw)
            if line and lines and lines[-1] and continues(lines[-1].split("\n")[-1], line):
                lines[-1] += "\n" + line
            else:
                lines.append(line)
        self.paragraphs += [Paragraph(line.replace("\n", " ")) for line in lines if line]
        self.text = ""


def spaces_collapsed(text):
    result = ""
    for character in text:
        space = character.isspace() or character in "\u180e\u200b\u200c\u200d\u2060\ufeff"
        if not space:
            result += character
        elif result and result[-1] != " ":
            result += " "
    return result.rstrip(" ")


def is_hidden(element: Tag) -> bool:
    style = "".join(element.get("style", "").lower().split())
    declarations = style.split(";")
    return element.name in INVISIBLE or any(
        declaration in {"display:none", "visibility:hidden", "visibility:collapse"}
        or declaration.startswith("display:none!")
        for declaration in declarations
    )


def oracle(markup, *, tables=False):
    reader = Reader(tables=tables)
    reader.visit(BeautifulSoup(markup, "html.parser", multi_valued_attributes=None))
    reader.end_block()
    return [paragraph.text for paragraph in join_cut_paragraphs(reader.paragraphs, tables=tables)]


def blocks(markup, **options):
    return [block.text for block in extract(markup, "html", **options).blocks]


PAGE = """<html><head><title>T</title><style>p{}</style></head><body>
<div style="display:none"><ix:header><ix:hidden><ix:nonFraction>9</ix:nonFraction></ix:hidden></ix:header></div>
<p>First <b>bo</b>ld, sp<span>lit</span> word.</p><div>Second<div>Third</div>tail</div>
<span style="color:red;display : none">gone</span>kept<span style="VISIBILITY:hidden">gone</span>
<ul><li>one</li><li>two<br/>Three<br/>and four</li></ul>
<table><tr><td>Net sales</td><td>1,000</td></tr>
<tr style="display: none"><td>2023</td><td>2022</td></tr>
<tr><td colspan="2">(1) A footnote that says what these sales do and do not include, at length.</td></tr></table>
<table><tr><td>&#8226;</td><td>a bullet</td></tr><tr><td/><td/></tr></table>
<table><tr><td><p>A note in one cell.</p><table><tr><td>Debt</td><td>$</td><td>5</td></tr></table>
<p>It goes on.</p></td></tr></table>
</body></html>"""


def test_a_page_of_everything_reads_as_the_oracle_reads_it():
    assert blocks(PAGE) == oracle(PAGE)
    assert blocks(PAGE, tables=True) == oracle(PAGE, tables=True)
    assert "Second" in blocks(PAGE)


def filings(corpus):
    folder = corpus / "filings"
    if os.environ.get("FINNER_ORACLE") == "all":
        return sorted(folder.glob("*.htm.gz"))
    return [folder / name for name in FEW]


def plain(text):
    """Return the text with superscripts as plain characters, as the oracle reads them."""
    return normalize("NFKC", text) if text else text


@pytest.mark.corpus
def test_real_filings_read_block_for_block_as_the_oracle_reads_them(corpus):
    """Return four filings, or all of them with FINNER_ORACLE=all (half an hour)."""
    for path in filings(corpus):
        markup = gzip.decompress(path.read_bytes()).decode("utf-8", "replace")
        for number, (read, expected) in enumerate(
            zip_longest(blocks(markup, tables=True), oracle(markup, tables=True))
        ):
            assert plain(read) == plain(expected), f"{path.name}, block {number}"
