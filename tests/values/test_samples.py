import json
from pathlib import Path

import pyarrow.json
import pyarrow.parquet
import pytest

from finner_batch.readers.discover import discover
from finner_batch.readers.read import ReadOptions, read_documents
from finner_batch.tagging.model import load_model
from finner_batch.text.extract import extract
from finner_batch.text.numbers import number_tokens
from finner_batch.text.sentences import split
from finner_batch.values.document_scale import document_scales
from finner_batch.values.value import read_value

DATA = Path(__file__).resolve().parents[2] / "data"
DEBT4 = set(load_model().labels) - {"O"}


@pytest.fixture(scope="module")
def golden():
    return [json.loads(line) for line in (DATA / "filings_golden.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def sample_sentences():
    """Return (document_id, sentence) -> scale that the document states, for all sample documents."""
    found = {}
    for source in discover([str(DATA / "filings")]):
        for document in read_documents(source, ReadOptions(documents="all")):
            extraction = extract(document.content, document.markup)
            sentences = split(extraction)
            scales = document_scales(extraction.text, [sentence.start for sentence in sentences])
            for sentence, scale in zip(sentences, scales, strict=True):
                found[document.document_id, sentence.text] = scale
    return found


def test_every_golden_entity_is_a_number_token_of_a_sentence_of_its_document(golden, sample_sentences):
    for entity in golden:
        assert (entity["document_id"], entity["sentence"]) in sample_sentences
        assert (entity["start"], entity["end"]) in number_tokens(entity["sentence"])
        assert entity["sentence"][entity["start"] : entity["end"]] == entity["text"]


def test_every_golden_value_is_read(golden, sample_sentences):
    for entity in golden:
        stated = sample_sentences[entity["document_id"], entity["sentence"]]
        value = read_value(entity["sentence"], entity["start"], entity["end"], document_scale=stated)
        assert (value.value, value.unit) == (entity["value"], entity["unit"]), entity


def test_the_samples_hold_every_label_and_sentences_without_an_entity(golden, sample_sentences):
    assert {entity["label"] for entity in golden} == DEBT4
    assert len({(entity["document_id"], entity["sentence"]) for entity in golden}) < len(sample_sentences) / 2
    assert len({json.dumps(entity) for entity in golden}) == len(golden)


def test_the_shard_is_made_of_its_rows():
    rows = pyarrow.json.read_json(DATA / "notes-shard.jsonl")
    assert pyarrow.parquet.read_table(DATA / "filings" / "notes-shard.parquet").to_pylist() == rows.to_pylist()


@pytest.mark.parametrize(("name", "count"), [("debt4", 4), ("finer139", 139)])
def test_a_label_set_is_a_list_of_distinct_concept_names(name, count):
    labels = json.loads((DATA / "labels" / f"{name}.json").read_text(encoding="utf-8"))
    assert len(labels) == len(set(labels)) == count
    assert all(label.isalnum() for label in labels)
    assert name != "debt4" or set(labels) == DEBT4
