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
        "not among the filings as they were read": found.absent,
        "whose text is read otherwise today": found.unfit,
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
            "digits) that a row agrees with. Both are of prose: rows in tables are counted apart. Filers leave numbers",
            "untagged that they tag elsewhere, so a right row may count as untagged; outside notes they tag next to",
            "none, and those rows count in neither.",
        ]
    )


def comparison_json(found: Comparison) -> dict[str, Any]:
    """Plain dictionaries, without the rows."""
    return {
        "model_id": found.model_id,
        "training_data": found.training,
        "documents": found.documents,
        "companies": len(found.companies),
        "left_out": {"absent": found.absent, "read_otherwise": found.unfit, "without_facts": found.without_facts},
        "labels": {label: _plain(tally) for label, tally in found.labels.items()},
        "total": _plain(found.total),
        "splits": {split: _plain(tally) for split, tally in sorted(found.splits.items())},
    }


def _cells(tally: Tally) -> list[str]:
    counts = [tally.rows, *(tally.count(verdict) for verdict in ("agree", "value differs", "other concept"))]
    counts += [tally.verdicts["untagged", "note"], tally.verdicts["untagged", "elsewhere"], tally.in_tables]
    counts += [tally.tagged, tally.count("missed")]
    defined = tally.rows > tally.in_tables, tally.tagged, tally.tagged
    shares = zip((tally.precision, tally.recall, tally.f1), defined, strict=True)
    return [*(f"{count:,}" for count in counts), *(f"{share:.3f}" if known else UNDEFINED for share, known in shares)]


def _plain(tally: Tally) -> dict[str, Any]:
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
