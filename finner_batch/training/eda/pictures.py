"""Figures of a labelled dataset, drawn from the tables of `dataset_tables`. Needs matplotlib.

The figures belong to no window, so drawing needs no display. With many labels, pass tables of the first few: a figure
of a hundred is unreadable.
"""

import re
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from finner_batch.training.eda.dataset_tables import SIDES as CUE_SIDES
from finner_batch.training.eda.dataset_tables import SIZES, SPLITS

COLOURS = ("#33658a", "#86bbd8", "#f6ae2d", "#b9b9b9")
NAME_WIDTH = 30
"""Maximum number of characters per line of a concept's name next to a bar."""
TITLE_WIDTH = 60
"""Maximum number of characters per line of a concept's name above a figure."""


def png(figure: Figure, dpi: int = 100) -> bytes:
    """Return a figure as a PNG, the same bytes for the same figure."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def draw_labels(counts: pa.Table) -> Figure:
    """Draw `label_counts`: the gold numbers of each label by split, and the companies that have it."""
    figure = Figure(figsize=(9, 1.2 + 0.5 * len(counts)), layout="constrained")
    numbers, companies = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    names = _names(counts["label"])
    _stacked_bars(numbers, names, {split: counts[split].to_numpy() for split in SPLITS})
    bars = companies.barh(names, counts["companies"].to_numpy(), color=COLOURS[0])
    companies.bar_label(bars, fontsize=7, padding=2)
    companies.margins(x=0.12)
    numbers.legend(fontsize=7)
    numbers.set_xlabel("numbers with the label")
    companies.set_xlabel("companies that have it")
    return figure


def draw_sizes(sizes: pa.Table) -> Figure:
    """Draw `sentence_sizes` of all sentences and of those with a label, up to the 99.5th percentile."""
    figure = Figure(figsize=(9, 2.6), layout="constrained")
    chosen = {"all": sizes, "with a label": sizes.filter(pc.greater(sizes["labelled"], 0))}
    for axes, measure in zip(figure.subplots(1, len(SIZES)), SIZES, strict=True):
        last = max(2, int(np.quantile(sizes[measure].to_numpy(), 0.995)))
        edges = np.arange(1, last + 2) - 0.5 if measure == "numbers" else np.linspace(0, last, 50)
        for (name, table), colour in zip(chosen.items(), COLOURS[::2], strict=False):
            values = table[measure].to_numpy()
            if len(values):
                weights = np.full(len(values), 1 / len(values))
                axes.hist(values, edges, weights=weights, histtype="step", color=colour, label=name)
        axes.set_xlabel(f"{measure} in a sentence")
        axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
        axes.tick_params(labelsize=7)
    figure.axes[0].legend(fontsize=7)
    return figure


def draw_together(pairs: pa.Table) -> Figure:
    """Draw `together`: sentences with one label (row) that have the other (column), coloured by their share."""
    labels = pairs["label"].to_pylist()
    counts = np.array([pairs[label].to_numpy() for label in labels]).T
    having = np.maximum(1, np.diag(counts))
    figure = Figure(figsize=(3.2 + 0.9 * len(labels), 2.4 + 0.5 * len(labels)), layout="constrained")
    axes = figure.subplots()
    shares = np.where(np.eye(len(labels), dtype=bool), np.nan, counts / having[:, None])
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for row, column in np.ndindex(counts.shape):
        colour = "white" if shares[row, column] > 0.6 else "black"
        axes.text(column, row, f"{counts[row, column]:,}", ha="center", va="center", fontsize=8, color=colour)
    names = _names(pairs["label"])
    axes.set_xticks(range(len(labels)), names, rotation=45, ha="right", fontsize=7)
    axes.set_yticks(range(len(labels)), names, fontsize=7)
    return figure


def draw_cues(found: pa.Table, labels: Sequence[str]) -> Figure:
    """Draw `cues`: for each label the words before and after its numbers, by their z-score."""
    figure = Figure(figsize=(9, 2.7 * len(labels)), layout="constrained")
    for row, label in zip(figure.subplots(len(labels), 2, squeeze=False), labels, strict=True):
        for axes, side in zip(row, CUE_SIDES, strict=True):
            chosen = found.filter(pc.and_(pc.equal(found["label"], label), pc.equal(found["side"], side)))
            axes.barh(_shown(chosen["word"]), chosen["z"].to_numpy(), color=COLOURS[side == "after"])
            axes.invert_yaxis()
            axes.tick_params(labelsize=7)
            axes.set_title(f"{side} {_wrapped(label, TITLE_WIDTH)}", fontsize=7)
    for axes in figure.axes[-2:]:
        axes.set_xlabel("z-score", fontsize=7)
    return figure


def draw_tags_against_readings(table: pa.Table) -> Figure:
    """Draw `tags_against_readings`: the tags of the numbers with each reading, as shares."""
    columns = {
        "same": "with the same label",
        "another_label": "with another of the labels",
        "other_concept": "with another concept",
        "untagged": "not at all",
    }
    figure = Figure(figsize=(9, 0.9 + 0.5 * len(table)), layout="constrained")
    axes = figure.subplots()
    total = np.maximum(1, table["numbers"].to_numpy())
    names = [
        f"{name} ({count:,})"
        for name, count in zip(_names(table["reading"]), table["numbers"].to_pylist(), strict=True)
    ]
    _stacked_bars(axes, names, {meaning: table[column].to_numpy() / total for column, meaning in columns.items()})
    axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.set_xlabel("tagged by the filer")
    figure.legend(loc="outside upper center", ncols=4, fontsize=7)
    return figure


def draw_values(found: pa.Table, labels: Sequence[str]) -> Figure:
    """Draw `values` in the most frequent unit of each label: rates in percent, others on a logarithmic scale."""
    figure = Figure(figsize=(9, 2.2 * ((len(labels) + 1) // 2)), layout="constrained")
    grid = figure.subplots((len(labels) + 1) // 2, 2, squeeze=False).flat
    for axes, label in zip(grid, labels, strict=False):
        chosen = found.filter(pc.and_(pc.equal(found["label"], label), pc.is_valid(found["value"]))).to_pylist()
        units = Counter(row["unit"] for row in chosen)
        unit = max(units, key=lambda unit: units[unit], default=None)
        values = np.array([row["value"] for row in chosen if row["unit"] == unit])
        if unit == "pure":
            axes.hist(values * 100, 40, color=COLOURS[0])
            axes.set_xlabel("%", fontsize=7)
        elif np.any(values > 0):
            values = values[values > 0]
            axes.hist(values, np.geomspace(values.min() / 1.01, values.max() * 1.01, 40), color=COLOURS[0])
            axes.set_xscale("log")
            axes.set_xlabel(unit or "no unit stated", fontsize=7)
        axes.set_title(_wrapped(label, TITLE_WIDTH), fontsize=7)
        axes.tick_params(labelsize=7)
    return figure


def draw_concepts(table: pa.Table, labels: Sequence[str]) -> Figure:
    """Draw `concepts`: the frequency of each concept by rank, and the cumulative share of all tags."""
    figure = Figure(figsize=(9, 3), layout="constrained")
    curve, share = figure.subplots(1, 2)
    curve.loglog(table["rank"].to_numpy(), table["numbers"].to_numpy(), color=COLOURS[1])
    labelled = table.filter(pc.is_in(table["concept"], value_set=pa.array(labels, pa.string())))
    curve.plot(labelled["rank"].to_numpy(), labelled["numbers"].to_numpy(), "o", color=COLOURS[2], label="the labels")
    curve.set_ylabel("numbers tagged with it")
    curve.legend(fontsize=7)
    share.semilogx(table["rank"].to_numpy(), table["share"].to_numpy(), color=COLOURS[0])
    share.yaxis.set_major_formatter(lambda part, _: f"{part:.0%}")
    share.set_ylabel("of all tags, so far")
    for axes in (curve, share):
        axes.set_xlabel("concept, by rank")
        axes.tick_params(labelsize=7)
        axes.grid(alpha=0.3)
    return figure


def _stacked_bars(axes: Axes, names: Sequence[str], parts: Mapping[str, NDArray[Any]]) -> None:
    """Draw one horizontal bar per name, from the top, with one colour per part."""
    start: NDArray[Any] = np.zeros(len(names))
    for (label, width), colour in zip(parts.items(), COLOURS, strict=False):
        axes.barh(names, width, left=start, color=colour, label=label)
        start = start + width
    axes.invert_yaxis()
    axes.tick_params(labelsize=7)


def _names(concepts: pa.ChunkedArray) -> list[str]:
    return [_wrapped(name, NAME_WIDTH) for name in concepts.to_pylist()]


def _wrapped(concept: str, width: int) -> str:
    """Wrap a name such as `LineOfCreditFacility` as words in lines of at most `width` characters."""
    return "\n".join(textwrap.wrap(re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[a-z])(?=[0-9])", " ", concept), width))


def _shown(words: pa.ChunkedArray) -> list[str]:
    """Escape `$`, which starts a formula in matplotlib."""
    return [word.replace("$", r"\$") for word in words.to_pylist()]
