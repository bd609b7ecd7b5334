"""`finner-batch text`: shows the extracted text."""

import pytest
from click.testing import CliRunner

from finner_batch.cli.text import text

PAGE = """<html><body><p>Item 2. Properties</p><p>We own $5 million of land. It is in Ohio.</p>
<table><tr><td>Land</td><td>5</td></tr></table></body></html>"""


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "acme.htm"
    path.write_text(PAGE)
    return str(path)


def test_blocks_are_shown_a_line_each_without_tables(page):
    result = CliRunner().invoke(text, [page])
    assert result.stdout.splitlines() == ["Item 2. Properties", "We own $5 million of land. It is in Ohio."]
    assert "acme.htm" in result.stderr


def test_flags_add_tables_sections_and_sentences(page):
    result = CliRunner().invoke(text, [page, "--tables", "--sections", "--sentences"])
    assert result.stdout.splitlines() == [
        "[Part I, Item 2]",
        "     0  Item 2. Properties",
        "     1  We own $5 million of land.",
        "     2  It is in Ohio.",
        "     3  Land 5",
    ]


def test_a_file_that_cannot_be_read_is_reported_and_exits_with_3(tmp_path):
    broken = tmp_path / "cut.htm.gz"
    broken.write_bytes(b"\x1f\x8b\x08\x00")
    result = CliRunner().invoke(text, [str(broken)], standalone_mode=False)
    assert result.return_value == 3
    assert "cut.htm.gz: read: " in result.stderr
    assert result.stdout == ""
