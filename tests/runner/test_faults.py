"""Small inputs that once brought the main process down or lost rows, through the whole job."""

import subprocess
import sys

import pytest
from engine_helpers import ask, finner

FAULTS = "faults"


@pytest.fixture
def fault(corpus):
    """Gives a folder of faults by name."""

    def folder(name):
        path = corpus / FAULTS / name
        if not path.is_dir():
            pytest.skip(f"{path} is not at hand")
        return path

    return folder


@pytest.fixture
def program(tmp_path):
    """The command as one file, as the scripts next to the inputs call it."""
    path = tmp_path / "finner-batch"
    path.write_text(f'#!/bin/sh\nexec {sys.executable} -m finner_batch "$@"\n')
    path.chmod(0o755)
    return path


def printed(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True, timeout=300)
    return done.stdout


@pytest.mark.corpus
@pytest.mark.parametrize(("form", "documents"), [("json", 3), ("sgml", 1)])
def test_a_header_field_of_megabytes_costs_nothing(fault, program, form, documents):
    shown = printed(sys.executable, fault("huge-header-field-crashes-main-process") / "repro.py", program, form)
    assert shown.startswith(f"exit 0 {documents} documents")


@pytest.mark.corpus
def test_one_bad_date_costs_no_row_of_its_shard(fault, program):
    shown = printed(sys.executable, fault("one-bad-date-costs-the-whole-shard") / "repro.py", program)
    assert [line.rpartition("| ")[2].rstrip(",") for line in shown.splitlines()] == ["ok,300"] * 3


@pytest.mark.corpus
def test_names_that_are_no_utf8_do_not_collapse(fault, program):
    shown = printed("sh", fault("hostile-names-collapse") / "repro.sh", program)
    assert [line.split() for line in shown.splitlines() if line.startswith("ok")] == [["ok", "2"], ["ok", "3"]]


@pytest.mark.corpus
def test_documents_of_one_name_in_a_submission_are_all_read(fault, tmp_path):
    path = fault("submission-ids-collide") / "same3.txt"
    finner("run", "--input", path, "--output", tmp_path / "results", "--documents", "all")
    assert ask(tmp_path / "results", "SELECT status, count(*) AS n FROM documents GROUP BY 1") == [
        {"status": "ok", "n": 4}
    ]


@pytest.mark.corpus
def test_a_value_without_end_ends(fault, tmp_path):
    path = fault("value-grammar-hangs-main-process") / "input"
    finner("run", "--input", path, "--output", tmp_path / "results", "--timeout-s", 60)
    assert len(ask(tmp_path / "results", "FROM documents")) == 3
