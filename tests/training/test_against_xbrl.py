"""A job's rows against filings whose tags are known: each verdict, what is missed, and what is left out."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from finner_batch.cli.main import commands
from finner_batch.config import RunConfig
from finner_batch.errors import UsageError
from finner_batch.readers.discover import discover
from finner_batch.readers.read import ReadOptions, read_documents
from finner_batch.results.ledger import Ledger
from finner_batch.results.writer import Writer
from finner_batch.runner.run import run
from finner_batch.storage.place import place_of
from finner_batch.tagging.model import load_model
from finner_batch.text.extract import extract
from finner_batch.training.data.dataset import LabelledSentence, Number, write_sentences
from finner_batch.training.evaluation.against_xbrl import UNSEEN, against_xbrl

SPREAD = "DebtInstrumentBasisSpreadOnVariableRate1"
STATED = "DebtInstrumentInterestRateStatedPercentage"
EFFECTIVE = "DebtInstrumentInterestRateEffectivePercentage"
CAPACITY = "LineOfCreditFacilityMaximumBorrowingCapacity"
RESOURCES = """<div style="display:none"><ix:header><ix:resources>
<xbrli:unit id="usd"><xbrli:measure>iso4217:USD</xbrli:measure></xbrli:unit>
<xbrli:unit id="pure"><xbrli:measure>xbrli:pure</xbrli:measure></xbrli:unit></ix:resources></ix:header></div>"""


def rate(text, concept=STATED, **attributes):
    written = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return f'<ix:nonFraction name="us-gaap:{concept}" unitRef="pure" scale="-2"{written}>{text}</ix:nonFraction>'


def money(text, concept=CAPACITY, scale=6):
    return f'<ix:nonFraction name="us-gaap:{concept}" unitRef="usd" scale="{scale}">{text}</ix:nonFraction>'


def filing(*notes, before="", table=""):
    body = "".join(f"<p>{note}</p>" for note in notes)
    rows = f"<table><tr><td>Rate</td><td>{table}</td></tr></table>" if table else ""
    return (
        '<html xmlns:ix="http://www.xbrl.org/2013/inlineXBRL"><body>'
        f"{RESOURCES}<p>{before}</p>"
        f'<ix:nonNumeric name="us-gaap:DebtDisclosureTextBlock">{rows}<p>Note 7 - Debt</p>{body}</ix:nonNumeric>'
        "</body></html>"
    )


@pytest.fixture
def store(tmp_path):
    """Write filings and rows as if a job had found them there; return the results and the filings.

    A row is (label, number as printed, value): where the number stands first in the text.
    """

    def write(filings, *, model_id=None, ciks=(), tables=False):
        model_id = model_id or load_model().model_id
        folder, results = tmp_path / "filings", tmp_path / "results"
        folder.mkdir(exist_ok=True)
        for name, (markup, _) in filings.items():
            (folder / name).write_text(markup)
        ledger = Ledger.load(place_of(results), model_id=model_id, config_id="c")
        with Writer(
            place_of(results), ledger=ledger, run_id="20260101T000000Z-0000", model_id=model_id, config_id="c"
        ) as writer:
            for source in discover([str(folder)]):
                (document,) = read_documents(source, ReadOptions())
                text = extract(document.content, document.markup, tables=tables).text
                rows = [entity(text, *row) for row in filings[source.name][1]]
                header = {
                    name: getattr(document, name) for name in ("document_id", "source", "sha256", "bytes", "kind")
                }
                header |= {"cik": dict(ciks).get(source.name), "status": "ok", "sentences": 9, "tagged_sentences": 9}
                writer.add({**header, "seconds": 0.1}, rows)
                writer.finish(document.source, document.sha256)
            writer.commit()
        return results, str(folder)

    return write


def entity(text, label, printed, value):
    start = text.index(printed)
    sentence = text[text.rfind("\n", 0, start) + 1 :].partition("\n")[0]
    inside = sentence.index(printed)
    return {
        "section": None,
        "sentence_index": 0,
        "sentence": sentence,
        "start": inside,
        "end": inside + len(printed),
        "document_start": start,
        "document_end": start + len(printed),
        "label": label,
        "text": printed,
        "value": value,
        "unit": None,
        "scale": 0,
        "confidence": 0.9,
        "before_text": None,
        "before_value": None,
        "sec_url": None,
    }


def verdicts(found):
    return {(row["label"], row["text"]): row["verdict"] for row in found.rows}


def test_each_row_gets_its_verdict_and_each_tagged_number_without_a_row_is_missed(store):
    markup = filing(
        f"The notes bear interest at {rate('5.25')}% and the others at {rate('6.5')}%.",
        f"The margin over LIBOR is {rate('1.75', SPREAD)}% and the fee 0.20%.",
        f"The facility has a size of ${money('400')} million, ${money('90', 'LineOfCredit')} million drawn.",
        f"The effective rate was {rate('7.125', EFFECTIVE)}%, twenty-five years on.",
        before=f"We borrowed at 4.75%, then at {rate('4.25')}%.",
    )
    rows = [
        (STATED, "5.25", 0.0525 * (1 + 1e-9)),
        (STATED, "6.5", 0.65),
        (STATED, "1.75", 0.0175),
        (SPREAD, "0.20", 0.002),
        (CAPACITY, "90", 9e7),
        (STATED, "4.75", 0.0475),
    ]
    found = against_xbrl(*_listed(store({"a.htm": (markup, rows)})))
    assert verdicts(found) == {
        (STATED, "5.25"): "agree",
        (STATED, "6.5"): "value differs",
        (STATED, "1.75"): "other concept",
        (SPREAD, "0.20"): "untagged",
        (CAPACITY, "90"): "other concept",
        (STATED, "4.75"): "untagged",
        (CAPACITY, "400"): "missed",
        (EFFECTIVE, "7.125"): "missed",
    }
    by_place = {row["text"]: row for row in found.rows}
    assert (by_place["0.20"]["place"], by_place["4.75"]["place"]) == ("note", "elsewhere")
    assert (by_place["1.75"]["concept"], by_place["1.75"]["xbrl_value"]) == (SPREAD, pytest.approx(0.0175))
    assert by_place["400"]["sentence"].startswith("The facility has a size of $400 million")
    stated, total = found.labels[STATED], found.total
    assert (stated.rows, stated.tagged, stated.precision, stated.recall) == (4, 2, 1 / 3, 1 / 2)
    assert (total.rows, total.tagged, total.count("missed"), total.precision, total.recall) == (6, 5, 2, 1 / 5, 1 / 5)


def test_a_number_that_several_facts_tag_agrees_with_any_of_them_and_is_missed_once(store):
    twice = rate(rate("5.25", SPREAD), STATED)
    again = rate(rate("6.75", STATED, contextRef="a"), STATED, contextRef="b")
    markup = filing(f"The rate is {twice}%, later {again}%.")
    found = against_xbrl(*_listed(store({"a.htm": (markup, [(SPREAD, "5.25", 0.0525)])})))
    assert verdicts(found) == {(SPREAD, "5.25"): "agree", (STATED, "6.75"): "missed"}
    assert (found.labels[STATED].tagged, found.labels[STATED].count("missed")) == (2, 1)


def test_signs_and_unreadable_values_do_not_make_a_row_wrong(store):
    negative, garbled = rate("5.25", STATED, sign="-"), rate("6.75", STATED, format="ixt:unheard-of")
    markup = filing(f"The rate is {negative}%, later {garbled}%.")
    rows = [(STATED, "5.25", 0.0525), (STATED, "6.75", 0.0675)]
    found = against_xbrl(*_listed(store({"a.htm": (markup, rows)})))
    assert set(verdicts(found).values()) == {"agree"}


@pytest.mark.parametrize("tables", [False, True])
def test_numbers_in_tables_are_not_missed_and_rows_of_a_job_that_read_tables_still_find_their_place(store, tables):
    in_table = {"3.125": 0.03125, "4.125": 0.04125, "4.875": 0.5}
    table = " ".join(f"{rate(number)}%" for number in in_table)
    markup = filing(f"The notes bear {rate('5.25')}%, others {rate('6.5')}%.", table=table)
    rows = [(STATED, "5.25", 0.0525)]
    if tables:
        rows += [(STATED, number, value) for number, value in in_table.items()]
    found = against_xbrl(*_listed(store({"a.htm": (markup, rows)}, tables=tables)))
    expected = {(STATED, "5.25"): "agree", (STATED, "6.5"): "missed"}
    if tables:
        expected |= {(STATED, "3.125"): "agree", (STATED, "4.125"): "agree", (STATED, "4.875"): "value differs"}
    assert verdicts(found) == expected
    assert {row["text"] for row in found.rows if row["place"] == "table"} == (set(in_table) if tables else set())
    total = found.total
    assert (total.rows, total.in_tables, total.count("agree")) == (len(rows), len(rows) - 1, 1)
    assert (total.tagged, total.precision, total.recall) == (2, 1.0, 1 / 2)


def test_documents_that_cannot_be_compared_are_counted_and_not_compared(store):
    right = (filing(f"The notes bear {rate('5.25')}%."), [(STATED, "5.25", 0.0525)])
    names = ("a.htm", "changed.htm", "gone.htm")
    results, folder = store({**dict.fromkeys(names, right), "empty.htm": (filing("5"), [])})
    Path(folder, "changed.htm").write_text(filing(f"The old notes bear {rate('5.25')}%."))
    Path(folder, "gone.htm").unlink()
    found = against_xbrl(results, [folder])
    assert (found.documents, found.absent, found.without_facts, found.total.rows) == (1, 2, 1, 1)


def test_rows_whose_text_is_elsewhere_today_are_left_out(store, monkeypatch):
    markup = filing(f"The notes bear {rate('5.25')}%.")
    both = {"a.htm": (markup, [(STATED, "5.25", 0.0525)]), "b.htm": (markup, [(STATED, "5.25", 0.0525)])}
    results, folder = store(both)
    calls = []

    def moved(content, markup, **options):
        calls.append(options)
        return extract(content if len(calls) > 2 else "<p>new</p>" + content, markup, **options)

    monkeypatch.setattr("finner_batch.training.evaluation.against_xbrl.extract", moved)
    found = against_xbrl(results, [folder])
    assert (found.documents, found.unfit, found.total.rows) == (1, 1, 1)


def test_results_of_another_model_or_of_other_filings_are_refused(store, tmp_path):
    filings = {"a.htm": (filing(f"The notes bear {rate('5.25')}%."), [(STATED, "5.25", 0.0525)])}
    results, folder = store(filings)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "b.htm").write_text(filing("Nothing 5"))
    with pytest.raises(UsageError, match="none of the 1"):
        against_xbrl(results, [str(tmp_path / "other")])
    with pytest.raises(UsageError, match="no results"):
        against_xbrl(tmp_path / "nowhere", [folder])
    shutil.rmtree(results)
    results, folder = store(filings, model_id="older@1")
    with pytest.raises(UsageError, match="older@1"):
        against_xbrl(results, [folder])


def test_the_splits_of_companies_are_only_known_from_the_training_data(store, model_with_record, tmp_path):
    data = tmp_path / "sentences.parquet"
    numbers = (Number(0, 1, None),)
    learned = {"0000000001": "train", "0000000002": "dev"}
    rows = [
        LabelledSentence(text="5", numbers=numbers, company=cik, document_id="d", split=name)
        for cik, name in learned.items()
    ]
    write_sentences(rows, data)
    model = model_with_record(tmp_path / "model", record_of_training_on([data]))
    one = (filing(f"The notes bear {rate('5.25')}%."), [(STATED, "5.25", 0.0525)])
    other = (filing(f"Other notes bear {rate('6.5')}%."), [])
    results, folder = store(
        {"a.htm": one, "b.htm": other, "c.htm": other, "d.htm": one},
        model_id=load_model(model).model_id,
        ciks={"a.htm": "0000000001", "b.htm": "0000000002", "c.htm": "0000000003"},
    )
    found = against_xbrl(results, [folder], model=str(model), data=data)
    assert {row["document_id"]: row["split"] for row in found.rows} == {
        "a.htm": "train",
        "b.htm": "dev",
        "c.htm": UNSEEN,
        "d.htm": None,
    }
    assert {name: (tally.rows, tally.count("missed")) for name, tally in found.splits.items()} == {
        "train": (1, 0),
        "dev": (0, 1),
        UNSEEN: (0, 1),
    }
    without = against_xbrl(results, [folder], model=str(model))
    assert (without.training.startswith("not known without --data"), dict(without.splits)) == (True, {})
    write_sentences(rows[:1], data)
    unlike = against_xbrl(results, [folder], model=str(model), data=data)
    assert (unlike.training.startswith("not known"), dict(unlike.splits)) == (True, {})


@pytest.mark.parametrize("place", [0, 1])
def test_each_of_several_training_sources_gives_the_splits_of_its_companies(store, model_with_record, tmp_path, place):
    data = [tmp_path / "sentences.parquet", tmp_path / "own.jsonl"]
    write_sentences([LabelledSentence(text="5", numbers=(Number(0, 1, None),), company="1", document_id="d")], data[0])
    data[1].write_text('{"text": "at 5%", "entities": [], "company": "1"}\n')
    model = model_with_record(tmp_path / "model", record_of_training_on(data))
    filings = {"a.htm": (filing(f"The notes bear {rate('5.25')}%."), [(STATED, "5.25", 0.0525)])}
    results, folder = store(filings, model_id=load_model(model).model_id, ciks={"a.htm": "1"})
    found = against_xbrl(results, [folder], model=str(model), data=data[place])
    assert (set(found.splits), "one of 2 sources" in found.training) == ({"train"}, True)


def test_a_whole_job_is_compared_by_a_command_that_needs_no_torch(tmp_path):
    folder, results, rows = tmp_path / "filings", tmp_path / "results", tmp_path / "rows.parquet"
    folder.mkdir()
    notes = f"In May 2021, we issued $500 million aggregate principal amount of {rate('3.75')}% senior notes due 2031."
    margin = rate("1.25", SPREAD)
    loan = f"Borrowings under the revolving credit facility bear interest at a rate equal to SOFR plus {margin}%."
    (folder / "a.htm").write_text(filing(notes, loan))
    run(RunConfig(input=(str(folder),), output=str(results), workers=1, device="cpu"))
    code = (
        "import sys\n"
        "for name in ('torch', 'transformers', 'matplotlib', 'onnx'):\n    sys.modules[name] = None\n"
        "from finner_batch.cli.main import main\nmain(sys.argv[1:])\n"
    )
    arguments = ["evaluate", "--results", results, "--against-xbrl", folder, "--errors", rows, "--json"]
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    total = json.loads(done.stdout)["total"]
    assert (total["rows"], total["agree"], total["tagged_in_notes"], total["missed"]) == (2, 2, 2, 0)
    assert pq.read_table(rows)["verdict"].to_pylist() == ["agree", "agree"]
    shown = CliRunner().invoke(commands, ["evaluate", "--results", str(results), "--against-xbrl", str(folder)])
    assert "1 documents with inline XBRL" in shown.stdout
    assert "training data? not known without --data" in shown.stdout


def test_flags_of_the_other_measurement_are_refused(tmp_path):
    for arguments, words in (
        (["--against-xbrl", str(tmp_path), "--split", "train"], "--split"),
        (["--against-xbrl", str(tmp_path), "--cost", "fp=1,fn=1"], "--cost"),
        (["--results", str(tmp_path)], "--against-xbrl"),
    ):
        with pytest.raises(UsageError, match=words):
            CliRunner().invoke(commands, ["evaluate", *arguments], standalone_mode=False, catch_exceptions=False)


def _listed(pair):
    results, folder = pair
    return results, [folder]


def record_of_training_on(files):
    sources = [{"sha256": hashlib.sha256(file.read_bytes()).hexdigest()} for file in files]
    return {"config": {}, "data": {"sources": sources}}
