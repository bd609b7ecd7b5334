"""The header fields of an EDGAR submission, in both notations that EDGAR disseminates.

Full submission text files have `ACCESSION NUMBER:` lines; the feed of the public dissemination service has
`<ACCESSION-NUMBER>` tags. Source: EDGAR Public Dissemination Service (PDS) Technical Specification
(https://www.sec.gov/info/edgar/specifications/pds_dissemination_spec.pdf).
"""

import re
from collections.abc import Iterable
from dataclasses import fields
from datetime import date
from typing import Any

from finner_batch.readers.document import MOST_FILERS, Header
from finner_batch.readers.edgar_path import normal_accession_number, normal_cik
from finner_batch.readers.encoding import decode

_FIELD_OF_TAG = {
    "ACCESSION-NUMBER": "accession_number",
    "TYPE": "form_type",
    "PERIOD": "period_of_report",
    "FILING-DATE": "filing_date",
    "CIK": "cik",
    "CONFORMED-NAME": "company",
}
_FIELD_OF_KEY = {
    "ACCESSION NUMBER": "accession_number",
    "CONFORMED SUBMISSION TYPE": "form_type",
    "CONFORMED PERIOD OF REPORT": "period_of_report",
    "FILED AS OF DATE": "filing_date",
    "CENTRAL INDEX KEY": "cik",
    "COMPANY CONFORMED NAME": "company",
}
_LINE = re.compile(
    rf"^[ \t]*(?:<({'|'.join(_FIELD_OF_TAG)})>|({'|'.join(_FIELD_OF_KEY)}):)[ \t]*([^\n<]*)",
    re.MULTILINE | re.IGNORECASE,
)
_FILE_LINE = re.compile(
    r"(?:<(?:SEC|IMS)-DOCUMENT>|^)[ \t]*(\d{10}-\d\d-\d{6})\.txt : \d{8}", re.MULTILINE | re.IGNORECASE
)


def submission_header(data: bytes) -> Header:
    """Read the fields of a submission header. Of several filers, the first counts, which is EDGAR's primary one.

    The period and dates are None if they are not valid dates, as in some filings of the 1990s.
    """
    text = decode(data)
    stated: dict[str, str] = {}
    ciks: dict[str, None] = {}
    for tag, key, value in _LINE.findall(text):
        if value.strip():
            name = _FIELD_OF_TAG[tag.upper()] if tag else _FIELD_OF_KEY[key.upper()]
            stated.setdefault(name, value.strip())
            if name == "cik" and len(ciks) < MOST_FILERS and (cik := normal_cik(value.strip())):
                ciks[cik] = None
    accession_number = stated.get("accession_number", "")
    if not accession_number and (found := _FILE_LINE.search(text)):
        accession_number = found[1]
    return Header(
        accession_number=normal_accession_number(accession_number),
        cik=normal_cik(stated.get("cik")),
        company=" ".join(stated.get("company", "").split()) or None,
        form_type=stated.get("form_type"),
        period_of_report=compact_date(stated.get("period_of_report", "")),
        filing_date=compact_date(stated.get("filing_date", "")),
        ciks=tuple(ciks),
    )


def compact_date(text: str) -> date | None:
    """Read `20231231` as a date; return None if it is not a date."""
    found = re.fullmatch(r"(\d{4})(\d\d)(\d\d)", text, re.ASCII)
    return calendar_date(*found.groups()) if found else None


def calendar_date(year: str, month: str, day: str) -> date | None:
    """Make a date of its parts; return None if there is no such day."""
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def merge_headers(headers: Iterable[Header]) -> Header:
    """Return a header with each field from the first header that states it, and the filers of all."""
    known = list(headers)
    first: dict[str, Any] = {
        field.name: next((value for header in known if (value := getattr(header, field.name)) is not None), None)
        for field in fields(Header)
    }
    return Header(**first | {"ciks": tuple(dict.fromkeys(cik for header in known for cik in header.filers))})
