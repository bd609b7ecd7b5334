import gzip
import hashlib
import json
import shutil
import subprocess

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from engine_helpers import ask, command, filing, finner, plain_rows, run_job, write_filings

from finner_batch.tagging.model import DEFAULT_MODEL


@pytest.fixture
def undisturbed(filings, tmp_path):
    results = tmp_path / "undisturbed"
    run_job(filings, results)
    return results


@pytest.mark.parametrize(
    "flags",
    [
        pytest.param(("--workers", 1), marks=pytest.mark.slow),
        pytest.param(("--workers", 4), marks=pytest.mark.slow),
        pytest.param(("--batch-tokens", 1), marks=pytest.mark.slow),
        pytest.param(("--batch-tokens", 20_000, "--window-sentences", 3), marks=pytest.mark.slow),
        ("--window-sentences", 1, "--commit-documents", 1, "--workers", 3),
    ],
)
@pytest.mark.parametrize("backend", [pytest.param("openvino", marks=pytest.mark.slow), "onnxruntime"], indirect=True)
def test_workers_and_batches_change_no_row(filings, tmp_path, backend, flags):
    undisturbed, results = tmp_path / "undisturbed", tmp_path / "results"
    run_job(filings, undisturbed, "--backend", backend)
    report = run_job(filings, results, "--backend", backend, *flags)
    assert report["backend"] == backend
    assert report["backend_reason"].startswith("requested")
    for table in ("entities", "documents"):
        assert plain_rows(results, table) == plain_rows(undisturbed, table)
    assert plain_rows(results, "entities").total() > 40


def test_a_changed_file_replaces_its_rows_in_every_view_and_nothing_else_is_done(filings, undisturbed):
    before = ask(undisturbed, "SELECT document_id, label, text FROM entities ORDER BY ALL")
    changed = filings / "filing-003.htm"
    changed.write_text(filing(503))
    report = run_job(filings, undisturbed)
    assert report["documents"] == {"ok": 1, "failed": 0}
    assert report["sources"]["unchanged"] == 39
    after = ask(undisturbed, "SELECT document_id, label, text FROM entities ORDER BY ALL")
    assert [row for row in after if row["document_id"] != "filing-003.htm"] == [
        row for row in before if row["document_id"] != "filing-003.htm"
    ]
    assert [row for row in after if row["document_id"] == "filing-003.htm"] != [
        row for row in before if row["document_id"] == "filing-003.htm"
    ]
    assert ask(undisturbed, "SELECT count(*) AS n, count(DISTINCT document_id) AS d FROM documents") == [
        {"n": 40, "d": 40}
    ]


@pytest.mark.slow
def test_another_model_does_all_documents_again_and_shows_them_once(filings, undisturbed, tmp_path):
    before = ask(undisturbed, "SELECT * EXCLUDE (run_id, model_id) FROM entities ORDER BY ALL")
    model = tmp_path / "model"
    shutil.copytree(DEFAULT_MODEL, model)
    (model / "config.json").write_text((model / "config.json").read_text() + " ")
    checksums = json.loads((model / "checksums.json").read_text())
    checksums["config.json"] = hashlib.sha256((model / "config.json").read_bytes()).hexdigest()
    (model / "checksums.json").write_text(json.dumps(checksums))
    report = run_job(filings, undisturbed, "--model", model)
    assert report["documents"]["ok"] == 40
    assert ask(undisturbed, "SELECT * EXCLUDE (run_id, model_id) FROM entities ORDER BY ALL") == before
    models = ask(undisturbed, "SELECT DISTINCT model_id FROM entities UNION SELECT DISTINCT model_id FROM documents")
    assert models == [{"model_id": report["model_id"]}]


@pytest.mark.slow
def test_another_setting_does_all_documents_again_and_shows_them_once(filings, undisturbed):
    before = ask(undisturbed, "SELECT * EXCLUDE (run_id) FROM entities ORDER BY ALL")
    report = run_job(filings, undisturbed, "--tables")
    assert report["documents"]["ok"] == 40
    assert ask(undisturbed, "SELECT * EXCLUDE (run_id) FROM entities ORDER BY ALL") == before
    assert ask(undisturbed, "SELECT count(DISTINCT config_id) AS n, count(*) AS d FROM documents") == [
        {"n": 1, "d": 40}
    ]


@pytest.mark.slow
def test_a_moved_and_a_copied_file_bring_no_second_rows(filings, undisturbed):
    before = plain_rows(undisturbed, "entities")
    (filings / "sub").mkdir()
    (filings / "filing-001.htm").rename(filings / "sub" / "moved.htm")
    (filings / "copy.htm").write_bytes((filings / "filing-002.htm").read_bytes())
    report = run_job(filings, undisturbed)
    assert report["documents"] == {"ok": 0, "failed": 0}
    assert plain_rows(undisturbed, "entities") == before


@pytest.mark.slow
def test_compressed_files_shards_and_files_side_by_side(tmp_path):
    folder = write_filings(tmp_path / "filings", 3)
    (folder / "packed.htm.gz").write_bytes(gzip.compress(filing(900).encode()))
    texts = [f"The notes of issue {n} bear interest at {n % 8 + 1}.{n % 90 + 10}% per annum." for n in range(30)]
    pq.write_table(pa.table({"id": [f"row-{n}" for n in range(30)], "text": texts}), folder / "shard.parquet")
    results = tmp_path / "results"
    report = run_job(folder, results)
    assert report["documents"] == {"ok": 34, "failed": 0}
    columns = 'document_id, sentence, start, "end", document_start, text'
    rows = ask(results, f"SELECT {columns} FROM entities WHERE source LIKE '%shard.parquet'")
    assert len(rows) >= 25
    for row in rows:
        text = texts[int(row["document_id"].removeprefix("row-"))]
        assert text[row["document_start"] :].startswith(row["text"])
        assert row["sentence"][row["start"] : row["end"]] == row["text"]
    assert run_job(folder, results)["documents"] == {"ok": 0, "failed": 0}
    texts[4] = "The new notes bear interest at 9.99% per annum."
    pq.write_table(pa.table({"id": [f"row-{n}" for n in range(29)], "text": texts[:29]}), folder / "shard.parquet")
    report = run_job(folder, results)
    assert report["documents"] == {"ok": 1, "failed": 0}
    ids = ask(results, "SELECT document_id FROM documents WHERE source LIKE '%shard.parquet'")
    assert {row["document_id"] for row in ids} == {f"row-{n}" for n in range(29)}


@pytest.mark.slow
def test_documents_of_a_results_folder_are_whole_at_any_moment_of_a_run(tmp_path):
    """A second process reads while the run commits: every document that is there has all its entities."""
    count = 300
    filings = write_filings(tmp_path / "filings", count)
    results = tmp_path / "results"
    process = subprocess.Popen(
        command("run", "--input", filings, "--output", results, "--commit-seconds", 0, "--window-sentences", 4),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    looks = partial = 0
    sql = (
        "SELECT d.document_id FROM documents d "
        "LEFT JOIN (SELECT document_id, count(*) AS n FROM entities GROUP BY ALL) e USING (document_id) "
        "WHERE coalesce(e.n, 0) <> d.entities"
    )
    while process.poll() is None:
        if list(results.glob("documents/part-*.parquet")):
            assert ask(results, sql) == []
            looks += 1
            partial += 0 < ask(results, "SELECT count(*) AS n FROM documents")[0]["n"] < count
    assert process.returncode == 0
    assert partial, f"{looks} looks, none of them during the run"
    finner("query", "--output", results, sql)


def test_of_copies_in_one_run_one_is_read_and_if_that_fails_the_next_is(tmp_path):
    folder = write_filings(tmp_path / "filings", 3)
    for name in ("copy-a.htm", "copy-b.htm"):
        (folder / name).write_text(filing(2))
    for name in ("empty-a.htm", "empty-b.htm"):
        (folder / name).write_bytes(b"")
    results = tmp_path / "results"
    report = run_job(folder, results, expect=3)
    assert report["documents"] == {"ok": 3, "failed": 2}
    assert report["sources"]["duplicates"] + report["sources"]["unchanged"] == 2
    rows = ask(results, "SELECT document_id FROM documents WHERE status = 'failed' ORDER BY document_id")
    assert [row["document_id"] for row in rows] == ["empty-a.htm", "empty-b.htm"]
    again = run_job(folder, results)
    assert again["documents"] == {"ok": 0, "failed": 0}
