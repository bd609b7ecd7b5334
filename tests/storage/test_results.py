"""A results folder in a bucket keeps the promises of a local one."""

import importlib.util
import random
import sys
from pathlib import Path

import duckdb
import pytest

from finner_batch.errors import FinnerError, UsageError
from finner_batch.query import connection as connection_module
from finner_batch.query.ask import ask
from finner_batch.query.connection import connect
from finner_batch.results.compact import compact
from finner_batch.results.ledger import Ledger
from finner_batch.results.part import list_parts, part_of
from finner_batch.results.run_reports import load_runs, write_run
from finner_batch.storage.object_place import ObjectPlace
from finner_batch.storage.s3 import S3Bucket

specification = importlib.util.spec_from_file_location(
    "made_job", Path(__file__).parent.parent / "results" / "made_job.py"
)
made_job = importlib.util.module_from_spec(specification)
sys.modules["made_job"] = made_job
specification.loader.exec_module(made_job)
Content, Job = made_job.Content, made_job.Job

ACCESSION = "0000320193-23-000106"
BEFORE = {
    "/in/a": Content((("a.htm", "rate 1"), ("b.htm", "rate 2")), ACCESSION),
    "/in/s": Content((("x", "rate 3"), ("y", "rate 4")), shard=True),
}
AFTER = {
    "/in/a": Content((("b.htm", "rate 2"), ("c.htm", "fail")), ACCESSION),
    "/in/s": Content((("x", "rate 3"), ("y", "rate 5"), ("z", "rate 6")), shard=True),
}


def look(results):
    with connect(results) as connection:
        return {
            "documents": connection.execute(
                "SELECT source, document_id, sha256, status, entities FROM documents ORDER BY ALL"
            ).fetchall(),
            "entities": connection.execute(
                "SELECT source, document_id, text, sentence, start, value FROM entities ORDER BY ALL"
            ).fetchall(),
        }


@pytest.fixture
def expected(tmp_path):
    Job(tmp_path / "local").run(BEFORE)
    before = look(tmp_path / "local")
    Job(tmp_path / "local").run(AFTER)
    return before, look(tmp_path / "local")


class Killed(BaseException):
    """The process dies here."""


@pytest.fixture
def kill_at(monkeypatch):
    """Make the n-th change of the bucket, and every later one, raise Killed; 0 never."""
    left = [0]

    def counted(original):
        def call(*arguments, **options):
            if left[0] == 1:
                raise Killed
            left[0] = max(left[0] - 1, 0)
            return original(*arguments, **options)

        return call

    for name in ("put", "delete"):
        monkeypatch.setattr(S3Bucket, name, counted(getattr(S3Bucket, name)))

    def at(step):
        left[0] = step

    yield at
    left[0] = 0


def copy(folder, to):
    """Copy the objects of a folder."""
    for place in folder.children():
        if place.is_folder():
            copy(place, to / place.name)
        else:
            (to / place.name).write(place.read())


@pytest.mark.slow
def test_killed_at_every_change_of_the_bucket_a_run_and_a_compaction_can_be_finished(
    bucket, expected, kill_at, monkeypatch
):
    monkeypatch.setattr("finner_batch.storage.object_place.COMMITTED_WITHIN_S", 0)
    before, after = expected
    Job(ObjectPlace(bucket, "begun"), commit_every=10).run(BEFORE)
    for step in range(1, 100, 5):
        results = ObjectPlace(bucket, f"{step}")
        copy(ObjectPlace(bucket, "begun"), results)
        kill_at(step)
        try:
            Job(results, commit_every=10).run(AFTER)
            compact(results, settle_s=0)
            finished = True
        except Killed:
            finished = False
        kill_at(0)
        shown = look(results)
        assert set(shown["documents"]) <= set(before["documents"]) | set(after["documents"])
        if not finished:
            (results / ".lock.json").delete()  # this process lives on, so its lock does
        Job(results, commit_every=10).run(AFTER)
        assert look(results) == after
        assert {part_of(place.name) for place in (results / "entities").children()} == set(list_parts(results))
        if finished:
            break
    assert step > 12


def test_the_ledger_reads_a_few_columns_by_range_and_not_the_whole_part(results, proxy):
    chance = random.Random(3)
    rows = tuple((f"{number}", f"fail {chance.randbytes(3000).hex()}") for number in range(300))
    Job(results, commit_every=1_000).run({"/in/s": Content(rows, shard=True)})
    name = list_parts(results)[-1]
    size = results.bucket.get(f"{results.key}/documents/{name}.parquet", 0, 1).size
    proxy.requests.clear()
    assert len(list(Ledger.load(results, model_id="model", config_id="config").rows_done("/in/s"))) == 300
    read = sum(request.sent for request in proxy.asked("GET", f"/documents/{name}"))
    assert 0 < read < size / 2
    assert size > 800_000
    assert proxy.asked("GET", f"/entities/{name}") == []


def test_reports_and_views_are_read_from_the_bucket(results):
    Job(results).run(BEFORE)
    report = {"status": "done", "exit_code": 0, "documents": {"ok": 2, "failed": 0}, "entities": 4}
    write_run(results, "20260101T000000Z-0000", report)
    assert list(load_runs(results)) == [{"run_id": "20260101T000000Z-0000"} | report]
    answer = ask(results, "SELECT run_id, documents_ok FROM runs")
    assert [row for batch in answer.batches for row in batch.to_pylist()] == [
        {"run_id": "20260101T000000Z-0000", "documents_ok": 2}
    ]


def test_sql_reaches_nothing_beside_the_results(results, tmp_path):
    Job(results).run(BEFORE)
    results.bucket.put("other.csv", b"a\n1\n")
    for path in (f"s3://{results.bucket.name}/other.csv", "s3://elsewhere/x.csv", str(tmp_path / "x.csv")):
        with pytest.raises(UsageError, match="allow"):
            ask(results, f"FROM read_csv('{path}')")


def test_no_results_and_missing_files_are_clear_errors(results):
    with pytest.raises(UsageError, match=r"no results at s3://.*finner-batch run"):
        connect(results)
    Job(results).run(BEFORE)
    (results / "entities" / f"{list_parts(results)[-1]}.parquet").delete()
    with pytest.raises(FinnerError, match=r"cannot be read.*does not exist"):
        ask(results, "SELECT count(*) FROM entities")


@pytest.mark.slow
def test_a_compaction_between_listing_and_opening_is_no_error(results, monkeypatch):
    Job(results).run(BEFORE)
    Job(results).run(AFTER)
    original = connection_module._create_views

    def create(*arguments):
        compact(results, settle_s=0)
        original(*arguments)

    monkeypatch.setattr(connection_module, "_create_views", create)
    with connect(results) as connection:
        assert connection.execute("SELECT count(*) FROM entities").fetchone() == (4,)
    with connect(results) as old:
        Job(results).run(BEFORE)
        compact(results, settle_s=0)
        with pytest.raises(duckdb.Error):
            old.execute("SELECT count(*) FROM entities").fetchall()


def test_a_folder_of_something_else_is_left_alone(results):
    results.bucket.put(f"{results.key}/documents/mine.txt", b"x")
    with pytest.raises(UsageError, match=r"holds mine\.txt"):
        Job(results).run(BEFORE)
