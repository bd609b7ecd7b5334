import json
from datetime import date
from functools import partial

import pytest

from finner_batch.readers.document import LONGEST_FIELD, LONGEST_ID, Header, Source
from finner_batch.readers.headers import compact_date, merge_headers, submission_header
from finner_batch.readers.read import failed_file

FULL_TEXT = """<SEC-DOCUMENT>0001193125-24-001234.txt : 20240115
<SEC-HEADER>0001193125-24-001234.hdr.sgml : 20240115
<ACCEPTANCE-DATETIME>20240112171500
ACCESSION NUMBER:\t\t0001193125-24-001234
CONFORMED SUBMISSION TYPE:\t10-K405/A
PUBLIC DOCUMENT COUNT:\t\t2
CONFORMED PERIOD OF REPORT:\t20231231
FILED AS OF DATE:\t\t20240112
DATE AS OF CHANGE:\t\t20240112

FILER:

\tCOMPANY DATA:\t
\t\tCOMPANY CONFORMED NAME:\t\t\tHARBOR & PIER HOLDINGS  INC
\t\tCENTRAL INDEX KEY:\t\t\t0000123456
FILER:

\tCOMPANY DATA:\t
\t\tCOMPANY CONFORMED NAME:\t\t\tHARBOR FINANCE LLC
\t\tCENTRAL INDEX KEY:\t\t\t0000654321
\tFORMER COMPANY:\t
\t\tFORMER CONFORMED NAME:\tPIER INC
</SEC-HEADER>
"""
EXPECTED = Header(
    accession_number="0001193125-24-001234",
    cik="0000123456",
    company="HARBOR & PIER HOLDINGS INC",
    form_type="10-K405/A",
    period_of_report=date(2023, 12, 31),
    filing_date=date(2024, 1, 12),
    ciks=("0000123456", "0000654321"),
)
FEED = """<SUBMISSION>
<ACCESSION-NUMBER>0001193125-24-001234
<TYPE>10-K405/A
<PERIOD>20231231
<FILING-DATE>20240112
<FILER>
<COMPANY-DATA>
<CONFORMED-NAME>HARBOR & PIER HOLDINGS INC
<CIK>0000123456
</COMPANY-DATA>
<COMPANY-DATA>
<CONFORMED-NAME>HARBOR FINANCE LLC
<CIK>0000654321
</COMPANY-DATA>
"""


@pytest.mark.parametrize("header", [FULL_TEXT, FULL_TEXT.replace("\n", "\r\n"), FEED])
def test_both_forms_of_a_submission_header_are_read_with_all_filers_the_first_of_which_counts(header):
    assert submission_header(header.encode()) == EXPECTED


def test_without_an_accession_line_the_file_line_states_it():
    assert submission_header(b"<SEC-DOCUMENT>0001193125-24-001234.txt : 20240115\n") == Header(
        accession_number="0001193125-24-001234"
    )


def test_an_invalid_date_or_number_is_unknown():
    broken = FULL_TEXT.replace("20231231", "00000000").replace("0000123456", "none").replace("20240112", "2024")

    header = submission_header(broken.encode())

    assert (header.period_of_report, header.filing_date, header.cik) == (None, None, None)


@pytest.mark.parametrize("text", ["", "20230229", "20231301", "2023-01-01", "202301011"])
def test_only_days_of_the_calendar_are_dates(text):
    assert compact_date(text) is None


def test_each_field_comes_from_the_first_header_that_states_it():
    stated = merge_headers([Header(cik="0000000001"), Header(cik="0000000002", company="A")])

    assert stated == Header(cik="0000000001", company="A", ciks=("0000000001", "0000000002"))


LONG = "HARBOR " * 1_000_000
PART = "<DOCUMENT>\n<TYPE>10-K\n<TEXT>\nText\n</TEXT>\n</DOCUMENT>\n"
COVER = (
    '<html xmlns:ix="http://www.xbrl.org/2013/inlineXBRL">'
    '<p><ix:nonNumeric name="dei:EntityRegistrantName" contextRef="c">'
)


@pytest.mark.parametrize(
    "content",
    [
        f"<SEC-HEADER>\nCOMPANY CONFORMED NAME: {LONG}\nCONFORMED SUBMISSION TYPE: {LONG}\n</SEC-HEADER>\n{PART}",
        f"<SUBMISSION>\n<CONFORMED-NAME>{LONG}\n<TYPE>{LONG}\n{PART}",
        f"<DOCUMENT>\n<TYPE>{LONG}\n<SEQUENCE>1\n<FILENAME>{LONG}\n<TEXT>\nText\n</TEXT>\n</DOCUMENT>\n",
        f"{COVER}{LONG[:19_000]}</ix:nonNumeric> is the registrant.</p></html>",
        json.dumps({"text": "Text", "company": LONG, "form": LONG, "cik": LONG, "accession_number": LONG}),
    ],
    ids=["full text", "feed", "document tags", "cover fact", "shard row"],
)
def test_what_a_source_states_of_its_header_is_cut_to_a_sensible_length(stored, content):
    document = stored.read_one(content)

    stated = [value for value in map(partial(getattr, document.header), Header.__slots__) if isinstance(value, str)]
    assert all(len(value) <= LONGEST_FIELD for value in stated)
    assert all(value.endswith("\N{HORIZONTAL ELLIPSIS}") for value in stated if len(value) == LONGEST_FIELD)
    assert len(document.document_id) < LONGEST_ID


def test_a_field_of_usual_length_is_kept_as_it_is():
    header = Header(company="\N{EURO SIGN}" * LONGEST_FIELD)

    assert header.company == "\N{EURO SIGN}" * LONGEST_FIELD


def test_an_error_that_quotes_a_whole_source_is_cut_and_can_be_recorded():
    failed = failed_file(
        Source(uri="/in/a.htm", name="a.htm"), sha256="", bytes=0, stage="read", error_type="E", error=f"\udcff{LONG}"
    )

    assert len(failed.error) <= LONGEST_FIELD + 6
    assert failed.error.encode("utf-8").startswith(rb"\udcff")
