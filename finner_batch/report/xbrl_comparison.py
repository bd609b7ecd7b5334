"""Compares a folder's numbers with the filers' own XBRL tags, as `finner-batch evaluate --against-xbrl` does."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from finner_batch.report.number_table import Verdicts
from finner_batch.storage.place import Place
from finner_batch.training.evaluation.against_xbrl import Comparison, against_xbrl
from finner_batch.training.evaluation.xbrl_verdicts import Tally

VERDICTS = {
    "agree": "filer agrees",
    "value differs": "filer’s value differs",
    "other concept": "filer: other concept",
    "untagged": "no tag here",
}
"""What the table says of a row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """The comparison, its tallies by label, and what the table says of each row.

    `differs` are rows whose value is not the filer's, `missed` tagged numbers of notes without a row: rows of
    `against_xbrl.SCHEMA`.
    """

    comparison: Comparison
    tallies: list[tuple[str, Tally]]
    total: Tally
    verdicts: Verdicts
    differs: list[dict[str, Any]]
    missed: list[dict[str, Any]]


def audit(results: Place, filings: Sequence[str], *, model: str | None) -> Audit:
    """Compare a folder's rows with the tags of their filings. Raises what `against_xbrl` raises."""
    found = against_xbrl(results, filings, model=model)
    return Audit(
        comparison=found,
        tallies=[(label, tally) for label, tally in found.labels.items() if tally.rows or tally.tagged],
        total=found.total,
        verdicts={
            (row["source"], row["document_id"], row["document_start"], row["label"]): VERDICTS[row["verdict"]]
            for row in found.rows
            if row["verdict"] != "missed"
        },
        differs=[row for row in found.rows if row["verdict"] == "value differs"],
        missed=[row for row in found.rows if row["verdict"] == "missed"],
    )
