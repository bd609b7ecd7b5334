"""How good a tagger is: precision, recall and F1 per tag over all number sentences of notes, and its calibration.

An entity is one number; it counts as found where the label is right. *Unfiltered* figures count every sentence of the
notes that holds a number. *Filtered* ones count only sentences in which the filer tagged one of the labels, as test
sets cut from FiNER-139 do: they hide false positives on other sentences, and are given for comparison only.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from finner_batch.tagger.tagger import Tagger
from finner_batch.training.dataset import note_sentences, read_sentences
from finner_batch.training.examples import Example, make_examples

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray


CALIBRATION_BINS = 10


@dataclass(frozen=True, slots=True)
class Score:
    """Precision, recall and F1 (0 where undefined), and how many numbers have the label."""

    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a model does on the sentences of a dataset's split.

    `unfiltered` and `filtered` map each label, `micro` and `macro` to a score. `false_positive_sentences`: share of the
    sentences without a label in which the model gives one. `ece_before` and `ece_after`: expected calibration error of
    the numbers that the model labels, without and with the temperature.
    """

    sentences: int
    numbers: int
    unfiltered: Mapping[str, Score]
    filtered: Mapping[str, Score]
    false_positive_sentences: float
    temperature: float
    ece_before: float
    ece_after: float

    def as_json(self) -> dict[str, Any]:
        """Plain dictionaries."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Scored:
    """Numbers with their logits [numbers, labels], gold label indexes and sentence indexes."""

    logits: NDArray[np.floating]
    gold: NDArray[np.int64]
    sentences: NDArray[np.int64]


def evaluate(folder: str | None, data: Path, *, split: str = "dev", variant: str | None = None) -> Report:
    """Measure a model folder (None: the packaged one) on the note sentences of one split of a labelled dataset.

    Raises UsageError where the split holds no such sentence, ModelError where the model cannot be used.
    """
    tagger = Tagger.load(folder, device="cpu" if variant in (None, "int8") else "auto", variant=variant)
    examples = make_examples(
        note_sentences(read_sentences(data), split), tagger.model.labels, tagger.tokenizer(), mask=False
    )
    probabilities, _ = tagger.probabilities([example.window for example in examples])
    floor = np.finfo(float).tiny
    logits = [np.log(np.maximum(table, floor)) * tagger.model.temperature for table in probabilities]
    thresholds = [tagger.model.thresholds[label] for label in tagger.model.labels[1:]]
    return report(scored(examples, logits), tagger.model.labels, tagger.model.temperature, thresholds)


def scored(examples: Sequence[Example], logits: Sequence[NDArray[np.floating]]) -> Scored:
    """Put the logits of examples' numbers beside their targets."""
    return Scored(
        np.concatenate(logits),
        np.array([target for example in examples for target in example.targets], dtype=np.int64),
        np.array([example.sentence for example in examples for _ in example.targets], dtype=np.int64),
    )


def report(
    numbers: Scored, labels: Sequence[str], temperature: float, thresholds: Sequence[float] | None = None
) -> Report:
    """Measure scored numbers. `thresholds`: least probability of each label but `O`; 0 by default."""
    probabilities = softmax(numbers.logits, temperature)
    predicted = decide(probabilities, thresholds)
    with_label = np.isin(numbers.sentences, numbers.sentences[numbers.gold > 0])
    without = np.unique(numbers.sentences[~with_label])
    wrong = np.unique(numbers.sentences[~with_label & (predicted > 0)])
    return Report(
        sentences=len(np.unique(numbers.sentences)),
        numbers=len(numbers.gold),
        unfiltered=scores(numbers.gold, predicted, labels),
        filtered=scores(numbers.gold[with_label], predicted[with_label], labels),
        false_positive_sentences=len(wrong) / max(1, len(without)),
        temperature=temperature,
        ece_before=calibration_error(softmax(numbers.logits, 1.0), numbers.gold),
        ece_after=calibration_error(probabilities, numbers.gold),
    )


def decide(probabilities: NDArray[np.float64], thresholds: Sequence[float] | None = None) -> NDArray[np.int64]:
    """Give each number its likeliest label, or O where that label's probability is below its threshold."""
    best = probabilities.argmax(axis=1)
    least = np.array([0.0, *(thresholds or [0.0] * (probabilities.shape[1] - 1))])
    kept: NDArray[np.int64] = np.where(probabilities.max(axis=1) >= least[best], best, 0)
    return kept


def scores(gold: NDArray[np.int64], predicted: NDArray[np.int64], labels: Sequence[str]) -> dict[str, Score]:
    """Score each label but the first (`O`), `micro` over all of them, and `macro`, their mean."""
    result = {}
    for index, label in enumerate(labels[1:], start=1):
        hits = int(((gold == index) & (predicted == index)).sum())
        result[label] = _score(hits, int((predicted == index).sum()), int((gold == index).sum()))
    hits = int(((gold > 0) & (predicted == gold)).sum())
    each = list(result.values())
    result["micro"] = _score(hits, int((predicted > 0).sum()), int((gold > 0).sum()))
    means = [float(np.mean([getattr(score, name) for score in each])) for name in ("precision", "recall", "f1")]
    result["macro"] = Score(means[0], means[1], means[2], result["micro"].support)
    return result


def softmax(logits: NDArray[np.floating], temperature: float) -> NDArray[np.float64]:
    """Probabilities [numbers, labels] of logits divided by the temperature."""
    scaled = logits.astype(np.float64) / temperature
    exponentials = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    probabilities: NDArray[np.float64] = exponentials / exponentials.sum(axis=1, keepdims=True)
    return probabilities


def fit_temperature(logits: NDArray[np.floating], gold: NDArray[np.int64]) -> float:
    """Find the temperature in 0.5..5 under which the gold labels are likeliest (Guo et al. 2017, arXiv:1706.04599)."""
    candidates = np.geomspace(0.5, 5.0, 200)
    rows = np.arange(len(gold))
    losses = [
        -np.log(np.maximum(softmax(logits, float(candidate))[rows, gold], np.finfo(float).tiny)).mean()
        for candidate in candidates
    ]
    return round(float(candidates[int(np.argmin(losses))]), 4)


def calibration_error(probabilities: NDArray[np.float64], gold: NDArray[np.int64]) -> float:
    """Mean gap between confidence and precision of the numbers given a label, in ten bins of equal width."""
    best = probabilities.argmax(axis=1)
    given = best > 0
    if not given.any():
        return 0.0
    confidence, correct = probabilities.max(axis=1)[given], (best == gold)[given]
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    gaps = [
        abs(confidence[bins == index].mean() - correct[bins == index].mean()) * (bins == index).sum()
        for index in np.unique(bins)
    ]
    return float(np.sum(gaps) / given.sum())


def _score(hits: int, predicted: int, support: int) -> Score:
    precision = hits / predicted if predicted else 0.0
    recall = hits / support if support else 0.0
    return Score(precision, recall, 2 * hits / (predicted + support) if predicted + support else 0.0, support)


def summary(result: Report) -> str:
    """Show a report as a table: unfiltered first, filtered beside it."""
    width = max(map(len, result.unfiltered))
    lines = [
        f"{result.sentences:,} note sentences with {result.numbers:,} numbers; against the filers' own tags",
        f"{'':{width}}  support      P     R    F1   filtered P     R    F1",
    ]
    for name, score in result.unfiltered.items():
        other = result.filtered[name]
        lines.append(
            f"{name:{width}}  {score.support:7}  {score.precision:.3f} {score.recall:.3f} {score.f1:.3f}"
            f"        {other.precision:.3f} {other.recall:.3f} {other.f1:.3f}"
        )
    lines += [
        f"sentences without a label that got one: {result.false_positive_sentences:.2%}",
        f"calibration error: {result.ece_before:.3f}; with temperature {result.temperature:.2f} {result.ece_after:.3f}",
    ]
    return "\n".join(lines)
