"""Shards of every kind in one run: CSV with filings, words in lists, keys of the path, kept columns."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from engine_helpers import ask, run_job

from finner_batch.config import RunConfig
from finner_batch.results.compact import compact
from finner_batch.runner.run import run
from finner_batch.storage.place import place_of

SENTENCE = "Borrowings under the revolving credit facility bear interest at SOFR plus {}%."


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Parquet with words in lists and CSV, below the keys of their years, and a filing."""
    folder = tmp_path_factory.mktemp("in")
    (folder / "year=2022" / "form=10-K").mkdir(parents=True)
    (folder / "year=2023").mkdir()
    words = [SENTENCE.format(f"1.{number}").split() for number in (10, 20)]
    table = pa.table({"id": ["a", "b"], "body": words, "sector": ["Energy", None]})
    pq.write_table(table, folder / "year=2022" / "form=10-K" / "part-0.parquet")
    (folder / "year=2023" / "rows.csv").write_text(f'id,body,sector\nc,"{SENTENCE.format("1.30")}",Water\n')
    (folder / "filing.htm").write_text(f"<p>{SENTENCE.format('1.40')}</p>")
    return folder


KEPT = [
    ("a", {"year": "2022", "form": "10-K", "sector": "Energy"}),
    ("b", {"year": "2022", "form": "10-K", "sector": None}),
    ("c", {"year": "2023", "sector": "Water"}),
    ("filing.htm", None),
]
ASKED = "SELECT document_id, kept FROM documents ORDER BY document_id"


@pytest.fixture(scope="module")
def results(folder):
    results = folder.parent / "results"
    report = run_job(folder, results, "--text-column", "body", "--keep-column", "sector", "--commit-documents", 1)
    assert report["documents"] == {"ok": 4, "failed": 0}
    return results


@pytest.mark.slow
def test_what_is_kept_stands_in_documents_and_is_asked_for_by_name(results):
    assert [(row["document_id"], row["kept"]) for row in ask(results, ASKED)] == KEPT
    by_year = "SELECT kept['year'] AS year, count(*) AS n FROM entities JOIN documents USING (source, document_id)"
    assert ask(results, f"{by_year} GROUP BY ALL ORDER BY ALL NULLS LAST") == [
        {"year": "2022", "n": 2},
        {"year": "2023", "n": 1},
        {"year": None, "n": 1},
    ]


def test_only_the_rows_of_a_csv_file_that_changed_are_done_again(results, folder):
    path = folder / "year=2023" / "rows.csv"
    settings = {"text_column": ("body",), "keep_column": ("sector",), "workers": 1}
    config = RunConfig(input=(str(folder),), output=str(results), **settings)
    report = run(config)
    assert (report.documents_ok, report.selection.unchanged) == (0, 3)
    path.write_text(f"{path.read_text()}d,{SENTENCE.format('1.35')},Wind\n")
    assert run(config).documents_ok == 1
    path.write_text("".join(path.read_text().replace("Water", "Air").splitlines(keepends=True)[:-1]))
    assert run(config).documents_ok == 1
    assert ask(results, "SELECT kept['sector'] AS sector FROM documents WHERE document_id = 'c'") == [{"sector": "Air"}]
    path.write_text(path.read_text().replace("Air", "Water"))
    assert run(config).documents_ok == 1
    assert [(row["document_id"], row["kept"]) for row in ask(results, ASKED)] == KEPT


@pytest.mark.slow
def test_shards_with_the_same_bytes_below_other_keys_have_rows_of_their_own(tmp_path):
    for folder in ("in/year=2022", "in/year=2023", "in/copies"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "p.jsonl").write_text(json.dumps({"id": "a", "text": SENTENCE.format("1.10")}))
    run_job(tmp_path / "in", tmp_path / "results")
    asked = "SELECT kept['year'] AS year FROM documents ORDER BY year NULLS FIRST"
    assert [row["year"] for row in ask(tmp_path / "results", asked)] == [None, "2022", "2023"]
    again = run_job(tmp_path / "in", tmp_path / "results")
    assert (again["documents"]["ok"], again["sources"]["unchanged"]) == (0, 3)


def test_compaction_keeps_what_is_kept(results):
    assert compact(place_of(results), settle_s=0).before.parts > 1
    assert [(row["document_id"], row["kept"]) for row in ask(results, ASKED)] == KEPT


def test_csv_files_of_a_folder_are_left_out_without_a_text_column(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "filing.htm").write_text(f"<p>{SENTENCE.format('1.50')}</p>")
    (tmp_path / "in" / "index.csv").write_text("cik,form\n1,10-K\n")
    report = run(RunConfig(input=(str(tmp_path / "in"),), output=str(tmp_path / "results"), workers=1))
    assert (report.documents_ok, report.documents_failed, report.selection.left_out) == (1, 0, 1)


def test_another_column_to_keep_does_documents_again_and_naming_the_default_text_column_does_not():
    def config_id(**settings):
        return RunConfig(input=("a",), **settings).config_id

    assert config_id(keep_column=("sector",)) != config_id()
    assert config_id(text_column=("text",)) == config_id() != config_id(text_column=("body",))


def test_a_dataset_of_edgar_crawler_holds_each_filing_once(tmp_path):
    accession, name = "0001000000-24-000001", "1000000_10K_2023_0001000000-24-000001"
    about = {"cik": "1000000", "company": "EXAMPLE CORP", "filing_type": "10-K", "filing_date": "2024-02-01"}
    text = SENTENCE.format("1.60")
    for file, content in (
        (f"RAW_FILINGS/10-K/{name}.htm", f"<html><p>{text}</p></html>"),
        (
            f"EXTRACTED_FILINGS/10-K/{name}.json",
            json.dumps(about | {"filename": f"{name}.htm", "item_7": text}, indent=4),
        ),
        ("FILINGS_METADATA.csv", "CIK,Company\n1,EXAMPLE CORP\n"),
        ("companies_info.json", '{\n    "1000000": {"Company": "EXAMPLE CORP"}\n}'),
    ):
        path = tmp_path / "datasets" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    report = run(RunConfig(input=(str(tmp_path / "datasets"),), output=str(tmp_path / "results"), workers=1))
    assert (report.documents_ok, report.documents_failed, report.selection.left_out) == (2, 0, 2)
    assert ask(tmp_path / "results", "SELECT document_id, company, form_type FROM documents") == [
        {"document_id": f"{accession}/{name}.htm", "company": "EXAMPLE CORP", "form_type": "10-K"}
    ]
    assert ask(tmp_path / "results", "SELECT count(*) AS n FROM entities") == [{"n": 1}]
