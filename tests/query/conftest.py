from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from finner_batch.store.ledger import Ledger
from finner_batch.store.writer import Writer

SPREAD = "DebtInstrumentBasisSpreadOnVariableRate1"
STATED = "DebtInstrumentInterestRateStatedPercentage"
EFFECTIVE = "DebtInstrumentInterestRateEffectivePercentage"
CAPACITY = "LineOfCreditFacilityMaximumBorrowingCapacity"
FOUND = [
    ("Acme Corp", SPREAD, "2.25", 0.0225, "pure", 0.97),
    ("Acme Corp", STATED, "5.0", 0.05, "pure", 0.91),
    ("Acme Corp", EFFECTIVE, "5.4", 0.054, "pure", 0.55),
    ("Acme Corp", CAPACITY, "1.5", 1.5e9, "USD", 0.99),
    ("Café \x1b[31mHoldings", CAPACITY, "400", 4e8, "EUR", 0.93),
    ("Café \x1b[31mHoldings", SPREAD, "175", 0.0175, "pure", 0.88),
]


def fill(results: Path) -> Path:
    """Two companies' filings with the six numbers of `FOUND`, and one document that failed."""
    ledger = Ledger.load(results, model_id="m", config_id="c")
    with Writer(results, ledger=ledger, run_id="20260101T000000Z-0000", model_id="m", config_id="c") as writer:
        for number, company in enumerate(["Acme Corp", "Café \x1b[31mHoldings"]):
            accession = f"000000000{number}-24-000001"
            document = {
                "document_id": f"{accession}/a.htm",
                "source": f"/in/{number}.htm",
                "sha256": f"{number:064x}",
                "bytes": 1000,
                "kind": "ixbrl",
                "accession_number": accession,
                "company": company,
                "form_type": "10-K",
                "period_of_report": date(2024, 12, 31),
                "status": "ok",
                "sentences": 10,
                "tagged_sentences": 4,
                "seconds": 0.25,
            }
            writer.add(document, [entity(*found[1:]) for found in FOUND if found[0] == company])
            writer.finish(document["source"], document["sha256"])
        failed = {"stage": "decode", "error_type": "UnicodeDecodeError", "error": "not text", "sha256": "ff" * 32}
        writer.add({"document_id": "b.htm", "source": "/in/b.htm", "kind": "html", "status": "failed"} | failed)
        writer.finish("/in/b.htm", "ff" * 32)
        writer.commit()
    return results


def entity(label: str, text: str, value: float, unit: str, confidence: float) -> dict[str, Any]:
    sentence = f"The number is {text} here."
    return {
        "section": "Part II, Item 8 > Note 7 - Debt",
        "sentence_index": 3,
        "sentence": sentence,
        "start": 14,
        "end": 14 + len(text),
        "document_start": 114,
        "document_end": 114 + len(text),
        "label": label,
        "text": text,
        "value": value,
        "unit": unit,
        "scale": 0,
        "confidence": confidence,
    }


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    return fill(tmp_path / "results")


@pytest.fixture(scope="session")
def fill_results() -> Callable[[Path], Path]:
    return fill
