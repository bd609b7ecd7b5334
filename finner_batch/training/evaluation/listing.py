"""Which labels a report lists, in what order, and how it writes a figure that is undefined.

Of many labels few occur in the numbers of a test. Listed are those that occur, the most frequent first; of the others
the report says how many there are, and which the model gave nevertheless.
"""

from collections.abc import Mapping, Sequence

from finner_batch.training.evaluation.scores import AVERAGES, Score

UNDEFINED = "-"
NAMED = 10
"""So many of the labels that were given wrongly are named."""


def listed(scores: Mapping[str, Score]) -> list[str]:
    """The labels that some number has, the most frequent first, and the averages."""
    labels = [name for name in scores if name not in AVERAGES and scores[name].support]
    return [*sorted(labels, key=lambda name: -scores[name].support), *(name for name in scores if name in AVERAGES)]


def unlisted(scores: Mapping[str, Score]) -> list[str]:
    """Lines on the labels that no number has; none where every label occurs."""
    labels = [name for name in scores if name not in AVERAGES]
    absent = [name for name in labels if not scores[name].support]
    given = sorted((name for name in absent if scores[name].given), key=lambda name: -scores[name].given)
    lines = [f"{len(absent)} of the {len(labels)} labels: no number has them"] if absent else []
    if given:
        more = f", and {len(given) - NAMED} more" if len(given) > NAMED else ""
        named = ", ".join(f"{name} {scores[name].given:,}" for name in given[:NAMED])
        lines.append(f"given, though no number has them: {named}{more}")
    return lines


def figures(score: Score) -> tuple[str, str, str]:
    """Precision, recall and F1 with three digits; undefined where no number got, or has, the label."""
    precision = f"{score.precision:.3f}" if score.given or score.precision else UNDEFINED
    recall, f1 = (f"{value:.3f}" if score.support else UNDEFINED for value in (score.recall, score.f1))
    return precision, recall, f1


def occurring(confusion: Sequence[Sequence[int]]) -> list[int]:
    """Indexes of the labels that a confusion matrix has numbers of, `O` first, then the most frequent in the gold."""
    sizes = [(sum(row), sum(each[place] for each in confusion)) for place, row in enumerate(confusion)]
    labels = [place for place in range(1, len(sizes)) if any(sizes[place])]
    return [0, *sorted(labels, key=lambda place: [-size for size in sizes[place]])]
