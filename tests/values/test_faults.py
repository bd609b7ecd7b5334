"""Documents whose numbers were once read wrongly: every value as a reader would read it."""

import time

import pytest

from finner_batch.readers.discover import discover
from finner_batch.readers.read import ReadOptions, read_documents
from finner_batch.text.extract import extract
from finner_batch.text.numbers import number_tokens
from finner_batch.text.sentences import split
from finner_batch.values.document_scale import document_scales
from finner_batch.values.value import read_value

pytestmark = pytest.mark.corpus


def values_of(path):
    """Return sentence -> (value, unit) of each of its numbers, for the documents of a file."""
    found = {}
    for source in discover([str(path)]):
        for document in read_documents(source, ReadOptions(documents="all")):
            extraction = extract(document.content, document.markup)
            sentences = split(extraction)
            stated = document_scales(extraction.text, [sentence.start for sentence in sentences])
            for sentence, scale in zip(sentences, stated, strict=True):
                values = [
                    read_value(sentence.text, *span, document_scale=scale) for span in number_tokens(sentence.text)
                ]
                found[sentence.text] = [(value.value, value.unit) for value in values]
    return found


def test_a_list_without_an_end_has_values(corpus):
    begin = time.process_time()
    (values,) = values_of(corpus / "faults" / "value-grammar-hangs-main-process" / "input" / "b-bad.txt").values()
    assert values[-1][0] == 5e8
    assert time.process_time() - begin < 5


@pytest.mark.parametrize(
    ("folder", "words", "expected"),
    [
        ("mixed-fraction-forms", "at 6\u20117/8% per annum", [(0.06875, "pure")]),
        ("mixed-fraction-forms", "at 6 -7/8%", [(0.06875, "pure")]),
        ("mixed-fraction-forms", "at 6 - 7/8%", [(0.06875, "pure")]),
        ("mixed-fraction-forms", "at 6 7 / 8%", [(0.06875, "pure")]),
        ("mixed-fraction-forms", "at 6&7/8%", [(0.06875, "pure")]),
        ("mixed-fraction-forms", "1 and 1/2%", [(0.015, "pure")]),
        ("letters-before-dollar-read-as-usd", "Ch$500", [(5e8, "CLP")]),
        ("letters-before-dollar-read-as-usd", "Ps.500", [(5e8, "MXN")]),
        ("letters-before-dollar-read-as-usd", "(pound)40", [(4e7, "GBP")]),
        ("letters-before-dollar-read-as-usd", "DM 40", [(4e7, "DEM")]),
        ("letters-before-dollar-read-as-usd", "US$500", [(5e8, "USD")]),
        ("decimal-comma-percent", "plus 1,50%", [(0.015, "pure")]),
        ("rs-splits-sentence", "Rs. 500", [(5e9, "INR")]),
    ],
)
def test_each_line_of_numbers_has_one_value(corpus, folder, words, expected):
    (values,) = [own for text, own in values_of(corpus / "faults" / folder / "nums.htm").items() if words in text]
    assert values == expected


def test_a_statement_of_scale_in_other_words_holds(corpus):
    statement = corpus / "faults" / "scale-statement-other-wordings" / "statements.txt"
    amounts = [own for text, own in values_of(statement).items() if "term loan" in text]
    assert amounts == [
        [(number, None), (number * 1e9 + 5e8, "USD"), (number * 1e9 + 2e8, "USD")] for number in range(1, 9)
    ]


def test_superscript_footnote_marks_are_no_part_of_a_number(corpus):
    sentences = values_of(corpus / "faults" / "footnote-mark-between-number-and-scale" / "sup_glued.htm")
    assert list(sentences.values()) == [
        [(5e8, "USD"), (2.5e8, "USD"), (0.0175, "pure")],
        [(2031.0, None), (0.0625, "pure")],
    ]


NON_BREAKING = [(0.06875, "pure"), (2031.0, None), (0.06875, "pure"), (0.0525, "pure"), (0.0525, "pure")]
SUPERSCRIPTS = [(0.0225, "pure"), (0.0625, "pure"), (0.05875, "pure"), (2.5e8, "USD"), (1.5e6, "USD")]


@pytest.mark.parametrize(
    ("file", "words", "expected"),
    [
        ("mixed-fraction-forms/nbhyphen.htm", "", NON_BREAKING),
        ("mixed-fraction-forms/txt_plain.txt", "Senior Notes", [(0.06875, "pure"), (1.0, None), (2005.0, None)]),
        (
            "footnote-mark-between-number-and-scale/txt_footnote_star.txt",
            "term loan",
            [(0.074, "pure"), (2.5e8, "USD"), (0.0175, "pure")],
        ),
        ("decimal-comma-percent/f_facts.htm", "7,40", [(0.074, "pure"), (1.5e6, "USD")]),
        ("superscript-fraction-not-tagged/split_tags.htm", "", SUPERSCRIPTS),
    ],
    ids=["non-breaking hyphen", "broken line", "footnote marks", "decimal comma", "superscripts"],
)
def test_the_numbers_of_a_sentence_have_the_right_values(corpus, file, words, expected):
    (values,) = [own for text, own in values_of(corpus / "faults" / file).items() if words in text]
    assert values == expected
