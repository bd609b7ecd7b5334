import html
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finner_batch.demo.results_html import amount, excerpt, marked, safe, short_name, value_in_words

LABELS = ("DebtInstrumentFaceAmount", "LineOfCreditFacilityMaximumBorrowingCapacity")


def row(sentence, number, **columns):
    start = sentence.index(number)
    return {
        "sentence": sentence,
        "start": start,
        "end": start + len(number),
        "text": number,
        "label": LABELS[1],
        "value": 5e8,
        "unit": "USD",
        "confidence": 0.971,
    } | columns


class _Read(HTMLParser):
    def __init__(self):
        super().__init__()
        self.elements, self.texts, self.marks, self._open = [], [], [], []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self._open.append(tag)

    def handle_endtag(self, _tag):
        self._open.pop()

    def handle_data(self, data):
        (self.marks if "mark" in self._open else self.texts).append(data)


def read(markup):
    parser = _Read()
    parser.feed(markup)
    parser.close()
    return parser


@given(st.text())
def test_any_text_becomes_text_and_nothing_else(text):
    parser = read(safe(text))
    assert {tag for tag, _ in parser.elements} <= {"span"}
    assert all(set(attributes) == {"class"} for _, attributes in parser.elements)
    assert not re.search(r"[{}$`@\\]", safe(text))


@pytest.mark.parametrize(
    "hostile", ["<script>alert(1)</script>", "${alert(1)}", "{{#each x}}", "@children", '"onload="x', "<!--", "&lt;"]
)
def test_markup_and_templates_in_a_filing_are_shown_as_they_are_written(hostile):
    assert html.unescape(safe(hostile)) == hostile
    assert not read(safe(hostile)).elements


def test_what_cannot_be_seen_is_shown_by_its_code_point():
    assert "U+202E" in safe("a\u202eb")
    assert "\u202e" not in safe("a\u202eb")
    assert "U+001B" in safe("\x1b[31m")
    assert safe("line\nnext\ttab") == "line\nnext\ttab"


def test_numbers_are_marked_whole_with_what_they_say_behind_their_words():
    text = "A facility of $500.0 million and notes."
    shown = marked(text, [row(text, "500.0")], LABELS, start="start")
    parser = read(shown)
    assert parser.marks == ["500.0"]
    assert "</mark> million<span" in shown
    assert "facility size" in shown
    assert "500,000,000 USD" in shown
    assert "0.97" in shown
    assert "k1" in shown


@given(st.text(min_size=1, max_size=60), st.data())
def test_marking_changes_no_character_of_the_text(text, data):
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    found = row(text, text[start:end], start=start, end=end)
    shown = marked(text, [found], LABELS, start="start")
    without_tag = re.sub(r'<span class="fb-tag".*?</span>.*?</span></span>', "", shown, flags=re.DOTALL)
    assert html.unescape(re.sub(r"</?(mark|span)[^>]*>", "", without_tag)) == html.unescape(
        re.sub(r"</?span[^>]*>", "", safe(text))
    )


def test_an_excerpt_holds_the_number_and_is_short_in_a_word_of_10000_characters():
    sentence = "x" * 5000 + " 2.25 " + "y" * 5000
    shown = excerpt(row(sentence, "2.25"))
    assert "<mark>2.25</mark>" in shown
    assert len(shown) < 400
    assert shown.startswith("\u2026")
    assert shown.endswith("\u2026")


def test_a_short_sentence_is_its_own_excerpt():
    sentence = "Notes of 2.25% mature in 2030."
    assert excerpt(row(sentence, "2.25")) == "Notes of <mark>2.25</mark>% mature in 2030."


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (4.5e8, "450,000,000"),
        (0.0125, "0.0125"),
        (1.5e9, "1,500,000,000"),
        (1e-5, "0.00001"),
        (0.0, "0"),
        (None, "none"),
    ],
)
def test_values_are_written_out(value, shown):
    assert amount(value) == shown


def test_a_rate_has_no_unit_in_running_text():
    assert value_in_words({"value": 0.05, "unit": "pure"}) == "0.05"
    assert value_in_words({"value": 5.0, "unit": "EUR"}) == "5 EUR"


def test_labels_of_other_models_are_words_too():
    assert short_name("DebtInstrumentFaceAmount") == "Debt Instrument Face Amount"
    assert short_name(LABELS[1]) == "facility size"
