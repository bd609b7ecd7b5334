"""Intervals by resampling whole companies, because the sentences of a company repeat each other.

This is the cluster bootstrap: companies are drawn with replacement, each with all its sentences, and the 2.5 and 97.5 %
quantiles of a figure over the draws are its 95 % interval (Efron and Tibshirani 1993, chapter 13).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from finner_batch.training.evaluation.scores import Interval, Score, Scored, rates, scores, tally

RESAMPLES = 1000
QUANTILES = (0.025, 0.975)
SEED = 13

Unit = Literal["companies", "sentences"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resampling:
    """The groups to draw: `groups[i]` is the index of number i's group, one of `count`; `unit` is what a group is."""

    unit: Unit
    groups: NDArray[np.int64]
    count: int

    def draws(self) -> NDArray[np.int64]:
        """Return how often each draw holds each group [draws, groups]; the same for every figure."""
        rng = np.random.default_rng(SEED)
        drawn: NDArray[np.int64] = rng.multinomial(self.count, np.full(self.count, 1 / self.count), size=RESAMPLES)
        return drawn


def resampling(numbers: Scored, units: Sequence[Unit] = ("companies", "sentences")) -> Resampling | None:
    """Resample the first unit with at least two groups; None without one, or if the companies are unknown.

    An interval over the sentences of one company does not hold for other companies.
    """
    if numbers.companies is None:
        return None
    for unit in units:
        members = numbers.companies if unit == "companies" else numbers.sentences
        groups = np.unique(members, return_inverse=True)[1].astype(np.int64)
        count = int(groups.max(initial=-1)) + 1
        if count > 1:
            return Resampling(unit=unit, groups=groups, count=count)
    return None


def scores_with_intervals(
    gold: NDArray[np.int64], predicted: NDArray[np.int64], labels: Sequence[str], drawn: Resampling | None
) -> Mapping[str, Score]:
    """Return `scores` with the interval of each figure, if there is a resampling.

    A draw without a label does not count for it, nor for the averages if it has no label at all; the macro mean of a
    draw takes the overall figures of labels that the draw lacks.
    """
    by_label = scores(gold, predicted, labels)
    if drawn is None or not len(gold):
        return by_label
    counts = tally(gold, predicted, len(labels), drawn.groups)
    over_all, figures = rates(counts.sum(axis=0)), rates(np.tensordot(drawn.draws(), counts, axes=1))
    each = slice(0, len(labels) - 1)
    filled = np.where(np.isnan(figures[:, each]), over_all[each], figures[:, each])
    occurs = ~np.isnan(over_all[each, 0])
    if occurs.any():
        figures[:, list(by_label).index("macro")] = filled[:, occurs].mean(axis=1)
    return {
        name: replace(
            score,
            precision_interval=interval(figures[:, place, 0]),
            recall_interval=interval(figures[:, place, 1]),
            f1_interval=interval(figures[:, place, 2]),
        )
        for place, (name, score) in enumerate(by_label.items())
    }


def share_interval(part: NDArray[np.int64], whole: NDArray[np.int64], drawn: Resampling | None) -> Interval | None:
    """Return the interval of `sum(part) / sum(whole)`, both given by group; None without a resampling."""
    if drawn is None:
        return None
    draws = drawn.draws()
    whole_drawn = draws @ whole
    return interval(np.where(whole_drawn > 0, draws @ part / np.maximum(whole_drawn, 1), np.nan))


def interval(figures: NDArray[np.float64]) -> Interval | None:
    """Return the 95 % interval of the figures that are not NaN; None if all are."""
    known = figures[~np.isnan(figures)]
    if not len(known):
        return None
    low, high = np.quantile(known, QUANTILES)
    return float(low), float(high)
