"""Draws charts as inline SVG: bars, histograms, medians by year. They contain no script and no style.

Colours come from the classes of the page's style sheet, so charts follow dark mode and print. `Markup.format` escapes
every string.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

WIDTH, HEIGHT = 360, 128
"""Size of a chart's view box; the page scales it."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 4, 356, 14, 108


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """Counts of bins drawn at equal width. `ticks` are the labels of the axis as (position from 0 to 1, text)."""

    counts: Sequence[int]
    names: Sequence[str]
    """The range of each bin, shown as a tooltip."""
    ticks: Sequence[tuple[float, str]]


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


def histogram_svg(histogram: Histogram, *, label: str) -> Markup:
    """Draw a histogram; `label` describes it in words for screen readers."""
    most = max(histogram.counts, default=0) or 1
    step = (_RIGHT - _LEFT) / max(len(histogram.counts), 1)
    drawn = []
    for place, (count, name) in enumerate(zip(histogram.counts, histogram.names, strict=True)):
        if not count:
            continue
        height = max((_BOTTOM - _TOP) * count / most, 1.0)
        drawn.append(
            Markup(
                '<rect class="fill" x="{:.2f}" y="{:.2f}" width="{:.2f}" height="{:.2f}"><title>{}: {:,}</title></rect>'
            ).format(_LEFT + place * step + 0.5, _BOTTOM - height, max(step - 1, 0.5), height, name, count)
        )
    drawn.append(Markup('<text class="top" x="{}" y="9">{:,}</text>').format(_LEFT, most))
    return _chart(drawn, histogram.ticks, label)


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
