import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest
from made_results import HOSTILE, answers, audit, fill

from finner_batch.errors import FinnerError, UsageError
from finner_batch.query import connection as connection_module
from finner_batch.query import writers as database_module
from finner_batch.query.questions import list_questions, read_sql
from finner_batch.query.writers import export_database
from finner_batch.results.compact import compact
from finner_batch.results.results_folder import open_results
from finner_batch.storage.place import place_of


def rows(path, sql, **variables):
    """What a DuckDB that knows nothing of finner-batch answers."""
    code = (
        "import sys, json, duckdb\n"
        "connection = duckdb.connect(sys.argv[1], read_only=True)\n"
        "for name, value in json.loads(sys.argv[3]).items():\n"
        "    connection.execute(f'SET VARIABLE {name} = ?', [value])\n"
        "print(repr(connection.execute(sys.argv[2]).fetchall()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, path, sql, json.dumps(variables)], capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()[-1]  # a slow DuckDB draws its progress before


def test_the_file_holds_all_rows_and_answers_every_question_by_itself(sample_results, tmp_path):
    results, path = tmp_path / "results", tmp_path / "finner.duckdb"
    shutil.copytree(sample_results, results)
    counted = export_database(results, path)
    expected = {
        name: [tuple(row.values()) for row in answers(results, read_sql(name))]
        for name in (question.name for question in list_questions())
    }
    entities = answers(results, "SELECT count(*) AS n FROM entities")[0]["n"]
    shutil.rmtree(results)
    assert counted["entities"] == entities > 0
    with duckdb.connect(path, read_only=True) as plain:
        for name, answer in expected.items():
            assert plain.execute(f"FROM {name}").fetchall() == answer, name


@pytest.mark.slow
def test_a_questions_parameters_are_variables_there(filled, tmp_path):
    export_database(filled, tmp_path / "x.duckdb")
    sql = "SELECT company FROM facilities_by_size"
    assert rows(tmp_path / "x.duckdb", sql, least=1e9) == "[('Acme Corp',)]"
    assert rows(tmp_path / "x.duckdb", sql, least=1, cik="x' OR 1=1") == "[]"
    assert repr(HOSTILE) in rows(tmp_path / "x.duckdb", sql)


def test_tables_columns_and_questions_carry_their_meaning(filled, tmp_path):
    export_database(filled, tmp_path / "x.duckdb")
    with duckdb.connect(tmp_path / "x.duckdb", read_only=True) as plain:
        comments = dict(
            plain.execute("SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'entities'").fetchall()
        )
        asked = dict(plain.execute("SELECT view_name, comment FROM duckdb_views() WHERE NOT internal").fetchall())
        (exported,) = plain.execute("SELECT results FROM made_by_finner_batch").fetchall()
    assert comments["confidence"] == "calibrated probability of `label` (0..1)"
    assert asked["facilities_by_size"].startswith("Which credit facilities are the largest")
    assert exported == (str(filled),)


def test_without_a_comparison_its_table_and_question_are_left_out(filled, tmp_path):
    path = tmp_path / "x.duckdb"
    assert "against_xbrl" not in export_database(filled, path)
    audit(filled, [{"verdict": "missed", "label": "x", "document_id": "a", "document_start": 0}])
    assert export_database(filled, path)["against_xbrl"] == 1
    assert rows(path, "FROM contradicted_by_xbrl") == "[]"


def test_a_folder_without_documents_is_exported_with_empty_tables(tmp_path):
    open_results(place_of(tmp_path / "results"))
    assert export_database(tmp_path / "results", tmp_path / "x.duckdb") == {"entities": 0, "documents": 0, "runs": 0}
    assert rows(tmp_path / "x.duckdb", "FROM facilities_by_size") == "[]"


def test_an_earlier_export_is_replaced_and_nothing_else_is(filled, tmp_path):
    path, own = tmp_path / "x.duckdb", tmp_path / "own.duckdb"
    for _ in range(2):
        export_database(filled, path)
    assert rows(path, "SELECT count(*) FROM entities") == "[(6,)]"
    with duckdb.connect(own) as connection:
        connection.execute("CREATE TABLE entities AS SELECT 1 AS mine")
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "empty").touch()
    for taken in (own, tmp_path / "notes.txt", tmp_path / "empty", tmp_path):
        before = taken.read_bytes() if taken.is_file() else sorted(taken.iterdir())
        with pytest.raises(UsageError, match=r"not an export of finner-batch.*choose another name"):
            export_database(filled, taken)
        assert (taken.read_bytes() if taken.is_file() else sorted(taken.iterdir())) == before


def test_an_export_in_use_by_another_process_is_one_clear_error(filled, tmp_path):
    path = tmp_path / "x.duckdb"
    export_database(filled, path)
    code = "import duckdb, sys, time; c = duckdb.connect(sys.argv[1]); print('open', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        try:
            with pytest.raises(UsageError, match="in use"):
                export_database(filled, path)
        finally:
            holder.kill()
    assert rows(path, "SELECT count(*) FROM entities") == "[(6,)]"


def test_an_export_that_is_killed_leaves_the_earlier_one_whole(filled, tmp_path):
    path = tmp_path / "x.duckdb"
    export_database(filled, path)
    before = path.read_bytes()
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom finner_batch.query import writers\n"
        "def hang(*_):\n    print('half', flush=True)\n    time.sleep(60)\n"
        "writers._add_questions = hang\n"
        "writers.export_database(Path(sys.argv[1]), Path(sys.argv[2]))\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, filled, path], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "half\n"
        child.send_signal(signal.SIGKILL)
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 3
    export_database(filled, path)
    assert rows(path, "SELECT count(*) FROM entities") == "[(6,)]"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["results", "x.duckdb"], "what it left is gone"


@pytest.mark.parametrize(
    "kibibytes", [20, *(pytest.param(size, marks=pytest.mark.slow) for size in (4, 64, 200, 400, 800))]
)
def test_an_export_for_which_there_is_no_room_says_so_and_leaves_the_earlier_one(filled, tmp_path, kibibytes):
    path = tmp_path / "x.duckdb"
    export_database(filled, path)
    before = path.read_bytes()
    assert len(before) > 800 << 10

    def small_files():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (kibibytes << 10, kibibytes << 10))

    done = subprocess.run(
        [sys.executable, "-m", "finner_batch", "query", "--output", filled, "--export", path],
        preexec_fn=small_files,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert f"Error: cannot write {path}: " in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert path.read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["results", "x.duckdb"]


def test_an_export_that_does_not_read_as_it_was_written_replaces_nothing(filled, tmp_path, monkeypatch):
    path = tmp_path / "x.duckdb"
    export_database(filled, path)
    before = path.read_bytes()
    counts = iter([{"entities": 6}, {"entities": 5}])
    monkeypatch.setattr(database_module, "_counted", lambda *_: next(counts))
    with pytest.raises(FinnerError, match=r"reading it back gives .*5.*, not .*6"):
        export_database(filled, path)
    assert path.read_bytes() == before


@pytest.mark.corpus
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_an_export_onto_a_full_disk_of_the_corpus_is_refused(sample_results, corpus, tmp_path):
    finner = tmp_path / "bin" / "finner-batch"
    finner.parent.mkdir()
    for program, run in ((finner, f"{sys.executable} -m finner_batch"), (finner.with_name("python"), sys.executable)):
        program.write_text(f'#!/bin/sh\nexec {run} "$@"\n')
        program.chmod(0o755)
    repro = corpus / "faults" / "export-succeeds-with-empty-database" / "repro.sh"
    done = subprocess.run(
        ["sh", repro, finner, sample_results, "100 400 900 4000"], capture_output=True, text=True, check=True
    )
    if "exit" not in done.stdout:
        pytest.skip(f"no small disk can be mounted here: {done.stderr}")
    *small, large = done.stdout.splitlines()
    assert all("exit 1: Error: cannot write" in line and line.endswith("left: ") for line in small), done.stdout
    assert "exit 0:" in large
    assert "-> [(76,)]" in large


def test_a_failed_export_leaves_nothing_behind(filled, tmp_path):
    max((filled / "entities").iterdir()).unlink()
    with pytest.raises(FinnerError, match="cannot be read"):
        export_database(filled, tmp_path / "x.duckdb")
    assert [path.name for path in tmp_path.iterdir()] == ["results"]
    with pytest.raises(UsageError, match="cannot write"):
        export_database(fill(tmp_path / "more"), tmp_path / "nowhere" / "x.duckdb")


def test_an_export_that_a_compaction_disturbs_begins_again_and_is_of_one_state(filled, tmp_path, monkeypatch):
    original, compacted = connection_module._create_views, []

    def compact_after(*arguments):
        original(*arguments)
        if not compacted:
            compacted.append(compact(place_of(filled), settle_s=0))

    monkeypatch.setattr(connection_module, "_create_views", compact_after)
    assert export_database(filled, tmp_path / "x.duckdb") == {"entities": 6, "documents": 3, "runs": 0}
    assert compacted


@pytest.mark.slow
def test_a_folder_that_is_being_written_is_exported_and_compared_whole_documents_only(tmp_path):
    """Another process commits documents of two rows each, as fast as it can, while this one reads."""
    results = tmp_path / "results"
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from made_results import *\nfrom pathlib import Path\n"
        "rows = [number(STATED, 'Notes at [5.0]%.', 0.05), number(STATED, 'Bonds at [6.0]%.', 0.06, at=300)]\n"
        "for count in range(100_000):\n    store(Path(sys.argv[1]), [document(f'{count}.htm', rows)])\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, results]) as writer:
        try:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline and len(list(results.glob("documents/*.parquet"))) < 3:
                time.sleep(0.05)
            seen = []
            for _ in range(3):
                counted = export_database(results, tmp_path / "x.duckdb")
                seen.append(counted["documents"])
                assert counted["entities"] == 2 * counted["documents"]
                assert len(answers(results, read_sql("found"))) >= counted["entities"]
        finally:
            writer.kill()
    assert seen[-1] > seen[0] > 0
