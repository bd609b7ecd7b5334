import json

import numpy as np
import pytest

from finner_batch.tagging.model import DEFAULT_MODEL
from finner_batch.tagging.tagger import Tagger
from finner_batch.text.numbers import number_tokens

SENTENCES = [
    "The Company has a $1.5 billion revolving credit facility that matures in 2027.",
    "Borrowings under the revolving credit facility bear interest at a rate equal to SOFR plus 1.25%.",
    "In May 2021, we issued $500 million aggregate principal amount of 3.75% senior notes due 2031.",
    "Revenue grew by 12% to $3.2 billion in 2023.",
    "The commitment fee is 0.20% of the unused amount.",
]


@pytest.fixture(scope="module")
def tagger(backend):
    return Tagger.load(device="cpu", backend=backend)


def test_the_packaged_files_are_small_and_passed_their_gates():
    record = json.loads((DEFAULT_MODEL / "training.json").read_text())
    assert set(record["gates"]) == {"int8", "fp16", "openvino"}
    assert all(gate["span_agreement"] >= 0.995 and gate["f1_loss"] <= 0.003 for gate in record["gates"].values())
    assert sum(path.stat().st_size for path in DEFAULT_MODEL.glob("*.onnx")) < 75e6
    assert not [path for path in DEFAULT_MODEL.iterdir() if path.is_dir()]


def test_plain_cases_are_read(tagger):
    tokenizer = tagger.tokenizer()
    labels = []
    for text in SENTENCES:
        windows = tokenizer.windows(text, number_tokens(text))
        found = tagger.spans(windows, tagger.probabilities(windows)[0])
        labels.append([(text[span.start : span.end], span.label) for spans in found for span in spans])
    assert labels == [
        [("1.5", "LineOfCreditFacilityMaximumBorrowingCapacity")],
        [("1.25", "DebtInstrumentBasisSpreadOnVariableRate1")],
        [("3.75", "DebtInstrumentInterestRateStatedPercentage")],
        [],
        [],
    ]


def test_a_sentence_has_the_same_logits_in_every_batch(tagger):
    windows = [window for text in SENTENCES for window in tagger.tokenizer().windows(text, number_tokens(text))]
    length = max(window.length for window in windows)
    for window in windows:
        ids = window.ids.astype(np.int64)
        alone = tagger.session.logits(ids[None], np.ones_like(ids)[None])[0]
        for others in (1, 2, 7, 30):
            crowd = np.random.default_rng(others).integers(1000, 20_000, (others + 1, len(ids)))
            crowd[others // 2] = ids
            assert np.array_equal(tagger.session.logits(crowd, np.ones_like(crowd))[others // 2], alone)
    assert length > 10
