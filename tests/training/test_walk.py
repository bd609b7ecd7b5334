"""From filings to rows of a user's own model: the commands of docs/training.md, with a small base and few steps."""

import pyarrow.parquet as pq
import pytest
from documentation import REPOSITORY, run_page

RATE = "DebtInstrumentInterestRateStatedPercentage"
CAPACITY = "LineOfCreditFacilityMaximumBorrowingCapacity"
HEAD = """<html xmlns:ix="http://www.xbrl.org/2013/inlineXBRL" xmlns:dei="http://xbrl.sec.gov/dei/2023"
 xmlns:us-gaap="http://fasb.org/us-gaap/2023"><body><div style="display:none"><ix:header><ix:hidden>
<ix:nonNumeric name="dei:EntityCentralIndexKey" contextRef="c">{cik:010}</ix:nonNumeric>
<ix:nonNumeric name="dei:DocumentType" contextRef="c">10-K</ix:nonNumeric></ix:hidden></ix:header></div>
<ix:nonNumeric name="us-gaap:DebtDisclosureTextBlock" contextRef="c" escape="true">"""
TAG = '<ix:nonFraction name="us-gaap:{concept}" contextRef="c" unitRef="u">{number}</ix:nonFraction>'
QUICK = {
    "CONCEPT_EPOCHS": "0",
    "EPOCHS": "8",
    "PATIENCE": "8",
    "LEARNING_RATE": "5e-3",
    "AVERAGE": "0.9",
    "BATCH_TOKENS": "256",
    "MAX_LENGTH": "64",
}


def filing(cik):
    parts = [HEAD.format(cik=cik)]
    for place in range(8):
        number = f"{place + 1}.{cik * 7 % 90 + 10}"
        rate, size = (TAG.format(concept=concept, number=number) for concept in (RATE, CAPACITY))
        parts += [
            f"<p>The notes bear interest at a rate of {rate}%.</p>",
            f"<p>The facility has a capacity of ${size} million.</p>",
            f"<p>In 20{cik:02}, revenue grew by {number}%.</p>",
        ]
    return "".join([*parts, "</ix:nonNumeric></body></html>"])


@pytest.fixture
def settings_of_a_small_training(monkeypatch, bert_folder):
    for name, value in ({"BASE": str(bert_folder)} | QUICK).items():
        monkeypatch.setenv(f"FINNER_TRAIN_{name}", value)


@pytest.mark.slow
@pytest.mark.usefixtures("settings_of_a_small_training")
def test_the_page_on_training_leads_from_filings_to_rows_of_ones_own_model(tmp_path, monkeypatch):
    (tmp_path / "data").symlink_to(REPOSITORY / "data")
    (tmp_path / "filings").mkdir()
    for cik in range(10, 28):
        (tmp_path / "filings" / f"{cik}.htm").write_text(filing(cik))
    monkeypatch.chdir(tmp_path)

    printed = run_page("docs/training.md")

    assert "dataset: 18 filings of 18 companies" in printed["label"]
    assert "readings" not in printed["label"], "nobody read any"
    assert f"| {RATE} | " in printed["train"]
    assert f"{RATE}  " in printed["evaluate"]
    assert printed["export"].startswith("fp32: ")
    assert printed["run"].startswith("18 documents, ")
    rows = pq.read_table(tmp_path / "results" / "entities").to_pylist()
    assert {row["label"] for row in rows} == {RATE, CAPACITY}
    assert {row["model_id"].partition("@")[0] for row in rows} == {"my-model"}
    assert (tmp_path / "evaluation" / "confusion.png").is_file()
    assert (tmp_path / "dataset-report" / "report.md").is_file()
