import numpy as np
import pytest

from finner_batch.tagging.tagger import Tagger
from finner_batch.text.numbers import number_tokens

SENTENCES = [
    "The 2031 Notes bear interest at a fixed rate of 4.25% per annum.",
    "Borrowings under the revolving credit facility bear interest at LIBOR plus 1.75%.",
    "On May 3, 2023, the Company entered into a $1.5 billion revolving credit facility maturing in 2028.",
    "The effective interest rate on the term loan was 6.31% and 5.87% at December 31, 2023 and 2022, respectively.",
    "We employ 12,500 people in 37 countries.",
    "Revenue was $10.",
    *(
        f"In fiscal {year} net sales of segment {year % 7} rose {year % 13}.5% to ${year % 97}.2 million."
        for year in range(1950, 2030)
    ),
    "A very long sentence follows: " + ", ".join(f"${n}.5 million due in {2000 + n % 40}" for n in range(400)) + ".",
]


@pytest.fixture(scope="module")
def tagger(backend):
    return Tagger.load(device="cpu", backend=backend)


@pytest.fixture(scope="module")
def windows(windows_of):
    return windows_of(SENTENCES)


@pytest.fixture(scope="module")
def computed(tagger, windows):
    """Probabilities of all windows in one call, and its statistics."""
    return tagger.probabilities(windows)


@pytest.mark.slow
def test_the_same_sentence_gets_the_same_confidence_in_every_batch(tagger, windows, computed, monkeypatch):
    """To the last bit, for any neighbours, position and batch size."""
    reference, _ = computed
    chance = np.random.default_rng(5)
    for budget in (1, 64, 300, 1024, 16_384):
        monkeypatch.setattr(tagger, "budget_tokens", budget)
        for count in (1, 7, len(windows)):
            chosen = chance.permutation(len(windows))[:count]
            found, _ = tagger.probabilities([windows[place] for place in chosen])
            for place, table in zip(chosen, found, strict=True):
                assert np.array_equal(table, reference[place])


@pytest.mark.parametrize("threads", [pytest.param(1, marks=pytest.mark.slow), 3])
def test_any_number_of_threads_gives_the_same_bits(tagger, windows, computed, threads):
    reference, of_reference = computed
    other = Tagger.load(
        device="cpu", backend=tagger.session.backend, threads=threads, budget_tokens=tagger.budget_tokens
    )
    assert other.session.concurrent_batches == threads
    found, statistics = other.probabilities(windows)
    assert statistics == of_reference
    for table, wanted in zip(found, reference, strict=True):
        assert np.array_equal(table, wanted)


def test_repeats_are_run_once_and_onnxruntime_pads_nothing_on_a_cpu(tagger, windows, computed):
    once, _ = computed
    twice, statistics = tagger.probabilities([*windows, *windows])
    assert statistics.windows == 2 * len(windows)
    assert statistics.windows_run == len({(window.packed_ids, window.positions) for window in windows})
    if tagger.session.backend == "onnxruntime":
        assert statistics.tokens_padded == statistics.tokens_run
    for first, second, original in zip(twice[: len(windows)], twice[len(windows) :], once, strict=True):
        assert np.array_equal(first, second)
        assert np.array_equal(first, original)


def test_probabilities_are_of_every_number_and_sum_to_one(tagger, windows, computed):
    tables, _ = computed
    for window, table in zip(windows, tables, strict=True):
        assert table.shape == (len(window.numbers), len(tagger.model.labels))
        assert np.allclose(table.sum(axis=1), 1.0)


def test_plain_statements_are_tagged_as_a_reader_would(tagger):
    expected = {
        0: [("4.25", "DebtInstrumentInterestRateStatedPercentage")],
        1: [("1.75", "DebtInstrumentBasisSpreadOnVariableRate1")],
        2: [("1.5", "LineOfCreditFacilityMaximumBorrowingCapacity")],
        4: [],
        5: [],
    }
    tokenizer = tagger.tokenizer()
    for place, wanted in expected.items():
        sentence = SENTENCES[place]
        own = tokenizer.windows(sentence, number_tokens(sentence))
        spans = [span for found in tagger.spans(own, tagger.probabilities(own)[0]) for span in found]
        assert [(sentence[span.start : span.end], span.label) for span in spans] == wanted
        assert all(0.5 <= span.confidence <= 1 for span in spans)


def test_a_span_is_a_number_with_its_likeliest_label_and_that_labels_probability(tagger, windows, computed):
    tables, _ = computed
    wanted = [
        [
            (*number, tagger.model.labels[1 + row[1:].argmax()], row[1:].max())
            for number, row in zip(window.numbers, table, strict=True)
            if row[1:].max() >= 0.5
        ]
        for window, table in zip(windows, tables, strict=True)
    ]
    found = tagger.spans(windows, tables)
    assert [[(span.start, span.end, span.label, span.confidence) for span in own] for own in found] == wanted
    assert any(len(own) > 1 for own in wanted)
    assert tagger.spans([], []) == []
    with pytest.raises(ValueError, match="not those of these windows"):
        tagger.spans(windows, [tables[0][:-1], *tables[1:]])


def test_a_number_below_its_threshold_is_not_given(tagger, windows, computed):
    tables, _ = computed
    given = tagger.spans(windows, tables)
    limits = tagger._thresholds.copy()
    tagger._thresholds[1:] = 1.01
    none = tagger.spans(windows, tables)
    tagger._thresholds[:] = limits
    assert any(given)
    assert not any(none)
