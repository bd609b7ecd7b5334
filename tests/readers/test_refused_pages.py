"""Pages that a server sends instead of a filing are refused; filings that mention the same words are read."""

import time

import pytest

from finner_batch.errors import NotTheFilingError
from finner_batch.readers.discover import discover
from finner_batch.readers.document import Document
from finner_batch.readers.refused_pages import refuse_page


def page(title="", body="", head=""):
    return f"<!DOCTYPE html>\n<html><head><title>{title}</title>{head}</head><body>{body}</body></html>"


NAVIGATION = "<ul>" + "<li><a href='/about'>About the Commission and its rules</a></li>" * 200 + "</ul>"
REFUSALS = {
    "User-Agent": [
        page("SEC.gov | Your Request Originates from an Undeclared Automated Tool", "<h1>Sorry</h1>"),
        page("SEC.gov | Request Rate Threshold Exceeded", NAVIGATION),
        page(
            "", "<h1>Your Request Originates from an Undeclared Automated Tool</h1><p>Please declare your traffic.</p>"
        ),
        "Request Rate Threshold Exceeded\n\nTo allow for equitable access to all users, SEC limits requests.\n",
        '{"message": "Request Rate Threshold Exceeded"}',
        page(
            "sec.gov",
            "<p>Your request has been identified as part of a network of automated tools outside of the policy.</p>",
        ),
    ],
    "the filing itself": [
        page(
            "EDGAR Filing Documents for 0009990801-24-000001",
            "<table class='tableFile'><tr><td>10-K</td></tr></table>" * 300,
        ),
        page("SEC.gov | EDGAR Filing Documents", NAVIGATION),
        page("Index of /Archives/edgar/data/999801", "<a href='000999080124000001/'>000999080124000001/</a>" * 500),
        page("", "<h1>Directory Listing for /Archives/edgar/data/999801/</h1>" + "<p>000999080124000001</p>" * 500),
        page("EDGAR Search Results", NAVIGATION),
        "Description:           Master Index of EDGAR Dissemination Feed\nCIK|Company Name|Form Type\n"
        + "1|A|10-K\n" * 9,
        "Description:           Daily Index of EDGAR Dissemination Feed by Form Type\n",
        '{"cik":"999801","entityType":"operating","name":"Harbor Inc","filings":{"recent":{}}}',
        page("EDGAR Entity Landing Page", "<div id='app'></div>"),
    ],
    "ix?doc=": [
        page("Inline XBRL Viewer", "<noscript>Please enable JavaScript to use the viewer.</noscript>"),
        page("XBRL Viewer", "<div id='viewer'></div>" + "<a>Menu</a>" * 400),
        page("", "", '<meta http-equiv="refresh" content="0;url=/ix?doc=/Archives/edgar/data/1/a.htm">'),
        page(
            "ixviewer-plus", "<div id='app'>Loading Inline Form.</div>", '<script src="/ixviewer-plus/app.js"></script>'
        ),
        page("EDGAR", "<div id='root'></div><noscript>You need to enable JavaScript to run this app.</noscript>"),
    ],
    "fetch the filing again": [
        page("SEC.gov | File Unavailable", NAVIGATION),
        page("SEC.gov | File Not Found Error Alert (404)", NAVIGATION),
        page("Page Not Found | SEC.gov", NAVIGATION),
        page("404 Not Found", "<center><h1>404 Not Found</h1></center><hr><center>nginx</center>"),
        page("403 Forbidden", "<h1>Forbidden</h1>"),
        page("Access Denied", "<h1>Access Denied</h1>You don't have permission to access this on this server."),
        page("503 Service Temporarily Unavailable", "<h1>503 Service Temporarily Unavailable</h1>"),
        page("HTTP Status 404 \u2013 Not Found", "<h1>HTTP Status 404</h1>"),
        page("Error 502 (Bad Gateway)!!1", "<p>502. That's an error."),
        page("ERROR: The requested URL could not be retrieved", "<h1>ERROR</h1><p>Squid</p>"),
        page("Attention Required! | Cloudflare", "<h1>Sorry, you have been blocked</h1>"),
        page("Just a moment...", "<noscript>Enable JavaScript and cookies to continue</noscript>"),
        page("Web Page Blocked", "<h1>Web Page Blocked</h1><p>Your organization's policy</p>"),
        page("", "<h1>Too Many Requests</h1>"),
        "403 Forbidden\n",
        "<html><body><h1>Service Unavailable</h1></body></html>",
        page("SEC.gov | Scheduled Maintenance", "<h1>Down for maintenance</h1>"),
        page("SEC.gov", "<p>SEC.gov is currently undergoing maintenance.</p>"),
        page("ERROR: The request could not be satisfied", "<h1>403 ERROR</h1><p>Request blocked.</p>"),
        "403 Client Error: Forbidden for url: https://www.sec.gov/Archives/a.htm\n",
        "The EDGAR system is currently unavailable. Please try again later.\n",
        '{"message": "Missing Authentication Token"}',
        '{"message":"Forbidden"}\n',
        '{"message": "Limit Exceeded"}',
        '{\n  "status": 404,\n  "error": "Not Found",\n  "path": "/Archives/a.htm"\n}',
        '{"error": {"code": 503, "message": "Service Unavailable"}}',
        '{"errors": ["Endpoint request timed out"]}',
        '"Too Many Requests"',
        '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code><Key>Archives/a.htm</Key></Error>',
    ],
    "needs no login": [
        page("Sign in", "<form><input name='user'><input type='password' name='p'></form>"),
        page("Research Terminal - Log In", "<p>Welcome back</p>"),
        page("Terminal", "<form><input type=password></form>"),
    ],
    "main document": [
        page(
            "",
            "<table class='report' border='0'><tr><th>Debt</th></tr></table>" + "<p>The rate is 5%.</p>" * 200,
            '<link rel="stylesheet" type="text/css" href="include/report.css"><script src="Show.js"></script>',
        )
    ],
}


@pytest.mark.parametrize(("advice", "markup"), [(advice, one) for advice, pages in REFUSALS.items() for one in pages])
def test_a_page_in_place_of_a_filing_fails_with_what_it_is_and_what_to_do(stored, advice, markup):
    with pytest.raises(NotTheFilingError, match="not the filing: ") as raised:
        stored.read(markup, name="filing.htm")

    assert raised.value.stage == "read"
    assert advice in str(raised.value)


LONG = "<p>The Company draws on its facility, which bears interest at SOFR plus 1.5%, from time to time.</p>" * 60
FILINGS = [
    page("10-K", "<p>Our systems were taken for an Undeclared Automated Tool; requests met 403 Forbidden.</p>" + LONG),
    page("Request Rate Threshold Exceeded, our risk factor", LONG).replace("Request Rate Threshold Exceeded, o", "O"),
    page("8-K", "<p>Access denied to the data room ended the merger. The Notes bear interest at 5%.</p>"),
    page(
        "Form 8-K",
        "<p>Item 8.01</p><p>The plant is under maintenance. Service unavailable to customers was restored.</p>",
    ),
    page("Error Correction Agreement", "<p>The rate is 5.25% per annum.</p>"),
    page("Login Networks Inc", "<p>The rate is 5.25% per annum.</p>"),
    page("Not Found Mining Corp 10-K", "<p>The rate is 5.25% per annum.</p>"),
    page("EX-10.1", "<p>Forbidden payments. The borrower shall not sign in blank. The rate is 5.25%.</p>"),
    page("Viewer", "<p>Enable JavaScript engines are our product.</p>" + LONG),
    page("Harbor Inc 10-K", "<p>Our site met Request Rate Threshold Exceeded. The rate is 5.25%.</p>"),
    '{"id": "1", "text": "The rate is 5.25%.", "message": "Forbidden"}',
    '{"text": "Not Found Mining pays 5.25%.", "title": "Not Found"}',
    "500 shares of common stock\n\nThe rate is 5.25%.\n",
    "404 Main Street\n\nThe rate is 5.25%.\n",
]


@pytest.mark.parametrize("markup", FILINGS)
def test_a_filing_that_mentions_such_words_is_read(stored, markup):
    assert isinstance(stored.read_one(markup, name="filing.htm"), Document)


def test_a_part_of_a_submission_is_no_page_of_a_server(stored):
    submission = "<DOCUMENT>\n<TYPE>EX-99\n<SEQUENCE>1\n<TEXT>\n403 Forbidden\n</TEXT>\n</DOCUMENT>\n"

    assert stored.read_one(submission).content.strip() == "403 Forbidden"


def test_edgar_s_list_of_a_folder_in_json_is_no_shard(stored):
    with pytest.raises(NotTheFilingError, match="list of a folder"):
        stored.read(
            '{"directory": {"item": [{"name": "a10k.htm"}], "name": "/Archives/edgar/data/1"}}', name="index.json"
        )


def test_the_header_of_a_submission_alone_is_no_filing(stored):
    header = (
        "<SEC-HEADER>0009990801-24-000001.hdr.sgml : 20240228\nACCESSION NUMBER:\t\t0009990801-24-000001\n"
        "CONFORMED SUBMISSION TYPE:\t10-K\n</SEC-HEADER>\n"
    )
    (failed,) = stored.read(header, name="0009990801-24-000001.hdr.sgml")

    assert "the header of a submission alone, not the filing: " in failed.error


def test_edgars_files_about_a_filing_are_left_out_and_reported(tmp_path):
    accession = "0009990801-24-000001"
    names = [f"{accession}.txt", "R1.htm", "R12.html.gz", f"{accession}-index.htm", f"{accession}-index-headers.html"]
    for name in [*names, "MetaLinks.json", "Financial_Report.xlsx", f"{accession}-xbrl.zip", "Report1.htm", "r2d2.htm"]:
        (tmp_path / name).touch()
    told = []
    found = [
        source.name for source in discover([str(tmp_path)], on_left_out=lambda path, why: told.append((path, why)))
    ]

    assert found == [f"{accession}.txt", "Report1.htm", "r2d2.htm"]
    assert len(told) == 7
    assert all("filing" in why for _, why in told)
    assert [source.name for source in discover([str(tmp_path / "R1.htm")])] == ["R1.htm"]


@pytest.mark.parametrize("other", ["R1.htm", "0009990801-24-000002.txt"])
def test_edgars_files_without_their_filing_are_not_left_out(tmp_path, other):
    for name in (other, "0009990801-24-000001-index.htm"):
        (tmp_path / name).touch()

    assert len(list(discover([str(tmp_path)]))) == 2


@pytest.mark.parametrize(
    "unit", ["<", "<!--", "<script>", "<head>", "<title>", "error ", "<input ", "sign in ", "403 ", "a "]
)
def test_looking_for_a_page_takes_a_bounded_time(unit):
    started = time.process_time()
    refuse_page(unit * (250_000 // len(unit)))
    refuse_page(page(unit * 100, unit * 20_000))
    assert time.process_time() - started < 1
