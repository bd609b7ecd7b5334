import subprocess
import sys

import pytest
from values import DEBT4, agreement, compare_document, compare_folder, table

from finner_batch.text.block import Extraction, Fact
from finner_batch.text.sentences import Sentence

TEXT = "A $1.5 billion line at SOFR plus 1.25%, two lenders, 10 banks, net loss of $4 million, 12 - 13 units."


def fact(text, value, unit, concept="X", occurrence=0):
    start = TEXT.index(text)
    for _ in range(occurrence):
        start = TEXT.index(text, start + 1)
    return Fact(
        concept=concept, prefix="us-gaap", text=text, start=start, end=start + len(text),
        value=value, unit=unit, scale=0, context="c", in_note=True,
    )  # fmt: skip


def verdicts(*facts):
    extraction = Extraction(text=TEXT, blocks=(), facts=tuple(sorted(facts, key=lambda fact: fact.start)))
    return [case.verdict for case in compare_document(extraction, [Sentence(0, TEXT, 0, None)])]


def test_equal_magnitude_and_unit_agree():
    assert verdicts(fact("1.5", 1.5e9, "USD"), fact("1.25", 0.0125, "pure")) == ["agree", "agree"]
    assert verdicts(fact("10", 10.0, "Bank"), fact("10", 10.0, "pure")) == ["agree", "agree"]


def test_each_kind_of_difference_has_its_verdict():
    assert verdicts(fact("1.5", 1.5e6, "USD")) == ["value"]
    assert verdicts(fact("1.5", 1.5e9, "EUR")) == ["unit"]
    assert verdicts(fact("4", -4e6, "USD")) == ["sign"]
    assert verdicts(fact("12 - 13", 12.0, "shares")) == ["digits"]
    assert verdicts(fact("1.5", None, "USD")) == ["unclear"]


def test_a_number_in_words_is_no_case():
    assert verdicts(fact("two", 2.0, "Bank")) == []


def test_facts_are_matched_to_their_own_sentences():
    half = TEXT.index("two")
    extraction = Extraction(text=TEXT, blocks=(), facts=(fact("1.5", 1.5e9, "USD"), fact("4", 4e6, "USD")))
    sentences = [Sentence(0, TEXT[:half], 0, None), Sentence(1, TEXT[half:], half, None)]
    cases = list(compare_document(extraction, sentences))
    assert [case.verdict for case in cases] == ["agree", "agree"]
    assert [case.sentence[case.start : case.end] for case in cases] == ["1.5", "4"]


def test_the_command_prints_the_table(tmp_path, scripts):
    (tmp_path / "a.htm").write_text(
        '<html xmlns:ix="http://www.xbrl.org/2013/inlineXBRL"><body><p>A line of $<ix:nonFraction contextRef="c" '
        'unitRef="usd" name="us-gaap:LineOfCreditFacilityMaximumBorrowingCapacity" scale="6" decimals="-6" '
        'format="ixt:num-dot-decimal">250</ix:nonFraction> million.</p></body></html>'
    )
    command = [sys.executable, str(scripts / "values.py"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "LineOfCreditFacilityMaximumBorrowingCapacity" in done.stdout
    assert "100.00%" in done.stdout
    assert subprocess.run(command[:-1], capture_output=True, check=False).returncode != 0


def test_the_tags_of_the_inline_xbrl_sample_agree_with_its_prose(scripts):
    cases = list(compare_folder(scripts.parent / "filings"))
    assert len(cases) > 30
    assert agreement(cases) == 1.0


@pytest.mark.corpus
def test_values_agree_with_the_filers_tags(corpus):
    """Reached: .991 on the four tags (the rest are errors of filers), .986 on all concepts."""
    cases = list(compare_folder(corpus / "filings"))
    assert agreement([case for case in cases if case.fact.concept in DEBT4]) >= 0.99, table(cases)
    assert agreement(cases) >= 0.98, table(cases)
    assert agreement([case for case in cases if case.fact.unit == "USD"]) >= 0.99, table(cases)
    assert agreement([case for case in cases if case.fact.unit == "pure"]) >= 0.985, table(cases)
