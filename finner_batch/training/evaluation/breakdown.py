"""The same figures by kind of sentence: its length, the section it stands in, and where it comes from."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finner_batch.training.data.dataset import LabelledSentence
from finner_batch.training.evaluation.bootstrap import resampling_of_companies, scores_with_intervals
from finner_batch.training.evaluation.scores import Score, Scored

LENGTHS = (100, 200, 400)
"""Upper ends of the bins of sentence length, in characters; longer ones are one bin."""

_NOTE = re.compile(r"(?:\A|> )Note [0-9A-Z]+\b(?: - (?P<title>.*))?", re.DOTALL)
_DEBT = re.compile(
    r"\b(?:debt(?! securities)|indebtedness|borrowings?|notes payable|credit facilit(?:y|ies)|credit agreements?"
    r"|lines? of credit|financing arrangements?)\b",
    re.IGNORECASE,
)
_DISCUSSION_10K = re.compile(r"\bItems? 7A?\b")
_DISCUSSION_10Q = re.compile(r"\APart I, Items? [23]\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Sentences of one kind: how many, their numbers, and the score over all labels.

    It has an interval where they are of several companies.
    """

    sentences: int
    numbers: int
    micro: Score


def breakdown(
    numbers: Scored, predicted: NDArray[np.int64], rows: Sequence[LabelledSentence], labels: Sequence[str]
) -> Mapping[str, Mapping[str, Group]]:
    """Score numbers of known gold by `length`, `section` and `origin` of their sentences, `rows[numbers.sentences]`."""
    kinds: dict[str, tuple[Callable[[LabelledSentence], str], Sequence[str]]] = {
        "length": (length_kind, [_length_name(index) for index in range(len(LENGTHS) + 1)]),
        "section": (section_kind, ["debt note", "other note", "Item 7", "other"]),
        "origin": (lambda row: row.origin, sorted({row.origin for row in rows})),
    }
    return {
        kind: _groups(numbers, predicted, np.array([name(row) for row in rows])[numbers.sentences], names, labels)
        for kind, (name, names) in kinds.items()
    }


def length_kind(row: LabelledSentence) -> str:
    """The bin of a sentence's length."""
    return _length_name(sum(len(row.text) > end for end in LENGTHS))


def section_kind(row: LabelledSentence) -> str:
    """`debt note`: a note with debt in its heading; `other note`; `Item 7`, the discussion by management; `other`.

    The discussion is Items 7 and 7A of a 10-K, Items 2 and 3 of a 10-Q's Part I.
    """
    note = _NOTE.search(row.section or "")
    if note and _DEBT.search(note["title"] or ""):
        return "debt note"
    if note or row.in_note:
        return "other note"
    quarterly = (row.form_type or "").startswith("10-Q")
    pattern = _DISCUSSION_10Q if quarterly else _DISCUSSION_10K
    return "Item 7" if pattern.search(row.section or "") else "other"


def _groups(
    numbers: Scored,
    predicted: NDArray[np.int64],
    kinds: NDArray[np.str_],
    names: Sequence[str],
    labels: Sequence[str],
) -> Mapping[str, Group]:
    found = {}
    for name in names:
        inside = kinds == name
        if not inside.any():
            continue
        part = numbers.where(inside)
        score = scores_with_intervals(part.gold, predicted[inside], labels, resampling_of_companies(part))["micro"]
        found[name] = Group(sentences=len(np.unique(part.sentences)), numbers=len(part.gold), micro=score)
    return found


def _length_name(index: int) -> str:
    if index == len(LENGTHS):
        return f"over {LENGTHS[-1]} characters"
    return f"{LENGTHS[index - 1] + 1 if index else 1}-{LENGTHS[index]} characters"
