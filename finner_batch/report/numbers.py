"""Reads the numbers for the page's table, samples and cuts them to keep the page small, and packs them."""

import json
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import compress

import duckdb
import pyarrow as pa

from finner_batch.report.columns import Columns, Verdicts, unpacked_row
from finner_batch.report.tags import Tag

MAX_NUMBERS = 250_000
"""Maximum number of rows on a page; of more numbers, an even sample is drawn."""
WIDTHS = (1200, 600, 300, 160)
"""Characters kept around the number in a sentence; the first width that fits the budgets is used."""
SENTENCE_BUDGET = 70_000_000
"""Characters of all sentences, some 20 MB once deflated; checked before the columns are packed."""
PACKED_BUDGET = 20 << 20
"""Bytes of the packed columns. Base64 adds a third, which keeps the page below 30 MB."""
BATCH_ROWS = 10_000

_ROWS = """
SELECT label, text, value, unit, confidence, section, sentence, start, "end", document_start, sentence_index, source,
  document_id, company, form_type, period_of_report, filing_date, accession_number, cik, model_id, run_id
FROM entities
WHERE ($run IS NULL OR run_id = $run) AND hash(document_id, document_start, label) % 1000000 < $millionths
ORDER BY company NULLS LAST, filing_date DESC NULLS LAST, period_of_report DESC NULLS LAST, source, document_id,
  document_start
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """`shown` of `total` numbers: `first` are the rows in the HTML, `packed` all columns as JSON, deflated, in base64.

    `cut` counts the sentences that were cut to `width` characters around their number.
    """

    shown: int
    total: int
    width: int
    cut: int
    first: list[dict[str, Any]]
    packed: str


def read_numbers(
    connection: duckdb.DuckDBPyConnection,
    *,
    run_id: str | None,
    total: int,
    tags: Sequence[Tag],
    verdicts: Verdicts,
    first: int,
) -> Numbers:
    """Read the current numbers by company, the newest filing first; `total` is their count."""
    millionths = 1_000_000 if total <= MAX_NUMBERS else max(MAX_NUMBERS * 1_000_000 // total, 1)
    table = connection.sql(_ROWS, params={"run": run_id, "millionths": millionths}).to_arrow_table()
    for width in WIDTHS:
        columns = Columns(tags, verdicts, width)
        for row in _rows(table):
            columns.add(row)
        if columns.characters > SENTENCE_BUDGET and width != WIDTHS[-1]:
            continue
        unpacked = columns.as_json()
        packed = compress(json.dumps(unpacked, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode())
        if len(packed) <= PACKED_BUDGET:
            break
    return Numbers(
        shown=table.num_rows,
        total=total,
        width=width,
        cut=columns.cut,
        first=[unpacked_row(unpacked, place) for place in range(min(first, table.num_rows))],
        packed=b64encode(packed).decode(),
    )


def _rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    for batch in table.to_batches(BATCH_ROWS):
        names = batch.schema.names
        for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            yield dict(zip(names, values, strict=True))
