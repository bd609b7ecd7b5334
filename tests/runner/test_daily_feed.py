"""A daily feed of real filings, as the SEC distributes one: `YYYYMMDD.nc.tar.gz`, a filing a member.

`FINNER_FEED=400` makes it as long as a real one; the filings then stand in it several times, under other accession
numbers.
"""

import gzip
import os
import re
import signal
import subprocess
import tarfile
from itertools import cycle, islice

import pytest
from engine_helpers import ask, command, plain_rows, run_job
from test_archives import feed

pytestmark = pytest.mark.corpus

MEMBERS = int(os.environ.get("FINNER_FEED", "16"))
LARGEST_BYTES = 20_000 if MEMBERS < 100 else 100_000
"""Of the filings as stored."""
SMALL_COMMITS = ("--commit-seconds", 0, "--window-sentences", 16)
ACCESSION = re.compile(rb"\d{10}-\d\d-\d{6}")
BAD = "0009999999-24-000001.nc"
TWICE = "0009999999-24-000002.nc"


def member(number, data):
    """A filing under another accession number, in its header where it has one."""
    accession = f"{1_000_000 + number:010d}-24-{number:06d}"
    found = ACCESSION.search(data[:3000])
    changed = data.replace(found[0], accession.encode()) if found else data + f"\n<!-- {number} -->".encode()
    return f"{accession}.nc", changed


@pytest.fixture(scope="module")
def path(corpus, tmp_path_factory):
    """The feed: real filings, one that is none, and one of them a second time."""
    stored = [
        file
        for folder in ("filings_odd", "filings_odd_more")
        for file in sorted((corpus / folder).glob("*.gz"))
        if file.stat().st_size <= LARGEST_BYTES
    ]
    texts = (gzip.decompress(file.read_bytes()) for file in islice(cycle(stored), MEMBERS))
    files = [member(number, text) for number, text in enumerate(texts)]
    files[MEMBERS // 2 : MEMBERS // 2] = [(BAD, b"\0\1\2\xff" * 2000), (TWICE, files[0][1])]
    return feed(tmp_path_factory.mktemp("feed") / "20240102.nc.tar.gz", files)


@pytest.fixture(scope="module")
def whole(path):
    """Results of one run that nothing disturbs, and its report."""
    results = path.parent / "whole"
    return results, run_job(path, results, *SMALL_COMMITS, expect=3)


def test_each_filing_is_a_document_the_bad_one_fails_alone_and_the_copy_is_read_once(path, whole):
    results, report = whole
    assert report["sources"]["duplicates"] + report["sources"]["unchanged"] == 1
    rows = ask(results, "SELECT source, status, accession_number, error FROM documents")
    failed = [row for row in rows if row["status"] == "failed"]
    assert [(row["source"], row["error"]) for row in failed if row["source"].endswith(BAD)] == [
        (f"{path}!/{BAD}", "binary data, not text: check what the file is, or leave it out")
    ]
    assert len({row["source"] for row in rows}) == MEMBERS + 1
    read = [row for row in rows if row["status"] == "ok"]
    assert len(read) > 0.8 * MEMBERS
    assert {row["accession_number"] for row in read} <= {
        row["source"].rpartition("/")[2].removesuffix(".nc") for row in read
    }
    assert ask(results, "SELECT count(*) AS n FROM entities")[0]["n"] > 0


def test_a_run_of_one_form_that_is_killed_and_one_of_the_rest_have_the_rows_of_one_run(path, whole):
    undisturbed, report = whole
    forms = ask(undisturbed, "SELECT form_type, count(*) AS n FROM documents WHERE status = 'ok' GROUP BY ALL")
    eights = sum(row["n"] for row in forms if row["form_type"] == "8-K")
    assert 1 < eights < report["documents"]["ok"]
    results = path.parent / "results"
    process = subprocess.Popen(
        command("run", path, "--output", results, "--workers", 1, "--form", "8-K", *SMALL_COMMITS),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in process.stderr:
        if "event=commit" in line:
            process.send_signal(signal.SIGKILL)
            break
    process.communicate()
    committed = ask(results, "SELECT form_type, status FROM documents")
    assert {row["form_type"] for row in committed if row["status"] == "ok"} == {"8-K"}
    assert len(committed) < report["documents"]["ok"]
    failed = sum(row["status"] == "failed" for row in committed)  # the next run leaves these to `retry`
    rest = run_job(path, results, *SMALL_COMMITS, expect=3 if failed < report["documents"]["failed"] else 0)
    assert rest["documents"]["ok"] + sum(row["status"] == "ok" for row in committed) == report["documents"]["ok"]
    for table in ("entities", "documents"):
        assert plain_rows(results, table) == plain_rows(undisturbed, table)


@pytest.mark.skipif(MEMBERS < 100, reason="needs a long feed: set FINNER_FEED=400")
def test_the_memory_of_the_main_process_does_not_grow_with_the_members(path, whole, tmp_path):
    with tarfile.open(path) as tar:
        few = [(header.name, tar.extractfile(header).read()) for header in islice(tar, MEMBERS // 8)]
    short = run_job(feed(tmp_path / "short.tar.gz", few), tmp_path / "results", *SMALL_COMMITS)
    most = [report["peak_mebibytes"] - report["peak_mebibytes_of_workers"] for report in (short, whole[1])]
    assert most[1] < 1.2 * most[0]
