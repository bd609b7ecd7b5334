"""Intervals by resampling whole companies, for the sentences of one company repeat each other.

The bootstrap over clusters: companies are drawn with replacement, each with all its sentences, and the 2.5 and 97.5 %
quantiles of the figure over the draws are its 95 % interval (Efron and Tibshirani 1993, chapter 13).
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
    """What is drawn: `groups[i]` is number i's group of `count`; `unit` says what a group is."""

    unit: Unit
    groups: NDArray[np.int64]
    count: int

    def draws(self) -> NDArray[np.int64]:
        """How often each draw holds each group [draws, groups]; the same for every figure."""
        rng = np.random.default_rng(SEED)
        drawn: NDArray[np.int64] = rng.multinomial(self.count, np.full(self.count, 1 / self.count), size=RESAMPLES)
        return drawn


def resampling(numbers: Scored) -> Resampling | None:
    """Draw companies; sentences only where all are of one company; None where companies are not told or no two differ.

    An interval over the sentences of one company says nothing of other companies.
    """
    if numbers.companies is None:
        return None
    choices: tuple[tuple[Unit, NDArray[np.int64]], ...] = (
        ("companies", numbers.companies),
        ("sentences", numbers.sentences),
    )
    for unit, members in choices:
        groups = np.unique(members, return_inverse=True)[1].astype(np.int64)
        count = int(groups.max(initial=-1)) + 1
        if count > 1:
            return Resampling(unit=unit, groups=groups, count=count)
    return None


def resampling_of_companies(numbers: Scored) -> Resampling | None:
    """Draw companies; None where `resampling` would draw something else.

    For figures of a part of the numbers, which say of no interval what it was drawn from.
    """
    drawn = resampling(numbers)
    return drawn if drawn and drawn.unit == "companies" else None


def scores_with_intervals(
    gold: NDArray[np.int64], predicted: NDArray[np.int64], labels: Sequence[str], drawn: Resampling | None
) -> Mapping[str, Score]:
    """`scores`, with the interval of each figure where something is drawn.

    A label that a draw lacks does not count there, nor does an average in a draw without any label; in the macro mean a
    label that lacks keeps the figures that it has over all.
    """
    found = scores(gold, predicted, labels)
    if drawn is None or not len(gold):
        return found
    counts = tally(gold, predicted, len(labels), drawn.groups)
    over_all, figures = rates(counts.sum(axis=0)), rates(np.tensordot(drawn.draws(), counts, axes=1))
    own = slice(0, len(labels) - 1)
    kept = np.where(np.isnan(figures[:, own]), over_all[own], figures[:, own])
    occurs = ~np.isnan(over_all[own, 0])
    if occurs.any():
        figures[:, list(found).index("macro")] = kept[:, occurs].mean(axis=1)
    return {
        name: replace(
            score,
            precision_interval=interval(figures[:, place, 0]),
            recall_interval=interval(figures[:, place, 1]),
            f1_interval=interval(figures[:, place, 2]),
        )
        for place, (name, score) in enumerate(found.items())
    }


def share_interval(part: NDArray[np.int64], whole: NDArray[np.int64], drawn: Resampling | None) -> Interval | None:
    """Interval of `sum(part) / sum(whole)` where both are given by group."""
    if drawn is None:
        return None
    draws = drawn.draws()
    whole_drawn = draws @ whole
    return interval(np.where(whole_drawn > 0, draws @ part / np.maximum(whole_drawn, 1), np.nan))


def interval(figures: NDArray[np.float64]) -> Interval | None:
    """95 % of the figures lie within; those that are NaN do not count. None where all are."""
    known = figures[~np.isnan(figures)]
    if not len(known):
        return None
    low, high = np.quantile(known, QUANTILES)
    return float(low), float(high)
