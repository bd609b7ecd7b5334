"""The figures of a model on scored numbers: scores, false positives, calibration, breakdown by kind of sentence.

*Unfiltered* figures count every number. *Filtered* ones count only sentences with a gold label, as test sets cut from
FiNER-139 do: they hide false positives in other sentences, and are for comparison only.

Calibration figures count the numbers whose most probable label is not O, whatever the thresholds: the many easy numbers
without a label would hide them. The temperature does not change which numbers these are.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finner_batch.training.data.dataset import LabelledSentence
from finner_batch.training.evaluation.intervals import Unit, resampling, scores_with_intervals, share_interval
from finner_batch.training.evaluation.scores import Interval, Score, Scored, confusion, decide, softmax

BINS = 10
TEMPERATURES = np.geomspace(0.5, 5.0, 200)
LENGTHS = (100, 200, 400)
"""Upper ends of the bins of sentence length, in characters; the last bin has no upper end."""
_NOTE = re.compile(r"(?:\A|> )Note [0-9A-Z]+\b(?: - (?P<title>.*))?", re.DOTALL)
_DEBT = re.compile(
    r"\b(?:debt(?! securities)|indebtedness|borrowings?|notes payable|credit facilit(?:y|ies)|credit agreements?"
    r"|lines? of credit|financing arrangements?)\b",
    re.IGNORECASE,
)
_DISCUSSION_10K = re.compile(r"\bItems? 7A?\b")
_DISCUSSION_10Q = re.compile(r"\APart I, Items? [23]\b")


@dataclass(frozen=True, slots=True)
class Bin:
    """Numbers with a confidence in `low`..`high`: their count, mean confidence, and share of right labels."""

    low: float
    high: float
    numbers: int
    confidence: float
    precision: float


def fit_temperature(logits: NDArray[np.floating], gold: NDArray[np.int64]) -> float:
    """Find the temperature in 0.5..5 that minimises the log loss of the confidences; 1 without known numbers.

    Temperature scaling (Guo et al. 2017, arXiv:1706.04599) of the top label (Gupta and Ramdas 2022, arXiv:2107.08353):
    a confidence is the probability that the label is right.
    """
    counted = (logits.argmax(axis=1) > 0) & (gold >= 0)
    if not counted.any():
        return 1.0
    losses = []
    for temperature in TEMPERATURES:
        confidence, right = confidences(softmax(logits[counted], float(temperature)), gold[counted])
        likelihood = np.where(right, confidence, 1 - confidence)
        losses.append(-np.log(np.maximum(likelihood, np.finfo(float).tiny)).mean())
    return round(float(TEMPERATURES[int(np.argmin(losses))]), 4)


def confidences(
    probabilities: NDArray[np.float64], gold: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the confidence of each known number with a label, and whether the label is right."""
    best = probabilities.argmax(axis=1)
    given = (best > 0) & (gold >= 0)
    return probabilities.max(axis=1)[given], (best == gold)[given]


def reliability(probabilities: NDArray[np.float64], gold: NDArray[np.int64]) -> list[Bin]:
    """Group numbers by confidence into ten bins of equal width; empty bins are left out."""
    confidence, right = confidences(probabilities, gold)
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return [
        Bin(
            float(index / BINS),
            float((index + 1) / BINS),
            int((bins == index).sum()),
            float(confidence[bins == index].mean()),
            float(right[bins == index].mean()),
        )
        for index in np.unique(bins)
    ]


def calibration_error(probabilities: NDArray[np.float64], gold: NDArray[np.int64]) -> float:
    """Return the expected calibration error, the mean gap between confidence and precision; 0 without numbers."""
    bins = reliability(probabilities, gold)
    total = sum(each.numbers for each in bins)
    return sum(abs(each.confidence - each.precision) * each.numbers for each in bins) / total if total else 0.0


def brier_score(probabilities: NDArray[np.float64], gold: NDArray[np.int64]) -> float:
    """Return the mean squared distance of the confidence from 1 (right) or 0 (wrong); 0 without (Brier 1950)."""
    confidence, right = confidences(probabilities, gold)
    return float(((confidence - right) ** 2).mean()) if len(right) else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Counts and micro score of the sentences of one kind; with intervals if they are of several companies."""

    sentences: int
    numbers: int
    micro: Score


def breakdown(
    numbers: Scored, predicted: NDArray[np.int64], rows: Sequence[LabelledSentence], labels: Sequence[str]
) -> Mapping[str, Mapping[str, Group]]:
    """Score known numbers by `length`, `section` and `origin` of their sentences, `rows[numbers.sentences]`."""
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
    """Return the bin of a sentence's length."""
    return _length_name(sum(len(row.text) > end for end in LENGTHS))


def section_kind(row: LabelledSentence) -> str:
    """Return `debt note` (a note with debt in its heading), `other note`, `Item 7` or `other`.

    `Item 7`, management's discussion, is Items 7 and 7A of a 10-K, and Items 2 and 3 of a 10-Q's Part I.
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
    groups = {}
    for name in names:
        inside = kinds == name
        if not inside.any():
            continue
        part = numbers.where(inside)
        score = scores_with_intervals(part.gold, predicted[inside], labels, resampling(part, ["companies"]))["micro"]
        groups[name] = Group(sentences=len(np.unique(part.sentences)), numbers=len(part.gold), micro=score)
    return groups


def _length_name(index: int) -> str:
    if index == len(LENGTHS):
        return f"over {LENGTHS[-1]} characters"
    return f"{LENGTHS[index - 1] + 1 if index else 1}-{LENGTHS[index]} characters"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The figures of a model on numbers with known labels.

    `unknown`: numbers left out because their label is unknown. `unfiltered` and `filtered` map each label, `micro`,
    `macro` and `weighted` to a score. `false_positive_sentences`: share of the `sentences_without_label` in which the
    model gives a label. `confusion[gold][predicted]` counts numbers in the order of the labels, O first.
    `ece_…` and `brier_…`: expected calibration error and Brier score before and after the temperature; `reliability`
    is after it. `resampled`: what the intervals were drawn from, None without intervals; those of `filtered` are always
    drawn from companies.
    """

    sentences: int
    numbers: int
    unknown: int
    unfiltered: Mapping[str, Score]
    filtered: Mapping[str, Score]
    sentences_without_label: int
    false_positive_sentences: float
    false_positive_interval: Interval | None
    confusion: Sequence[Sequence[int]]
    temperature: float
    ece_before: float
    ece_after: float
    brier_before: float
    brier_after: float
    reliability: Sequence[Bin]
    resampled: Unit | None
    groups: int


def report(
    numbers: Scored, labels: Sequence[str], temperature: float, thresholds: Sequence[float] | None = None
) -> Report:
    """Measure scored numbers. `thresholds`: minimum probability of each label but `O`; 0.5 by default."""
    known = numbers.where(numbers.gold >= 0)
    probabilities = softmax(known.logits, temperature)
    predicted = decide(probabilities, thresholds)
    with_label = np.isin(known.sentences, known.sentences[known.gold > 0])
    drawn = resampling(known)
    filtered = known.where(with_label)
    drawn_filtered = resampling(filtered, ["companies"])
    without, first = np.unique(known.sentences[~with_label], return_index=True)
    wrong = np.isin(without, known.sentences[predicted > 0])
    interval = None
    if drawn:
        groups = drawn.groups[~with_label][first]
        interval = share_interval(
            np.bincount(groups[wrong], minlength=drawn.count), np.bincount(groups, minlength=drawn.count), drawn
        )
    before = softmax(known.logits, 1.0)
    return Report(
        sentences=len(np.unique(known.sentences)),
        numbers=len(known.gold),
        unknown=len(numbers.gold) - len(known.gold),
        unfiltered=scores_with_intervals(known.gold, predicted, labels, drawn),
        filtered=scores_with_intervals(filtered.gold, predicted[with_label], labels, drawn_filtered),
        sentences_without_label=len(without),
        false_positive_sentences=float(wrong.mean()) if len(wrong) else 0.0,
        false_positive_interval=interval,
        confusion=confusion(known.gold, predicted, len(labels)).tolist(),
        temperature=temperature,
        ece_before=calibration_error(before, known.gold),
        ece_after=calibration_error(probabilities, known.gold),
        brier_before=brier_score(before, known.gold),
        brier_after=brier_score(probabilities, known.gold),
        reliability=reliability(probabilities, known.gold),
        resampled=drawn.unit if drawn else None,
        groups=drawn.count if drawn else 0,
    )
