import gzip
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import datasets
import huggingface_hub
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from finner_batch.errors import UsageError
from finner_batch.training.data import hub_rows as finer
from finner_batch.training.data.data_sources import known_sentences, load_data, load_sources, set_aside
from finner_batch.training.data.dataset import OUTSIDE, READ_LABELS, read_labels, write_sentences

REPOSITORY = Path(__file__).parents[2]
TEXT = "The notes bear interest at 5.25% and 12 holders own $7.5 million."
CAPACITY = "LineOfCreditFacilityMaximumBorrowingCapacity"


def own(text=TEXT, start=27, end=31, label="Coupon", **columns):
    return {"text": text, "entities": [{"start": start, "end": end, "label": label}], **columns}


@pytest.fixture
def written(tmp_path):
    """Write rows as JSON Lines or Parquet; return the file's name."""

    def write(*rows, name="own.jsonl"):
        path = tmp_path / name
        if name.endswith(".parquet"):
            pq.write_table(pa.Table.from_pylist(list(rows)), path)
        else:
            path.write_text("\n".join(map(json.dumps, rows)) + "\n\n")
        return str(path)

    return write


@pytest.fixture
def hub_copy(tmp_path, monkeypatch):
    """Write a folder in the layout of FiNER-139 on the hub, as Parquet in three splits."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    features = datasets.Features(
        {
            "id": datasets.Value("int32"),
            "tokens": datasets.List(datasets.Value("string")),
            "ner_tags": datasets.List(datasets.ClassLabel(names=["O", "B-Coupon", "I-Coupon", "B-Size"])),
        }
    )
    rows = [
        {"id": 0, "tokens": ["It", "pays", "5.25", "%", "of", "$", "1,500"], "ner_tags": [0, 0, 1, 0, 0, 0, 3]},
        {"id": 1, "tokens": ["three", "notes"], "ner_tags": [3, 0]},
        {"id": 2, "tokens": ["either", "2018-2019", "or", "7"], "ner_tags": [0, 3, 0, 0]},
        {"id": 3, "tokens": ["at", "3", "1/4", "%"], "ner_tags": [0, 1, 2, 0]},
    ]
    folder = tmp_path / "finer-copy"
    for split in ("train", "validation", "test"):
        (folder / "finer-139" / split).mkdir(parents=True)
        made = datasets.Dataset.from_list(rows, features=features)
        made.to_parquet(folder / "finer-139" / split / "0000.parquet")
    return folder


def concepts_of(sentence):
    """Map the numbers of a sentence with a concept to the concept."""
    return {sentence.text[number.start : number.end]: number.concept for number in sentence.numbers if number.concept}


@pytest.mark.parametrize("name", ["own.jsonl", "own.parquet"])
def test_rows_of_ones_own_label_the_numbers_they_list_and_no_others(written, name):
    (row,) = load_data([written(own(), name=name)])
    assert concepts_of(row) == {"5.25": "Coupon"}
    for by in ("readings", "filers"):
        assert [row.gold(number, {"Coupon"}, by) for number in row.numbers] == ["Coupon", OUTSIDE, OUTSIDE]
        assert [row.gold(number, READ_LABELS, by) for number in row.numbers] == [OUTSIDE] * 3
    assert (row.split, row.origin, row.company, row.exhaustive) == ("train", name, name, True)


def test_a_row_says_where_it_comes_from_and_what_it_is_for(written):
    (row,) = load_data([written(own(company="7", split="dev", origin="my readers", document_id="d"))])
    assert (row.company, row.split, row.origin, row.document_id) == ("7", "dev", "my readers", "d")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (own(end=32), r"own.jsonl:2: characters 27 to 32, '5.25%', are not a number token; '5.25' would be"),
        (own(start=4, end=9), "'notes', are not a number token"),
        (own() | {"entities": own()["entities"] * 2}, "two labels"),
        ({"text": TEXT}, "needs a list `entities`; the row has `text`"),
        (
            {"entities": []},
            "needs a string `text` with `entities`, or `tokens` with `ner_tags`; the row has `entities`",
        ),
        ({"tokens": ["a", "5"], "tags": ["O", "O"]}, "needs a list `ner_tags`; the row has `tokens`, `tags`"),
        ({"text": TEXT, "entities": [{"start": 27}]}, "start, end and label"),
        (own(label="O"), "other than O"),
        (own(label="B-"), "other than O"),
        (own(split="holdout"), "'holdout' is none of train, validation, dev, test"),
        (own(company=7), "must be strings"),
        (own(origin="generated", split="validation"), "only trained on"),
        ({"text": TEXT, "entities": [{"number": "5.25"}]}, "needs number and tag"),
        ({"tokens": ["a", "5"], "ner_tags": ["O"]}, "as many ner_tags"),
        ({"tokens": ["a", "5"], "ner_tags": [0, 1]}, "the tag 0 in `ner_tags` has no name: give --labels finer139"),
        ([], "needs an object"),
    ],
)
def test_a_row_that_is_wrong_is_named_by_file_and_line_with_what_is_wrong(written, row, words):
    with pytest.raises(UsageError, match=words) as raised:
        load_data([written(own(), row)])
    assert "own.jsonl:2: " in str(raised.value)


def test_several_sources_are_mixed_and_each_is_named_by_its_hash(written, tmp_path, lesson):
    (tmp_path / "made").mkdir()
    write_sentences(lesson(2), tmp_path / "made" / "sentences.parquet")
    (tmp_path / "made" / "statistics.json").write_text('{"documents": 3}')
    names = [str(tmp_path / "made"), str(tmp_path / "made" / "sentences.parquet"), written(own())]
    sources = load_sources(names)
    assert [len(source.sentences) for source in sources] == [8, 8, 1]
    assert [source.filings for source in sources] == [3, 3, None]
    assert sources[0].sha256 == sources[1].sha256 != sources[2].sha256
    assert load_data(names) == [row for source in sources for row in source.sentences]


def test_of_texts_with_known_numbers_the_others_stay_unknown(written):
    entities = [{"number": "5.25", "tag": "Coupon"}, {"number": "2", "tag": "Years"}, {"number": "no", "tag": "Debt"}]
    text = "In 2018 notes at 5.25 % due in 2 years , of which 1 or 2 renewed"
    (row,) = load_data([written({"text": text, "entities": entities}, {"text": text, "entities": entities[2:]})])
    assert concepts_of(row) == {"5.25": "Coupon"}, "2 is printed twice and listed once"
    gold = {row.text[number.start : number.end]: row.gold(number, {"Coupon", "Size"}) for number in row.numbers}
    assert gold == {"2018": None, "5.25": "Coupon", "2": None, "1": None}
    assert known_sentences([row], "train") == [row]


def test_in_a_file_of_known_numbers_an_empty_list_means_that_nothing_is_known(written):
    partly, empty = {"text": TEXT, "entities": [{"number": "5.25", "tag": "Coupon"}]}, {"text": TEXT, "entities": []}
    rows = load_data([written(empty, partly, {"text": "No number", "entities": []}, empty, partly)])
    assert [concepts_of(row) for row in rows] == [{"5.25": "Coupon"}] * 2
    assert not any(row.exhaustive or row.is_read for row in rows)
    labelled, none = load_data([written(own(), empty)])
    assert concepts_of(labelled)
    assert none.exhaustive, "of labelled text an empty list means no label"


def test_a_label_is_the_same_with_and_without_the_prefix_of_tagged_words(written):
    known = [{"number": "5.25", "tag": "B-Coupon"}, {"number": "7.5", "tag": "I-Size"}]
    rows = load_data([written(own(label="B-Coupon"), own(label="I-Coupon"), {"text": TEXT, "entities": known})])
    assert [concepts_of(row) for row in rows] == [
        {"5.25": "Coupon"},
        {"5.25": "Coupon"},
        {"5.25": "Coupon", "7.5": "Size"},
    ]
    assert {number.reading for row in rows[:2] for number in row.numbers} == {"Coupon", OUTSIDE}


@pytest.mark.corpus
def test_the_finer_sample_keeps_nine_of_ten_tagged_numbers(corpus):
    rows = load_data([str(corpus / "finer" / "finer139_validation_sample.jsonl")])
    assert len(rows) == 1260
    assert sum(len(concepts_of(row)) for row in rows) > 0.88 * 2000


def test_the_generated_sentences_are_read_whole_and_only_trained_on():
    rows = load_data([str(REPOSITORY / "data" / "generated" / "debt4.jsonl")])
    assert {(row.origin, row.split) for row in rows} == {("generated", "train")}
    assert {number.concept for row in rows for number in row.numbers} - {None} <= READ_LABELS
    assert all(row.split == "train" for row in set_aside(rows, "validation", 0.5))


def test_words_with_tags_become_sentences_with_every_number_known(hub_copy):
    rows = load_data([str(hub_copy)])
    assert Counter(row.split for row in rows) == {"train": 3, "validation": 3, "dev": 3}
    first, doubtful, fraction = (row for row in rows if row.split == "dev")
    assert first.text == "It pays 5.25 % of $ 1,500"
    assert concepts_of(first) == {"5.25": "Coupon", "1,500": "Size"}
    assert first.exhaustive
    assert (concepts_of(doubtful), doubtful.exhaustive) == ({}, False), "which of 2018 and 2019 is tagged?"
    assert concepts_of(fraction) == {"3 1/4": "Coupon"}
    (file,) = load_sources([str(hub_copy / "finer-139" / "train" / "0000.parquet")])
    assert [row.text for row in file.sentences] == [row.text for row in rows if row.split == "train"]


@pytest.fixture
def saved(hub_copy):
    """Return the rows as a `datasets` dataset."""
    return datasets.load_dataset(str(hub_copy))


def test_what_save_to_disk_wrote_is_read_as_the_copy_of_the_hub_is(hub_copy, saved, tmp_path):
    rows = load_data([str(hub_copy)])
    saved.save_to_disk(tmp_path / "all")
    assert [replace(row, origin=hub_copy.name, document_id="") for row in load_data([str(tmp_path / "all")])] == [
        replace(row, document_id="") for row in rows
    ]
    saved["test"].save_to_disk(tmp_path / "one")
    for name in (tmp_path / "one", tmp_path / "all" / "test"):
        assert [row.split for row in load_data([str(name)])] == ["dev"] * 3
    datasets.DatasetDict({"holdout": saved["test"]}).save_to_disk(tmp_path / "other")
    with pytest.raises(UsageError, match="of the splits holdout, holdout is none of train, validation, dev, test"):
        load_data([str(tmp_path / "other")])
    (tmp_path / "one" / "state.json").write_text("{}")
    with pytest.raises(UsageError, match="`datasets` cannot read what was saved there"):
        load_data([str(tmp_path / "one")])


@pytest.mark.parametrize("form", ["json lines", "json list", "compressed", "zstandard", "parquet without names"])
def test_integer_tags_without_names_are_those_of_finer_where_the_labels_say_so(tmp_path, form):
    rows = [
        {"id": 0, "tokens": ["pays", "5.25", "%", "on", "$", "100", "million"], "ner_tags": [0, 41, 0, 0, 0, 37, 0]},
        {"id": 1, "tokens": ["a", "$", "75", "facility", "at", "SOFR", "plus", "2", "%"], "ner_tags": [0] * 9},
    ]
    rows[1]["ner_tags"][2], rows[1]["ner_tags"][7] = 87, 34
    endings = {"parquet without names": "parquet", "compressed": "jsonl.gz", "zstandard": "jsonl.zst"}
    path = tmp_path / f"finer_test.{endings.get(form, 'json')}"
    if "parquet" in form:
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif form == "zstandard":
        path.write_bytes(zstandard.compress("\n".join(map(json.dumps, rows)).encode()))
    elif form != "json list":
        datasets.Dataset.from_list(rows).to_json(path, compression="gzip" if form == "compressed" else None)
    else:
        path.write_text(json.dumps(rows, indent=1))
    first, second = load_data([str(path)], "finer139")
    assert concepts_of(first) == {
        "5.25": "DebtInstrumentInterestRateStatedPercentage",
        "100": "DebtInstrumentFaceAmount",
    }
    assert {first.split, second.split} == {"dev"}
    assert concepts_of(second) == {"75": CAPACITY, "2": "DebtInstrumentBasisSpreadOnVariableRate1"}
    for labels in ("debt4", None):
        with pytest.raises(UsageError, match=r"finer_test\.[\w.]+:1: the tag 0 in `ner_tags` has no name"):
            load_data([str(path)], labels)


@pytest.mark.parametrize("before", ["\ufeff", "\n  ", "\ufeff \r\n"])
def test_a_mark_or_blanks_before_the_rows_are_no_rows(tmp_path, before):
    rows = [{"tokens": ["5.25", "%"], "ner_tags": ["B-Coupon", "O"]}] * 2
    for name, content in (("list.json", json.dumps(rows)), ("lines.jsonl", "\n".join(map(json.dumps, rows)))):
        (tmp_path / name).write_text(before + content, encoding="utf-8")
        assert [concepts_of(row) for row in load_data([str(tmp_path / name)])] == [{"5.25": "Coupon"}] * 2


def test_a_folder_of_compressed_rows_is_read_and_its_names_say_the_splits(tmp_path):
    for name in ("train", "test"):
        with gzip.open(tmp_path / f"{name}.jsonl.gz", "wt") as file:
            file.write(json.dumps({"tokens": [name, "5.25", "%"], "ner_tags": ["O", "B-Coupon", "O"]}))
    assert {row.text.split()[0]: row.split for row in load_data([str(tmp_path)])} == {"train": "train", "test": "dev"}


def test_integer_tags_written_as_text_are_integers():
    row = {"tokens": ["5.25", "%"], "ner_tags": ["1", "0"]}
    assert concepts_of(finer.token_sentence(row, "row", "own", ["O", "B-Coupon"])) == {"5.25": "Coupon"}
    with pytest.raises(UsageError, match="the tag 1 in `ner_tags` has no name"):
        finer.token_sentence(row, "row", "own", None)


def test_the_tags_of_finer_are_its_labels_in_order_and_each_continues_one():
    tags = finer.numbered_tags("finer139")
    assert (tags[0], len(tags)) == (OUTSIDE, 170)
    assert [tag[2:] for tag in tags if tag.startswith("B-")] == read_labels("finer139")
    assert all(tags[place - 1] == f"B-{tag[2:]}" for place, tag in enumerate(tags) if tag.startswith("I-"))
    with pytest.raises(UsageError, match=r"the tag 170 has no name: 170 tags are known, from 0 up"):
        finer.token_sentence({"tokens": ["5"], "ner_tags": [170]}, "row", "own", tags)


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (["train", "validation", "test"], ["train", "validation", "dev"]),
        (["train", "dev", "test"], ["train", "validation", "dev"]),
        (["finer_train", "finer_val", "test-00000-of-00001"], ["train", "validation", "dev"]),
        (["train", "validation", "dev"], ["train", "validation", "dev"]),
        (["contest", "latest", "devices"], ["train", "train", "train"]),
    ],
)
def test_a_split_is_that_of_the_name_of_its_file_and_test_is_what_is_reported(written, names, splits):
    paths = [written(own(), name=f"{name}.jsonl") for name in names]
    assert [row.split for row in load_data(paths)] == splits
    assert [row.split for row in load_data([written(own(split="val"), own(split="test"), name="train.jsonl")])] == [
        "validation",
        "dev",
    ]


def test_files_of_a_folder_are_read_with_their_splits_also_without_a_copy_of_the_hub(written, tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    (tmp_path / "mine").mkdir()
    tagged = {"tokens": ["at", "5", "%"], "ner_tags": ["O", "B-Coupon", "O"]}
    for name in ("train", "dev", "test"):
        written(tagged, name=f"mine/{name}.jsonl")
    rows = load_data([str(tmp_path / "mine")])
    assert Counter(row.split for row in rows) == {"train": 1, "validation": 1, "dev": 1}
    assert [concepts_of(row) for row in rows] == [{"5": "Coupon"}] * 3


def test_a_hub_name_without_a_network_says_what_to_do(monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    for name in ("nlpaueb/finer-139", "someone/else"):
        with pytest.raises(UsageError, match=rf"the hub did not give it .*hf download {name} .*refs/convert/parquet"):
            load_data([name])


def test_a_hub_name_is_asked_for_in_parquet_by_name(monkeypatch, hub_copy):
    asked = []
    load = datasets.load_dataset

    def answer(name, revision):
        asked.append((name, revision))
        return load(str(hub_copy))

    monkeypatch.setattr(datasets, "load_dataset", answer)
    rows = load_data(["nlpaueb/finer-139"])
    assert asked == [("nlpaueb/finer-139", "refs/convert/parquet")]
    assert {row.origin for row in rows} == {"nlpaueb/finer-139"}
    monkeypatch.setattr(finer.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(UsageError, match=r"finner-batch\[train\]"):
        load_data(["nlpaueb/finer-139"])


def test_a_name_that_is_no_data_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "folder").mkdir()
    for name in ("results/entities", "model/checkpoint"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "model" / "checksums.json").write_text("{}")
    broken = tmp_path / "folder" / "broken.parquet"
    broken.write_bytes(b"PAR1" + b"x" * 50)
    for name, words in (
        ("missing/own.jsonl", "no labelled data there"),
        ("nowhere", "no labelled data there"),
        (str(tmp_path / "empty"), "no labelled data there"),
        (str(tmp_path / "results"), "no labelled data there, but the results of `finner-batch run`"),
        (str(tmp_path / "model"), "no labelled data there, but a model of `finner-batch train`"),
        (str(broken), "damaged Parquet"),
        (str(broken.parent), "no copy of a dataset"),
    ):
        with pytest.raises(UsageError, match=words):
            load_data([name])
    (tmp_path / "text.jsonl").write_text("The notes\n")
    with pytest.raises(UsageError, match=r"text.jsonl:1: not JSON"):
        load_data([str(tmp_path / "text.jsonl")])
    with pytest.raises(UsageError, match="nothing to train on"):
        load_data([])


def test_a_share_is_set_aside_by_company_and_by_text_where_no_company_is_stated(written):
    rows = [own(f"Rate {number}.5% of {place}", 5, 8, company=str(number)) for number in range(1, 10) for place in "ab"]
    rows += [own(f"Rate 1.5% of {place}", 5, 8) for place in range(200)]
    rows += [own(f"Rate 1.5% of {place}", 5, 8, origin="generated") for place in range(200)]
    sentences = load_data([written(*rows)])
    moved = set_aside(sentences, "validation", 0.3)
    assert [replace(row, split="train") for row in moved] == sentences
    companies = [{row.company for row in moved[:18] if row.split == split} for split in ("train", "validation")]
    assert companies[0]
    assert companies[1]
    assert not companies[0] & companies[1]
    assert 30 < sum(row.split == "validation" for row in moved[18:218]) < 90
    assert all(row.split == "train" for row in moved[218:])
    assert set_aside(moved, "validation", 0.9) == moved, "the split exists"
    assert set_aside(sentences, "dev", 0.0) == sentences
    both = set_aside(moved, "dev", 0.3)
    assert Counter(row.split for row in both)["dev"] > 20
    with pytest.raises(UsageError, match=r"--dev-share 1e-09: too small .* of 1 companies and 1 sentences"):
        set_aside(load_data([written(own(company="7"))]), "dev", 1e-9)
    with pytest.raises(UsageError, match="--dev-share 1"):
        set_aside(sentences, "dev", 1)


def test_a_split_that_is_missing_says_how_to_get_one(written):
    rows = load_data([written(own())])
    assert known_sentences(rows, "train") == rows
    with pytest.raises(UsageError, match=r"'validation': .*--validation-share 0.1"):
        known_sentences(rows, "validation")
