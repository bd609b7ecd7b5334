"""A run over archives: a row a member, whatever the others are, and exactly once when it is killed within one."""

import gzip
import io
import signal
import subprocess
import tarfile
import zipfile

import pytest
import zstandard
from engine_helpers import ask, command, filing, plain_rows, run_job

from finner_batch.config import RunConfig
from finner_batch.runner.run import run

SMALL_COMMITS = ("--commit-seconds", 0, "--window-sentences", 8)


def submission(number, form="10-K", text=None):
    """A submission as the daily feed has it."""
    return (
        f"<SUBMISSION>\n<ACCESSION-NUMBER>0001000000-24-{number:06d}\n<TYPE>{form}\n<PERIOD>20231231\n"
        f"<FILING-DATE>20240102\n<FILER>\n<COMPANY-DATA>\n<CONFORMED-NAME>EXAMPLE {number} CORP\n"
        f"<CIK>{1_000_000 + number:010d}\n</COMPANY-DATA>\n</FILER>\n<DOCUMENT>\n<TYPE>{form}\n<SEQUENCE>1\n"
        f"<FILENAME>example{number}.htm\n<TEXT>\n{text or filing(number)}\n</TEXT>\n</DOCUMENT>\n</SUBMISSION>\n"
    ).encode()


def tar_of(files):
    """`files` are names and contents."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        for name, data in files:
            header = tarfile.TarInfo(name)
            header.size = len(data)
            tar.addfile(header, io.BytesIO(data))
    return content.getvalue()


def zip_of(files):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in files:
            archive.writestr(name, data)
    return content.getvalue()


FORMATS = {
    "a.tar": tar_of,
    "a.tar.gz": lambda files: gzip.compress(tar_of(files)),
    "a.tar.zst": lambda files: zstandard.compress(tar_of(files)),
    "a.tgz": lambda files: gzip.compress(tar_of(files)),
    "a.zip": zip_of,
}


def feed(path, files):
    """A daily feed."""
    path.write_bytes(gzip.compress(tar_of(files)))
    return path


def submissions(numbers, form="10-K"):
    return [(f"0001000000-24-{number:06d}.nc", submission(number, form)) for number in numbers]


def test_each_member_is_a_document_a_bad_one_fails_alone_and_a_copy_is_read_once(tmp_path):
    bad = ("0001000000-24-000090.nc", bytes(range(256)) * 20)
    twice = ("0001000000-24-000091.nc", submission(3))
    path = feed(tmp_path / "20240102.nc.tar.gz", [*submissions(range(6)), bad, twice, *submissions([6])])
    results = tmp_path / "results"
    report = run_job(path, results, expect=3)
    assert report["documents"] == {"ok": 7, "failed": 1}
    assert report["sources"]["duplicates"] == 1
    rows = ask(results, "SELECT document_id, source, company, status FROM documents ORDER BY source")
    assert [row["status"] for row in rows] == ["ok"] * 7 + ["failed"]
    assert rows[4] == {
        "document_id": "0001000000-24-000004/example4.htm",
        "source": f"{path}!/0001000000-24-000004.nc",
        "company": "EXAMPLE 4 CORP",
        "status": "ok",
    }
    files = tmp_path / "files"
    files.mkdir()
    for name, data in submissions(range(7)):
        (files / name).write_bytes(data)
    loose = tmp_path / "loose"
    run_job(files, loose)
    columns = "document_id, sentence, text, value, label, company, confidence"
    assert ask(results, f"SELECT {columns} FROM entities ORDER BY ALL") == ask(
        loose, f"SELECT {columns} FROM entities ORDER BY ALL"
    )
    again = run_job(path, results)
    assert again["documents"] == {"ok": 0, "failed": 0}
    assert again["sources"]["failed_before"] == 1


@pytest.mark.slow
def test_an_archive_that_breaks_off_is_a_failed_row_until_it_was_fetched_again(tmp_path):
    path = feed(tmp_path / "feed.tar.gz", submissions(range(4)))
    whole = path.read_bytes()
    content = gzip.decompress(whole)
    path.write_bytes(gzip.compress(content[: content.index(b"<CIK>0001000002")]))
    results = tmp_path / "results"
    assert run_job(path, results, expect=3)["documents"] == {"ok": 2, "failed": 1}
    failed = ask(results, "SELECT source, error FROM documents WHERE status = 'failed'")
    assert [row["source"] for row in failed] == [str(path)]
    assert "fetch the archive again" in failed[0]["error"]
    path.write_bytes(whole)
    assert run_job(path, results)["documents"] == {"ok": 2, "failed": 0}
    assert ask(results, "SELECT count(*) AS n FROM documents WHERE status = 'failed'") == [{"n": 0}]
    assert ask(results, "SELECT count(*) AS n FROM documents") == [{"n": 4}]


@pytest.mark.slow
def test_a_run_killed_within_an_archive_goes_on_behind_what_was_committed(tmp_path):
    path = feed(tmp_path / "feed.tar.gz", submissions(range(30)))
    undisturbed, results = tmp_path / "undisturbed", tmp_path / "results"
    run_job(path, undisturbed, *SMALL_COMMITS)
    process = subprocess.Popen(
        command("run", "--input", path, "--output", results, "--workers", 2, *SMALL_COMMITS),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in process.stderr:
        if "event=commit" in line:
            break
    process.send_signal(signal.SIGKILL)
    process.communicate()
    resumed = run_job(path, results, *SMALL_COMMITS)
    assert 0 < resumed["documents"]["ok"] < 30
    for table in ("entities", "documents"):
        assert plain_rows(results, table) == plain_rows(undisturbed, table)


@pytest.mark.slow
def test_only_the_forms_that_are_asked_for_are_read_and_the_others_are_left_for_later(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    feed(folder / "feed.tar.gz", [*submissions(range(3)), *submissions([3, 4], "8-K"), *submissions([5], "10-K/A")])
    (folder / "loose.txt").write_bytes(submission(6, "8-K"))
    (folder / "no-form.htm").write_text(filing(7))
    results = tmp_path / "results"
    report = run_job(folder, results, "--form", "10-k,10-Q")
    assert report["documents"] == {"ok": 3, "failed": 0}
    assert report["sources"]["other_forms"] == 5
    more = run_job(folder, results, "--form", "10-K*", "--form", "8-K")
    assert more["documents"] == {"ok": 4, "failed": 0}
    assert more["sources"]["unchanged"] == 3
    assert run_job(folder, results)["documents"] == {"ok": 1, "failed": 0}
    forms = ask(results, "SELECT form_type, count(*) AS n FROM documents GROUP BY ALL ORDER BY ALL NULLS LAST")
    assert [(row["form_type"], row["n"]) for row in forms] == [("10-K", 3), ("10-K/A", 1), ("8-K", 3), (None, 1)]


@pytest.mark.slow
def test_what_cannot_be_read_fails_once_whatever_forms_are_asked_for(tmp_path):
    bad = ("0001000000-24-000090.nc", bytes(range(256)) * 20)
    path = feed(tmp_path / "feed.tar.gz", [*submissions([1]), bad])
    results = tmp_path / "results"
    assert run_job(path, results, "--form", "10-K", expect=3)["documents"] == {"ok": 1, "failed": 1}
    assert run_job(path, results, "--form", "10-K")["sources"]["failed_before"] == 1
    assert run_job(path, results)["sources"]["failed_before"] == 1


def test_what_datamule_saves_is_a_document_a_file_and_its_description_of_them_is_left_out(tmp_path):
    accession = "000100000024000001"
    path = feed(
        tmp_path / "batch_000_001.tar.gz",
        [
            (f"{accession}/metadata.json", b'{"accession-number": "0001000000-24-000001", "documents": []}'),
            (f"{accession}/example1.htm", filing(1).encode()),
        ],
    )
    report = run(RunConfig(input=(str(path),), output=str(tmp_path / "results"), workers=1))
    assert (report.documents_ok, report.documents_failed, report.selection.left_out) == (1, 0, 1)
    assert ask(tmp_path / "results", "SELECT document_id FROM documents") == [
        {"document_id": "0001000000-24-000001/example1.htm"}
    ]


def test_every_format_is_read_and_members_that_are_archives_or_pages_fail_alone(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for number, (name, pack) in enumerate(FORMATS.items()):
        (folder / name).write_bytes(pack([(f"../{number}.htm", filing(number).encode())]))
    nested = tar_of(
        [("inner.tar", tar_of([("x.htm", filing(90).encode())])), ("inner.zip", zip_of([("x.htm", b"text")]))]
    )
    (folder / "nested.tar").write_bytes(nested)
    (folder / "empty.tar").write_bytes(b"")
    report = run(RunConfig(input=(str(folder),), output=str(tmp_path / "results"), workers=1))
    assert (report.documents_ok, report.documents_failed) == (len(FORMATS), 3)
    rows = ask(tmp_path / "results", "SELECT source, document_id, status, error FROM documents ORDER BY source")
    read = [(row["source"], row["document_id"]) for row in rows if row["status"] == "ok"]
    expected = [
        (f"{folder}/{name}!/../{number}.htm", f"{name}!/../{number}.htm") for number, name in enumerate(FORMATS)
    ]
    assert read == sorted(expected)
    failed = {row["source"].removeprefix(f"{folder}/"): row["error"] for row in rows if row["status"] == "failed"}
    assert failed["nested.tar!/inner.zip"].startswith("a zip archive")
    assert "unpack it and give the folder" in failed["nested.tar!/inner.tar"]
    assert "fetch the archive again" in failed["empty.tar"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "results"]
