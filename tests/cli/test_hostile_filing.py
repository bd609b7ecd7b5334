"""A filing that holds what a page, a terminal, a spreadsheet or a database might obey, through every command."""

import csv
import io
import re
import subprocess
import sys

import pytest
from terminal import on_a_terminal

ORDERS = (
    "\x1b]0;owned\x07 \x1b[2J \x9b31m \u202edetrever\u2066 \u200b <script>alert(1)</script> '; DROP TABLE entities; --"
)
FORMULA = '=HYPERLINK("http://example.com","pay") is our revolving credit facility of $750 million.'
WORD = "w" * 10_000
FILING = f"""Note 7 - Debt {ORDERS}

The Senior Notes {ORDERS} bear interest at 5.25% per annum.

We {WORD} too.

{FORMULA}
"""


@pytest.fixture(scope="module")
def filings(tmp_path_factory):
    """A filing whose name and words are hostile, and one that cannot be read."""
    folder = tmp_path_factory.mktemp("filings")
    (folder / "a\x1b[31m\u202e.txt").write_text(FILING, encoding="utf-8")
    (folder / "b\x1b[2J.htm").write_bytes(b"\x00\x01\x1b[31m" * 100)
    return folder


@pytest.fixture(scope="module")
def read(filings, tmp_path_factory):
    """Results folder of a run on them, and what the run sent to the terminal."""
    results = tmp_path_factory.mktemp("run") / "results"
    code, shown = on_a_terminal("run", "--input", filings, "--output", results, "--workers", "1")
    assert code == 3
    return results, shown


def harmless(shown):
    return all(character.isprintable() or character in "\r\n" for character in shown)


def test_the_log_of_a_run_is_harmless_and_names_the_file_that_failed(read):
    _, shown = read
    assert r"b\x1b[2J.htm" in shown
    # the progress bar is tqdm's own, which moves up and clears its line
    assert harmless(shown.replace("\x1b[A", ""))


@pytest.mark.parametrize(
    "arguments",
    [
        ("FROM entities",),
        ("FROM documents",),
        ("--file", "found"),
        ("--file", "failed_documents"),
        ("FROM entities", "--csv"),
        ("FROM entities", "--json"),
        ("SELECT sentence::INTEGER FROM entities",),
    ],
)
def test_a_query_shows_it_harmlessly(read, arguments):
    code, shown = on_a_terminal("query", "--output", read[0], *arguments)
    assert code == (2 if "INTEGER" in arguments[0] else 0)
    assert re.search(r"\\x1b|\\u001b", shown)
    assert harmless(shown)


def test_a_diff_shows_it_harmlessly(read, tmp_path):
    results, _ = read
    (tmp_path / "plain.txt").write_text("The notes bear interest at 4.5% per annum.")
    on_a_terminal("run", "--input", tmp_path / "plain.txt", "--output", tmp_path / "other", "--workers", "1")
    code, shown = on_a_terminal("diff", tmp_path / "other", results)
    assert code == 0
    assert "[5.25]" in shown
    assert harmless(shown)


@pytest.mark.parametrize("flags", [(), ("--sections", "--sentences")])
def test_the_text_command_shows_it_harmlessly_and_passes_it_on_as_it_is(filings, flags):
    code, shown = on_a_terminal("text", filings, *flags)
    assert code == 3
    assert r"\x1b]0;owned\x07" in shown
    assert harmless(shown)
    command = [sys.executable, "-m", "finner_batch", "text", str(filings), *flags]
    piped = subprocess.run(command, capture_output=True, check=False)
    assert "\x1b]0;owned\x07" in piped.stdout.decode()
    assert piped.stdout.count(b"w") >= len(WORD)
    assert harmless(piped.stderr.decode())


def test_an_error_that_names_a_hostile_file_is_harmless(filings):
    code, shown = on_a_terminal("run", "--input", f"{filings}/none\x1b[31m.htm")
    assert code == 2
    assert harmless(shown)


def test_its_numbers_are_found_and_its_words_come_back_whole(read):
    command = [sys.executable, "-m", "finner_batch", "query", "--output", str(read[0]), "--csv"]
    sql = "SELECT value, sentence FROM entities ORDER BY value"
    done = subprocess.run([*command, sql], capture_output=True, check=True)
    rate, size = list(csv.reader(io.StringIO(done.stdout.decode())))[1:]
    assert rate[0] == "0.0525"
    assert "<script>alert(1)</script> '; DROP TABLE entities; --" in rate[1]
    assert size == ["750000000.0", FORMULA]
