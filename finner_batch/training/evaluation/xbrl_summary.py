"""A comparison of results with the filers' tags, as text and as JSON."""

from typing import Any

from finner_batch.training.evaluation.against_xbrl import Comparison
from finner_batch.training.evaluation.evaluation_summary import aligned
from finner_batch.training.evaluation.scores import UNDEFINED
from finner_batch.training.evaluation.xbrl_verdicts import Tally

NAMES = [
    *("", "rows", "agree", "value differs", "other concept", "untagged in notes", "elsewhere", "in tables"),
    *("tagged in notes", "missed", "P", "R", "F1"),
]


def comparison_text(found: Comparison) -> str:
    """Lay out a comparison for a terminal."""
    lines = [
        f"rows of {found.model_id} against the filers' own tags",
        f"{found.documents:,} documents with inline XBRL, {len(found.companies):,} companies",
    ]
    left_out = {
        "not in the filings with the same bytes": found.absent,
        "whose text is extracted differently now": found.unfit,
        "without tagged numbers": found.without_facts,
    }
    if any(left_out.values()):
        lines.append("left out: " + ", ".join(f"{count:,} {name}" for name, count in left_out.items() if count))
    lines.append(f"were the companies in the model's training data? {found.training}")
    occurring = {name: tally for name, tally in found.labels.items() if tally.rows or tally.tagged}
    absent = len(found.labels) - len(occurring)
    tallies = {**occurring, "all labels": found.total}
    tallies |= {f"companies: {split}": tally for split, tally in sorted(found.splits.items())}
    rows = [NAMES, *([name, *_cells(tally)] for name, tally in tallies.items())]
    return "\n".join(
        [
            *lines,
            "",
            aligned(rows),
            *([f"{absent} of the {len(found.labels)} labels: neither a row nor a tag"] if absent else []),
            "P: share of the rows in notes that agree. R: share of the numbers tagged in notes (with these labels, in",
            "digits) with an agreeing row. Both are of prose: rows in tables are counted separately. Filers leave",
            "numbers untagged that they tag elsewhere, so a right row may count as untagged. They tag hardly any",
            "number outside notes, and rows there count in neither.",
        ]
    )


def comparison_json(found: Comparison) -> dict[str, Any]:
    """Return plain dictionaries without the rows."""
    return {
        "model_id": found.model_id,
        "training_data": found.training,
        "documents": found.documents,
        "companies": len(found.companies),
        "left_out": {"absent": found.absent, "read_otherwise": found.unfit, "without_facts": found.without_facts},
        "labels": {label: _figures(tally) for label, tally in found.labels.items()},
        "total": _figures(found.total),
        "splits": {split: _figures(tally) for split, tally in sorted(found.splits.items())},
    }


def _cells(tally: Tally) -> list[str]:
    defined = {"precision": tally.rows > tally.in_tables, "recall": tally.tagged > 0, "f1": tally.tagged > 0}
    return [
        f"{value:,}" if isinstance(value, int) else f"{value:.3f}" if defined[name] else UNDEFINED
        for name, value in _figures(tally).items()
    ]


def _figures(tally: Tally) -> dict[str, int | float]:
    """Return the figures of a tally in the order of `NAMES`."""
    return {
        "rows": tally.rows,
        "agree": tally.count("agree"),
        "value_differs": tally.count("value differs"),
        "other_concept": tally.count("other concept"),
        "untagged_in_notes": tally.verdicts["untagged", "note"],
        "untagged_elsewhere": tally.verdicts["untagged", "elsewhere"],
        "in_tables": tally.in_tables,
        "tagged_in_notes": tally.tagged,
        "missed": tally.count("missed"),
        "precision": tally.precision,
        "recall": tally.recall,
        "f1": tally.f1,
    }
