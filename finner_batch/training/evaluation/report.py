"""The figures of a model on scored numbers: unfiltered, filtered, false positives, calibration.

*Unfiltered* figures count every number. *Filtered* ones count only sentences that hold a gold label, as test sets cut
from FiNER-139 do: they hide false positives on other sentences, and are given for comparison only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from finner_batch.training.evaluation.bootstrap import (
    Unit,
    resampling,
    resampling_of_companies,
    scores_with_intervals,
    share_interval,
)
from finner_batch.training.evaluation.calibration import Bin, brier_score, calibration_error, reliability
from finner_batch.training.evaluation.scores import Interval, Score, Scored, confusion, decide, softmax


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a model does on numbers whose label is known.

    `unknown`: numbers left out, for nothing is known of them. `unfiltered` and `filtered` map each label, `micro`,
    `macro` and `weighted` to a score. `false_positive_sentences`: share of the `sentences_without_label` in which the
    model gives a label. `confusion[gold][predicted]` counts numbers, in the order of the labels, O first.
    `ece_…` and `brier_…`: expected calibration error and Brier score of the numbers whose likeliest label is not O,
    without and with the temperature; `reliability` with it. `resampled`: what the intervals were drawn from, None
    without intervals; those of `filtered` are of companies only.
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

    def as_json(self) -> dict[str, Any]:
        """Plain dictionaries."""
        return asdict(self)


def report(
    numbers: Scored, labels: Sequence[str], temperature: float, thresholds: Sequence[float] | None = None
) -> Report:
    """Measure scored numbers. `thresholds`: least probability of each label but `O`; 0.5 by default."""
    known = numbers.where(numbers.gold >= 0)
    probabilities = softmax(known.logits, temperature)
    predicted = decide(probabilities, thresholds)
    with_label = np.isin(known.sentences, known.sentences[known.gold > 0])
    drawn = resampling(known)
    filtered = known.where(with_label)
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
        filtered=scores_with_intervals(filtered.gold, predicted[with_label], labels, resampling_of_companies(filtered)),
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
