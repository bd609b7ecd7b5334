import numpy as np
import pytest

from finner_batch.training.evaluation.model_figures import breakdown, length_kind, section_kind
from finner_batch.training.evaluation.scores import Scored


@pytest.mark.parametrize(
    ("section", "form", "in_note", "kind"),
    [
        ("Part II, Item 8 > Note 7 - DEBT", "10-K", True, "debt note"),
        ("Part I, Item 1 > Note 10 - Long-Term Debt and Lines of Credit", "10-Q", True, "debt note"),
        ("Note 9 - Borrowings", "10-Q", False, "debt note"),
        ("Part II, Item 8 > Note 3 - Investments in Debt Securities", "10-K", True, "other note"),
        ("Part II, Item 8 > Note 12", "10-K", True, "other note"),
        ("Part II, Item 8", "10-K", True, "other note"),
        (None, "10-K", True, "other note"),
        ("Part II, Item 7", "10-K", False, "Item 7"),
        ("Part II, Item 7A", "10-K/A", False, "Item 7"),
        ("Part I, Item 2", "10-Q", False, "Item 7"),
        ("Part I, Item 2", "10-K", False, "other"),
        ("Part I, Item 1A", "10-K", False, "other"),
        ("Article 2 > Credit Agreement", None, False, "other"),
        (None, None, False, "other"),
    ],
)
def test_a_heading_gives_the_kind_of_section(labelled, section, form, in_note, kind):
    assert section_kind(labelled("at 5%", section=section, form_type=form, in_note=in_note)) == kind


def test_lengths_fall_into_one_bin_each(labelled):
    kinds = [length_kind(labelled("5" + "x" * (length - 1))) for length in (1, 100, 101, 200, 201, 400, 401, 5000)]
    assert [kinds[place] == kinds[place + 1] for place in range(7)] == [True, False, True, False, True, False, True]


def test_a_group_of_one_company_has_no_interval_for_it_would_say_nothing_of_other_companies(labelled):
    texts = ["at 5%", "at 6%", "at 5% or " + "x" * 300, "at 6% or " + "x" * 300]
    rows = [labelled(text, company=str(max(place - 1, 1))) for place, text in enumerate(texts)]
    logits = np.where(np.arange(2) == np.array([1, 0, 1, 0])[:, None], 5.0, 0.0)
    numbers = Scored(logits, np.ones(4, dtype=int), np.arange(4), np.array([0, 0, 0, 1]))
    found = breakdown(numbers, logits.argmax(axis=1), rows, ["O", "A"])["length"]
    assert found["1-100 characters"].micro.f1_interval is None
    assert found["201-400 characters"].micro.f1_interval is not None


def test_every_kind_of_breakdown_counts_every_number_once(labelled):
    rows = [
        labelled("at 5%", section="Note 7 - Debt", company="1"),
        labelled("at 5% or " + "x" * 300, section="Part II, Item 7", in_note=False, company="2", origin="other"),
        labelled("at 6%", section="Note 7 - Debt", company="2"),
    ]
    logits = np.where(np.arange(2) == np.array([1, 1, 0, 1])[:, None], 5.0, 0.0)
    gold, places = np.array([1, 0, 1, 1]), np.array([0, 1, 1, 2])
    found = breakdown(Scored(logits, gold, places, np.array([0, 1, 1, 1])), logits.argmax(axis=1), rows, ["O", "A"])
    assert {kind: sum(group.numbers for group in groups.values()) for kind, groups in found.items()} == {
        "length": 4,
        "section": 4,
        "origin": 4,
    }
    assert (found["section"]["debt note"].sentences, found["section"]["debt note"].micro.f1) == (2, 1.0)
    assert found["section"]["Item 7"].micro.f1 == 0.0
    assert set(found["origin"]) == {"filing", "other"}
