"""Charts as inline SVG: bars, and the distribution of a tag's numbers: values, confidence, medians by year.

They contain no script and no style. Colours come from the classes of the page's style sheet, so charts follow dark mode
and print. `Markup.format` escapes every string.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, log10

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from finner_batch.report.formatting import percent, short_value

WIDTH, HEIGHT = 360, 128
"""Size of a chart's view box; the page scales it."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 4, 356, 14, 108
Floats = npt.NDArray[np.float64]
MAX_BINS = 24
BINS_PER_DECADE = 4
MIN_NUMBERS_PER_YEAR = 3
"""Numbers that a year needs for a median worth drawing."""
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class YearQuartiles:
    """The quartiles of a year, as heights from 0 to 1."""

    year: int
    low: float
    median: float
    high: float
    name: str


def bar(share: float, parts: Iterable[tuple[str, float]] = (("ink", 1.0),)) -> Markup:
    """Draw a bar for a table row, `share` of the full width; `parts` are (class, share of the bar). Decorative only."""
    drawn, begin = [], 0.0
    for accent, part in parts:
        width = 100 * share * part
        drawn.append(Markup('<rect class="{}" x="{:.3f}" width="{:.3f}" height="10"/>').format(accent, begin, width))
        begin += width
    return Markup(
        '<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" focusable="false">{}</svg>'
    ).format(Markup("").join(drawn))


def histogram_svg(
    counts: Sequence[int], names: Sequence[str], ticks: Sequence[tuple[float, str]], *, label: str
) -> Markup:
    """Draw the counts of bins at equal width; `label` describes the histogram in words for screen readers.

    `names` are the ranges of the bins, shown as tooltips; `ticks` label the axis as (position from 0 to 1, text).
    """
    most = max(counts, default=0) or 1
    step = (_RIGHT - _LEFT) / max(len(counts), 1)
    drawn = []
    for place, (count, name) in enumerate(zip(counts, names, strict=True)):
        if not count:
            continue
        height = max((_BOTTOM - _TOP) * count / most, 1.0)
        drawn.append(
            Markup(
                '<rect class="fill" x="{:.2f}" y="{:.2f}" width="{:.2f}" height="{:.2f}"><title>{}: {:,}</title></rect>'
            ).format(_LEFT + place * step + 0.5, _BOTTOM - height, max(step - 1, 0.5), height, name, count)
        )
    drawn.append(Markup('<text class="top" x="{}" y="9">{:,}</text>').format(_LEFT, most))
    return _chart(drawn, ticks, label)


def medians_svg(
    years: Sequence[YearQuartiles],
    heights: Sequence[tuple[float, str]],
    ticks: Sequence[tuple[float, str]],
    *,
    label: str,
) -> Markup:
    """Draw a line between the quartiles of each year and a dot at the median; `heights` label the scale."""
    first, last = years[0].year, years[-1].year
    left = _LEFT + 46
    drawn = []
    for height, text in heights:
        y = _y(height)
        drawn.append(Markup('<line class="grid" x1="{}" x2="{}" y1="{:.2f}" y2="{:.2f}"/>').format(left, _RIGHT, y, y))
        drawn.append(Markup('<text class="scale" x="{}" y="{:.2f}">{}</text>').format(left - 5, y + 3.5, text))
    for each in years:
        x = _year_place(each.year, first, last) * (_RIGHT - left - 16) + left + 8
        drawn.append(
            Markup(
                '<g><line class="stroke" x1="{0:.2f}" x2="{0:.2f}" y1="{1:.2f}" y2="{2:.2f}"/>'
                '<circle class="fill" cx="{0:.2f}" cy="{3:.2f}" r="3"/><title>{4}</title></g>'
            ).format(x, _y(each.low), _y(each.high), _y(each.median), each.name)
        )
    year_ticks = [
        ((_year_place(int(year), first, last) * (_RIGHT - left - 16) + left + 8 - _LEFT) / (_RIGHT - _LEFT), text)
        for year, text in ticks
    ]
    return _chart(drawn, year_ticks, label)


def _year_place(year: int, first: int, last: int) -> float:
    return (year - first) / (last - first) if last > first else 0.5


def _y(height: float) -> float:
    return _BOTTOM - 4 - height * (_BOTTOM - _TOP - 8)


def _chart(drawn: Sequence[Markup], ticks: Sequence[tuple[float, str]], label: str) -> Markup:
    axis = [Markup('<line class="axis" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(_LEFT, _RIGHT, _BOTTOM, _BOTTOM)]
    for place, text in ticks:
        x = _LEFT + place * (_RIGHT - _LEFT)
        anchor = "first" if place < 0.04 else "last" if place > 0.96 else "tick"
        axis.append(
            Markup('<line class="axis" x1="{0:.2f}" x2="{0:.2f}" y1="{1}" y2="{2}"/>').format(x, _BOTTOM, _BOTTOM + 3)
        )
        axis.append(Markup('<text class="{}" x="{:.2f}" y="{}">{}</text>').format(anchor, x, _BOTTOM + 15, text))
    return Markup(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}" focusable="false">{}{}</svg>'
    ).format(WIDTH, HEIGHT, label, Markup("").join(drawn), Markup("").join(axis))


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """Charts of one tag with their captions. `by_year` is None if fewer than two years have enough numbers."""

    unit: str | None
    values: Markup | None
    values_note: str
    confidence: Markup
    confidence_note: str
    by_year: Markup | None
    by_year_note: str


def distribution(
    name: str, values: Floats, units: Sequence[str | None], confidence: Floats, years: Floats
) -> Distribution:
    """Draw the charts of one tag from parallel arrays of its numbers; an unknown value or year is NaN.

    Values in the most frequent unit are drawn; the note counts the others.
    """
    unit_names = np.array([unit or "" for unit in units], dtype=object)
    usable = np.isfinite(values)
    names, counts = np.unique(unit_names[usable].astype(str), return_counts=True)
    unit = str(names[counts.argmax()]) or None if len(names) else None
    chosen = usable & (unit_names == (unit or ""))
    of_unit = values[chosen]
    drawn, note = _values(name, of_unit, unit, len(values) - len(of_unit))
    by_year, year_note = _by_year(name, of_unit, years[chosen], unit)
    below = percent(int((confidence < 0.9).sum()), len(confidence))
    return Distribution(
        unit=unit,
        values=drawn,
        values_note=note,
        confidence=_confidence(name, confidence),
        confidence_note=f"median {np.median(confidence):.3f}; {below} below 0.9",
        by_year=by_year,
        by_year_note=year_note,
    )


def _values(name: str, values: Floats, unit: str | None, others: int) -> tuple[Markup | None, str]:
    if not len(values):
        return None, "no number of this tag has a value"
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    quartiles = (
        f"median {short_value(middle, unit)}, half between {short_value(low, unit)} and {short_value(high, unit)}"
    )
    inside = values[(values >= np.quantile(values, 0.01)) & (values <= np.quantile(values, 0.99))]
    inside = values if not len(inside) else inside
    is_wide = inside.min() > 0 and inside.max() / inside.min() > 100
    edges, ticks = (_log_bins if is_wide else _linear_bins)(inside, unit)
    counts, _ = np.histogram(values, edges)
    names = [f"{short_value(a, unit)} to {short_value(b, unit)}" for a, b in pairwise(edges)]
    notes = [quartiles]
    if outside := len(values) - int(counts.sum()):
        notes.append(f"{outside:,} outside {short_value(edges[0], unit)} to {short_value(edges[-1], unit)}")
    if others:
        notes.append(f"{others:,} in another unit or without a value")
    return histogram_svg(counts.tolist(), names, ticks, label=f"{name}, values: {quartiles}"), "; ".join(notes)


def _linear_bins(values: Floats, unit: str | None) -> tuple[list[float], list[tuple[float, str]]]:
    """Return the edges of bins of one round width, and the ticks."""
    low, high = float(values.min()), float(values.max())
    width = _round_step((high - low) / MAX_BINS or abs(high) or 1.0)
    first, last = floor(low / width + 1e-9), max(ceil(high / width - 1e-9), floor(low / width + 1e-9) + 1)
    edges = [round(place * width, 12) for place in range(first, last + 1)]
    return edges, _ticks(edges, lambda edge: short_value(edge, unit), every=max(ceil((last - first) / 4), 1))


def _log_bins(values: Floats, unit: str | None) -> tuple[list[float], list[tuple[float, str]]]:
    """Return the edges of bins of equal ratio, `BINS_PER_DECADE` to a power of ten, and the ticks."""
    first, last = floor(log10(values.min()) + 1e-9), ceil(log10(values.max()) - 1e-9)
    edges = [10 ** (first + place / BINS_PER_DECADE) for place in range((last - first) * BINS_PER_DECADE + 1)]
    every = BINS_PER_DECADE * max(ceil((last - first) / 4), 1)
    return edges, _ticks(edges, lambda edge: short_value(edge, unit), every=every)


def _ticks(edges: Sequence[float], text: Callable[[float], str], *, every: int) -> list[tuple[float, str]]:
    return [(place / (len(edges) - 1), text(edges[place])) for place in range(0, len(edges), every)]


def _confidence(name: str, confidence: Floats) -> Markup:
    first = min(floor(float(confidence.min()) * 10 + 1e-9), 9)
    edges = [round(first / 10 + place * 0.01, 2) for place in range((10 - first) * 10 + 1)]
    counts, _ = np.histogram(np.clip(confidence, edges[0], edges[-1]), edges)
    every = 10 * max(ceil((10 - first) / 5), 1)
    return histogram_svg(
        counts.tolist(),
        [f"{a:.2f} to {b:.2f}" for a, b in pairwise(edges)],
        _ticks(edges, lambda edge: f"{edge:.1f}", every=every),
        label=f"{name}, confidence of the model: median {np.median(confidence):.3f}",
    )


def _by_year(name: str, values: Floats, years: Floats, unit: str | None) -> tuple[Markup | None, str]:
    found: list[tuple[int, list[float], int]] = []
    for year in np.unique(years[np.isfinite(years)]):
        of_year = values[years == year]
        if len(of_year) >= MIN_NUMBERS_PER_YEAR:
            found.append((int(year), np.quantile(of_year, [0.25, 0.5, 0.75]).tolist(), len(of_year)))
    if len(found) < 2:
        return None, f"fewer than two years have {MIN_NUMBERS_PER_YEAR} numbers"
    lowest, highest = min(low for _, (low, _, _), _ in found), max(high for _, (_, _, high), _ in found)
    is_wide = lowest > 0 and highest / lowest > 100
    height = _log_scale(lowest, highest) if is_wide else _linear_scale(lowest, highest)
    marks = [floor(log10(lowest)), ceil(log10(highest))] if is_wide else []
    heights = [10.0**power for power in range(marks[0], marks[1] + 1)] if marks else _round_marks(lowest, highest)
    heights = [mark for mark in heights if -0.02 <= height(mark) <= 1.02]
    heights = heights[:: max(ceil(len(heights) / 4), 1)]
    quartiles = [
        YearQuartiles(
            year=year,
            low=height(low),
            median=height(median),
            high=height(high),
            name=f"{year}: median {short_value(median, unit)}, half between {short_value(low, unit)} and "
            f"{short_value(high, unit)}, {count:,} numbers",
        )
        for year, (low, median, high), count in found
    ]
    first, last = found[0], found[-1]
    note = (
        f"median {short_value(first[1][1], unit)} in {first[0]}, {short_value(last[1][1], unit)} in {last[0]}; "
        "lines span the middle half"
    )
    step = max(ceil((last[0] - first[0]) / 5), 1)
    ticks = [(float(year), str(year)) for year in range(last[0], first[0] - 1, -step)]
    drawn = medians_svg(
        quartiles, [(height(mark), short_value(mark, unit)) for mark in heights], ticks, label=f"{name} by year: {note}"
    )
    return drawn, note


def _linear_scale(low: float, high: float) -> Callable[[float], float]:
    span = high - low or 1.0
    return lambda value: (value - low) / span


def _log_scale(low: float, high: float) -> Callable[[float], float]:
    span = log10(high / low) or 1.0
    return lambda value: log10(value / low) / span


def _round_marks(low: float, high: float) -> list[float]:
    step = _round_step((high - low) / 3 or abs(high) or 1.0)
    return [round(place * step, 12) for place in range(ceil(low / step), floor(high / step) + 1)]


def _round_step(least: float) -> float:
    """Return the next round number: 1, 2, 2.5 or 5 times a power of ten."""
    power = 10.0 ** floor(log10(least))
    return next(step * power for step in _STEPS if step * power >= least * (1 - 1e-9))
