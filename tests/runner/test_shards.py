import shutil

import duckdb
import pytest
from engine_helpers import finner, plain_rows, run_job, write_filings

from finner_batch.config import RunConfig
from finner_batch.query.connection import connect
from finner_batch.query.questions import sql_folder
from finner_batch.readers.discover import share_of
from finner_batch.runner.run import run

COUNT = 24
TABLES = ("entities", "documents")


def views(connection):
    """What the views show, without what differs from run to run."""
    return [
        connection.execute("SELECT * EXCLUDE (run_id) FROM entities ORDER BY ALL").fetchall(),
        connection.execute("SELECT * EXCLUDE (run_id, seconds) FROM documents ORDER BY ALL").fetchall(),
    ]


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A folder with filings, the results of one run over it, and those of three shards."""
    folder = tmp_path_factory.mktemp("shards")
    filings = write_filings(folder / "filings", COUNT)
    reports = {"whole": run_job(filings, folder / "whole")}
    for number in (1, 2, 3):
        reports[number] = run_job(filings, folder / "r" / f"shard-{number}", "--shard", f"{number}/3")
    return folder, reports


@pytest.mark.slow
def test_three_shards_in_folders_of_their_own_have_the_rows_of_one_run(done):
    folder, reports = done
    shards = [reports[number] for number in (1, 2, 3)]
    assert sum(report["documents"]["ok"] for report in shards) == COUNT
    assert all(report["sources"]["sources"] == report["documents"]["ok"] > 0 for report in shards)
    assert {report["config_id"] for report in shards} == {reports["whole"]["config_id"]}
    for table in TABLES:
        parts = [plain_rows(folder / "r" / f"shard-{number}", table) for number in (1, 2, 3)]
        assert sum(parts[1:], parts[0]) == plain_rows(folder / "whole", table)


@pytest.mark.slow
def test_the_folders_of_all_shards_are_asked_as_one(done):
    folder, _ = done
    with connect(folder / "whole") as one, connect(folder / "r" / "*") as several:
        assert views(several) == views(one)
        assert several.execute("SELECT count(*) FROM runs").fetchone() == (3,)
    with duckdb.connect() as plain, connect(folder / "whole") as one:
        plain.execute("SET VARIABLE results = ?", [str(folder / "r" / "shard-*")])
        plain.execute((sql_folder() / "views.sql").read_text())
        assert views(plain) == views(one)


@pytest.mark.slow
def test_a_shard_and_then_the_rest_in_one_folder_have_the_rows_of_one_run(done, tmp_path):
    folder, reports = done
    results = tmp_path / "results"
    shutil.copytree(folder / "r" / "shard-2", results)
    rest = run_job(folder / "filings", results)
    assert rest["sources"]["unchanged"] == reports[2]["documents"]["ok"]
    assert rest["documents"]["ok"] == COUNT - reports[2]["documents"]["ok"]
    for table in TABLES:
        assert plain_rows(results, table) == plain_rows(folder / "whole", table)


def test_a_shard_without_a_file_is_done_at_once(tmp_path):
    (tmp_path / "only.htm").write_text("<p>The notes bear interest at 5.25% per annum.</p>")
    number = share_of("only.htm", 3) % 3 + 1
    job = RunConfig(input=(str(tmp_path / "only.htm"),), output=str(tmp_path / "r"), shard=f"{number}/3")
    report = run(job)
    assert (report.status, report.exit_code, report.selection.sources, report.documents_ok) == ("done", 0, 0, 0)


def test_a_shard_that_is_none_and_an_input_that_matches_nothing_are_usage_errors(tmp_path):
    (tmp_path / "empty").mkdir()
    assert "i from 1 to n" in finner("run", tmp_path, "--shard", "9/8", expect=2).stderr
    shard = ("--shard", "1/8", "-o", tmp_path / "r")
    assert "matches no file" in finner("run", tmp_path / "empty", *shard, expect=2).stderr
