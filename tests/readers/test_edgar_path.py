import pytest

from finner_batch.readers.document import Header, Source
from finner_batch.readers.edgar_path import (
    document_address,
    document_name,
    edgar_url,
    normal_accession_number,
    path_document_id,
    path_file_name,
    path_header,
)

APPLE = "0000320193-23-000106"


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        (
            "https://www.sec.gov/Archives/edgar/data/320193/000032019323000106/aapl-20230930.htm",
            Header(accession_number=APPLE, cik="0000320193"),
        ),
        ("/mirror/edgar/data/320193/0000320193-23-000106.txt", Header(accession_number=APPLE, cik="0000320193")),
        ("/data/000032019323000106/R2.htm", Header(accession_number=APPLE)),
        ("/data/0000001800__10-K__0001628280-24-005348.htm.gz", Header(accession_number="0001628280-24-005348")),
        (
            "/data/RAW_FILINGS/10-K/320193_10K_2023_0000320193-23-000106.htm",
            Header(accession_number=APPLE, cik="0000320193", form_type="10-K", document_type="10-K"),
        ),
        (
            "320193_10K405A_1999_0000320193-23-000106.txt.gz",
            Header(accession_number=APPLE, cik="0000320193", form_type="10-K405/A", document_type="10-K405/A"),
        ),
        (
            "/data/RAW_FILINGS/320193_20FA_2023_0000320193-23-000106.htm",
            Header(accession_number=APPLE, cik="0000320193", form_type="20-F/A", document_type="20-F/A"),
        ),
        ("/data/320193_10KSB_2003_0000320193-23-000106.htm", Header(accession_number=APPLE, cik="0000320193")),
        ("/data/x320193_10K_2023_0000320193-23-000106.htm", Header(accession_number=APPLE)),
        ("/data/320193_2023.htm", Header()),
        (
            "/d/sec-edgar-filings/AAPL/10-K/A/0000320193-23-000106/primary-document.html",
            Header(accession_number=APPLE, form_type="10-K/A", document_type="10-K/A"),
        ),
        (
            "/d/sec-edgar-filings/AAPL/10-K/0000320193-23-000106/filing-details.html",
            Header(accession_number=APPLE, form_type="10-K", document_type="10-K"),
        ),
        (
            "https://host/edgar/data/320193/000032019323000106/aapl.htm?signature=a/0000320193-23-000107/b",
            Header(accession_number=APPLE, cik="0000320193"),
        ),
        ("/data/000032019323000106.tar!/aapl.htm", Header(accession_number=APPLE)),
        ("/data/0000320193-23-000106.tar.gz!/aapl.htm", Header(accession_number=APPLE)),
        ("/data/batch_000_001.tar!/000032019323000106/aapl.htm.zst", Header(accession_number=APPLE)),
        ("/data/0000320193-23-000106-index.htm", Header(accession_number=APPLE)),
        (
            "/d/sec-edgar-filings/AAPL/10-K/0000320193-23-000106/full-submission.txt",
            Header(accession_number=APPLE, form_type="10-K"),
        ),
        (
            "s3://b/sec-edgar-filings/320193/10-Q/0000320193-23-000106/primary-document.html",
            Header(accession_number=APPLE, form_type="10-Q", document_type="10-Q", cik="0000320193"),
        ),
        ("/data/0000012927__10-K__2024-12-31.htm.gz", Header()),
        ("/data/0000950117-96-000184-4__10-K__0000950117-96-000184-4.txt.gz", Header()),
        ("/data/0000320193-23-000106_0000320193-23-000107.htm", Header()),
        ("/data/000032019377000106/R2.htm", Header()),
        ("/data/000032019323000106.htm", Header()),
        ("/runs/0000320193-23-000106/10-K/filing.htm", Header()),
        ("/data/10-00-000.htm", Header()),
    ],
)
def test_a_path_states_what_edgars_conventions_say_and_nothing_is_guessed(uri, expected):
    assert path_header(uri) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            "https://www.sec.gov/ix?doc=/Archives/edgar/data/1/000000000124000001/a.htm",
            "/Archives/edgar/data/1/000000000124000001/a.htm",
        ),
        ("https://www.sec.gov/ixviewer/ix.html?doc=/Archives/a.htm&xbrl=true#x", "/Archives/a.htm"),
        ("https://www.sec.gov/Archives/a.htm#:~:text=at%202.25%25", "/Archives/a.htm"),
        ("https://www.sec.gov/ix?doc=elsewhere", "/ix?doc=elsewhere"),
        ("https://www.sec.gov/files?doc=/a.htm", "/files?doc=/a.htm"),
    ],
)
def test_the_address_in_edgars_viewer_is_that_of_the_document_shown(given, expected):
    assert document_address(given) == f"https://www.sec.gov{expected}"


def test_the_name_of_a_file_is_its_own_without_the_compression():
    assert document_name("s3://bucket/a/aapl-20230930.htm.zst") == "aapl-20230930.htm"


def test_a_query_is_no_part_of_a_name_at_edgar():
    address = "https://www.sec.gov/Archives/edgar/data/320193/000032019323000106/aapl.htm"

    assert document_name(f"{address}?a=b/c") == path_file_name(f"{address}?a=b/c") == "aapl.htm"
    assert edgar_url(path_header(f"{address}?a"), path_file_name(f"{address}?a")) == address
    assert document_name("https://host/day.tar?a=b!/year=1/aapl.htm") == "aapl.htm"


def test_a_source_of_which_only_the_path_is_known_has_an_id():
    known = Source(uri=f"/d/{APPLE}/aapl.htm.gz", name="aapl.htm.gz")
    unknown = Source(uri="/d/a/b.htm.gz", name="a/b.htm.gz")

    assert path_document_id(known) == f"{APPLE}/aapl.htm"
    assert path_document_id(unknown) == "a/b.htm.gz"


@pytest.mark.parametrize("value", ["", "0000320193-23-00010", "0000320193-23000106", "00003201932300010x", "320193"])
def test_digits_that_only_resemble_an_accession_number_are_refused(value):
    assert normal_accession_number(value) is None
