"""The way from filings to rows of a model of one's own, each command as a newcomer types it."""

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from finner_batch.cli.main import commands

RATE = "DebtInstrumentInterestRateStatedPercentage"
CAPACITY = "LineOfCreditFacilityMaximumBorrowingCapacity"
HEAD = """<html xmlns:ix="http://www.xbrl.org/2013/inlineXBRL" xmlns:dei="http://xbrl.sec.gov/dei/2023"
 xmlns:us-gaap="http://fasb.org/us-gaap/2023"><body><div style="display:none"><ix:header><ix:hidden>
<ix:nonNumeric name="dei:EntityCentralIndexKey" contextRef="c">{cik:010}</ix:nonNumeric>
<ix:nonNumeric name="dei:DocumentType" contextRef="c">10-K</ix:nonNumeric></ix:hidden></ix:header></div>
<ix:nonNumeric name="us-gaap:DebtDisclosureTextBlock" contextRef="c" escape="true">"""
TAG = '<ix:nonFraction name="us-gaap:{concept}" contextRef="c" unitRef="u">{number}</ix:nonFraction>'


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
def typed(tmp_path, monkeypatch, bert_folder):
    """Type a command in an empty folder beside filings and a base; give what it says."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FINNER_TRAIN_BASE", str(bert_folder))
    (tmp_path / "filings").mkdir()
    for cik in range(10, 28):
        (tmp_path / "filings" / f"{cik}.htm").write_text(filing(cik))

    def type_in(line):
        done = CliRunner().invoke(commands, line.split(), auto_envvar_prefix="FINNER")
        assert done.exit_code == 0, (line, done.output, done.exception)
        return done.stdout

    return type_in


@pytest.mark.slow
def test_from_filings_to_rows_of_a_model_of_ones_own(typed, tmp_path):
    told = typed("label --input filings")
    assert "dataset: 18 filings of 18 companies" in told
    assert "readings" not in told, "nobody read any"
    quick = "--concept-epochs 0 --epochs 8 --patience 8 --learning-rate 5e-3 --average 0.9 --batch-tokens 256"
    card = typed(f"train --name own --max-length 64 {quick}")
    assert f"| {RATE} | " in card
    assert f"{RATE}  " in typed("evaluate --model model")
    assert typed("export").startswith("int8: 0.1 MB, spans alike ")
    assert typed("run --input filings --model model").startswith("18 documents, ")
    rows = pq.read_table(tmp_path / "results" / "entities").to_pylist()
    assert {row["label"] for row in rows} == {RATE, CAPACITY}
    assert {row["model_id"].partition("@")[0] for row in rows} == {"own"}
