"""How far a confidence can be trusted: calibration error, Brier score, reliability by bins, and the temperature.

Counted are the numbers whose likeliest label is not O, here called labelled, whatever the thresholds: the many easy
numbers without a label would hide them. No temperature changes which these are.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finner_batch.training.evaluation.scores import softmax

BINS = 10
TEMPERATURES = np.geomspace(0.5, 5.0, 200)


@dataclass(frozen=True, slots=True)
class Bin:
    """Labelled numbers whose confidence lies in `low`..`high`: how many, their mean confidence, the share right."""

    low: float
    high: float
    numbers: int
    confidence: float
    precision: float


def fit_temperature(logits: NDArray[np.floating], gold: NDArray[np.int64]) -> float:
    """Find the temperature in 0.5..5 under which the confidences of the labelled numbers are likeliest.

    Temperature scaling (Guo et al. 2017, arXiv:1706.04599) of the top label (Gupta and Ramdas 2022, arXiv:2107.08353):
    the loss is that of `confidence` as the probability of being right, over the labelled numbers. 1 where there is
    none whose gold is known.
    """
    counted = (logits.argmax(axis=1) > 0) & (gold >= 0)
    if not counted.any():
        return 1.0
    losses = []
    for temperature in TEMPERATURES:
        confidence, right = labelled(softmax(logits[counted], float(temperature)), gold[counted])
        likelihood = np.where(right, confidence, 1 - confidence)
        losses.append(-np.log(np.maximum(likelihood, np.finfo(float).tiny)).mean())
    return round(float(TEMPERATURES[int(np.argmin(losses))]), 4)


def labelled(
    probabilities: NDArray[np.float64], gold: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Confidence of each labelled number, and whether it is right; unknown gold is left out."""
    best = probabilities.argmax(axis=1)
    given = (best > 0) & (gold >= 0)
    return probabilities.max(axis=1)[given], (best == gold)[given]


def reliability(probabilities: NDArray[np.float64], gold: NDArray[np.int64]) -> list[Bin]:
    """Labelled numbers in ten bins of equal width by confidence; empty bins are left out."""
    confidence, right = labelled(probabilities, gold)
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
    """Expected calibration error: mean gap between confidence and precision over the bins; 0 without numbers."""
    bins = reliability(probabilities, gold)
    total = sum(each.numbers for each in bins)
    return sum(abs(each.confidence - each.precision) * each.numbers for each in bins) / total if total else 0.0


def brier_score(probabilities: NDArray[np.float64], gold: NDArray[np.int64]) -> float:
    """Mean squared distance of the confidence from 1 (right) or 0 (wrong); 0 without numbers (Brier 1950)."""
    confidence, right = labelled(probabilities, gold)
    return float(((confidence - right) ** 2).mean()) if len(right) else 0.0
