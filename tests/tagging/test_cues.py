import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from finner_batch.config import RunConfig
from finner_batch.errors import ModelError, UsageError
from finner_batch.tagging.model import EVERY_SENTENCE, Cues, load_model
from finner_batch.tagging.tagger import Tagger
from finner_batch.text.numbers import number_tokens
from finner_batch.training.data.dataset import LabelledSentence, Number, read_cues
from finner_batch.training.evaluation.gold import predict

DATA = Path(__file__).parents[2] / "data"
READ = [
    "The 2031 Notes bear interest at 4.25% per annum.",
    "Borrowings are priced at Term SOFR plus 175 basis points.",
    "FHLB advances of $300 million carry fixed rates of 4.45 percent.",
    "THE REVOLVING COMMITMENT IS $7,000.",
]
UNREAD = [
    "We employ 12,500 people in 37 countries.",
    "Royalties of 6.5% of net sales of the product are owed through 2023.",
    "The notes are described in Note 7.",
]


@pytest.fixture(scope="module")
def cues():
    return load_model().cues


def test_a_sentence_of_debt_with_a_rate_or_an_amount_is_read_and_others_are_not(cues):
    assert [cues.found_in(sentence) for sentence in READ] == [True] * len(READ)
    assert [cues.found_in(sentence) for sentence in UNREAD] == [False] * len(UNREAD)
    assert all(EVERY_SENTENCE.found_in(sentence) for sentence in UNREAD)


def test_the_tokenizer_of_a_tagger_gives_no_window_for_a_sentence_that_is_not_read():
    tokenizer = Tagger.load(device="cpu", backend="onnxruntime").tokenizer()
    windows = [tokenizer.windows(sentence, number_tokens(sentence)) for sentence in (*READ, *UNREAD)]
    assert [len(found) for found in windows] == [1] * len(READ) + [0] * len(UNREAD)


def test_the_cues_of_the_packaged_model_are_those_of_its_label_set(cues):
    assert cues == Cues.of(read_cues("debt4"), where="debt4")


def test_every_sentence_in_which_a_reader_found_a_label_in_the_sample_filings_has_the_cues(cues):
    rows = [json.loads(line) for line in (DATA / "filings_golden.jsonl").read_text(encoding="utf-8").splitlines()]
    sentences = {row["sentence"] for row in rows}
    assert len(sentences) > 20
    assert [sentence for sentence in sentences if not cues.found_in(sentence)] == []


def test_a_label_in_a_sentence_that_is_not_read_counts_as_missed():
    tagger = Tagger.load(device="cpu", backend="onnxruntime")
    label = tagger.model.labels[2]

    def row(text, printed):
        start = text.index(printed)
        numbers = (Number(start=start, end=start + len(printed), concept=None, reading=label, doubtful=False),)
        return LabelledSentence(
            text=text,
            numbers=numbers,
            company="c",
            document_id="d",
            form_type="10-K",
            section=None,
            sentence_index=0,
            start=0,
            in_note=True,
            exhaustive=True,
            origin="filing",
            split="dev",
        )

    rows = [row(READ[0], "4.25"), row(UNREAD[1], "6.5")]
    predictions = predict(rows, tagger)
    assert predictions.gold["readings"].tolist() == [2, 2]
    assert predictions.logits.argmax(axis=1).tolist() == [2, 0]
    everything = Tagger(replace(tagger.model, cues=EVERY_SENTENCE), tagger.session)
    assert np.array_equal(predict(rows, everything).logits[0], predictions.logits[0])
    assert not np.array_equal(predict(rows, everything).logits[1], predictions.logits[1])


def test_cues_that_are_no_patterns_are_refused_with_where_they_stand(tmp_path):
    with pytest.raises(ModelError, match=r"model m: the cues 'debt' are not a regular expression"):
        Cues.of({"debt": "(loans"}, where="model m")
    path = tmp_path / "cues.toml"
    path.write_text("debt = '''\\bloans'''\n")
    with pytest.raises(UsageError, match="a TOML file of groups, each a list of patterns"):
        read_cues(str(path / "absent"))
    path.write_text("debt = ['(loans']\n")
    with pytest.raises(UsageError, match="are not a regular expression"):
        read_cues(str(path))
    path.write_text("debt = ['loans', 'notes?']\n")
    assert read_cues(str(path)) == {"debt": "loans|notes?"}
    assert read_cues("") == {}


def test_reading_every_sentence_is_another_configuration():
    assert RunConfig(input=("a",)).config_id != RunConfig(input=("a",), every_sentence=True).config_id
