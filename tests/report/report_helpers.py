"""Results folders made through the store's own writer, to make pages of."""

import hashlib
import json
import random
from datetime import date
from pathlib import Path

import pyarrow as pa

from finner_batch.results.ledger import Ledger
from finner_batch.results.run_reports import write_run
from finner_batch.results.schema import ENTITY_OWN
from finner_batch.results.writer import Writer
from finner_batch.storage.place import place_of

REPOSITORY = Path(__file__).parents[2]
SPREAD = "DebtInstrumentBasisSpreadOnVariableRate1"
STATED = "DebtInstrumentInterestRateStatedPercentage"
CAPACITY = "LineOfCreditFacilityMaximumBorrowingCapacity"
FIRST_RUN, SECOND_RUN = "20260101T000000Z-0000", "20260201T000000Z-0000"
SECTIONS = ["Part II, Item 7", "Part II, Item 8 > Note 7 - Debt", "Part I, Item 2", "Note 9 - Commitments", None]


def entity(sentence, number, label, value, *, confidence=0.95, section=SECTIONS[1], index=3, place=None):
    """A row of `entities` as an extractor brings it; `number` is looked up in the sentence."""
    start = sentence.index(number)
    return {
        "section": section,
        "sentence_index": index,
        "sentence": sentence,
        "start": start,
        "end": start + len(number),
        "document_start": 1000 * index + start if place is None else place,
        "document_end": (1000 * index + start if place is None else place) + len(number),
        "label": label,
        "text": number,
        "value": value,
        "unit": "USD" if label == CAPACITY else "pure",
        "scale": 6 if label == CAPACITY else -2,
        "confidence": confidence,
        "before_text": None,
        "before_value": None,
        "sec_url": None,
    }


def document(name, entities, *, company="Acme Corp", year=2024, form="10-K", source=None, accession=None, error=None):
    """A row of `documents` and its entities; with `error`, one that failed."""
    row = {
        "document_id": name,
        "source": source or f"/filings/{name}",
        "sha256": hashlib.sha256(name.encode()).hexdigest(),
        "bytes": 100_000,
        "kind": "html",
        "accession_number": accession,
        "cik": "0000320193" if accession else None,
        "company": company,
        "form_type": form,
        "period_of_report": date(year, 12, 31),
        "filing_date": date(year + 1, 2, 15),
        "status": "failed" if error else "ok",
        "sentences": 100,
        "tagged_sentences": 40,
        "seconds": 0.5,
    }
    if error:
        row |= {"stage": "decode", "error_type": "DocumentError", "error": error}
    return row, entities


def write_results(results, documents, *, run_id=FIRST_RUN, report=None):
    """Commit documents as a run would, and leave the run's report."""
    ledger = Ledger.load(place_of(results), model_id="m", config_id="c")
    found = []
    with Writer(place_of(results), ledger=ledger, run_id=run_id, model_id="m", config_id="c") as writer:
        for row, entities in documents:
            writer.add(row, entities)
            writer.finish(row["source"], row["sha256"])
            found.append((row, entities))
        writer.commit()
    write_run(place_of(results), run_id, run_report(run_id, found) | (report or {}))
    return results


def run_report(run_id, found):
    """The report of such a run: what `RunReport.as_json` holds."""
    failed = sum(row["status"] == "failed" for row, _ in found)
    numbers = sum(len(entities) for _, entities in found)
    return {
        "run_id": run_id,
        "status": "done",
        "exit_code": 0,
        "started": "2026-01-01T00:00:00+00:00",
        "finished": "2026-01-01T00:02:05+00:00",
        "wall_seconds": 125.0,
        "model_id": "m",
        "config_id": "c",
        "config": {"input": ["/filings"], "tables": False},
        "device": "cpu",
        "device_reason": "no GPU here",
        "variant": "int8",
        "workers": 2,
        "sources": {"sources": len(found), "bytes": 100_000 * len(found), "unchanged": 0, "duplicates": 0},
        "documents": {"ok": len(found) - failed, "failed": failed},
        "failures": {},
        "sentences": 100 * len(found),
        "tagged_sentences": 40 * len(found),
        "entities": numbers,
        "labels": {},
        "characters": 1_000_000,
        "tokens": 50_000,
        "tokens_run": 40_000,
        "tokens_padded": 44_000,
        "stage_seconds": {"load": 0.2, "tag": 100.0, "read": 1.5, "extract": 12.25},
        "stage_clock": {"load": "wall", "tag": "wall", "read": "cpu", "extract": "cpu"},
        "tokens_per_second_of_the_model": 400.0,
        "characters_per_second_of_other_stages": 70_000.0,
        "documents_per_second": 0.1,
        "parts": 1,
        "peak_mebibytes": 500,
        "peak_mebibytes_of_workers": 200,
        "machine": {"cpus": 2},
        "versions": {"finner-batch": "0.1.0"},
    }


def many_documents(numbers, *, to_a_document=100, seed=6):
    """Filings that state this many numbers in all: the sentences written for training, each with digits of its own."""
    random_ = random.Random(seed)
    lines = (REPOSITORY / "data" / "generated" / "debt4.jsonl").read_text(encoding="utf-8").splitlines()
    written = [row for row in map(json.loads, lines) if row["entities"]]
    companies = [f"{random_.choice(lines)[10:22].strip()} Holdings {number}, Inc." for number in range(400)]
    for number in range(-(-numbers // to_a_document)):
        room, rows = min(to_a_document, numbers - number * to_a_document), []
        while len(rows) < room:
            rows += _sentence(random_, written, index=len(rows))
        batch = pa.RecordBatch.from_pylist(rows[:room], ENTITY_OWN)
        yield document(
            f"{number:010d}-24-{number % 1_000_000:06d}/a.htm",
            batch,
            company=companies[number % len(companies)],
            year=2001 + number % 25,
            form=random_.choice(["10-K", "10-Q"]),
            accession=f"{number:010d}-24-{number % 1_000_000:06d}",
        )


def _sentence(random_, written, *, index):
    """The entities of one sentence, next to another sentence half of the time, and new digits."""
    first, second = random_.choice(written), random_.choice(written)
    text = f"{first['text']} {second['text']}" if random_.random() < 0.5 else first["text"]
    text = "".join(random_.choice("123456789") if letter.isdigit() else letter for letter in text)
    section = random_.choice(SECTIONS)
    for span in first["entities"]:
        printed = text[span["start"] : span["end"]]
        amount = float("".join(letter for letter in printed if letter.isdigit() or letter == ".").rstrip(".") or 1)
        is_money = span["label"] == CAPACITY
        yield {
            "section": section,
            "sentence_index": 10 * index,
            "sentence": text,
            "start": span["start"],
            "end": span["end"],
            "document_start": 5000 * index + span["start"],
            "document_end": 5000 * index + span["end"],
            "label": span["label"],
            "text": printed,
            "value": amount * 1e6 if is_money else amount / 100,
            "unit": "USD" if is_money else "pure",
            "scale": 6 if is_money else -2,
            "confidence": min(0.999, random_.betavariate(20, 1.2)),
        }
