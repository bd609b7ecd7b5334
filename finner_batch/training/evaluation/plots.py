"""Plots of an evaluation, the confusion matrix and the reliability diagram, as PNG; short names of labels."""

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from finner_batch.errors import UsageError
from finner_batch.training.evaluation.model_figures import Report
from finner_batch.training.evaluation.scores import occurring_labels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DRAWN_LABELS = 40
"""Maximum number of labels in a confusion matrix: the most frequent ones."""
WRITTEN_LABELS = 20
"""With more labels than this the cells of a confusion matrix are too small for counts."""


def require_matplotlib() -> None:
    """Raise UsageError if matplotlib is missing."""
    if importlib.util.find_spec("matplotlib") is None:
        raise UsageError("matplotlib is not installed: pictures need pip install 'finner-batch[train]'")


def draw_confusion(counts: Sequence[Sequence[int]], labels: Sequence[str], path: Path) -> None:
    """Draw numbers by gold (rows) and predicted label (columns) for labels that occur; the shade is the row's share."""
    places = occurring_labels(counts)
    rows = np.array(counts)[places]
    sums = np.maximum(rows.sum(axis=1, keepdims=True), 1)[:DRAWN_LABELS]
    table = rows[:DRAWN_LABELS, places[:DRAWN_LABELS]]
    left_out, labels = len(labels) - min(len(places), DRAWN_LABELS), [labels[place] for place in places[:DRAWN_LABELS]]
    size = max(6.0, 0.45 * len(labels) + 4)
    figure = _figure(size, size * 0.85)
    axes = figure.add_subplot()
    shares = table / sums
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(labels)), [short_name(label) for label in labels], rotation=45, ha="right")
    axes.set_yticks(range(len(labels)), [short_name(label) for label in labels])
    if left_out:
        others = "without a number" if len(places) <= DRAWN_LABELS else "rarer, or without a number"
        axes.set_title(f"{left_out} labels are left out: {others}")
    axes.set_xlabel("predicted")
    axes.set_ylabel("gold")
    if len(labels) <= WRITTEN_LABELS:
        for (row, column), count in np.ndenumerate(table):
            colour = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, f"{count:,}", ha="center", va="center", color=colour)
    figure.colorbar(image, label="share of the gold label's numbers")
    figure.savefig(path, format="png")


def draw_reliability(result: Report, path: Path) -> None:
    """Draw the share of right labels by confidence, with the diagonal of a calibrated model, above the counts."""
    figure = _figure(6, 6.5)
    bins = result.reliability
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    middles = [(each.low + each.high) / 2 for each in bins]
    width = bins[0].high - bins[0].low if bins else 0.1
    upper.plot([0, 1], [0, 1], color="grey", linestyle="--", label="calibrated")
    upper.bar(middles, [each.precision for each in bins], width, edgecolor="white", label="share right")
    upper.plot([each.confidence for each in bins], [each.precision for each in bins], "o-", color="black")
    upper.set_ylabel("share right")
    errors = f"{result.ece_before:.3f} -> {result.ece_after:.3f}"
    upper.set_title(f"calibration error {errors} with temperature {result.temperature:.2f}")
    upper.legend(loc="upper left")
    lower.bar(middles, [each.numbers for each in bins], width, edgecolor="white")
    lower.set_xlim(0, 1)
    lower.set_xlabel("confidence of a number that the model labels")
    lower.set_ylabel("numbers")
    figure.savefig(path, format="png")


def short_name(label: str) -> str:
    """Remove the first words of a concept's name that many concepts share."""
    for prefix in ("DebtInstrumentInterestRate", "DebtInstrument", "LineOfCreditFacility"):
        if label.startswith(prefix) and len(label) > len(prefix):
            return label.removeprefix(prefix)
    return label


def _figure(width: float, height: float) -> "Figure":
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - only with --output
    from matplotlib.figure import Figure  # noqa: PLC0415 - only with --output

    figure = Figure(figsize=(width, height), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    return figure
