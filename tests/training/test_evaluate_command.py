import hashlib
import json
import re
import subprocess
import sys
from dataclasses import replace

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from finner_batch.cli.main import commands
from finner_batch.errors import ModelError, UsageError
from finner_batch.tagging.model import DEFAULT_MODEL, load_model
from finner_batch.text.numbers import number_tokens
from finner_batch.training.data.dataset import LabelledSentence, Number, write_sentences
from finner_batch.training.evaluation.evaluate import EvaluationConfig, measure
from finner_batch.training.evaluation.evaluation_summary import summary
from finner_batch.training.evaluation.gold import TrainingData, check_choosing

SPREAD = "DebtInstrumentBasisSpreadOnVariableRate1"
STATED = "DebtInstrumentInterestRateStatedPercentage"
CAPACITY = "LineOfCreditFacilityMaximumBorrowingCapacity"
FACILITY = "The Company has a $1.5 billion revolving credit facility that matures in 2027."
LOAN = "Borrowings under the revolving credit facility bear interest at a rate equal to SOFR plus 1.25%."
NOTES = "In May 2021, we issued $500 million aggregate principal amount of 3.75% senior notes due 2031."
REVENUE = "Revenue grew by 12% to $3.2 billion in 2023."
FEE = "The commitment fee is 0.20% of the unused amount."


def sentence(text, company, *, tagged=None, read=None, doubtful=(), **fields):
    """Make a sentence; `tagged` and `read` map printed numbers to concepts, `read` is None without a reading."""
    numbers = []
    for start, end in number_tokens(text):
        printed = text[start:end]
        reading = None if read is None else read.get(printed, "O")
        numbers.append(Number(start, end, (tagged or {}).get(printed), reading, printed in doubtful))
    defaults = {"document_id": f"{company}/d.htm", "in_note": True, "exhaustive": True, "split": "dev"}
    return LabelledSentence(text=text, company=company, numbers=tuple(numbers), **{**defaults, **fields})


ELSEWHERE = {"in_note": False, "exhaustive": False, "section": "Part II, Item 7", "form_type": "10-K"}
WRITE = ("--write-thresholds", "--json")
ROWS = [
    sentence(FACILITY, "1", tagged={"1.5": CAPACITY}, read={"1.5": CAPACITY}),
    sentence(LOAN, "1", read={"1.25": SPREAD}),
    sentence(NOTES, "1", tagged={"3.75": STATED}, read={"3.75": STATED}),
    sentence(REVENUE, "1"),
    sentence(LOAN, "2", tagged={"1.25": STATED}, read={}),
    sentence(NOTES, "2", tagged={"500": "DebtInstrumentFaceAmount"}, read={"3.75": SPREAD}),
    sentence(FEE, "2", read={"0.20": STATED}, doubtful={"0.20"}),
    sentence(REVENUE, "2"),
    sentence(FACILITY, "1", tagged={"1.5": CAPACITY}, read={}, **ELSEWHERE),
    sentence(FACILITY, "1", in_note=False, exhaustive=False),
    sentence(NOTES, "2", read={}, origin="generated"),
    sentence(REVENUE, "3", tagged={"12": STATED}, split="validation"),
    sentence(FACILITY, "4", split="validation"),
]
"""By the readings, all predictions are right for company 1 and wrong for company 2 and the generated sentence."""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("evaluated") / "sentences.parquet"
    write_sentences(ROWS, path)
    return path


@pytest.fixture(scope="module")
def measured(data):
    return measure(EvaluationConfig(data=data, cost="fp=1,fn=5"))


def call(*arguments):
    done = CliRunner().invoke(commands, ["evaluate", *map(str, arguments)], standalone_mode=False)
    if done.exception:
        raise done.exception
    return done


def test_the_readings_are_the_gold_where_there_are_any_and_the_filers_tags_are_also_reported(measured):
    assert (measured.gold, measured.text, measured.companies, measured.sentences_read) == ("readings", "notes", 2, 6)
    micro, filers = measured.figures.unfiltered["micro"], measured.other_gold.unfiltered["micro"]
    assert (micro.precision, micro.recall, micro.support) == (3 / 5, 3 / 5, 5)
    assert (filers.precision, filers.recall, filers.support) == (2 / 5, 2 / 3, 3)
    assert measured.figures.resampled == "companies"
    low, high = micro.f1_interval
    assert low < micro.f1 < high


def test_generated_sentences_and_those_of_other_splits_are_never_counted(measured, data):
    assert (measured.figures.sentences, measured.figures.sentences_without_label) == (8, 3)
    assert measured.figures.false_positive_sentences == pytest.approx(1 / 3)
    assert measure(EvaluationConfig(data=data, split="validation")).figures.sentences == 2
    with pytest.raises(UsageError, match=r"'train', they have dev, validation: .*--split all") as refused:
        measure(EvaluationConfig(data=data, split="train"))
    assert "-share" not in str(refused.value)


def test_a_split_of_generated_sentences_only_is_refused(tmp_path):
    write_sentences([replace(ROWS[0], origin="generated")], tmp_path / "sentences.parquet")
    with pytest.raises(UsageError, match="generated"):
        measure(EvaluationConfig(data=tmp_path))


def test_without_readings_the_filers_tags_are_the_gold_and_readings_cannot_be_asked_for(data):
    found = measure(EvaluationConfig(data=data, split="validation"))
    assert (found.gold, found.other_gold, found.without_doubtful) == ("filers", None, None)
    with pytest.raises(UsageError, match="no sentence of the split 'validation' was read"):
        measure(EvaluationConfig(data=data, split="validation", gold="readings"))


def test_the_filers_tags_say_nothing_of_text_that_they_do_not_tag_exhaustively(data, tmp_path):
    found = measure(EvaluationConfig(data=data, gold="filers"))
    assert (found.gold, found.figures.numbers) == ("filers", found.other_gold.numbers)
    assert sum(group.sentences for group in found.breakdown["section"].values()) == 8
    write_sentences([ROWS[8]], tmp_path / "sentences.parquet")
    assert measure(EvaluationConfig(data=tmp_path)).text == "sentences read"
    with pytest.raises(UsageError, match="holds no notes"):
        measure(EvaluationConfig(data=tmp_path, gold="filers"))


def test_figures_without_doubtful_numbers_leave_them_out(measured):
    assert measured.doubtful == 1
    assert measured.without_doubtful.numbers == measured.figures.numbers - 1
    assert measured.without_doubtful.unfiltered["micro"].recall == 3 / 4


def test_every_error_is_listed_with_its_kind_and_place(measured):
    listed = {(row["kind"], row["number"], row["gold"], row["predicted"], row["company"]) for row in measured.errors}
    assert listed == {
        ("spurious", "1.25", "O", SPREAD, "2"),
        ("other label", "3.75", SPREAD, STATED, "2"),
        ("missed", "0.20", STATED, "O", "2"),
        ("spurious", "1.5", "O", CAPACITY, "1"),
    }
    outside = next(row for row in measured.errors if not row["in_note"])
    assert (outside["section"], outside["document_id"]) == ("Part II, Item 7", "1/d.htm")
    for row in measured.errors:
        assert row["sentence"][row["start"] : row["end"]] == row["number"]
        assert 0 < row["confidence"] <= 1


def test_the_breakdown_adds_what_was_read_outside_notes(measured):
    assert measured.breakdown["section"]["Item 7"].sentences == 1
    assert sum(group.sentences for group in measured.breakdown["section"].values()) == 9
    assert set(measured.breakdown["origin"]) == {"filing"}


def test_the_output_folder_holds_the_report_the_text_the_errors_and_both_pictures(data, tmp_path):
    folder = tmp_path / "made" / "here"
    done = call("--data", data, "--output", folder, "--errors", tmp_path / "errors.parquet", "--cost", "fp=1,fn=5")
    assert (folder / "classification_report.txt").read_text() == done.stdout
    for part in (
        "gold: readings",
        "2 companies",
        "33.33% got one",
        "thresholds with the lowest cost at fp=1, fn=5",
        STATED,
    ):
        assert part in done.stdout
    assert "numbers whose most probable label is not O, before and after" in done.stdout
    assert "most probable label other than O if that reaches its threshold" in done.stdout
    report = json.loads((folder / "report.json").read_text())
    assert report["figures"]["unfiltered"]["micro"]["f1"] == pytest.approx(3 / 5)
    assert len(report["figures"]["confusion"]) == len(report["labels"]) == 5
    assert report["thresholds"][CAPACITY]["usual"]["false_positives"] == 1
    assert pq.read_table(tmp_path / "errors.parquet") == pq.read_table(folder / "errors.parquet")
    assert pq.read_table(folder / "errors.parquet").num_rows == report["errors"] == 4
    for picture in ("confusion.png", "reliability.png"):
        assert (folder / picture).read_bytes().startswith(b"\x89PNG")


def test_stdout_is_json_and_nothing_else_where_json_is_asked_for(data):
    done = call("--data", data, "--json", "--gold", "filers")
    assert json.loads(done.stdout)["gold"] == "filers"
    assert "event=evaluate" in done.stderr


def test_a_model_that_labels_nothing_is_an_error_after_the_figures(tmp_path):
    rows = [sentence(FEE, place, read={"0.20": STATED}) for place in "12"]
    write_sentences(rows, tmp_path / "sentences.parquet")
    done = CliRunner().invoke(commands, ["evaluate", "--data", str(tmp_path), "--json"])
    assert isinstance(done.exception, ModelError)
    assert re.match(r"debt4@\w+ labels none of these 2 numbers", str(done.exception))
    assert json.loads(done.stdout)["figures"]["unfiltered"]["micro"]["support"] == 2


def test_the_split_test_is_what_is_reported_and_integer_tags_are_named_by_labels(tmp_path):
    words = LOAN.replace("%.", " % .").split()
    row = {"tokens": words, "ner_tags": [34 if word == "1.25" else 0 for word in words]}
    (tmp_path / "test.jsonl").write_text(json.dumps(row))
    arguments = ["evaluate", "--data", str(tmp_path / "test.jsonl"), "--split", "test", "--json"]
    done = CliRunner().invoke(commands, [*arguments, "--labels", "finer139"])
    assert json.loads(done.stdout)["figures"]["unfiltered"][SPREAD]["f1"] == 1.0, done.output
    unnamed = CliRunner().invoke(commands, arguments)
    assert isinstance(unnamed.exception, UsageError)
    assert "--labels finer139" in str(unnamed.exception)


def test_thresholds_go_into_a_users_own_model_and_are_not_chosen_by_what_is_reported(data, model_with_record, tmp_path):
    record = json.loads((DEFAULT_MODEL / "training.json").read_text())
    own = model_with_record(tmp_path / "model", record)
    with pytest.raises(UsageError, match="refitted"):
        call("--data", data, "--split", "validation", "--cost", "fp=9,fn=1", "--model", own, *WRITE)
    model_with_record(own, record | {"config": record["config"] | {"refit": False}})
    before = load_model(own)
    for wrong, words in (
        (["--split", "validation", "--cost", "fp=1,fn=5"], "packaged"),
        (["--split", "dev", "--cost", "fp=1,fn=5", "--model", own], "validation"),
        (["--split", "validation", "--model", own], "--cost"),
    ):
        with pytest.raises(UsageError, match=words):
            call("--data", data, "--write-thresholds", *wrong)
    assert load_model(own).model_id == before.model_id
    done = call("--data", data, "--split", "validation", "--cost", "fp=9,fn=1", "--model", own, *WRITE)
    chosen = {label: choice["best"]["threshold"] for label, choice in json.loads(done.stdout)["thresholds"].items()}
    assert load_model(own).thresholds == chosen
    assert chosen[CAPACITY] > 0.5
    assert load_model(own).model_id != before.model_id


def test_text_of_which_only_some_numbers_are_known_is_measured_by_those_numbers(tmp_path):
    rows = [
        known_number(FACILITY, "1.5", CAPACITY),
        known_number(LOAN, "1.25", STATED),
        known_number(NOTES, "3.75", STATED),
        known_number(REVENUE, "3.2", "Revenues"),
    ]
    path = write_rows(rows, tmp_path / "sample.jsonl")
    config = EvaluationConfig(data=path, split="all", cost="fp=1,fn=5")
    found = measure(config)
    assert (found.text, found.companies, found.figures.sentences, found.figures.numbers) == ("numbers known", 0, 4, 4)
    assert [(row["kind"], row["number"]) for row in found.errors] == [("other label", "1.25")]
    assert sum(group.numbers for group in found.breakdown["length"].values()) == 4
    assert found.thresholds[SPREAD].usual.false_positives == 1
    assert measure(replace(config, gold="filers")) == found
    text = summary(found)
    assert "4 sentences with 4 numbers, only some of which are known" in text
    assert "resamples of the 4 sentences" in text
    assert "4 sentences, companies not stated" in text
    for untrue in ("0 companies", "notes", "read elsewhere", "filers"):
        assert untrue not in text.replace("filtered: ", "")


def test_known_numbers_that_the_headline_leaves_out_are_counted(measured):
    assert measured.known_elsewhere == len(ROWS[8].numbers)
    assert f"{measured.known_elsewhere} known ones of other text" in summary(measured)


def test_rows_of_ones_own_are_measured_by_their_labels_once_and_by_no_filers_tags(tmp_path):
    rows = [
        {"text": FACILITY, "entities": [{"start": 19, "end": 22, "label": CAPACITY}]},
        {"text": FEE, "entities": []},
    ]
    found = measure(EvaluationConfig(data=write_rows(rows, tmp_path / "own.jsonl"), split="all"))
    assert (found.other_gold, found.from_filings, found.companies) == (None, False, 0)
    assert "gold: the labels that the rows give" in summary(found)
    assert "filers" not in summary(found)


def test_data_without_any_of_the_models_labels_are_refused_by_name(tmp_path):
    rows = [{"text": FACILITY, "entities": [{"start": 19, "end": 22, "label": "Coupon"}]}]
    with pytest.raises(UsageError, match=f"Coupon.* the model has .*{CAPACITY}"):
        measure(EvaluationConfig(data=write_rows(rows, tmp_path / "own.jsonl"), split="train"))


def test_a_model_that_was_trained_on_the_sentences_is_reported(data, model_with_record, tmp_path):
    folder = tmp_path / "model"
    seen = {"config": {"refit": True}, "data": {"sources": [{"sha256": digest(data)}]}}
    model_with_record(folder, seen)
    config = EvaluationConfig(data=data, model=str(folder), split="validation")
    found = measure(config)
    assert found.trained_on
    assert found.as_json()["trained_on"] is True
    assert "was trained on these sentences" in summary(found)
    reported = measure(replace(config, split="dev"))
    assert not reported.trained_on
    assert "was trained on" not in summary(reported)
    for other in (
        {**seen, "config": {"refit": False}},
        {**seen, "data": {"sources": [{"sha256": "0" * 64}]}},
    ):
        model_with_record(folder, other)
        assert not measure(config).trained_on


def test_sentences_to_learn_from_are_measured_with_a_warning(data, caplog):
    measure(EvaluationConfig(data=data, split="validation"))
    assert "may have been trained on" not in caplog.text
    measure(EvaluationConfig(data=data, split="all"))
    assert "may have been trained on" in caplog.text


def test_no_thresholds_come_from_the_validation_split_of_a_refitted_model(data, model_with_record, tmp_path):
    folder = model_with_record(tmp_path / "model", {"config": {"refit": True}, "data": {"sources": [{"sha256": "0"}]}})
    before = load_model(folder)
    with pytest.raises(UsageError, match="has not seen: rows of your own"):
        call("--data", data, "--split", "validation", "--cost", "fp=1,fn=5", "--model", folder, *WRITE)
    assert load_model(folder) == before


PLAIN, REFITTED = (
    TrainingData(sources=frozenset(["seen"]), splits=frozenset(splits))
    for splits in (["train"], ["train", "validation"])
)


@pytest.mark.parametrize(
    ("trained_on", "origin", "split", "sha256"),
    [
        (PLAIN, "filing", "validation", "seen"),
        (None, "filing", "validation", "other"),
        (PLAIN, "mine", "validation", "seen"),
        (PLAIN, "mine", "train", "other"),
        (REFITTED, "mine", "validation", "other"),
        (REFITTED, "mine", "all", "other"),
        (None, "mine", "all", "other"),
    ],
)
def test_thresholds_may_be_chosen_by_what_the_model_was_not_trained_on(trained_on, origin, split, sha256):
    rows = [replace(ROWS[0], origin=origin, split=name) for name in ("train", "validation")]
    check_choosing(trained_on, rows, split, sha256)


@pytest.mark.parametrize(
    ("trained_on", "origin", "split", "sha256", "words"),
    [
        (PLAIN, "filing", "train", "other", "overconfident"),
        (None, "filing", "all", "other", "overconfident"),
        (PLAIN, "mine", "train", "seen", "overconfident"),
        (REFITTED, "filing", "validation", "other", "refitted"),
        (REFITTED, "mine", "validation", "seen", "refitted"),
        (REFITTED, "mine", "all", "seen", "refitted"),
    ],
)
def test_thresholds_may_not_be_chosen_by_training_data(trained_on, origin, split, sha256, words):
    rows = [replace(ROWS[0], origin=origin, split=name) for name in ("train", "validation")]
    with pytest.raises(UsageError, match=words):
        check_choosing(trained_on, rows, split, sha256)


def test_thresholds_are_not_chosen_by_what_is_reported_even_among_every_split():
    rows = [replace(ROWS[0], origin="mine", split=name) for name in ("train", "dev")]
    check_choosing(None, rows, "train", "other")
    with pytest.raises(UsageError, match="split dev"):
        check_choosing(None, rows, "all", "other")


def known_number(text, number, tag):
    return {"text": text, "entities": [{"number": number, "tag": tag}]}


def write_rows(rows, path):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_an_evaluation_needs_neither_torch_nor_transformers_nor_pictures(data):
    code = (
        "import sys\n"
        "for name in ('torch', 'transformers', 'onnx', 'safetensors', 'matplotlib'):\n    sys.modules[name] = None\n"
        "from finner_batch.cli.main import main\nmain(sys.argv[1:])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "evaluate", "--data", data, "--split", "validation"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "gold: filers' tags" in done.stdout
