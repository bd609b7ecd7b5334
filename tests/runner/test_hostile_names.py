"""Files whose names are no text, or look alike: each has its own row, under a name that every table can hold."""

import json
import os

import pytest
from engine_helpers import ask, filing, finner, run_job

NAMES = [
    b"bad\xff1.htm",
    b"bad\xfe1.htm",
    "bad\N{REPLACEMENT CHARACTER}1.htm".encode(),
    rb"bad\xff1.htm",
    b"line\nend.htm",
]


@pytest.fixture
def filings(tmp_path):
    folder = tmp_path / "filings"
    folder.mkdir()
    for number, name in enumerate(NAMES):
        (folder / os.fsdecode(name)).write_text(filing(number))
    return folder


@pytest.mark.slow
def test_every_file_is_read_once_and_a_second_run_knows_it(filings, tmp_path):
    results = tmp_path / "results"
    assert run_job(filings, results)["documents"] == {"ok": 5, "failed": 0}
    again = run_job(filings, results)
    assert again["sources"]["unchanged"] == 5
    rows = ask(results, "SELECT document_id, source, status, entities > 0 AS found FROM documents ORDER BY 1")
    assert [row["document_id"] for row in rows] == [
        r"bad\x5cxff1.htm",
        r"bad\xfe1.htm",
        r"bad\xff1.htm",
        "bad\N{REPLACEMENT CHARACTER}1.htm",
        "line\nend.htm",
    ]
    assert all(row["source"] == f"{filings}/{row['document_id']}" for row in rows)
    assert all(row["found"] for row in rows)


@pytest.mark.slow
def test_shards_of_a_run_divide_the_files_between_them(filings, tmp_path):
    read = [run_job(filings, tmp_path / f"{number}", "--shard", f"{number}/2") for number in (1, 2)]
    assert sum(report["documents"]["ok"] for report in read) == 5


@pytest.mark.slow
def test_a_failed_file_in_a_folder_of_a_hostile_name_is_found_by_retry(tmp_path):
    folder = tmp_path / "filings\udcff"
    folder.mkdir()
    path = folder / "a\udcfe.htm"
    path.write_text("")
    (folder / "b.htm").write_text(filing(1))
    results = tmp_path / "results"
    report = run_job(folder, results, expect=3)
    assert report["config"]["input"] == [rf"{tmp_path}/filings\xff"]
    (failed,) = ask(results, "SELECT document_id, error FROM documents WHERE status = 'failed'")
    assert failed["document_id"] == r"a\xfe.htm"
    path.write_text(filing(2))
    finner("retry", "--output", results)
    assert ask(results, "SELECT status, count(*) AS n FROM documents GROUP BY 1") == [{"status": "ok", "n": 2}]
    assert len(ask(results, "FROM runs")) == 2


def test_a_hostile_name_in_a_message_of_the_system_is_recorded(tmp_path):
    folder = tmp_path / "filings"
    folder.mkdir()
    (folder / "loop\udcff.htm").symlink_to(folder / "loop\udcff.htm")
    (folder / "b.htm").write_text(filing(1))
    results = tmp_path / "results"
    run_job(folder, results, expect=3)
    (failed,) = ask(results, "SELECT document_id, error FROM documents WHERE status = 'failed'")
    assert failed["document_id"] == r"loop\xff.htm"
    assert json.dumps(failed["error"], ensure_ascii=False).encode("utf-8")
