import json

import pytest

from finner_batch.errors import UsageError
from finner_batch.training.data.annotations import (
    Reading,
    apply_reading,
    read_annotations,
    sentence_digest,
    write_annotations,
)

RATE = "DebtInstrumentInterestRateStatedPercentage"
EFFECTIVE = "DebtInstrumentInterestRateEffectivePercentage"
TEXT = "The 4.25% Notes yield 5.1% until 2031."


def reading(labels, text=TEXT):
    return Reading("filing", 7, sentence_digest(text), labels)


def test_readings_come_back_from_their_file_as_they_were_written(tmp_path):
    readings = [reading({(4, 8): (RATE, False), (22, 25): (EFFECTIVE, True)}), reading({}, "We owe 5.")]
    write_annotations(readings, tmp_path / "notes.jsonl")
    assert read_annotations(tmp_path) == {row.digest: row for row in readings}
    assert TEXT not in (tmp_path / "notes.jsonl").read_text()


def test_a_reading_judges_every_number_of_its_sentence_and_overrules_the_filer(labelled):
    row = labelled(TEXT, None, RATE, None)
    read = apply_reading(row, {sentence_digest(TEXT): reading({(4, 8): (RATE, False), (22, 25): (EFFECTIVE, True)})})
    assert [(number.reading, number.doubtful) for number in read.numbers] == [
        (RATE, False),
        (EFFECTIVE, True),
        ("O", False),
    ]
    labels = {RATE, EFFECTIVE}
    assert [read.gold(number, labels) for number in read.numbers] == [RATE, EFFECTIVE, "O"]
    assert [read.gold(number, labels, "filers") for number in read.numbers] == ["O", RATE, "O"]
    assert apply_reading(row, {}) is row


def test_unread_and_untagged_numbers_are_unknown_outside_notes(labelled):
    row = labelled("We owe 5.", exhaustive=False)
    assert row.gold(row.numbers[0], {RATE}) is None
    tagged = labelled("We owe 5 and 6 and 7.", "Debt", RATE, exhaustive=False)
    assert [tagged.gold(number, {RATE}) for number in tagged.numbers] == ["O", RATE, None]


def test_a_reading_of_the_four_says_nothing_of_other_labels(labelled):
    row = apply_reading(labelled("We owe 5 and 6.", "Debt"), {sentence_digest("We owe 5 and 6."): reading({})})
    wanted = {"Debt", RATE}
    assert [row.gold(number, wanted) for number in row.numbers] == ["Debt", "O"]
    assert [row.gold(number, {RATE}) for number in row.numbers] == ["O", "O"]
    elsewhere = apply_reading(
        labelled("We owe 5 and 6.", exhaustive=False), {sentence_digest("We owe 5 and 6."): reading({})}
    )
    assert [elsewhere.gold(number, wanted) for number in elsewhere.numbers] == [None, None]


def test_a_reading_of_something_that_is_no_number_is_refused(labelled):
    with pytest.raises(UsageError, match="not numbers of its sentence"):
        apply_reading(labelled(TEXT), {sentence_digest(TEXT): reading({(0, 3): (RATE, False)})})


@pytest.mark.parametrize(
    "row",
    [
        "not json",
        '{"document_id": "d", "start": 1}',
        '{"document_id": "d", "start": 1, "sha256": "0123456789abcdef", "numbers": [[1, 2, "Goodwill"]]}',
        '{"document_id": "d", "start": 1, "sha256": "short", "numbers": []}',
    ],
)
def test_a_row_that_is_no_reading_is_named_with_file_and_line(tmp_path, row):
    good = {"document_id": "d", "start": 1, "sha256": "0123456789abcdef", "numbers": []}
    (tmp_path / "notes.jsonl").write_text(json.dumps(good) + "\n" + row + "\n")
    with pytest.raises(UsageError, match=r"notes\.jsonl:2"):
        read_annotations(tmp_path)


def test_two_readings_that_differ_are_an_error_and_no_readings_too(tmp_path):
    write_annotations([reading({})], tmp_path / "one.jsonl")
    write_annotations([reading({(4, 8): (RATE, False)})], tmp_path / "two.jsonl")
    with pytest.raises(UsageError, match="another reading in an earlier row"):
        read_annotations(tmp_path)
    (tmp_path / "empty").mkdir()
    for wrong in (tmp_path / "empty", tmp_path / "none.jsonl"):
        with pytest.raises(UsageError, match="no readings"):
            read_annotations(wrong)
