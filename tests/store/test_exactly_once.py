"""Promises 1 and 2: whatever is killed when, every document is there once and whole."""

import random
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finner_batch.query.connection import connect
from finner_batch.query.questions import sql_folder
from finner_batch.store.compact import compact
from finner_batch.store.ledger import Ledger
from finner_batch.store.part import list_parts
from finner_batch.store.runs import new_run_id
from finner_batch.store.writer import Writer

KILLS = 8
STEPS_OF_FIRST_PARTS = range(5, 30)
"""Of the child's writing: from the folder's first files into the first or second commit."""
HISTORIES = 15
CHILD = Path(__file__).with_name("committing_child.py")


def leftovers(results):
    committed = set(list_parts(results))
    entities = [path for path in (results / "entities").iterdir() if path.stem not in committed]
    return entities + list(results.rglob(".tmp-*"))


def child(results, *arguments):
    command = [sys.executable, str(CHILD), str(results), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_killed_at_random_moments_and_finished_leaves_every_document_once(tmp_path, look):
    """Each kill is one of a real process, which waits for it right before a step of its writing."""
    assert child(tmp_path / "undisturbed").wait() == 0
    expected = look(tmp_path / "undisturbed")
    chance = random.Random(1)
    results = tmp_path / "killed"
    in_a_part = committed = 0
    for _ in range(KILLS):
        process = child(results, "--wait-at", str(chance.choice(STEPS_OF_FIRST_PARTS)))
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(2)] == ["ready\n", "waiting\n"]
        process.kill()
        process.communicate()
        if results.is_dir() and (results / "documents").is_dir() and list_parts(results):
            shown = look(results)
            assert len(shown["documents"]) == len(set(shown["documents"]))
            assert set(shown["documents"]) <= set(expected["documents"])
            in_a_part += bool(leftovers(results))
            committed = max(committed, len(shown["documents"]))
    assert in_a_part >= 3, "too few kills came while a part was being written"
    assert 0 < committed < len(expected["documents"])
    assert child(results).wait() == 0
    assert look(results) == expected
    assert leftovers(results) == []
    parts = list_parts(results)
    assert child(results).wait() == 0
    assert list_parts(results) == parts


def test_readers_see_whole_documents_while_a_run_commits_and_compacts(tmp_path, look, whole):
    assert child(tmp_path / "undisturbed").wait() == 0
    expected = {key: set(rows) for key, rows in look(tmp_path / "undisturbed").items()}
    results = tmp_path / "results"
    process = child(results, "--compact")
    assert process.stdout is not None
    process.stdout.readline()
    most, refused = 0, 0
    views = (sql_folder() / "views.sql").read_text()
    while process.poll() is None:
        if not (results / "documents").is_dir() or not list_parts(results):
            continue
        for plain in (False, True):
            try:
                if plain:
                    connection = duckdb.connect()
                    connection.execute(f"SET VARIABLE results = '{results}'")
                    connection.execute(views)
                else:
                    connection = connect(results)
                shown = whole(connection)
            except duckdb.IOException:
                refused += 1
                continue
            finally:
                connection.close()
            assert set(shown["documents"]) <= expected["documents"]
            assert len(shown["documents"]) == len(set(shown["documents"])) >= most
            most = len(shown["documents"])
    assert process.returncode == 0
    assert most > 10
    assert {key: set(rows) for key, rows in look(results).items()} == expected


@pytest.mark.slow
def test_killed_at_every_change_of_the_disk_a_run_can_be_finished(tmp_path, job, content, look, kill_at, killed):
    accession = "0000320193-23-000106"
    before = {
        "/in/a": content((("a.htm", "rate 1"), ("b.htm", "rate 2")), accession),
        "/in/s": content((("x", "rate 3"), ("y", "rate 4")), shard=True),
    }
    after = {
        "/in/a": content((("b.htm", "rate 2"), ("c.htm", "fail")), accession),
        "/in/s": content((("x", "rate 3"), ("y", "rate 5"), ("z", "rate 6")), shard=True),
    }
    job(tmp_path / "undisturbed").run(before)
    old = look(tmp_path / "undisturbed")
    job(tmp_path / "undisturbed").run(after)
    new = look(tmp_path / "undisturbed")
    job(tmp_path / "before").run(before)
    for step in range(1, 1000):
        results = tmp_path / f"{step}"
        shutil.copytree(tmp_path / "before", results)
        kill_at(step)
        try:
            job(results).run(after)
            finished = True
        except killed:
            finished = False
        kill_at(0)
        between = look(results)
        assert set(between["documents"]) <= set(old["documents"]) | set(new["documents"])
        job(results).run(after)
        assert leftovers(results) == []
        if step % 4 == 0 or finished:
            assert look(results) == new
        if finished:
            break
    assert step > 20


@pytest.mark.parametrize("target_bytes", [1, 1 << 20])
@pytest.mark.slow
def test_killed_at_every_change_of_the_disk_a_compaction_changes_no_view(
    tmp_path, job, content, look, kill_at, killed, monkeypatch, target_bytes
):
    monkeypatch.setattr("finner_batch.store.part.ROW_GROUP_ROWS", 1)
    accession = "0000320193-23-000106"
    before = tmp_path / "before"
    job(before).run(
        {
            "/in/a": content((("a.htm", "rate 1"), ("b.htm", "rate 2")), accession),
            "/in/b": content((("a.htm", "rate  1"),), accession),
            "/in/s": content((("x", "rate 3"), ("y", "rate 4")), shard=True),
        }
    )
    job(before).run(
        {
            "/in/a": content((("a.htm", "rate 7"), ("c.htm", "fail")), accession),
            "/in/s": content((("x", "rate 3"), ("z", "rate 5")), shard=True),
        }
    )
    expected = look(before)
    for step in range(1, 1000):
        results = tmp_path / f"{step}"
        shutil.copytree(before, results)
        kill_at(step)
        try:
            compact(results, target_bytes=target_bytes, settle_s=0)
            finished = True
        except killed:
            finished = False
        kill_at(0)
        assert look(results) == expected
        if step % 4 == 0:
            report = compact(results, target_bytes=target_bytes, settle_s=0)
            assert look(results) == expected
            assert leftovers(results) == []
            assert not (results / ".replaced.json").exists()
            # Both documents of accession number and name a.htm stay, for the ledger; c.htm, x, z; the shard's end.
            assert report.after.documents == 6
        if finished:
            break
    assert step > 20


NAMES = st.sampled_from(["a.htm", "b.htm"])
TEXTS = st.sampled_from(["rate 1", "rate 22", "none", "fail"])
PARTS = st.dictionaries(NAMES, TEXTS, min_size=1, max_size=2).map(lambda texts: tuple(sorted(texts.items())))
SOURCES = st.sampled_from(["/in/a", "/in/b", "/in/c"])
ACCESSIONS = st.sampled_from([None, None, "0000320193-23-000106"])
RUNS = st.lists(
    st.tuples(
        st.dictionaries(SOURCES, st.tuples(PARTS, ACCESSIONS, st.booleans()), min_size=1),
        st.sampled_from(["model", "other"]),
        st.booleans(),
        st.integers(0, 60),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=HISTORIES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(runs=RUNS)
@pytest.mark.slow
def test_any_history_with_kills_and_compactions_ends_like_the_same_history_without(
    tmp_path_factory, job, content, look, kill_at, killed, runs
):
    folder = tmp_path_factory.mktemp("history")
    for sources, model_id, compacts, kill_step in runs:
        made = {
            source: content(parts, None if shard else accession, shard)
            for source, (parts, accession, shard) in sources.items()
        }
        job(folder / "undisturbed", model_id=model_id).run(made)
        kill_at(kill_step)
        try:
            job(folder / "killed", model_id=model_id, commit_every=1).run(made)
        except killed:
            pass
        finally:
            kill_at(0)
        job(folder / "killed", model_id=model_id, commit_every=2).run(made)
        if compacts:
            compact(folder / "killed", settle_s=0)
        assert look(folder / "killed") == look(folder / "undisturbed")
        last = job(folder / "killed", model_id=model_id)
        last.run(made)
        assert last.done == []


ACCESSION = "0000320193-23-000106"
IDS = st.sampled_from(["a.htm", f"{ACCESSION}/a.htm", f"{ACCESSION}/b.htm"])
ROWS = st.lists(
    st.lists(
        st.tuples(SOURCES, IDS, st.sampled_from([None, ACCESSION]), st.sampled_from(["ok", "failed", "removed"])),
        min_size=1,
        max_size=4,
        unique_by=lambda row: row[:2],
    ),
    max_size=6,
)


@settings(max_examples=HISTORIES, deadline=None)
@given(commits=ROWS)
def test_the_views_show_the_newest_row_and_of_a_filing_read_twice_the_newest_copy_that_did_not_fail(
    tmp_path_factory, look, commits
):
    results = tmp_path_factory.mktemp("rule")
    newest = {}
    with Writer(
        results,
        ledger=Ledger.load(results, model_id="m", config_id="c"),
        run_id=new_run_id(),
        model_id="m",
        config_id="c",
    ) as writer:
        for number, rows in enumerate(commits):
            for source, document_id, accession, status in rows:
                row = {"document_id": document_id, "source": source, "accession_number": accession, "status": status}
                writer.add(row | {"kind": "parquet", "sha256": f"{number:064x}"})
                newest.pop((source, document_id), None)
                newest[source, document_id] = (number, accession, status)
            writer.commit()
    expected = {}
    for (source, document_id), (number, accession, status) in newest.items():
        is_filing = accession and document_id.startswith(f"{accession}/")
        key = document_id if is_filing else (source, document_id)
        if status == "ok" or (status == "failed" and expected.get(key, ("failed",))[0] == "failed"):
            expected[key] = (status, source, document_id, f"{number:064x}")
    shown = [(row[0], row[1], row[2]) for row in look(results)["documents"]]
    assert shown == sorted(row[1:] for row in expected.values())
