"""A results folder of an earlier version is read, added to, compacted and superseded as one's own, without loss."""

import shutil
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finner_batch.config import RunConfig
from finner_batch.errors import FinnerError
from finner_batch.query.ask import ask
from finner_batch.query.connection import connect
from finner_batch.query.diff import diff
from finner_batch.query.questions import list_questions, sql_folder
from finner_batch.query.writers import export_database, rows_of
from finner_batch.report.page import ReportConfig, write_report
from finner_batch.results.compact import compact
from finner_batch.results.ledger import Ledger
from finner_batch.results.part import list_parts
from finner_batch.results.schema import DOCUMENTS, ENTITIES, SCHEMA_VERSION
from finner_batch.runner.run import retry, run
from finner_batch.storage.place import place_of
from finner_batch.training.evaluation.xbrl_verdicts import result_documents

FIXTURES = Path(__file__).with_name("fixtures")
NUMBERS = [
    ("0009990401-24-000007/copper10k.htm", "1.85", 0.0185),
    ("0009990401-24-000007/copper10k.htm", "120.0", 120_000_000.0),
    ("kelp-bay.txt", "2.40", 0.024),
    ("note-1", "75.0", 75_000_000.0),
    ("note-2", "4.50", 0.045),
    ("quarry-pond.htm", "6.125", 0.06125),
    ("quarry-pond.htm", "6.54", 0.0654),
]
"""What the folder's views show: neither the exhibit that was removed nor the rate that was replaced."""
DOCUMENT_IDS = ["0009990401-24-000007/copper10k.htm", "kelp-bay.txt", "note-1", "note-2", "note-3", "note-4"]
DOCUMENT_IDS += ["quarry-pond.htm", "scan.htm"]


@pytest.fixture
def filings(tmp_path):
    return Path(shutil.copytree(FIXTURES / "filings", tmp_path / "filings"))


PIPELINE_VERSIONS = {1: 2, 2: 3}
"""By schema version, the pipeline version that wrote the folder."""


@pytest.fixture(scope="module", params=PIPELINE_VERSIONS)
def version(request):
    return request.param


@pytest.fixture
def old(tmp_path, filings, version):
    """The folder, as if its input had been at `filings`."""
    return copy_old(tmp_path / "old", filings, version)


def copy_old(results, filings, version):
    shutil.copytree(FIXTURES / f"results-schema-{version}", results)
    for path in results.glob("*/*.parquet"):
        table = pq.read_table(path)
        moved = [source.replace("/data/filings", str(filings)) for source in table.column("source").to_pylist()]
        place = table.schema.get_field_index("source")
        table = table.set_column(place, table.schema.field("source"), pa.array(moved, pa.string()))
        pq.write_table(table, path)
    for path in results.glob("runs/*.json"):
        path.write_text(path.read_text().replace("/data/filings", str(filings)))
    return results


def job(results, filings, **settings):
    return run(RunConfig(input=(str(filings),), output=str(results), documents="all", workers=1, **settings))


def numbers(results):
    with connect(results) as connection:
        return connection.execute("SELECT document_id, text, value FROM entities ORDER BY ALL").fetchall()


def documents(results, columns="document_id"):
    with connect(results) as connection:
        return connection.execute(f"SELECT {columns} FROM documents ORDER BY document_id").fetchall()


@pytest.fixture
def mixed(old, tmp_path):
    """The folder, with a part of this version too."""
    return add_part(old, tmp_path / "more")


@pytest.fixture(scope="module")
def mixed_to_read(tmp_path_factory, version):
    """The same for the tests that only read it."""
    folder = tmp_path_factory.mktemp("mixed")
    return add_part(copy_old(folder / "old", FIXTURES / "filings", version), folder / "more")


def add_part(results, filings):
    filings.mkdir()
    (filings / "new.htm").write_text("<p>The term loan bears interest at a fixed rate of 3.95% per annum.</p>")
    assert job(results, filings).documents_ok == 1
    return results


MORE = ("new.htm", "3.95", 0.0395)


def test_there_is_a_fixture_of_each_earlier_version(version):
    for path in FIXTURES.glob(f"results-schema-{version}/*/*.parquet"):
        assert pq.read_schema(path).metadata[b"finner_batch.schema_version"] == str(version).encode()
    assert max(PIPELINE_VERSIONS) == SCHEMA_VERSION - 1


@pytest.mark.parametrize("opened", ["connect", "plain"])
def test_its_views_have_all_columns_and_its_rows_null_in_those_that_came_later(old, opened):
    if opened == "connect":
        connection = connect(old)
    else:
        connection = duckdb.connect()
        connection.execute("SET VARIABLE results = ?", [str(old)])
        connection.execute((sql_folder() / "views.sql").read_text())
    with connection:
        for view, schema in (("documents", DOCUMENTS), ("entities", ENTITIES)):
            assert [row[0] for row in connection.execute(f"DESCRIBE {view}").fetchall()] == schema.names
        assert connection.execute("SELECT document_id FROM documents ORDER BY ALL").fetchall() == [
            (name,) for name in DOCUMENT_IDS
        ]
        for view in ("documents", "entities"):
            later = f"SELECT count(document_type) + count(sec_url) FROM {view}"
            assert connection.execute(later).fetchall() == [(0,)]
        assert connection.execute("SELECT count(kept) FROM documents").fetchall() == [(0,)]
        assert connection.execute("SELECT document_id, text, value FROM entities ORDER BY ALL").fetchall() == NUMBERS
        assert connection.execute("SELECT count(*), sum(documents_ok) FROM runs").fetchall() == [(2, 9)]


def test_parts_of_both_versions_are_shown_together(mixed_to_read, version):
    assert numbers(mixed_to_read) == sorted([*NUMBERS, MORE])
    assert documents(mixed_to_read) == sorted([*((name,) for name in DOCUMENT_IDS), ("new.htm",)])
    known = [row for row in documents(mixed_to_read, "document_id, content_id") if row[1] is not None]
    assert "new.htm" in dict(known)
    assert (len(known) == 1) == (version == 1)


@pytest.mark.parametrize("question", list_questions(), ids=lambda question: question.name)
def test_every_question_is_answered(mixed_to_read, question):
    if "against_xbrl" in question.sql:
        pytest.skip("needs filings with inline XBRL")
    answer = ask(mixed_to_read, question.sql)
    assert all(len(row) == len(answer.schema.names) for row in rows_of(answer))


def test_compaction_keeps_every_row_in_force_and_gives_it_all_columns(mixed, version):
    expected = numbers(mixed), documents(mixed)
    report = compact(place_of(mixed), settle_s=0)

    assert report.after.parts < report.before.parts
    assert (numbers(mixed), documents(mixed)) == expected
    for table, schema in (("documents", DOCUMENTS), ("entities", ENTITIES)):
        for path in (mixed / table).glob("*.parquet"):
            assert pq.read_schema(path).equals(schema)
    assert pq.read_table(mixed / "entities").column("schema_version").unique().to_pylist() == [version, SCHEMA_VERSION]


def test_the_same_run_with_the_same_settings_does_nothing_again(old, filings, monkeypatch, version):
    monkeypatch.setattr("finner_batch.config.PIPELINE_VERSION", PIPELINE_VERSIONS[version])
    report = job(old, filings)

    assert (report.documents_ok, report.documents_failed, report.selection.unchanged) == (0, 0, 3)
    assert report.selection.failed_before == 2
    assert numbers(old) == NUMBERS


@pytest.mark.parametrize("moved", [False, True])
def test_a_run_of_this_version_supersedes_every_row_and_loses_none(old, filings, monkeypatch, moved):
    monkeypatch.setattr("finner_batch.config.PIPELINE_VERSION", 1_000_000)
    if moved:
        filings = filings.rename(filings.with_name("elsewhere"))
    report = job(old, filings)

    assert (report.documents_ok, report.documents_failed) == (6, 2)
    assert numbers(old) == NUMBERS
    assert documents(old) == [(name,) for name in DOCUMENT_IDS]
    assert documents(old, "DISTINCT ON (document_id) run_id") == [(report.run_id,)] * len(DOCUMENT_IDS)
    ledger = Ledger.load(place_of(old), model_id=report.model_id, config_id=report.config.config_id)
    assert len(ledger) == len(DOCUMENT_IDS)
    compact(place_of(old), settle_s=0)
    assert numbers(old) == NUMBERS
    assert pq.read_table(old / "entities").column("schema_version").unique().to_pylist() == [SCHEMA_VERSION]


def test_its_failed_documents_are_done_again_by_retry(old, filings, monkeypatch, version):
    monkeypatch.setattr("finner_batch.config.PIPELINE_VERSION", PIPELINE_VERSIONS[version])
    (filings / "scan.htm").write_text("<p>The term loan bears interest at a fixed rate of 3.95% per annum.</p>")
    report = retry(RunConfig(input=(), output=str(old), documents="all", workers=1))

    assert report.documents_ok == 1
    assert numbers(old) == sorted([*NUMBERS, ("scan.htm", "3.95", 0.0395)])


def test_it_is_compared_with_one_of_this_version(old, filings, tmp_path):
    job(tmp_path / "new", filings)
    found = diff(old, tmp_path / "new")

    assert found.documents == {
        "in both": len(DOCUMENT_IDS), "only in A": 0, "only in B": 0, "failed in A": 0, "failed in B": 0
    }  # fmt: skip
    assert found.labels[-1]["same"] == len(NUMBERS)
    rows_of(found.rows)


def test_it_is_exported_with_parts_of_both_versions(mixed_to_read, tmp_path):
    rows = export_database(mixed_to_read, tmp_path / "export.duckdb")

    assert rows == {"entities": len(NUMBERS) + 1, "documents": len(DOCUMENT_IDS) + 1, "runs": 3}


def test_its_rows_can_be_compared_with_the_filers_tags(old):
    for path in (old / "documents").glob("*.parquet"):
        table = pq.read_table(path)
        kinds = pa.array(["ixbrl" for _ in range(len(table))], pa.string())
        pq.write_table(table.set_column(table.schema.get_field_index("kind"), table.schema.field("kind"), kinds), path)
    (model_id,) = pq.read_table(old / "entities").column("model_id").unique().to_pylist()

    stored = result_documents(old, model_id)

    assert sum(len(one.rows) for copies in stored.values() for one in copies) == len(NUMBERS)


def test_it_has_a_report(mixed_to_read, tmp_path):
    written = write_report(ReportConfig(output=place_of(mixed_to_read), html=place_of(tmp_path / "report.html")))

    assert written.path.local_path.read_text(encoding="utf-8").count("quarry-pond.htm") >= 1


def test_a_folder_of_a_newer_version_is_refused_with_what_to_do(old):
    path = max((old / "documents").iterdir())
    table = pq.read_table(path)
    newer = {**table.schema.metadata, b"finner_batch.schema_version": str(SCHEMA_VERSION + 1).encode()}
    pq.write_table(table.replace_schema_metadata(newer), path)

    with pytest.raises(FinnerError, match=rf"newer finner-batch \(schema {SCHEMA_VERSION + 1}\): upgrade"):
        Ledger.load(place_of(old), model_id="m", config_id="c")
    with pytest.raises(FinnerError, match="newer finner-batch"):
        compact(place_of(old), settle_s=0)
    assert len(list_parts(place_of(old))) == 3
