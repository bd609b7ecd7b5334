"""Real filings: every one is read, and what its manifest says of it is what its own header fields say."""

import csv
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from finner_batch.readers.discover import discover
from finner_batch.readers.document import Document
from finner_batch.readers.read import ReadOptions, read_documents

pytestmark = pytest.mark.corpus

NO_COVER_FACTS = "0000021076__10-K__2022-06-30.htm.gz"
"""Exhibit 99.1 of a filing: the cover page facts stand in the main document."""
NO_PERIOD = {"0000016040__DEF-14A__2023-09-30.htm.gz", "0000320193__DEF-14A__2025-09-27.htm.gz", NO_COVER_FACTS}
"""Proxy statements, which tag no period of report, and that exhibit."""


def read_all(folder: Path, documents: str = "main") -> Iterator[tuple[dict[str, str], list]]:
    with (folder / "manifest.csv").open(newline="") as manifest:
        rows = {row["file"]: row for row in csv.DictReader(manifest)}
    sources = list(discover([str(folder)]))
    assert {source.name for source in sources} == set(rows)
    for source in sources:
        yield rows[source.name], list(read_documents(source, ReadOptions(documents=documents)))


def letters(name: str | None) -> str:
    return re.sub(r"\W", "", name or "").lower()


def test_the_header_fields_of_every_inline_xbrl_filing_are_what_its_manifest_says(corpus):
    exceptions = []
    count = 0
    for row, documents in read_all(corpus / "filings"):
        (document,) = documents
        assert isinstance(document, Document)
        count += 1
        header = document.header
        expected = {"cik": row["cik"], "company": letters(row["company"]), "form_type": row["form"]}
        if row["file"] not in NO_PERIOD:
            expected["period_of_report"] = row["period_end"]
        stated = {
            "cik": header.cik,
            "company": letters(header.company),
            "form_type": header.form_type,
            "period_of_report": str(header.period_of_report),
        }
        exceptions += [
            (row["file"], name, stated[name], value) for name, value in expected.items() if stated[name] != value
        ]
        accession = re.search(r"__(\d{10}-\d\d-\d{6})\.", row["file"])
        assert header.accession_number == (accession[1] if accession else None)
        assert (header.filing_date is not None) == row["file"].endswith(".txt.gz")
        assert document.kind in {"ixbrl", "sgml-ixbrl"}

    assert count == 215
    assert {(file, stated) for file, _, stated, _ in exceptions} <= {(NO_COVER_FACTS, None), (NO_COVER_FACTS, "")}


def test_every_odd_filing_is_read_with_the_header_fields_that_it_states(corpus):
    count = 0
    for row, documents in read_all(corpus / "filings_odd"):
        (document,) = documents
        assert isinstance(document, Document), document
        count += 1
        header = document.header
        if row["accession"]:
            assert header.accession_number == row["accession"]
            assert header.company.lower() == row["company"].lower()
            assert header.form_type.split()[0] == row["form"]
            assert None not in (header.cik, header.period_of_report, header.filing_date)
        elif header.form_type:
            assert header.form_type == row["form"]
        assert "\ufffd" not in document.content
        assert not re.search("[\x80-\x9f]", document.content)
        assert len(document.content) <= int(row["bytes_raw"])

    assert count == 40


def test_exhibits_of_real_submissions_are_read_and_nothing_that_is_no_text(corpus):
    ids = []
    for row, documents in read_all(corpus / "filings_odd", documents="all"):
        assert all(isinstance(document, Document) for document in documents), row["file"]
        assert len({replace(document.header, document_type=None) for document in documents}) == 1
        assert not any(re.search(r"(?m)^begin \d{3} \S+\.\w+$", document.content) for document in documents)
        ids += [document.document_id for document in documents]

    assert len(ids) == len(set(ids))
    assert len(ids) > 100
    assert not [name for name in ids if name.endswith((".jpg", ".gif", ".xml", ".xsd", ".zip", ".xlsx", ".json"))]
