import ctypes
import gzip
import os
import random
import resource
import subprocess
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from engine_helpers import ask, filing, finner, plain_rows, run_job, write_filings

from finner_batch.config import RunConfig
from finner_batch.readers import copies as fetch
from finner_batch.runner.run import run

BOMB = (
    "<!DOCTYPE html ["
    '<!ENTITY a0 "ha">'
    + "".join(f'<!ENTITY a{level} "{f"&a{level - 1};" * 10}">' for level in range(1, 12))
    + "]><html><body><p>The notes bear interest at 5.25%. &a11;</p></body></html>"
)


def bad_files(folder):
    """Each kind of bad file, by name, with the stage that refuses it; None where it must be read all the same."""
    good = filing(7).encode()
    (folder / "empty.htm").write_bytes(b"")
    (folder / "truncated.htm.gz").write_bytes(gzip.compress(random.Random(1).randbytes(50_000))[:20_000])
    (folder / "binary.htm").write_bytes(b"\x89PNG\r\n\x1a\n" + random.Random(2).randbytes(5_000))
    (folder / "nested.htm").write_bytes(b"<div>" * 50_000 + good)
    (folder / "bomb.htm").write_text(BOMB)
    (folder / "magic.parquet").write_bytes(b"PAR1" + b"\0" * 100 + b"NOPE")
    pq.write_table(pa.table({"body": ["The rate is 4.5%."]}), folder / "no-text-column.parquet")
    (folder / "loop.htm").symlink_to(folder / "loop.htm")
    (folder / "long.htm").write_text("<p>" + "the rate of 5.25% and " * 40_000 + "</p>")
    return {
        "empty.htm": "read",
        "truncated.htm.gz": "read",
        "binary.htm": "read",
        "nested.htm": None,
        "bomb.htm": None,
        "magic.parquet": "read",
        "no-text-column.parquet": "read",
        "loop.htm": "read",
        "long.htm": None,
    }


def test_each_bad_file_costs_one_row_with_stage_and_reason_and_the_rest_is_unharmed(tmp_path):
    filings = write_filings(tmp_path / "filings", 5)
    good = tmp_path / "good"
    run_job(filings, good)
    expected = bad_files(filings)
    results = tmp_path / "results"
    report = run_job(filings, results, expect=3)
    rows = {
        row["document_id"]: row
        for row in ask(results, "SELECT document_id, status, stage, error_type, error FROM documents")
    }
    assert len(rows) == 5 + len(expected)
    for name, stage in expected.items():
        row = rows[name]
        if stage is None:
            assert row["status"] == "ok", row
        else:
            assert (row["status"], row["stage"]) == ("failed", stage), row
            assert len(row["error"]) > 10
    assert report["documents"]["failed"] == sum(stage is not None for stage in expected.values())
    good_rows = plain_rows(good, "entities")
    assert good_rows
    assert good_rows <= plain_rows(results, "entities")
    again = run_job(filings, results, expect=3)
    assert again["documents"] == {"ok": 0, "failed": 1}, "only what could not even be hashed is tried again"


def test_a_file_that_vanishes_during_the_run_is_one_failed_row(tmp_path, monkeypatch):
    filings = write_filings(tmp_path / "filings", 6)
    hashed = fetch.fingerprint

    def then_vanish(source):
        result = hashed(source)
        if source.name == "filing-003.htm":
            Path(source.uri).unlink()
        return result

    monkeypatch.setattr(fetch, "fingerprint", then_vanish)
    report = run(RunConfig(input=(str(filings),), output=str(tmp_path / "results"), workers=2))
    assert (report.documents_ok, report.documents_failed, report.exit_code) == (5, 1, 3)
    assert report.failures == Counter({"read: DocumentError": 1})


@pytest.mark.slow
def test_a_file_without_permission_is_one_failed_row(tmp_path):
    filings = write_filings(tmp_path / "filings", 3)
    locked = filings / "locked.htm"
    locked.write_text("<p>The notes bear interest at 5.25%.</p>")
    locked.chmod(0)

    def obey_permissions():
        """Root reads everything: programs started from here shall not (PR_CAPBSET_DROP, man 7 capabilities)."""
        if os.geteuid() == 0:
            prctl = ctypes.CDLL(None).prctl
            prctl(24, 1)
            prctl(24, 2)

    readable = subprocess.run(["cat", locked], preexec_fn=obey_permissions, capture_output=True, check=False)
    if readable.returncode == 0:
        pytest.skip("permissions cannot be enforced here")
    results = tmp_path / "results"
    finner("run", "--input", filings, "--output", results, expect=3, preexec_fn=obey_permissions)
    rows = {row["document_id"]: row for row in ask(results, "SELECT document_id, status, stage, error FROM documents")}
    assert len(rows) == 4
    assert (rows["locked.htm"]["status"], rows["locked.htm"]["stage"]) == ("failed", "read")
    assert "ermission" in rows["locked.htm"]["error"]


@pytest.mark.slow
def test_a_document_over_its_time_is_one_failed_row_and_retry_reads_it(tmp_path):
    filings = write_filings(tmp_path / "filings", 3)
    (filings / "long.htm").write_text("<p>The Company pays. It does so twice a year.</p>" * 160_000)
    results = tmp_path / "results"
    run_job(filings, results, "--timeout-s", 1.5, expect=3)
    (row,) = ask(results, "SELECT document_id, error_type, error FROM documents WHERE status = 'failed'")
    assert (row["document_id"], row["error_type"]) == ("long.htm", "OutOfTimeError")
    assert "--timeout-s" in row["error"]
    finner("retry", "--output", results, "--timeout-s", 100)
    assert ask(results, "SELECT count(*) AS n FROM documents WHERE status = 'ok'") == [{"n": 4}]


def test_a_document_over_its_memory_is_one_failed_row(tmp_path):
    filings = write_filings(tmp_path / "filings", 3)
    (filings / "huge.htm").write_text("".join(f"<p>The rate of note {n} is {n % 9}.25%.</p>" for n in range(1_500_000)))
    results = tmp_path / "results"
    run_job(filings, results, "--memory-limit-mb", 256, expect=3)
    (row,) = ask(results, "SELECT document_id, error FROM documents WHERE status = 'failed'")
    assert row["document_id"] == "huge.htm"
    assert "memory" in row["error"]


@pytest.mark.parametrize("arguments", [["nowhere/"], []])
def test_an_input_that_matches_nothing_is_a_usage_error(tmp_path, arguments):
    finner("run", "--output", tmp_path / "results", *arguments, expect=2)


@pytest.mark.slow
def test_a_full_disk_ends_the_run_with_a_reason_and_leaves_what_was_committed(tmp_path):
    filings = write_filings(tmp_path / "filings")
    results = tmp_path / "results"
    whole = tmp_path / "whole"
    run_job(filings, whole)
    first = tmp_path / "first"
    first.mkdir()
    for number in range(10):
        (filings / f"filing-{number:03d}.htm").rename(first / f"filing-{number:03d}.htm")
    run_job(first, results)
    before = plain_rows(results, "documents")

    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (6_000, 6_000))

    broken = finner("run", "--input", filings, "--output", results, expect=1, preexec_fn=small_files)
    assert "Error: " in broken.stderr
    assert "Traceback" not in broken.stderr
    assert plain_rows(results, "documents") == before
    run_job(filings, results)
    strip = "regexp_replace(source, '.*/', '')"
    sql = f"SELECT {strip} AS file, label, text, value FROM entities ORDER BY ALL"
    assert ask(results, sql) == ask(whole, sql)
