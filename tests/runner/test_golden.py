import json
from pathlib import Path

import pytest
from engine_helpers import finner, run_job

from finner_batch.readers.discover import discover
from finner_batch.readers.read import ReadOptions, read_documents
from finner_batch.runner.parse_document import Stopwatch, parse
from finner_batch.tagging.model import DEFAULT_MODEL
from finner_batch.tagging.tokens import SentenceTokenizer
from finner_batch.values.value import read_value

DATA = Path(__file__).parents[2] / "data"
GOLDEN = [json.loads(line) for line in (DATA / "filings_golden.jsonl").read_text().splitlines()]
ENTITY = ("document_id", "sentence", "start", "end", "text", "label")


def key(row):
    return tuple(row[name] for name in ENTITY)


@pytest.fixture(scope="module")
def parsed():
    tokenizer = SentenceTokenizer(DEFAULT_MODEL / "tokenizer.json", 512)
    documents = (
        document
        for source in discover([str(DATA / "filings")])
        for document in read_documents(source, ReadOptions(documents="all"))
    )
    return {document.document_id: parse(document, tokenizer, tables=False, watch=Stopwatch()) for document in documents}


def test_every_golden_number_is_reached_with_its_sentence_value_and_unit(parsed):
    """Whatever the model makes of them: reading, extraction, splitting and values are right on all samples."""
    for entity in GOLDEN:
        document = parsed[entity["document_id"]]
        stated = {
            sentence.text: scale for sentence, scale in zip(document.numbered, document.document_scales, strict=True)
        }
        sentence, start, end = entity["sentence"], entity["start"], entity["end"]
        assert sentence in stated, entity
        windows = [
            window
            for window, owner in zip(document.windows, document.owners, strict=True)
            if document.numbered[owner].text == sentence
        ]
        assert any((start, end) in window.numbers for window in windows), entity
        assert sentence[start:end] == entity["text"]
        value = read_value(sentence, start, end, document_scale=stated[sentence])
        assert (value.value, value.unit) == (entity["value"], entity["unit"]), entity


def test_the_job_finds_nearly_all_golden_entities_and_little_else(tmp_path):
    run_job(DATA / "filings", tmp_path / "results", "--documents", "all")
    sql = "SELECT * FROM entities"
    found = {key(row): row for row in json.loads(finner("query", "-o", tmp_path / "results", sql, "--json").stdout)}
    golden = {key(row): row for row in GOLDEN}
    both = found.keys() & golden.keys()
    recall, precision = len(both) / len(golden), len(both) / len(found)
    assert recall >= 0.92, sorted(golden.keys() - both)
    assert precision >= 0.92, sorted(found.keys() - both)
    for place in both:
        assert (found[place]["value"], found[place]["unit"]) == (golden[place]["value"], golden[place]["unit"])
