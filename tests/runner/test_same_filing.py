"""One filing in several shapes: every number once, under every filer; pages in place of a filing are reported."""

import gzip
import json
import shutil

import pytest
from engine_helpers import ask, finner

from finner_batch.config import RunConfig
from finner_batch.runner.run import run

FILING = "0009990701-24-000012"
HEADER = f"""<SEC-DOCUMENT>{FILING}.txt : 20240228
<SEC-HEADER>{FILING}.hdr.sgml : 20240228
ACCESSION NUMBER:\t\t{FILING}
CONFORMED SUBMISSION TYPE:\t10-K
CONFORMED PERIOD OF REPORT:\t20231231
FILED AS OF DATE:\t\t20240228
FILER:
\tCOMPANY DATA:
\t\tCOMPANY CONFORMED NAME:\t\t\tHEATHER LINE POWER CO
\t\tCENTRAL INDEX KEY:\t\t\t0000999701
FILER:
\tCOMPANY DATA:
\t\tCOMPANY CONFORMED NAME:\t\t\tHEATHER LINE GAS CO
\t\tCENTRAL INDEX KEY:\t\t\t0000999702
</SEC-HEADER>
"""
MAIN = """<html><head><title>10-K</title></head><body>
<p>Item 7. Management\u2019s Discussion and Analysis</p>
<p>The Credit Agreement provides for a revolving credit facility of up to&nbsp;$310.0 million.</p>
<p>Borrowings bear interest at SOFR plus 1.65%.</p>
</body></html>
"""
EXHIBIT = "<html><body><p>The 2031 Notes bear interest at a fixed rate of 5.85% per annum.</p></body></html>\n"
NUMBERS = ["1.65", "310.0", "5.85"]
BLOCKED = (
    "<html><head><title>SEC.gov | Request Rate Threshold Exceeded</title></head><body>"
    "<h1>U.S. Securities and Exchange Commission</h1><h2>Request Rate Threshold Exceeded</h2>"
    "<p>Reference ID: 0.1a2b3c</p></body></html>"
)


def part(kind, number, name, text):
    return f"<DOCUMENT>\n<TYPE>{kind}\n<SEQUENCE>{number}\n<FILENAME>{name}\n<TEXT>\n{text}</TEXT>\n</DOCUMENT>\n"


SUBMISSION = HEADER + part("10-K", 1, "hl10k.htm", MAIN) + part("EX-4", 2, "ex4.htm", EXHIBIT) + "</SEC-DOCUMENT>\n"
R_PAGE = (
    '<html><head><title></title><link rel="stylesheet" type="text/css" href="include/report.css">'
    '<script type="text/javascript" src="Show.js"></script></head><body><table class="report"><tr><td>'
    "Borrowings bear interest at SOFR plus 1.65%.</td></tr></table></body></html>"
)
INDEX = f"<html><head><title>EDGAR Filing Documents for {FILING}</title></head><body>Form 10-K</body></html>"
REWRITTEN = MAIN.replace("&nbsp;", "\u00a0").replace("<p>", '<p class="a">').replace("</body>", "<hr/></body>")
"""As a downloader writes it that resolves links: other markup, the same text."""


def downloaded(folder):
    """The folder of sec-edgar-downloader, and next to it what EDGAR keeps with a filing."""
    place = folder / "sec-edgar-filings" / "0000999701" / "10-K" / FILING
    place.mkdir(parents=True)
    (place / "full-submission.txt").write_text(SUBMISSION)
    (place / "primary-document.html").write_text(MAIN)
    (place / "filing-details.html").write_text(REWRITTEN)
    (place / "R2.htm").write_text(R_PAGE)
    (place / f"{FILING}-index.htm").write_text(INDEX)
    archive = folder / "edgar" / "data" / "999702" / FILING.replace("-", "")
    archive.mkdir(parents=True)
    (archive / "hl10k.htm").write_bytes(MAIN.replace("\n", "\r\n").encode())
    (archive / "ex4.htm.gz").write_bytes(gzip.compress(EXHIBIT.encode()))
    return folder


def job(results, *inputs, **settings):
    return run(RunConfig(input=tuple(map(str, inputs)), output=str(results), workers=2, **settings))


def numbers(results):
    return sorted(row["text"] for row in ask(results, "SELECT text FROM entities"))


@pytest.mark.parametrize("documents", ["main", "all"])
def test_a_downloaded_filing_in_every_shape_counts_once(tmp_path, documents):
    report = job(tmp_path / "results", downloaded(tmp_path / "in"), documents=documents)

    assert report.selection.left_out == 2
    assert "skipped, 2 other files left out), " in report.summary()
    assert report.documents_failed == 0
    assert numbers(tmp_path / "results") == NUMBERS
    rows = ask(tmp_path / "results", "SELECT document_id, ciks, filing_date FROM documents ORDER BY document_id")
    assert [row["document_id"] for row in rows] == [f"{FILING}/ex4.htm", f"{FILING}/hl10k.htm"]
    main = rows[1]
    assert (main["ciks"], main["filing_date"]) == (["0000999701", "0000999702"], "2024-02-28")


def test_in_any_order_of_runs_and_shards_each_number_counts_once(tmp_path):
    place = downloaded(tmp_path / "in")
    files = sorted(
        path for path in place.rglob("*.*") if path.is_file() and "index" not in path.name and path.name[0] != "R"
    )
    for number, path in enumerate(reversed(files)):
        job(tmp_path / "results" / f"shard-{number % 2}", path, documents="all")

    assert numbers(tmp_path / "results" / "*") == NUMBERS


def test_copies_in_two_folders_count_once_packed_or_not(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / "in" / folder).mkdir(parents=True)
    (tmp_path / "in" / "a" / "notes.htm").write_text(EXHIBIT)
    (tmp_path / "in" / "b" / "notes.htm").write_text(EXHIBIT + " ")
    (tmp_path / "in" / "b" / "notes.htm.gz").write_bytes(gzip.compress(EXHIBIT.encode()))
    (tmp_path / "in" / "b" / "others.htm").write_text(EXHIBIT.replace("5.85", "5.95"))
    job(tmp_path / "results", tmp_path / "in")

    assert numbers(tmp_path / "results") == ["5.85", "5.95"]


def test_a_filing_is_found_under_every_filer(tmp_path):
    (tmp_path / "filing.txt").write_text(SUBMISSION)
    job(tmp_path / "results", tmp_path / "filing.txt")

    for cik in ("999701", "0000999702"):
        rows = finner(
            "query", "--output", tmp_path / "results", "--file", "facilities_by_size", "--param", f"cik={cik}", "--json"
        )
        assert [row["millions"] for row in json.loads(rows.stdout)] == [310.0]


def test_a_page_in_place_of_a_filing_fails_with_advice_until_it_was_fetched_anew(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.htm", "b.htm", "c.htm"):
        (folder / name).write_text(BLOCKED)
    (folder / "good.htm").write_text(EXHIBIT)
    results = tmp_path / "results"

    for _ in range(2):
        report = job(results, folder)
        assert (report.documents_failed, report.exit_code) == (3, 3)
        rows = ask(results, "SELECT stage, error_type, error FROM documents WHERE status = 'failed'")
        assert {(row["stage"], row["error_type"]) for row in rows} == {("read", "NotTheFilingError")}
        assert all("User-Agent" in row["error"] for row in rows)
    (folder / "a.htm").write_text(EXHIBIT.replace("5.85", "6.85"))
    (folder / "b.htm").unlink()
    report = job(results, folder)

    assert (report.documents_ok, report.documents_failed) == (1, 1)
    assert numbers(results) == ["5.85", "6.85"]


@pytest.mark.parametrize("name", ["R2.htm", f"{FILING}-index.htm"])
def test_what_lies_beside_a_filing_fails_where_it_is_named(tmp_path, name):
    place = downloaded(tmp_path / "in")
    (path,) = place.rglob(name)
    report = job(tmp_path / "results", path)

    assert (report.documents_ok, report.documents_failed) == (0, 1)


@pytest.mark.corpus
def test_the_folder_of_a_downloader_has_every_number_once(corpus, tmp_path):
    folder = tmp_path / "in"
    shutil.copytree(corpus / "faults" / "downloader-folder-doubles-every-number", folder)
    (folder / "expected.md").unlink()
    job(tmp_path / "results", folder)

    assert numbers(tmp_path / "results") == ["1.75", "250.0"]
