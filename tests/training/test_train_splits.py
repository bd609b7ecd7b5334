from dataclasses import replace

import pytest

from finner_batch.errors import UsageError
from finner_batch.training.data.dataset import read_labels
from finner_batch.training.learning.train import choose_labels, split_sentences
from finner_batch.training.learning.train_config import TrainConfig

RATE = "DebtInstrumentInterestRateStatedPercentage"
CAPACITY = "LineOfCreditFacilityMaximumBorrowingCapacity"
CONFIG = TrainConfig()


def test_no_text_is_on_two_sides_of_a_split(lesson):
    rows = [
        *lesson(9, company="1"),
        *lesson(6, company="2", split="validation"),
        *lesson(3, company="3", split="dev"),
    ]
    splits = split_sentences(rows, CONFIG)
    sides = [{row.text for row in side} for side in (splits.train, splits.validation, splits.dev)]
    assert [len(side) for side in sides] == [12, 12, 12]
    assert len(set.union(*sides)) == 36
    with pytest.raises(UsageError, match="'train' repeats the text"):
        split_sentences([*lesson(2), *lesson(2, split="validation"), *lesson(2, split="dev")][:-1], CONFIG)


def test_each_split_is_needed_and_a_share_makes_one(lesson):
    rows = [replace(row, company=str(place)) for place, row in enumerate(lesson(60))]
    with pytest.raises(UsageError, match="--validation-share"):
        split_sentences(rows, CONFIG)
    with pytest.raises(UsageError, match="--dev-share"):
        split_sentences(rows, replace(CONFIG, validation_share=0.1))
    splits = split_sentences(rows, replace(CONFIG, validation_share=0.1, dev_share=0.2))
    assert len(splits.train) + len(splits.validation) + len(splits.dev) == 240
    assert 10 < len(splits.validation) < 45
    assert 25 < len(splits.dev) < 75


def test_text_of_which_not_every_number_is_known_is_not_reported_on(lesson, labelled):
    partly = labelled("the notes bear interest at 9%.", RATE, exhaustive=False, origin="own", split="dev")
    rows = [*lesson(2), *lesson(4, split="validation"), partly]
    with pytest.raises(UsageError, match="nothing could be reported"):
        split_sentences(rows, CONFIG)
    whole = labelled("revenue grew by 3%.", split="dev")
    splits = split_sentences([*lesson(4), *lesson(2, split="validation"), partly, whole], CONFIG)
    assert (splits.dev, splits.held_out) == ([whole], [partly, whole])


def test_labels_are_a_set_a_file_or_every_frequent_concept(lesson, labelled, tmp_path):
    rows = [*lesson(3), labelled("goodwill of $5 million", "Goodwill")]
    assert choose_labels("frequent:3", rows) == [RATE, CAPACITY]
    assert choose_labels("frequent:1", rows) == [RATE, "Goodwill", CAPACITY]
    assert choose_labels("debt4", rows) == read_labels("debt4")
    assert len(choose_labels("finer139", rows)) == 139
    (tmp_path / "own.txt").write_text("Goodwill\n")
    assert choose_labels(str(tmp_path / "own.txt"), rows) == ["Goodwill"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("frequent:many", "whole number"),
        ("frequent:0", "whole number"),
        ("frequent:1000", "no sentence of the split 'train' holds"),
        ("finer139", "no sentence of the split 'train' holds"),
        ("none", "neither a label set"),
    ],
)
def test_labels_that_cannot_be_trained_are_refused(labelled, name, words):
    with pytest.raises(UsageError, match=words):
        choose_labels(name, [labelled("revenue of 5", "OwnConcept")])
