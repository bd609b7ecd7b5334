"""Results folders made by hand, by the Writer that a run uses: what the answers must be is known."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from finner_batch.query.ask import ask
from finner_batch.query.writers import rows_of
from finner_batch.results.ledger import Ledger
from finner_batch.results.run_reports import write_run
from finner_batch.results.writer import Writer
from finner_batch.storage.place import place_of
from finner_batch.training.evaluation.against_xbrl import SCHEMA

SPREAD = "DebtInstrumentBasisSpreadOnVariableRate1"
STATED = "DebtInstrumentInterestRateStatedPercentage"
EFFECTIVE = "DebtInstrumentInterestRateEffectivePercentage"
CAPACITY = "LineOfCreditFacilityMaximumBorrowingCapacity"
HOSTILE = "Café \x1b[31mHoldings\u202e<script>alert(1)</script>'; DROP TABLE entities; --"


def number(
    label: str,
    marked: str,
    value: float,
    unit: str | None = "pure",
    *,
    confidence: float = 0.9,
    at: int = 100,
    index: int = 3,
    section: str | None = "Part II, Item 8 > Note 7 - Debt",
) -> dict[str, Any]:
    """An entity: `marked` is its sentence with the number in [brackets], which begins at `at` in the document."""
    before, _, rest = marked.partition("[")
    text, _, after = rest.partition("]")
    start, end = len(before), len(before) + len(text)
    return {
        "section": section,
        "sentence_index": index,
        "sentence": before + text + after,
        "start": start,
        "end": end,
        "document_start": at + start,
        "document_end": at + end,
        "label": label,
        "text": text,
        "value": value,
        "unit": unit,
        "scale": 0,
        "confidence": confidence,
        "before_text": None,
        "before_value": None,
        "sec_url": None,
    }


def document(name: str, rows: Sequence[Mapping[str, Any]] = (), **columns: Any) -> tuple[dict[str, Any], list[Any]]:
    """A document row and its entities; the accession number is the part of `name` before a slash."""
    accession = name.partition("/")[0] if "/" in name else None
    row = {
        "document_id": name,
        "source": f"/in/{name}",
        "sha256": hashlib.sha256(name.encode()).hexdigest(),
        "bytes": 1000,
        "kind": "ixbrl",
        "accession_number": accession,
        "status": "ok",
        "sentences": 10,
        "tagged_sentences": 4,
        "seconds": 0.25,
    }
    return row | columns, list(rows)


def store(
    results: Path,
    documents: Sequence[tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]],
    *,
    run_id: str = "20260101T000000Z-0000",
    model_id: str = "m",
    config_id: str = "c",
) -> Path:
    """Write documents as a run does, in one part."""
    ledger = Ledger.load(place_of(results), model_id=model_id, config_id=config_id)
    with Writer(place_of(results), ledger=ledger, run_id=run_id, model_id=model_id, config_id=config_id) as writer:
        for row, rows in documents:
            writer.add(row, rows)
            writer.finish(row["source"], row["sha256"])
        writer.commit()
    return results


def report(results: Path, run_id: str, **changed: Any) -> None:
    """Write a run's report."""
    content = {
        "status": "done",
        "exit_code": 3,
        "started": "2026-01-01T00:00:00+00:00",
        "finished": "2026-01-01T00:01:00+00:00",
        "wall_seconds": 60.0,
        "documents": {"ok": 2, "failed": 1},
        "entities": 6,
        "model_id": "m",
        "config_id": "c",
    }
    write_run(place_of(results), run_id, content | changed)


def audit(results: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write what `evaluate --against-xbrl --errors` writes."""
    defaults = {"place": "note", "source": "/in", "text": "1", "document_end": 0}
    pq.write_table(
        pa.Table.from_pylist([defaults | dict(row) for row in rows], schema=SCHEMA), results / "against_xbrl.parquet"
    )


def fill(results: Path) -> Path:
    """Two companies' filings with six numbers, and one document that failed."""
    acme = {"company": "Acme Corp", "form_type": "10-K", "period_of_report": date(2024, 12, 31)}
    store(
        results,
        [
            document(
                "0000000000-24-000001/a.htm",
                [
                    number(SPREAD, "The number is [2.25] here.", 0.0225, confidence=0.97),
                    number(STATED, "The number is [5.0] here.", 0.05, confidence=0.91),
                    number(EFFECTIVE, "The number is [5.4] here.", 0.054, confidence=0.55),
                    number(CAPACITY, "The number is [1.5] here.", 1.5e9, "USD", confidence=0.99),
                ],
                **acme,
            ),
            document(
                "0000000001-24-000001/a.htm",
                [
                    number(CAPACITY, "The number is [400] here.", 4e8, "EUR", confidence=0.93),
                    number(SPREAD, "The number is [175] here.", 0.0175, confidence=0.88),
                ],
                **acme | {"company": HOSTILE},
            ),
            document(
                "b.htm",
                source="/in/b.htm",
                kind="html",
                status="failed",
                stage="decode",
                error_type="UnicodeDecodeError",
                error="not text",
            ),
        ],
    )
    return results


def answers(results: Path, sql: str, **parameters: Any) -> list[dict[str, Any]]:
    """The rows of an answer by column."""
    answer = ask(results, sql, parameters)
    return [dict(zip(answer.schema.names, row, strict=True)) for row in rows_of(answer)]
