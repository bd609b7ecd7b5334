"""One document under several sources counts once in every view, and none is lost for it."""

import hashlib
from datetime import date
from itertools import permutations

import duckdb
import pytest

from finner_batch.query.questions import sql_folder
from finner_batch.results.compact import compact
from finner_batch.results.ledger import Ledger
from finner_batch.results.writer import Writer
from finner_batch.storage.place import place_of

FILING = "0009990601-24-000003"
OTHER = "0009990602-24-000004"
TEXT, EXHIBIT = "c" * 32, "e" * 32


def entity(text):
    return {
        "section": None, "sentence_index": 0, "sentence": f"The rate is {text}%.", "start": 12, "end": 12 + len(text),
        "document_start": 12, "document_end": 12 + len(text), "label": "DebtInstrumentInterestRateStatedPercentage",
        "text": text, "value": float(text) / 100, "unit": "pure", "scale": -2, "confidence": 0.9,
        "before_text": None, "before_value": None, "sec_url": None,
    }  # fmt: skip


def row(source, name, content, number="5.25", *, accession=FILING, filed="2024-03-01", **columns):
    """A document's row and its entity: `name` is that of the document in its filing."""
    document = {
        "document_id": f"{accession}/{name}" if accession else name,
        "source": source,
        "sha256": hashlib.sha256(source.encode()).hexdigest(),
        "content_id": content,
        "kind": "html",
        "accession_number": accession,
        "filing_date": filed and date.fromisoformat(filed),
        "status": "ok",
    } | columns
    return document, [entity(number)] if document["status"] == "ok" else []


def failed(source, name, **columns):
    return row(
        source, name, None, status="failed", stage="read", error_type="DocumentError", error="damaged", **columns
    )


def write(results, *rows, config="c", run="20260101T000000Z-0000"):
    """One run, one part."""
    ledger = Ledger.load(place_of(results), model_id="m", config_id=config)
    with Writer(place_of(results), ledger=ledger, run_id=run, model_id="m", config_id=config) as writer:
        for document, entities in rows:
            writer.add(document, entities)
        for source, sha256 in dict.fromkeys((document["source"], document["sha256"]) for document, _ in rows):
            writer.finish(source, sha256)
        writer.commit()


def counted(results, pattern=""):
    """(source, name, status) of the documents that count, in order; fails where an entity does not count with them."""
    with duckdb.connect() as connection:
        connection.execute("SET VARIABLE results = ?", [f"{results}{pattern}"])
        connection.execute((sql_folder() / "views.sql").read_text())
        whole = connection.execute(
            "SELECT source, document_id FROM documents WHERE status = 'ok' "
            "EXCEPT SELECT source, document_id FROM entities"
        ).fetchall()
        assert whole == []
        assert (
            connection.execute("SELECT count(*) FROM entities").fetchone()
            == connection.execute("SELECT coalesce(sum(entities), 0) FROM documents").fetchone()
        )
        return connection.execute(
            "SELECT source, parse_filename(document_id), status FROM documents ORDER BY source, document_id"
        ).fetchall()


SUBMISSION = row("full-submission.txt", "main10k.htm", TEXT)
PRIMARY = row("primary-document.html", "primary-document.html", TEXT, filed=None)
FROM_THE_SUBMISSION = [("full-submission.txt", "main10k.htm", "ok")]


@pytest.mark.parametrize("runs", [[[SUBMISSION, PRIMARY]], [[SUBMISSION], [PRIMARY]], [[PRIMARY], [SUBMISSION]]])
def test_a_submission_and_its_primary_document_count_once_as_the_one_that_states_more(results, runs):
    for rows in runs:
        write(results, *rows)

    assert counted(results) == FROM_THE_SUBMISSION
    compact(place_of(results), settle_s=0)
    assert counted(results) == FROM_THE_SUBMISSION


def test_of_two_shards_a_document_counts_once(tmp_path):
    write(tmp_path / "1", SUBMISSION)
    write(tmp_path / "2", PRIMARY)

    assert counted(tmp_path, "/*") == FROM_THE_SUBMISSION


def test_exhibits_and_other_documents_of_a_filing_stay_apart(results):
    write(
        results,
        SUBMISSION,
        row("full-submission.txt", "ex10.htm", EXHIBIT),
        row("full-submission.txt", "ex11.htm", TEXT),
    )
    write(results, row("ex10.htm", "ex10.htm", EXHIBIT, filed=None), row("ex12.htm", "ex12.htm", "f" * 32))

    assert counted(results) == [
        ("ex12.htm", "ex12.htm", "ok"),
        ("full-submission.txt", "ex10.htm", "ok"),
        ("full-submission.txt", "ex11.htm", "ok"),
        ("full-submission.txt", "main10k.htm", "ok"),
    ]


def test_the_same_words_in_two_filings_are_two_documents(results):
    write(results, SUBMISSION, row("b.txt", "main10k.htm", TEXT, accession=OTHER))

    assert len(counted(results)) == 2


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_copy_that_failed_never_hides_one_that_was_read(results, order):
    rows = [failed("a/main10k.htm", "main10k.htm"), SUBMISSION, failed("z/main10k.htm", "main10k.htm")]
    for place in order:
        write(results, rows[place])

    assert counted(results) == FROM_THE_SUBMISSION


def test_a_submission_that_cannot_be_read_is_told_beside_the_primary_document_that_can(results):
    write(results, failed("full-submission.txt", "full-submission.txt"), PRIMARY)

    assert counted(results) == [
        ("full-submission.txt", "full-submission.txt", "failed"),
        ("primary-document.html", "primary-document.html", "ok"),
    ]


def test_a_copy_read_with_the_settings_used_last_counts_before_one_that_states_more(results):
    write(results, SUBMISSION, config="old")
    write(results, PRIMARY, config="new")

    assert counted(results) == [("primary-document.html", "primary-document.html", "ok")]


def test_without_an_accession_number_the_content_tells_and_a_known_filing_counts_first(results):
    loose = [row(source, source, TEXT, accession=None, filed=None) for source in ("a.htm", "a.htm.gz", "b/a.htm")]
    write(results, *loose, row("other.htm", "other.htm", EXHIBIT, accession=None))
    assert counted(results) == [("b/a.htm", "a.htm", "ok"), ("other.htm", "other.htm", "ok")]

    write(results, PRIMARY)
    assert counted(results) == [
        ("other.htm", "other.htm", "ok"),
        ("primary-document.html", "primary-document.html", "ok"),
    ]


def test_when_a_copy_is_removed_the_other_counts(results):
    write(results, SUBMISSION, PRIMARY)
    changed = row("full-submission.txt", "other10k.htm", EXHIBIT, sha256="1" * 64)
    write(results, changed)

    assert counted(results) == [
        ("full-submission.txt", "other10k.htm", "ok"),
        ("primary-document.html", "primary-document.html", "ok"),
    ]


def test_rows_without_content_or_of_one_shard_are_each_a_document(results):
    rows = [row("s.jsonl", f"row-{number}", None, accession=None, kind="jsonl", sha256="a" * 64) for number in range(3)]
    rows += [row("t.jsonl", f"section-{number}", TEXT, kind="jsonl", sha256="b" * 64) for number in range(2)]
    write(results, *rows)

    assert len(counted(results)) == 5


def test_a_document_that_was_read_once_costs_no_row_of_another(results):
    """However many copies of however many documents there are, each counts, once."""
    rows = [
        row(f"{source}-{number}.htm", f"{source}-{number}.htm", f"{number:032d}", str(number + 1), accession=accession)
        for number in range(5)
        for source, accession in (("a", FILING), ("b", FILING), ("c", None), ("d", OTHER))
    ]
    write(results, *rows)

    assert [source for source, *_ in counted(results)] == [
        f"{source}-{number}.htm" for source in "bd" for number in range(5)
    ]
