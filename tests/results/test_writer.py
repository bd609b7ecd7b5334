import resource
import signal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from simulated import FakeClock

from finner_batch.errors import DocumentError, FinnerError, UsageError
from finner_batch.results import part
from finner_batch.results.ledger import Ledger
from finner_batch.results.schema import ENTITIES, ENTITY_OWN
from finner_batch.results.writer import Writer
from finner_batch.storage.local import LocalPlace
from finner_batch.storage.place import place_of

SHA = "ab" * 32
ENTITY = {
    "section": None,
    "sentence_index": 0,
    "sentence": "The rate is 2.25%.",
    "start": 12,
    "end": 16,
    "document_start": 12,
    "document_end": 16,
    "label": "DebtInstrumentBasisSpreadOnVariableRate1",
    "text": "2.25",
    "value": 0.0225,
    "unit": "pure",
    "scale": -2,
    "confidence": 0.9,
    "before_text": None,
    "before_value": None,
    "sec_url": None,
}


def document(name="a.htm", source="/in/a.htm", **columns):
    return {"document_id": name, "source": source, "sha256": SHA, "kind": "html", "status": "ok"} | columns


@pytest.fixture
def writer(results):
    ledger = Ledger.load(place_of(results), model_id="m", config_id="c")
    with Writer(place_of(results), ledger=ledger, run_id="run", model_id="m", config_id="c") as opened:
        yield opened


def files(results):
    return sorted(str(path.relative_to(results)) for path in results.rglob("*") if path.is_file())


@pytest.mark.usefixtures("writer")
def test_a_new_folder_has_an_empty_part_with_all_columns(results):
    assert pq.read_table(results / "entities").schema.names == ENTITIES.names
    assert pq.read_table(results / "documents").num_rows == 0


def test_a_commit_publishes_both_files_under_one_name(results, writer):
    writer.add(document(company="Acme"), [ENTITY, ENTITY | {"start": 0}])
    writer.finish("/in/a.htm", SHA)
    name = writer.commit()
    entities = pq.read_table(results / "entities" / f"{name}.parquet")
    assert entities.schema.equals(ENTITIES)
    assert entities.column("company").to_pylist() == ["Acme", "Acme"]
    assert entities.column("run_id").to_pylist() == ["run", "run"]
    assert pq.read_table(results / "documents" / f"{name}.parquet").column("entities").to_pylist() == [2]


def test_entities_may_come_as_an_arrow_batch(results, writer):
    writer.add(document(), pa.RecordBatch.from_pylist([ENTITY], ENTITY_OWN))
    writer.finish("/in/a.htm", SHA)
    name = writer.commit()
    assert pq.read_table(results / "entities" / f"{name}.parquet").column("text").to_pylist() == ["2.25"]


def test_nothing_is_visible_before_the_commit_and_nothing_is_left_of_what_was_dropped(results, writer):
    before = files(results)
    writer.add(document(), [ENTITY])
    writer.finish("/in/a.htm", SHA)
    assert [name for name in files(results) if "/.tmp-" not in name] == before
    writer.discard()
    assert files(results) == before


def test_a_file_that_is_not_finished_waits_and_others_are_committed(results, writer, look):
    writer.add(document(), [ENTITY])
    assert writer.commit() is None
    writer.add(document("b.htm", "/in/b.htm"), [ENTITY])
    writer.finish("/in/b.htm", SHA)
    writer.commit()
    assert [row[1] for row in look(results)["documents"]] == ["b.htm"]
    writer.add(document("a2.htm"), [ENTITY])
    writer.finish("/in/a.htm", SHA)
    writer.commit()
    assert [row[1] for row in look(results)["documents"]] == ["a.htm", "a2.htm", "b.htm"]


def test_a_commit_without_entities_is_a_commit(results, writer, look):
    writer.add(document(status="failed", stage="read", error="empty"))
    writer.finish("/in/a.htm", SHA)
    assert writer.commit() is not None
    assert [row[3] for row in look(results)["documents"]] == ["failed"]
    assert writer.commit() is None


def test_names_sort_in_the_order_of_commits_also_when_the_clock_runs_back(results):
    clock = FakeClock()
    place = LocalPlace(results, clock=clock)
    names = []
    with Writer(
        place,
        ledger=Ledger.load(place, model_id="m", config_id="c"),
        run_id="run",
        model_id="m",
        config_id="c",
    ) as writer:
        for number, second in enumerate((2_000_000, 1_000_000, 1_000_000)):
            clock.seconds = second
            writer.add(document(f"{number}", f"/in/{number}"))
            writer.finish(f"/in/{number}", SHA)
            names.append(writer.commit())
    assert names == sorted(names)
    assert len(set(names)) == 3


def test_a_document_id_that_stands_twice_in_a_source_is_refused(writer):
    writer.add(document(kind="parquet"))
    with pytest.raises(DocumentError, match="twice"):
        writer.add(document(kind="parquet"))


@pytest.mark.parametrize(
    ("row", "entities"),
    [
        (document(colour="red"), []),
        (document(run_id="mine"), []),
        ({"source": "/in/a", "status": "ok"}, []),
        (document(), [{"text": "2"}]),
        (document(), [ENTITY | {"label": None}]),
    ],
)
def test_rows_that_do_not_fit_the_schema_are_refused(writer, row, entities):
    with pytest.raises(ValueError):
        writer.add(row, entities)


def test_many_rows_become_several_row_groups_and_a_bounded_wait(results, writer, monkeypatch):
    monkeypatch.setattr(part, "ROW_GROUP_ROWS", 100)
    for number in range(50):
        writer.add(document(f"{number}", kind="parquet"), [ENTITY] * 10)
        assert writer._part.entities._waiting_rows < 100
    metadata = pq.read_metadata(results / "entities" / f"{writer.commit()}.parquet")
    assert (metadata.num_row_groups, metadata.num_rows) == (5, 500)
    column = metadata.row_group(0).column(ENTITIES.names.index("label"))
    assert column.compression == "ZSTD"
    assert column.is_stats_set
    assert column.has_dictionary_page


def test_a_sentence_of_millions_of_characters_with_many_numbers_is_written(results, writer):
    sentence = "1 " * 1_500_000
    writer.add(document(), [ENTITY | {"sentence": sentence, "start": 2 * place} for place in range(40)])
    writer.finish("/in/a.htm", SHA)
    name = writer.commit()
    with duckdb.connect() as connection:
        path = str(results / "entities" / f"{name}.parquet")
        assert connection.execute("SELECT count(*), min(length(sentence)) FROM read_parquet(?)", [path]).fetchone() == (
            40,
            3_000_000,
        )


def peak_growth():
    """Peak resident memory of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def test_long_fields_times_many_entities_take_little_memory_and_are_written_whole(results, writer):
    """Spelt out they are 3 GiB: 100,000 entities, each with 30 KB of header fields, section and sentence."""
    sentences = [f"{number} " + "x" * 8000 for number in range(50)]
    entities = [ENTITY | {"sentence": sentences[place // 2000], "section": "s" * 1000} for place in range(100_000)]
    before = peak_growth()
    writer.add(document("d" * 1000, company="c" * 20_000), entities)
    writer.finish("/in/a.htm", SHA)
    name = writer.commit()
    assert peak_growth() - before < 700
    with duckdb.connect() as connection:
        path = str(results / "entities" / f"{name}.parquet")
        assert connection.execute(
            "SELECT count(*), count(DISTINCT sentence), min(length(company)), min(length(section)) "
            "FROM read_parquet(?)",
            [path],
        ).fetchone() == (100_000, 50, 20_000, 1000)


def test_documents_that_wait_hold_each_text_once(writer):
    sentences = [f"{number} " + "x" * 8000 for number in range(100)]
    for number, sentence in enumerate(sentences):
        writer.add(document(str(number), company="c" * 500), [ENTITY | {"sentence": sentence}] * 300)
    waiting = [held.batch for _, batches in writer._open["/in/a.htm"].waiting for held in batches]
    assert sum(batch.num_rows for batch in waiting) == 30_000
    assert sum(batch.get_total_buffer_size() for batch in waiting) < 20 << 20


def test_one_sentence_with_thousands_of_entities_is_written_in_several_row_groups(results, writer):
    writer.add(document(), [ENTITY | {"sentence": "x" * 8000}] * 20_000)
    writer.finish("/in/a.htm", SHA)
    metadata = pq.read_metadata(results / "entities" / f"{writer.commit()}.parquet")
    assert metadata.num_rows == 20_000
    assert metadata.num_row_groups >= 4


def write_much(writer):
    for number in range(2000):
        writer.add(document(f"{number}", f"/in/{number}", error=str(number) * 1000), [ENTITY])
        writer.finish(f"/in/{number}", SHA)
    writer.commit()


def test_a_full_disk_is_one_clear_error_and_leaves_what_was_committed(results, writer, look):
    writer.add(document("first", "/in/first"), [ENTITY])
    writer.finish("/in/first", SHA)
    writer.commit()
    before = look(results)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(FinnerError, match=r"cannot write to .*results: File too large.* is intact") as refusal:
            write_much(writer)
        assert refusal.value.exit_code == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    writer.discard()
    assert look(results) == before
    assert not [name for name in files(results) if ".tmp-" in name]


def test_a_folder_of_somebody_else_is_refused_and_left_alone(tmp_path):
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "letter.odt").write_text("")
    with pytest.raises(UsageError, match=r"letter\.odt"):
        Writer(place_of(tmp_path), ledger=None, run_id="run", model_id="m", config_id="c")
    assert files(tmp_path) == ["documents/letter.odt"]
