import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finner_batch.tagging.tokens import SentenceTokenizer, Window
from finner_batch.training.data.dataset import OUTSIDE
from finner_batch.training.data.examples import (
    MASKED,
    OTHER,
    Example,
    arrays,
    frequent_concepts,
    make_examples,
    sample_epoch,
    token_batches,
)


@pytest.fixture(scope="module")
def tokenizer(bert_folder):
    return SentenceTokenizer(bert_folder / "tokenizer.json", 64)


def example(length=4, *, positive=False, hard=False):
    window = Window(np.arange(length, dtype=np.int32).tobytes(), (1,), ((0, 1),))
    return Example(window=window, targets=(int(positive),), positive=positive, hard=hard, sentence=0)


def test_a_number_is_labelled_at_its_first_word_piece(tokenizer, labelled):
    (made,) = make_examples([labelled("a rate of 12% in 2020", "Rate")], [OUTSIDE, "Rate"], tokenizer, mask=False)
    assert made.targets == (1, 0)
    batch = arrays([made])
    pieces = [tokenizer._tokenizer.id_to_token(token) for token in batch.input_ids[batch.rows, batch.positions]]
    assert pieces == ["1", "2"]


def test_a_concept_without_a_label_is_other_where_the_head_has_that_and_else_outside(tokenizer, labelled):
    row = labelled("a rate of 12%", "Rare")
    assert make_examples([row], [OUTSIDE, "Rate"], tokenizer, mask=False)[0].targets == (0,)
    assert make_examples([row], [OUTSIDE, OTHER, "Rate"], tokenizer, mask=False)[0].targets == (1,)
    assert frequent_concepts([row, labelled("1 2", "Rate", "Rate")], 2) == ["Rate"]


def test_an_untagged_number_that_its_company_tags_elsewhere_is_left_out_of_the_loss(tokenizer, labelled):
    tagged = labelled("a rate of 5.5%", "Rate")
    untagged = labelled("the notes bear interest at 5.5% in 2020")
    stranger = labelled("the notes bear interest at 5.5% in 2020", company="0000000002")
    made = make_examples([tagged, untagged, stranger], [OUTSIDE, "Rate"], tokenizer, mask=True)
    assert [one.targets for one in made] == [(1,), (MASKED, 0), (0, 0)]
    assert [one.hard for one in made] == [False, True, True]


def test_an_epoch_has_every_positive_and_the_asked_share_of_negatives():
    pool = [example(positive=True)] * 5 + [example(hard=True)] * 50 + [example()] * 50
    chosen = sample_epoch(pool, hard_ratio=3.0, easy_ratio=1.0, rng=np.random.default_rng(0))
    assert sum(one.positive for one in chosen) == 5
    assert sum(one.hard for one in chosen) == 15
    assert len(chosen) == 25


@given(st.lists(st.integers(3, 40), max_size=50), st.integers(40, 200), st.booleans())
def test_batches_hold_every_example_once_within_the_budget(lengths, budget, shuffled):
    pool = [example(length) for length in lengths]
    rng = np.random.default_rng(0) if shuffled else None
    batches = list(token_batches(pool, budget, rng))
    assert sorted(id(one) for batch in batches for one in batch) == sorted(map(id, pool))
    for batch in batches:
        assert arrays(batch).input_ids.size <= budget
