import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from made_results import report

from finner_batch.errors import FinnerError, UsageError
from finner_batch.query import connection as connection_module
from finner_batch.query.connection import connect
from finner_batch.query.questions import sql_folder
from finner_batch.results.compact import compact
from finner_batch.results.results_folder import open_results
from finner_batch.results.schema import DOCUMENTS, ENTITIES
from finner_batch.storage.place import place_of
from finner_batch.training.evaluation.against_xbrl import SCHEMA


def columns(connection, view):
    return [row[0] for row in connection.execute(f"DESCRIBE {view}").fetchall()]


def plain(results):
    """A plain DuckDB, as the head of `views.sql` says."""
    connection = duckdb.connect()
    connection.execute("SET VARIABLE results = ?", [str(results)])
    connection.execute((sql_folder() / "views.sql").read_text())
    return connection


@pytest.fixture(params=["connect", "plain"])
def opened(request):
    return {"connect": connect, "plain": plain}[request.param]


def test_the_views_have_the_columns_of_the_contract(filled, opened):
    with opened(filled) as connection:
        assert columns(connection, "entities") == ENTITIES.names
        assert columns(connection, "documents") == DOCUMENTS.names
        assert columns(connection, "against_xbrl") == SCHEMA.names
        assert connection.execute("SELECT count(*) FROM entities").fetchone() == (6,)
        assert connection.execute("SELECT count(*) FROM documents").fetchone() == (3,)


def test_a_folder_without_documents_yet_has_empty_views(tmp_path, opened):
    open_results(place_of(tmp_path))
    with opened(tmp_path) as connection:
        assert columns(connection, "entities") == ENTITIES.names
        for view in ("entities", "documents", "runs"):
            assert connection.execute(f"FROM {view}").fetchall() == []


def test_the_folder_of_plain_duckdb_is_results_by_default(filled, monkeypatch):
    monkeypatch.chdir(filled.parent)
    with duckdb.connect() as connection:
        connection.execute((sql_folder() / "views.sql").read_text())
        assert connection.execute("SELECT count(*) FROM entities").fetchone() == (6,)


def test_results_open_in_jupyter_without_ipywidgets(filled):
    """DuckDB recognises Jupyter by IPython, and there refuses `enable_progress_bar` if ipywidgets is missing."""
    jupyter = "SimpleNamespace(get_ipython=lambda: SimpleNamespace(config={'IPKernelApp': {}}))"
    code = (
        "import sys; from types import SimpleNamespace\n"
        f"sys.modules['IPython'] = {jupyter}\n"
        "from finner_batch import connect\n"
        "with connect(sys.argv[1]) as connection:\n"
        "    print(connection.execute('SELECT count(*) FROM entities').fetchone())\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(filled)], capture_output=True, text=True, check=True)
    assert done.stdout == "(6,)\n"


@pytest.mark.parametrize("name", ["it's", "a[1]b", "sp ace*?", "day=1", "a'; DROP VIEW x; --", "ü漢"])
def test_any_folder_name_is_safe(tmp_path, fill_results, name):
    with connect(fill_results(tmp_path / name)) as connection:
        assert connection.execute("SELECT count(*) FROM entities").fetchone() == (6,)
        assert columns(connection, "entities") == ENTITIES.names


def test_runs_are_shown_with_their_whole_report(filled):
    report(filled, "20260101T000000Z-0000", own=[1])
    with connect(filled) as connection:
        row = connection.execute(
            "SELECT run_id, status, exit_code, finished - started = INTERVAL 1 MINUTE, documents_ok, documents_failed, "
            "entities, report->>'$.own[0]' FROM runs"
        ).fetchone()
    assert row == ("20260101T000000Z-0000", "done", 3, True, 2, 1, 6, "1")


@pytest.mark.parametrize("made", [None, "folder", "file"])
def test_what_is_no_results_folder_is_one_clear_error(tmp_path, made):
    results = tmp_path / "results"
    if made == "folder":
        results.mkdir()
    if made == "file":
        results.write_text("")
    with pytest.raises(UsageError, match=r"no results at .*finner-batch run"):
        connect(results)
    with pytest.raises(duckdb.Error, match="no results at"):
        plain(results)


def test_a_state_that_a_compaction_deleted_fails_and_never_shows_less(filled):
    with connect(filled) as old, plain(filled) as old_plain:
        compact(place_of(filled), settle_s=0)
        for connection in (old, old_plain):
            with pytest.raises(duckdb.IOException):
                connection.execute("SELECT count(*) FROM entities").fetchall()
        old_plain.execute((sql_folder() / "views.sql").read_text())
        assert old_plain.execute("SELECT count(*) FROM entities").fetchone() == (6,)


def test_a_missing_entities_file_is_an_error_and_not_fewer_rows(filled):
    max((filled / "entities").iterdir()).unlink()
    with pytest.raises(FinnerError, match="cannot be read"), connect(filled) as connection:
        connection.execute("SELECT count(*) FROM entities").fetchall()


def test_a_compaction_between_listing_and_opening_is_no_error(filled, monkeypatch):
    original, compacted = connection_module._create_views, []

    def compact_first(*arguments):
        if not compacted:
            compacted.append(compact(place_of(filled), settle_s=0))
        original(*arguments)

    monkeypatch.setattr(connection_module, "_create_views", compact_first)
    with connect(filled) as connection:
        assert connection.execute("SELECT count(*) FROM entities").fetchone() == (6,)


def test_a_listing_that_changes_meanwhile_is_made_again(monkeypatch, filled):
    listings = iter([["torn"], ["new"], ["new"]])
    monkeypatch.setattr(connection_module, "list_parts", lambda _folder: next(listings))
    assert connection_module._listing(filled) == ["new"]


def test_a_read_only_folder_can_be_asked(filled):
    for path in [filled, *filled.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = {path: path.stat().st_mtime_ns for path in filled.rglob("*")}
    with connect(filled) as connection:
        assert connection.execute("SELECT count(*) FROM entities").fetchone() == (6,)
    assert {path: path.stat().st_mtime_ns for path in filled.rglob("*")} == before
    for path in [filled, *filled.rglob("*")]:
        path.chmod(0o755)


def test_files_elsewhere_are_reached_only_when_allowed(filled, tmp_path: Path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "ciks.csv").write_text("cik\n1\n")
    sql = f"SELECT * FROM read_csv('{tmp_path / 'own' / 'ciks.csv'}')"
    with connect(filled) as connection, pytest.raises(duckdb.PermissionException):
        connection.execute(sql)
    with connect(filled, allow=[tmp_path / "own"]) as connection:
        assert connection.execute(sql).fetchall() == [(1,)]
        with pytest.raises(duckdb.Error):
            connection.execute("SET enable_external_access = true")


def test_a_document_in_two_folders_of_a_glob_counts_once_as_it_was_read_last(tmp_path, fill_results, opened):
    """As after another number of shards: a file of the one folder was read again into the other."""
    fill_results(tmp_path / "r" / "b")
    fill_results(tmp_path / "r" / "a")
    with opened(tmp_path / "r" / "*") as connection:
        assert connection.execute("SELECT count(*) FROM entities").fetchone() == (6,)
        assert connection.execute("SELECT count(*) FROM documents").fetchone() == (3,)
        (newest,) = connection.execute("SELECT DISTINCT filename FROM current_documents").fetchall()
    assert "/r/a/documents/" in newest[0]


def test_a_glob_takes_results_folders_only_and_says_where_it_finds_none(tmp_path, fill_results):
    fill_results(tmp_path / "r" / "shard-1")
    (tmp_path / "r" / "other" / "documents").mkdir(parents=True)
    (tmp_path / "r" / "notes.txt").touch()
    with connect(tmp_path / "r" / "*") as connection:
        assert connection.execute("SELECT count(*) FROM entities").fetchone() == (6,)
    with pytest.raises(UsageError, match="matches no results folder"):
        connect(tmp_path / "r" / "o*")
