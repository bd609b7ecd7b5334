"""Exhibits of a submission through the whole job: read if requested, else reported."""

import pytest
from engine_helpers import ask, finner, run_job

FOLDER = "https://www.sec.gov/Archives/edgar/data/999411/000099941124000026"
PARTS = {
    "10-K": "<p>Item 8. Financial Statements</p><p>The information is incorporated by reference to Exhibit 13.</p>",
    "EX-13": "<p>Note 7 - Debt</p><p>The Senior Notes bear interest at a stated rate of 6.25% per annum.</p>",
    "EX-10.1": "<p>The revolving credit facility provides for borrowings of up to $250.0 million.</p>",
    "EX-31.1": "<p>I certify that the term loan bears interest at a fixed rate of 9.9%.</p>",
}


@pytest.fixture
def filings(tmp_path):
    folder = tmp_path / "filings"
    folder.mkdir()
    documents = "".join(
        f"<DOCUMENT>\n<TYPE>{kind}\n<SEQUENCE>{number}\n<FILENAME>p{number}.htm\n<TEXT>\n<html><body>{text}</body></html>\n"
        "</TEXT>\n</DOCUMENT>\n"
        for number, (kind, text) in enumerate(PARTS.items(), start=1)
    )
    (folder / "0009994111-24-000026.txt").write_text(
        "<SEC-DOCUMENT>0000999411-24-000026.txt : 20240228\n<SEC-HEADER>\nACCESSION NUMBER:\t\t0000999411-24-000026\n"
        "CONFORMED SUBMISSION TYPE:\t10-K\nFILER:\n\t\tCOMPANY CONFORMED NAME:\tWICKER HOLDINGS INC\n"
        f"\t\tCENTRAL INDEX KEY:\t0000999411\n</SEC-HEADER>\n{documents}</SEC-DOCUMENT>\n"
    )
    (folder / "loan.htm").write_text("<p>Exhibit 10.2</p><p>The term loan bears interest at SOFR plus 2.75%.</p>")
    return folder


@pytest.mark.slow
def test_the_run_says_in_which_unread_exhibits_debt_stands_and_reads_them_when_asked(filings, tmp_path):
    results = tmp_path / "results"
    done = finner("run", "--input", filings, "--output", results, "--workers", 1)

    assert "1 whose statements or debt stand in exhibits that were not read (EX-13): " in done.stdout
    assert "--documents debt" in done.stdout
    assert "exhibits-unread" in done.stderr
    assert ask(results, "SELECT document_id, unread_exhibits FROM documents WHERE unread_exhibits IS NOT NULL") == [
        {"document_id": "0000999411-24-000026/p1.htm", "unread_exhibits": ["EX-13"]}
    ]

    report = run_job(filings, results, "--documents", "debt")

    assert report["unread_exhibits"] == {"documents": 0, "types": {}}
    rows = ask(results, "SELECT document_type, form_type, text, sec_url FROM entities ORDER BY ALL")
    assert [tuple(row.values()) for row in rows] == [
        ("EX-10.1", "10-K", "250.0", f"{FOLDER}/p3.htm#:~:text=for%20borrowings%20of%20up%20to%20%24250.0%20million."),
        ("EX-10.2", None, "2.75", None),
        ("EX-13", "10-K", "6.25", f"{FOLDER}/p2.htm#:~:text=at%20a%20stated%20rate%20of%206.25%25%20per%20annum."),
    ]
    assert ask(results, "SELECT document_type, sec_url FROM documents ORDER BY ALL NULLS LAST") == [
        {"document_type": "10-K", "sec_url": f"{FOLDER}/p1.htm"},
        {"document_type": "EX-10.1", "sec_url": f"{FOLDER}/p3.htm"},
        {"document_type": "EX-10.2", "sec_url": None},
        {"document_type": "EX-13", "sec_url": f"{FOLDER}/p2.htm"},
    ]


@pytest.mark.corpus
def test_a_report_whose_statements_are_an_exhibit_is_told_of(corpus, tmp_path):
    fault = corpus / "faults" / "incorporated-by-reference-silent"
    if not fault.is_dir():
        pytest.skip(f"{fault} is not at hand")
    report = run_job(fault / "s_ex13.txt", tmp_path / "results")
    assert (report["entities"], report["unread_exhibits"]) == (0, {"documents": 1, "types": {"EX-13": 1}})

    report = run_job(fault / "s_ex13.txt", tmp_path / "results", "--documents", "debt")
    assert (report["entities"], report["unread_exhibits"]["documents"]) == (3, 0)
