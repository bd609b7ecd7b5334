"""Precision, recall and F1 of the numbers that a model labels, by label and on average; how reports list them.

An entity is one number. Reports list the labels that occur, the most frequent first; they count the others, and name
those that the model gave.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finner_batch.training.data.dataset import LabelledSentence, first_names
from finner_batch.training.data.examples import Example

AVERAGES = ("micro", "macro", "weighted")
"""Averages over the labels in a table of scores."""

THRESHOLD = 0.5
"""Default minimum probability of a label."""

Interval = tuple[float, float]
"""Lower and upper end of a 95 % interval."""
UNDEFINED = "-"


@dataclass(frozen=True, slots=True)
class Score:
    """Precision, recall and F1 (0 if undefined); the numbers that have the label (`support`) or got it (`given`).

    The intervals are None without resampling, or if no draw has the label.
    """

    precision: float
    recall: float
    f1: float
    support: int
    precision_interval: Interval | None = None
    recall_interval: Interval | None = None
    f1_interval: Interval | None = None
    given: int = 0


@dataclass(frozen=True, slots=True)
class Scored:
    """Numbers with their logits [numbers, labels], gold label indexes (`MASKED` where unknown) and sentence indexes.

    `companies`: index of each number's company; None if unknown.
    """

    logits: NDArray[np.floating]
    gold: NDArray[np.int64]
    sentences: NDArray[np.int64]
    companies: NDArray[np.int64] | None = None

    def where(self, kept: NDArray[np.bool_]) -> "Scored":
        """Return only the kept numbers."""
        companies = None if self.companies is None else self.companies[kept]
        return Scored(self.logits[kept], self.gold[kept], self.sentences[kept], companies)


def scored(
    examples: Sequence[Example],
    logits: Sequence[NDArray[np.floating]],
    sentences: Sequence[LabelledSentence] | None = None,
) -> Scored:
    """Join the logits of examples' numbers with their targets, and with the companies of `sentences`.

    `sentences` is the list that the examples were made from.
    """
    places = np.array([example.sentence for example in examples for _ in example.targets], dtype=np.int64)
    return Scored(
        np.concatenate(logits),
        np.array([target for example in examples for target in example.targets], dtype=np.int64),
        places,
        None if sentences is None else company_indexes([sentence.company for sentence in sentences])[places],
    )


def company_indexes(companies: Sequence[str]) -> NDArray[np.int64]:
    """Return the index of each company name."""
    return np.unique(np.array(companies, dtype=str), return_inverse=True)[1].astype(np.int64)


def softmax(logits: NDArray[np.floating], temperature: float) -> NDArray[np.float64]:
    """Return the probabilities [numbers, labels] of logits divided by the temperature."""
    scaled = logits.astype(np.float64) / temperature
    exponentials = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    probabilities: NDArray[np.float64] = exponentials / exponentials.sum(axis=1, keepdims=True)
    return probabilities


def decide(probabilities: NDArray[np.float64], thresholds: Sequence[float] | None = None) -> NDArray[np.int64]:
    """Give each number its most probable label but O if that reaches its threshold (default `THRESHOLD`), else O."""
    best = probabilities[:, 1:].argmax(axis=1) + 1
    minimum = np.array([0.0, *(thresholds or [THRESHOLD] * (probabilities.shape[1] - 1))])
    decided: NDArray[np.int64] = np.where(probabilities[np.arange(len(best)), best] >= minimum[best], best, 0)
    return decided


def scores(gold: NDArray[np.int64], predicted: NDArray[np.int64], labels: Sequence[str]) -> dict[str, Score]:
    """Score each label but the first (`O`), and their averages (`AVERAGES`).

    `micro` counts all numbers alike. `macro` is the mean of the labels that occur in gold or prediction, and `weighted`
    their mean weighted by support.
    """
    counts = tally(gold, predicted, len(labels), np.zeros(len(gold), dtype=np.int64))
    figures = np.nan_to_num(rates(counts)[0])
    _, given, supports = ([*column.tolist(), *[int(column.sum())] * len(AVERAGES)] for column in counts[0].T)
    return {
        name: Score(float(precision), float(recall), float(f1), support, given=count)
        for name, (precision, recall, f1), support, count in zip(
            [*labels[1:], *AVERAGES], figures, supports, given, strict=True
        )
    }


def tally(
    gold: NDArray[np.int64], predicted: NDArray[np.int64], labels: int, groups: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Count [groups, labels without O, (right, given, gold)] of numbers; `groups` are numbered from 0."""
    count = int(groups.max(initial=0)) + 1
    right = gold == predicted
    pairs = ((groups[right], gold[right]), (groups, predicted), (groups, gold))
    counts = [np.bincount(group * labels + label, minlength=count * labels) for group, label in pairs]
    return np.stack(counts, axis=-1).reshape(count, labels, len(pairs))[:, 1:].astype(np.int64)


def rates(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return precision, recall and F1 […, labels and averages, 3] of counts […, labels, (right, given, gold)].

    NaN for a label that occurs in neither gold nor prediction, and for the averages if none does; else 0 where
    undefined.
    """
    each = _ratios(counts)
    occurs = (counts[..., 1] + counts[..., 2] > 0).astype(np.int64)
    averages = np.stack([_ratios(counts.sum(axis=-2)), _mean(each, occurs), _mean(each, counts[..., 2])], axis=-2)
    return np.concatenate(
        [
            np.where(occurs[..., None] > 0, each, np.nan),
            np.where(occurs.sum(axis=-1)[..., None, None] > 0, averages, np.nan),
        ],
        axis=-2,
    )


def confusion(gold: NDArray[np.int64], predicted: NDArray[np.int64], labels: int) -> NDArray[np.int64]:
    """Count numbers [gold, predicted] by label, O first."""
    table: NDArray[np.int64] = np.bincount(gold * labels + predicted, minlength=labels**2).reshape(labels, labels)
    return table


def _ratios(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    right, given, gold = (counts[..., place] for place in range(3))
    tops = np.stack([right, right, 2 * right], axis=-1)
    bottoms = np.stack([given, gold, given + gold], axis=-1)
    return tops / np.maximum(bottoms, 1)


def _mean(each: NDArray[np.float64], weights: NDArray[np.int64]) -> NDArray[np.float64]:
    total = np.maximum(weights.sum(axis=-1), 1)[..., None]
    mean: NDArray[np.float64] = (each * weights[..., None]).sum(axis=-2) / total
    return mean


def ranked_labels(scores: Mapping[str, Score]) -> list[str]:
    """Return the labels with support, the most frequent first, and the averages."""
    labels = [name for name in scores if name not in AVERAGES and scores[name].support]
    return [*sorted(labels, key=lambda name: -scores[name].support), *(name for name in scores if name in AVERAGES)]


def absent_label_lines(scores: Mapping[str, Score]) -> list[str]:
    """Return lines on the labels without support; none if every label occurs."""
    labels = [name for name in scores if name not in AVERAGES]
    absent = [name for name in labels if not scores[name].support]
    given = sorted((name for name in absent if scores[name].given), key=lambda name: -scores[name].given)
    lines = [f"{len(absent)} of the {len(labels)} labels: no number has them"] if absent else []
    if given:
        named = first_names([f"{name} {scores[name].given:,}" for name in given], 10)
        lines.append(f"given, though no number has them: {named}")
    return lines


def markdown_table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Format rows of cells as a Markdown table."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (names, ["---"] * len(names), *rows))


def score_cells(score: Score) -> tuple[str, str, str]:
    """Format precision, recall and F1 with three digits; undefined if no number got, or has, the label."""
    precision = f"{score.precision:.3f}" if score.given or score.precision else UNDEFINED
    recall, f1 = (f"{value:.3f}" if score.support else UNDEFINED for value in (score.recall, score.f1))
    return precision, recall, f1


def occurring_labels(confusion: Sequence[Sequence[int]]) -> list[int]:
    """Return the indexes of the labels in a confusion matrix, `O` first, then the most frequent in the gold."""
    sizes = [(sum(row), sum(each[place] for each in confusion)) for place, row in enumerate(confusion)]
    labels = [place for place in range(1, len(sizes)) if any(sizes[place])]
    return [0, *sorted(labels, key=lambda place: [-size for size in sizes[place]])]
