"""An evaluation as text for a terminal or a file."""

from collections.abc import Iterator, Mapping, Sequence

from finner_batch.training.data.dataset import Gold
from finner_batch.training.evaluation.evaluate import Evaluation, Text
from finner_batch.training.evaluation.gold import EVERY_SPLIT
from finner_batch.training.evaluation.intervals import RESAMPLES
from finner_batch.training.evaluation.model_figures import Report
from finner_batch.training.evaluation.plots import short_name
from finner_batch.training.evaluation.scores import (
    THRESHOLD,
    UNDEFINED,
    Interval,
    Score,
    absent_label_lines,
    occurring_labels,
    ranked_labels,
    score_cells,
)
from finner_batch.training.evaluation.thresholds import Outcome

GOLD_NAMES: dict[Gold, str] = {"readings": "readings", "filers": "filers' tags"}
TEXT_NAMES: dict[Text, str] = {
    "notes": "text of notes",
    "sentences read": "no notes, only what was read elsewhere",
    "numbers known": "only some of which are known",
}
SCORE_NAMES = ("P", "", "R", "", "F1", "")
"""Headings of the scores, each before its interval."""
MOST_LABELS = 20
"""With more labels than this the confusion matrix is only in report.json and the picture."""


def summary(result: Evaluation) -> str:
    """Lay out an evaluation for a terminal or a text file."""
    parts = [_head(result), _scores(result), _other_figures(result), _other_gold(result), _calibration(result.figures)]
    if len(occurring_labels(result.figures.confusion)) <= MOST_LABELS:
        parts.append(_confusion(result))
    parts.append(_breakdown(result))
    if result.thresholds is not None:
        parts.append(_thresholds(result))
    return "\n\n".join(part for part in parts if part)


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Align rows of cells as columns, the first to the left and the others to the right."""
    first, *widths = (max(map(len, column)) for column in zip(*rows, strict=True))
    return "\n".join(
        "  ".join([name.ljust(first), *(cell.rjust(width) for cell, width in zip(cells, widths, strict=True))]).rstrip()
        for name, *cells in rows
    )


def _interval(interval: Interval | None, *, percent: bool = False) -> str:
    """Format an interval as `[.81 .93]`, or in percent; empty for None."""
    if interval is None:
        return ""
    return "[" + " ".join(f"{end:.2%}" if percent else f"{end:.2f}".removeprefix("0") for end in interval) + "]"


def _head(result: Evaluation) -> str:
    figures = result.figures
    lines = [
        f"{result.model_id} ({result.variant}) on {_split(result)}: "
        + (
            f"{result.companies} companies"
            if result.companies
            else f"{figures.sentences:,} sentences, companies not stated"
        ),
        f"{figures.sentences:,} sentences with {figures.numbers:,} numbers, {_text(result)}",
        f"gold: {_gold(result)}",
        f"left out: {figures.unknown:,} unknown numbers"
        + (f", {result.known_elsewhere:,} known ones of other text" if result.known_elsewhere else ""),
    ]
    if result.trained_on:
        lines.append("the model was trained on these sentences: the figures do not hold for other text")
    if figures.resampled == "companies":
        lines.append(f"intervals: 95 %, from {RESAMPLES:,} resamples of the {_drawn(result)}")
    elif figures.resampled == "sentences" and result.companies:
        lines.append("intervals: 95 %, over the sentences of one company: they say nothing about other companies")
    elif figures.resampled == "sentences":
        lines.append("intervals: 95 %, over the sentences, whose companies are not stated: they may be too narrow")
    return "\n".join(lines)


def _split(result: Evaluation) -> str:
    return "every split" if result.split == EVERY_SPLIT else f"the {result.split} split"


def _text(result: Evaluation) -> str:
    if result.text == "notes" and not result.from_filings:
        return "all of them known"
    return TEXT_NAMES[result.text]


def _gold(result: Evaluation) -> str:
    if not result.from_filings:
        return "the labels that the rows give"
    if result.gold == "readings":
        return f"readings; {result.sentences_read:,} sentences were read; for the others the filers' tags count"
    return "filers' tags; filers leave numbers untagged that they tag elsewhere"


def _drawn(result: Evaluation) -> str:
    groups = result.figures.groups
    if not result.companies:
        return f"{groups:,} sentences, whose companies are not stated"
    if result.companies == groups:
        return f"{groups:,} companies"
    return f"{result.companies:,} companies, and of the sentences whose company is not stated"


def _scores(result: Evaluation) -> str:
    figures = result.figures
    rows = [["", "", "unfiltered", *[""] * 5, "filtered", "", ""], ["", "numbers", *SCORE_NAMES, "P", "R", "F1"]]
    rows += [[*row, *score_cells(figures.filtered[row[0]])] for row in _score_rows(figures.unfiltered)]
    filtered = "filtered: only the sentences that hold a gold label, without false positives in others"
    return "\n".join([aligned(rows), *absent_label_lines(figures.unfiltered), filtered])


def _other_gold(result: Evaluation) -> str:
    if result.other_gold is None:
        return ""
    other: Gold = "filers" if result.gold == "readings" else "readings"
    rows = [["", "numbers", *SCORE_NAMES], *_score_rows(result.other_gold.unfiltered)]
    return f"the same text against the {GOLD_NAMES[other]}, unfiltered\n{aligned(rows)}"


def _score_rows(scores: Mapping[str, Score]) -> list[list[str]]:
    return [[name, f"{scores[name].support:,}", *_with_intervals(scores[name])] for name in ranked_labels(scores)]


def _with_intervals(score: Score) -> list[str]:
    intervals = score.precision_interval, score.recall_interval, score.f1_interval
    pairs = zip(score_cells(score), intervals, strict=True)
    return [cell for value, interval in pairs for cell in (value, "" if value == UNDEFINED else _interval(interval))]


def _other_figures(result: Evaluation) -> str:
    figures, without = result.figures, result.without_doubtful
    lines = [
        f"of {figures.sentences_without_label:,} sentences without a label {figures.false_positive_sentences:.2%} got "
        f"one {_interval(figures.false_positive_interval, percent=True)}".rstrip()
    ]
    if without:
        micro = without.unfiltered["micro"]
        lines.append(
            f"without the {result.doubtful:,} numbers that readers were not sure of: micro P {micro.precision:.3f} "
            f"R {micro.recall:.3f} F1 {micro.f1:.3f} {_interval(micro.f1_interval)}".rstrip()
        )
    return "\n".join(lines)


def _calibration(figures: Report) -> str:
    rows = [["confidence", "numbers", "mean", "right"]]
    rows += [
        [f"{each.low:.1f}-{each.high:.1f}", f"{each.numbers:,}", f"{each.confidence:.3f}", f"{each.precision:.3f}"]
        for each in figures.reliability
    ]
    return (
        "confidence of the numbers whose most probable label is not O, before and after the temperature "
        f"{figures.temperature:.2f}: calibration error {figures.ece_before:.3f} {figures.ece_after:.3f}, "
        f"Brier {figures.brier_before:.3f} {figures.brier_after:.3f}\n{aligned(rows)}"
    )


def _confusion(result: Evaluation) -> str:
    places = occurring_labels(result.figures.confusion)
    names = [short_name(result.labels[place]) for place in places]
    rows = [["gold \\ predicted", *names]]
    for name, place in zip(names, places, strict=True):
        counts = result.figures.confusion[place]
        rows.append([name, *(f"{counts[column]:,}" for column in places)])
    return aligned(rows)


def _breakdown(result: Evaluation) -> str:
    rows = [["", "sentences", "numbers", "with a label", *SCORE_NAMES]]
    for kind, groups in result.breakdown.items():
        for name, group in groups.items():
            counts = group.sentences, group.numbers, group.micro.support
            rows.append([f"{kind}: {name}", *(f"{count:,}" for count in counts), *_with_intervals(group.micro)])
    scope = "notes and what was read elsewhere" if result.gold == "readings" else "notes"
    if not result.from_filings:
        scope = "all known numbers"
    return f"micro, by kind of sentence ({scope})\n{aligned(rows)}"


def _thresholds(result: Evaluation) -> str:
    cost = result.cost
    rows = [["", "", f"at {THRESHOLD}:", "", "", "", "", "at the threshold:", "", "", "", ""]]
    rows.append(["label", "threshold", *["cost", "wrong", "missed", "P", "R"] * 2])
    rows += _threshold_rows(result)
    stated = f"fp={cost.fp:g}, fn={cost.fn:g}" if cost else ""
    return (
        f"thresholds with the lowest cost at {stated}, on all known numbers of the split {result.split}\n"
        f"{aligned(rows)}\n"
        "a number gets its most probable label other than O if that reaches its threshold: no threshold, however low,\n"
        "gives it another label"
    )


def _threshold_rows(result: Evaluation) -> Iterator[list[str]]:
    choices = result.thresholds or {}
    for label, choice in choices.items():
        if not any(map(_occurs, (choice.usual, choice.best))):
            continue
        row = [label, f"{choice.best.threshold:.3f}"]
        for outcome in (choice.usual, choice.best):
            row += [f"{outcome.cost:g}", f"{outcome.false_positives:,}", f"{outcome.false_negatives:,}"]
            row.append(f"{outcome.precision:.3f}" if outcome.precision or outcome.false_positives else UNDEFINED)
            row.append(f"{outcome.recall:.3f}" if outcome.recall or outcome.false_negatives else UNDEFINED)
        yield row
    totals = [sum(getattr(choice, kind).cost for choice in choices.values()) for kind in ("usual", "best")]
    yield ["all labels", "", f"{totals[0]:g}", "", "", "", "", f"{totals[1]:g}", "", "", "", ""]


def _occurs(outcome: Outcome) -> bool:
    """Return whether some number has the label, or got it."""
    return bool(outcome.false_positives or outcome.false_negatives or outcome.precision)
