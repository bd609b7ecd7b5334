"""The list of errors: every number on which model and gold differ, with what it takes to look it up."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from finner_batch.storage.refusals import storage_errors
from finner_batch.storage.whole_file import whole_file
from finner_batch.training.data.dataset import Gold
from finner_batch.training.evaluation.judged import Judged

SCHEMA = pa.schema(
    [
        pa.field("kind", pa.string(), nullable=False),
        pa.field("number", pa.string(), nullable=False),
        pa.field("gold", pa.string(), nullable=False),
        pa.field("predicted", pa.string(), nullable=False),
        pa.field("confidence", pa.float64(), nullable=False),
        pa.field("doubtful", pa.bool_(), nullable=False),
        pa.field("sentence", pa.string(), nullable=False),
        pa.field("start", pa.int32(), nullable=False),
        pa.field("end", pa.int32(), nullable=False),
        pa.field("company", pa.string(), nullable=False),
        pa.field("document_id", pa.string(), nullable=False),
        pa.field("section", pa.string()),
        pa.field("in_note", pa.bool_(), nullable=False),
    ]
)
"""`confidence` is the probability of `predicted`; `start` and `end` are code points of `sentence`."""


def mistakes(
    judged: Judged,
    kept: NDArray[np.bool_],
    probabilities: NDArray[np.float64],
    predicted: NDArray[np.int64],
    labels: Sequence[str],
    by: Gold,
) -> list[dict[str, Any]]:
    """Rows of `SCHEMA` for the kept numbers on which the model errs, the surest first; their gold is known.

    `kind`: `missed` (the gold has a label, the model none), `spurious` (the other way), `other label`.
    """
    found = []
    for place in np.flatnonzero(kept & (judged.gold[by] != predicted)).tolist():
        gold, given = judged.gold[by][place], predicted[place]
        number, row = judged.numbers[place], judged.rows[judged.places[place]]
        found.append(
            {
                "kind": "missed" if given == 0 else "spurious" if gold == 0 else "other label",
                "number": row.text[number.start : number.end],
                "gold": labels[gold],
                "predicted": labels[given],
                "confidence": float(probabilities[place, given]),
                "doubtful": number.doubtful,
                "sentence": row.text,
                "start": number.start,
                "end": number.end,
                "company": row.company,
                "document_id": row.document_id,
                "section": row.section,
                "in_note": row.in_note,
            }
        )
    return sorted(found, key=lambda row: -row["confidence"])


def write_rows(rows: Sequence[Mapping[str, Any]], schema: pa.Schema, path: Path) -> None:
    """Write rows as Parquet, complete or as it was before, making the folder. Raises as `whole_file` does."""
    with storage_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as temporary:
        pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), temporary, compression="zstd")
