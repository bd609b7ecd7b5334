"""What differs between two results whose differences are known."""

import csv
import io
import json
import shutil
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_results import CAPACITY, EFFECTIVE, HOSTILE, SPREAD, STATED, document, number, store

from finner_batch.cli.diff import diff as command
from finner_batch.errors import FinnerError, UsageError
from finner_batch.query.diff import diff
from finner_batch.query.questions import DIFF, shipped_sql
from finner_batch.query.writers import export_database, rows_of
from finner_batch.results.results_folder import open_results
from finner_batch.storage.place import place_of


@pytest.fixture
def compared(tmp_path):
    """Compare two lists of documents; the difference, and its rows by column."""

    def of(a, b, **options):
        folders = [tmp_path / "a", tmp_path / "b"]
        for folder, documents, model in zip(folders, (a, b), ("m", "n"), strict=True):
            shutil.rmtree(folder, ignore_errors=True)
            open_results(place_of(folder))
            store(folder, documents, model_id=model)
        found = diff(*folders, **options)
        return found, [dict(zip(found.rows.schema.names, row, strict=True)) for row in rows_of(found.rows)]

    return of


def rate(marked, value, label=STATED, **options):
    return number(label, marked, value, **options)


def one(*rows, name="0-1/a.htm", **columns):
    return [document(name, rows, **columns)]


def total(found):
    return {name: count for name, count in found.labels[-1].items() if name != "label" and count}


def changes(rows):
    return [(row["change"], row["what"], row["document"]) for row in rows]


def test_a_folder_does_not_differ_from_itself(compared):
    documents = [
        *one(rate("Notes at [5.0]%.", 0.05), rate("Notes at [5.0]%.", 0.05, at=500)),
        *one(rate("Loans at [6.0]%.", 0.06), name="b.htm"),
    ]
    found, rows = compared(documents, documents)
    assert rows == []
    assert total(found) == {"in_a": 3, "in_b": 3, "same": 3}
    assert (found.a.models, found.b.models, found.a.documents, found.a.entities) == (["m"], ["n"], 2, 3)


def test_gained_lost_and_changed_entities_of_one_document_are_listed(compared):
    common = rate("Kept at [1.0]%.", 0.01, at=0)
    a = one(
        common,
        rate("Gone at [2.0]%.", 0.02, at=100),
        rate("A loan at [3.0]%.", 0.03, at=200),
        rate("A facility of [4] million.", 4e6, CAPACITY, unit=None, at=300),
        rate("A bond at [5.0]%.", 0.05, confidence=0.9, at=400),
        rate("A note at [6.0]%.", 0.06, confidence=0.9, at=500),
    )
    b = one(
        common,
        rate("A loan at [3.0]%.", 0.03, EFFECTIVE, at=200),
        rate("A facility of [4] million.", 4e9, CAPACITY, unit="USD", at=300),
        rate("A bond at [5.0]%.", 0.05, confidence=0.8, at=400),
        rate("A note at [6.0]%.", 0.06, confidence=0.86, at=500),
        rate("New at [7.0]%.", 0.07, at=600),
    )
    found, rows = compared(a, b)
    assert changes(rows) == [
        ("changed", "label", "in both"),
        ("changed", "value, unit", "in both"),
        ("gained", "", "in both"),
        ("lost", "", "in both"),
        ("changed", "confidence", "in both"),
    ]
    assert [(row["text_a"], row["text_b"]) for row in rows][2:4] == [(None, "7.0"), ("2.0", None)]
    assert (rows[0]["label_a"], rows[0]["label_b"]) == (STATED, EFFECTIVE)
    assert (rows[1]["value_a"], rows[1]["value_b"], rows[1]["unit_a"], rows[1]["unit_b"]) == (4e6, 4e9, None, "USD")
    labels = {row["label"]: row for row in found.labels}
    assert (labels[STATED]["relabelled_from"], labels[EFFECTIVE]["relabelled_to"]) == (1, 1)
    assert total(found) == {
        "in_a": 6, "in_b": 6, "same": 2, "changed": 1, "confidence_only": 1,
        "relabelled_from": 1, "relabelled_to": 1, "lost": 1, "gained": 1,
    }  # fmt: skip
    assert len(compared(a, b, tolerance=0.1)[1]) == 4
    assert len(compared(a, b, tolerance=0)[1]) == 6


def test_documents_of_one_side_and_failed_ones_are_separate_from_entities_lost(compared):
    rows = [rate("Notes at [5.0]%.", 0.05)]
    a = [*one(*rows, name="gone.htm"), *one(*rows, name="fails.htm"), *one(*rows, name="same.htm")]
    b = [*one(*rows, name="new.htm"), *one(name="fails.htm", status="failed", stage="read"), *one(name="same.htm")]
    found, changed = compared(a, b)
    assert found.documents == {"in both": 1, "only in A": 1, "only in B": 1, "failed in A": 0, "failed in B": 1}
    assert changes(changed) == [
        ("lost", "", "in both"),
        ("gained", "", "only in B"),
        ("lost", "", "failed in B"),
        ("lost", "", "only in A"),
    ]
    assert {(row["document"], row["document_id_a"], row["document_id_b"]) for row in found.unmatched} == {
        ("only in A", "gone.htm", None),
        ("only in B", None, "new.htm"),
        ("failed in B", "fails.htm", "fails.htm"),
    }
    assert total(found) == {
        "in_a": 3, "in_b": 1, "lost": 1, "lost_with_document": 2, "gained_with_document": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("a", "b", "documents"),
    [
        ([("x.htm", "/old/x.htm", "1")], [("x.htm", "/new/x.htm", "1")], {"in both": 1}),
        ([("x.htm", "/old/x.htm", "1")], [("x.htm", "/new/x.htm", "2")], {"in both": 1}),
        ([("x.htm", "/in/x.htm", "1")], [("y.htm", "/in/y.htm", "1")], {"in both": 1}),
        ([("x.htm", "/in/x.htm", "1")], [("y.htm", "/in/y.htm", "2")], {"only in A": 1, "only in B": 1}),
        (
            [("x.htm", "/old/1/x.htm", "1"), ("x.htm", "/old/2/x.htm", "2")],
            [("x.htm", "/new/2/x.htm", "2"), ("x.htm", "/new/3/x.htm", "3")],
            {"in both": 2},
        ),
        (
            [("x.htm", "/old/1/x.htm", "1"), ("x.htm", "/old/2/x.htm", "1")],
            [("x.htm", "/new/1/x.htm", "1"), ("x.htm", "/new/2/x.htm", "1")],
            {"in both": 2},
        ),
        (
            [("x.htm", "/old/1/x.htm", "1"), ("x.htm", "/old/2/x.htm", "2")],
            [("x.htm", "/new/1/x.htm", "3"), ("x.htm", "/new/2/x.htm", "4")],
            {"only in A": 2, "only in B": 2},
        ),
    ],
    ids=["moved", "moved and changed", "renamed", "others", "moved among others", "copies", "ambiguous"],
)
def test_documents_are_matched_by_source_content_and_name(compared, a, b, documents):
    sides = [[document(name, source=source, sha256=64 * sha) for name, source, sha in side] for side in (a, b)]
    found, _ = compared(*sides)
    assert {place: count for place, count in found.documents.items() if count} == documents


@pytest.mark.parametrize(
    ("accession", "documents"),
    [
        ("0000000001-24-000001/", {"in both": 1}),
        ("", {"in both": 1}),
        ("0000000002-24-000002/", {"only in A": 1, "only in B": 1}),
    ],
)
def test_another_shape_of_a_filing_is_the_same_document_with_the_same_numbers(compared, accession, documents):
    rows = [number(STATED, "The rate is [5.0] here.", 0.05)]
    a = document("0000000001-24-000001/main.htm", rows, content_id="c" * 32)
    b = document(f"{accession}primary-document.html", rows, content_id="c" * 32)
    found, changed = compared([a], [b])

    assert {place: count for place, count in found.documents.items() if count} == documents
    assert bool(changed) == (len(documents) > 1)


def test_an_export_of_an_earlier_version_is_compared(tmp_path):
    rows = [number(STATED, "The rate is [5.0] here.", 0.05)]
    for name in "ab":
        store(tmp_path / name, [document("x.htm", rows)])
        export_database(tmp_path / name, tmp_path / f"{name}.duckdb")
    with duckdb.connect(tmp_path / "a.duckdb") as connection:
        names = [
            row[0] for row in connection.execute("FROM duckdb_views() SELECT view_name WHERE NOT internal").fetchall()
        ]
        for view in names:
            connection.execute(f"DROP VIEW {view}")
        for column in ("content_id", "ciks"):
            connection.execute(f"ALTER TABLE documents DROP {column}")
    with duckdb.connect() as connection:
        for name in "ab":
            connection.execute(f"ATTACH '{tmp_path}/{name}.duckdb' AS {name} (READ_ONLY)")
        connection.execute(shipped_sql(DIFF))
        assert connection.execute("SELECT document FROM diff_documents").fetchall() == [("in both",)]
        assert connection.execute("FROM diff").fetchall() == []


def test_a_sentence_that_moved_or_has_other_numbers_or_words_is_still_the_same(compared):
    a = one(
        rate("Moved: notes at [5.0]%.", 0.05, at=0, index=1),
        rate("In 2022 the margin was [1.25]%.", 0.0125, SPREAD, at=100, index=2),
        rate("We may borrow up to $[400] million under the facility.", 4e8, CAPACITY, unit="USD", at=200, index=3),
        rate("Nothing alike stands here at [9.0]%.", 0.09, at=300, index=4),
    )
    b = one(
        rate("Moved: notes at [5.0]%.", 0.05, at=5000, index=9),
        rate("In 2023 the margin was [1.50]%.", 0.015, SPREAD, at=6000, index=10),
        rate(
            "We may now borrow up to $[500] million under the same facility.",
            5e8,
            CAPACITY,
            unit="USD",
            at=7000,
            index=3,
        ),
        rate("Quite another thing is said at [9.0]%.", 0.09, at=8000, index=4),
    )
    _, rows = compared(a, b)
    assert [(row["change"], row["text_a"] or row["text_b"]) for row in rows] == [
        *(("gained", text) for text in ("1.50", "9.0", "500")),
        *(("lost", text) for text in ("1.25", "9.0", "400")),
    ], "what was read is the same file: another number is another entity"
    b[0][0]["sha256"] = 64 * "f"
    _, rows = compared(a, b)
    assert [(row["change"], row["what"], row["text_a"], row["text_b"]) for row in rows] == [
        ("changed", "value", "1.25", "1.50"),
        ("changed", "value", "400", "500"),
        ("gained", "", None, "9.0"),
        ("lost", "", "9.0", None),
    ]


def test_another_number_of_the_same_sentence_is_no_change_of_the_first(compared):
    found, _ = compared(one(rate("Notes at [5.0]% and 6.0%.", 0.05)), one(rate("Notes at 5.0% and [6.0]%.", 0.06)))
    assert total(found) == {"in_a": 1, "in_b": 1, "lost": 1, "gained": 1}


_SENTENCES = ["Notes at [5.0]%.", "Notes at 5.0% or [6.0]%.", "A loan at [7.0]%.", "A loan at [8.5]%."]
_ENTITY = st.tuples(
    st.integers(0, 2),
    st.integers(0, 5),
    st.sampled_from(_SENTENCES),
    st.sampled_from([STATED, SPREAD]),
    st.floats(0, 1),
)


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_ENTITY, max_size=8), st.lists(_ENTITY, max_size=8))
def test_every_entity_is_counted_once_and_the_other_way_round_mirrors_it(compared, a, b):
    sides = [
        [
            document(
                f"{name}.htm",
                [
                    rate(marked, 0.05, label, confidence=confidence, at=100 * place, index=place)
                    for owner, place, marked, label, confidence in side
                    if owner == name
                ],
            )
            for name in {owner for owner, *_ in side}
        ]
        for side in (a, b)
    ]
    found, rows = compared(*sides)
    mirrored, back = compared(*reversed(sides))
    for row in found.labels:
        both = row["same"] + row["changed"] + row["confidence_only"]
        assert row["in_a"] == both + row["relabelled_from"] + row["lost"] + row["lost_with_document"]
        assert row["in_b"] == both + row["relabelled_to"] + row["gained"] + row["gained_with_document"]
    assert (found.labels[-1]["in_a"], found.labels[-1]["in_b"]) == (len(a), len(b))
    assert len(rows) == len(back)
    assert found.labels[-1]["lost"] == mirrored.labels[-1]["gained"]


def test_plain_duckdb_compares_two_exports(compared, tmp_path):
    found, rows = compared(one(rate("Notes at [5.0]%.", 0.05)), one(rate("Notes at [5.0]%.", 0.05, SPREAD)))
    with duckdb.connect() as plain:
        for name in ("a", "b"):
            export_database(tmp_path / name, tmp_path / f"{name}.duckdb")
            plain.execute(f"ATTACH '{tmp_path / name}.duckdb' AS {name} (READ_ONLY)")
        plain.execute(shipped_sql(DIFF))
        assert plain.execute("FROM diff").fetchall() == [tuple(row.values()) for row in rows]
        assert plain.execute("FROM diff_labels").fetchall() == [tuple(row.values()) for row in found.labels]
    assert len(rows) == 1


@pytest.fixture
def called(tmp_path):
    store(tmp_path / "a", one(rate("Notes at [5.0]%.", 0.05), company=HOSTILE))
    store(tmp_path / "b", one(rate("Notes at [5.0]%.", 0.06), company=HOSTILE, source="/elsewhere/a.htm"))

    def run(*arguments, a=tmp_path / "a", b=tmp_path / "b"):
        outcome = CliRunner().invoke(command, [str(a), str(b), *arguments], standalone_mode=False)
        if outcome.exception:
            raise outcome.exception
        return outcome

    return run


def test_the_table_sums_up_by_label_first_and_shows_the_rows_then(called):
    outcome = called()
    assert outcome.exit_code == 0
    lines = outcome.stdout.splitlines()
    assert lines[0].endswith("a: 1 documents, 1 entities, m")
    assert "documents: 1 in both, 0 only in A" in lines[2]
    assert next(line for line in lines if line.startswith("all labels")).split()[2:6] == ["1", "1", "0", "1"]
    assert lines[-1].startswith("changed: value  in both")
    assert "[5.0]" in lines[-1]
    assert all(line.isprintable() for line in lines)


def test_two_that_do_not_differ_say_so(called, tmp_path):
    assert "no entity differs" in called(b=tmp_path / "a").stdout


def test_json_csv_and_parquet_hold_all_of_it(called, tmp_path):
    found = json.loads(called("--json").stdout)
    assert found["documents"]["in both"] == 1
    assert [row["changed"] for row in found["labels"]] == [1, 1]
    assert [(row["value_a"], row["value_b"], row["company"]) for row in found["rows"]] == [(0.05, 0.06, HOSTILE)]
    assert (found["a"]["entities"], found["documents_elsewhere"]) == (1, [])
    assert [row["what"] for row in csv.DictReader(io.StringIO(called("--csv").stdout))] == ["value"]
    called("--parquet", str(tmp_path / "x.parquet"))
    assert pq.read_table(tmp_path / "x.parquet").to_pylist()[0]["document_id_a"] == "0-1/a.htm"
    for inside in ("a", "b"):
        with pytest.raises(UsageError, match="results folder"):
            called("--parquet", str(tmp_path / inside / "x.parquet"))
    with pytest.raises(UsageError, match="exclude"):
        called("--json", "--csv")


def test_two_folders_without_rows_do_not_differ(called, tmp_path):
    for name in ("c", "d"):
        open_results(place_of(tmp_path / name))
    outcome = called(a=tmp_path / "c", b=tmp_path / "d")
    assert "0 documents, 0 entities, no model" in outcome.stdout
    assert "no entity differs" in outcome.stdout


def test_a_folder_that_is_missing_or_damaged_is_one_clear_error(called, tmp_path):
    with pytest.raises(UsageError, match=r"no results at .*nothing"):
        called(b=tmp_path / "nothing")
    max(Path(tmp_path / "b" / "entities").iterdir()).unlink()
    with pytest.raises(FinnerError, match="cannot be read"):
        called()
