import re
import time
from dataclasses import replace
from datetime import date
from time import process_time

import pytest

from finner_batch.readers.document import Document, FailedDocument, Siblings
from finner_batch.readers.submission import split_submission

ACCESSION = "0001193125-24-001234"
HEADER = f"""<SEC-DOCUMENT>{ACCESSION}.txt : 20240115
<SEC-HEADER>{ACCESSION}.hdr.sgml : 20240115
ACCESSION NUMBER:\t\t{ACCESSION}
CONFORMED SUBMISSION TYPE:\t10-K
PUBLIC DOCUMENT COUNT:\t\t5
CONFORMED PERIOD OF REPORT:\t20231231
FILED AS OF DATE:\t\t20240112

FILER:
\tCOMPANY DATA:\t
\t\tCOMPANY CONFORMED NAME:\t\t\tHARBOR INC
\t\tCENTRAL INDEX KEY:\t\t\t0000123456
</SEC-HEADER>
"""
UUENCODED = "begin 644 logo.jpg\nM" + "_" * 60 + "\n`\nend\n"


def part(kind: str, sequence: int, filename: str | None, text: str) -> str:
    named = f"<FILENAME>{filename}\n" if filename else ""
    return (
        f"<DOCUMENT>\n<TYPE>{kind}\n<SEQUENCE>{sequence}\n{named}<DESCRIPTION>{kind}\n"
        f"<TEXT>\n{text}\n</TEXT>\n</DOCUMENT>\n"
    )


SUBMISSION = (
    HEADER
    + part("EX-10.1", 1, "ex101.htm", "<html><body><p>Credit agreement</p></body></html>")
    + part("10-K", 2, "harbor10k.htm", "<html><body><p>Annual report</p></body></html>")
    + part("EX-21", 3, "ex21.txt", "Subsidiaries <TEXT> of the registrant")
    + part("GRAPHIC", 4, "logo.jpg", UUENCODED)
    + part("EX-99", 5, "ex99.pdf", f"<PDF>\n{UUENCODED}</PDF>")
    + part("EX-101.INS", 6, "harbor.xml", '<XBRL>\n<?xml version="1.0"?><xbrl/>\n</XBRL>')
    + part("XML", 7, "R2.xml", "<InstanceReport/>")
    + part("ZIP", 8, "x.zip", UUENCODED)
    + part("EXCEL", 9, "x.xlsx", UUENCODED)
    + part("JSON", 10, "MetaLinks.json", "{}")
)


def test_the_main_document_is_the_one_of_the_form_and_has_the_fields_of_the_header(stored):
    document = stored.read_one(SUBMISSION)

    assert document.document_id == f"{ACCESSION}/harbor10k.htm"
    assert document.kind == "sgml-html"
    assert document.markup == "html"
    assert document.content.strip() == "<html><body><p>Annual report</p></body></html>"
    assert document.header.accession_number == ACCESSION
    assert document.header.cik == "0000123456"
    assert document.header.company == "HARBOR INC"
    assert document.header.form_type == "10-K"
    assert document.header.period_of_report == date(2023, 12, 31)
    assert document.header.filing_date == date(2024, 1, 12)


def test_all_documents_are_the_textual_ones_and_share_the_header(stored):
    documents = stored.read(SUBMISSION, documents="all")

    assert [document.document_id for document in documents] == [
        f"{ACCESSION}/ex101.htm",
        f"{ACCESSION}/harbor10k.htm",
        f"{ACCESSION}/ex21.txt",
    ]
    assert [document.kind for document in documents] == ["sgml-html", "sgml-html", "sgml-text"]
    assert documents[2].content.strip() == "Subsidiaries <TEXT> of the registrant"
    assert [document.header.document_type for document in documents] == ["EX-10.1", "10-K", "EX-21"]
    assert len({replace(document.header, document_type=None) for document in documents}) == 1


@pytest.mark.parametrize(
    "wrapper", ["<IMS-DOCUMENT>x\n<IMS-HEADER>\n", "-----BEGIN PRIVACY-ENHANCED MESSAGE-----\nA: b\n\n"]
)
def test_old_wrappers_without_file_names_are_read(stored, wrapper):
    old = wrapper + HEADER + part("10-K", 1, None, "ANNUAL REPORT") + part("EX-13", 2, None, "TO SHAREHOLDERS")

    documents = stored.read(old, documents="all")

    assert [document.document_id for document in documents] == [
        f"{ACCESSION}/{ACCESSION}.txt",
        f"{ACCESSION}/{ACCESSION}.txt#2",
    ]
    assert stored.read(old) == [replace(documents[0], siblings=Siblings(unread=("EX-13",)))]
    assert documents[0].sec_url == f"https://www.sec.gov/Archives/edgar/data/123456/{ACCESSION}.txt"


def test_a_file_name_that_repeats_does_not_repeat_an_id(stored):
    repeated = HEADER + part("10-K", 1, "a.htm", "<p>One") + part("EX-1", 2, "a.htm", "<p>Two")

    assert [document.document_id for document in stored.read(repeated, documents="all")] == [
        f"{ACCESSION}/a.htm",
        f"{ACCESSION}/a.htm#2",
    ]


REPEATED = {
    "one name and one number": [(1, "a.htm"), (1, "a.htm"), (1, "a.htm"), (1, "a.htm")],
    "a name that another would get": [(1, "a.htm"), (2, "a.htm#2"), (2, "a.htm"), (2, "a.htm")],
    "no names and one number": [(1, None), (2, None), (2, None), (2, None)],
    "names that are too long": [(1, "a" * 100_000), (2, "a" * 100_000), (3, "a" * 100_001)],
    "a number that is too long": [("9" * 5000, "a.htm"), ("9" * 5000, "a.htm"), ("9" * 5000, "a.htm")],
}


@pytest.mark.parametrize("header", ["", HEADER], ids=["no header", "header"])
@pytest.mark.parametrize("parts", REPEATED.values(), ids=REPEATED)
def test_documents_of_a_submission_have_short_unique_ids_whichever_are_read(stored, header, parts):
    text = header + "".join(part("10-K", number, name, f"<p>Text {at}") for at, (number, name) in enumerate(parts))

    ids = [document.document_id for document in stored.read(text, documents="all")]

    assert len(set(ids)) == len(parts)
    assert max(map(len, ids)) < 300
    assert next(iter(stored.read(text))).document_id == ids[0]


def test_documents_of_one_name_are_numbered_in_their_order(stored):
    repeated = HEADER + "".join(part("10-K", 1, "a.htm", f"<p>{at}") for at in range(4))

    assert [document.document_id.partition("/")[2] for document in stored.read(repeated, documents="all")] == [
        "a.htm",
        "a.htm#1",
        "a.htm#1-2",
        "a.htm#1-3",
    ]


def test_many_documents_of_one_name_are_named_in_linear_time(stored):
    def seconds(count):
        text = HEADER + part("10-K", 1, "a.htm", "") * count
        started = process_time()
        assert len({document.document_id for document in stored.read(text, documents="all")}) == count
        return process_time() - started

    assert any(seconds(8000) < 8 * max(0.05, seconds(2000)) for _ in range(3))


def test_inline_xbrl_in_a_submission_is_detected_and_loses_its_wrapper(stored):
    page = '<?xml version="1.0"?><html xmlns:ix="http://www.xbrl.org/2013/inlineXBRL"><p>Text</p></html>'

    document = stored.read_one(HEADER + part("10-K", 1, "a.htm", f"<XBRL>\n{page}\n</XBRL>"))

    assert document.kind == "sgml-ixbrl"
    assert document.content.strip() == page


def test_crlf_and_a_missing_end_are_read(stored):
    cut = SUBMISSION[: SUBMISSION.index("Annual report") + len("Annual report")].replace("\n", "\r\n")

    assert stored.read_one(cut).content.strip() == "<html><body><p>Annual report"


CUT_OUT = "<TYPE>10-K\n<SEQUENCE>1\n<FILENAME>form10k.htm\n<TEXT>\n<html><p>Annual report</p></html>\n"


@pytest.mark.parametrize(
    "content",
    [
        f"<DOCUMENT>\n{CUT_OUT}</TEXT>\n</DOCUMENT>\n",
        CUT_OUT,
        f"<html><body><document>\n{CUT_OUT.lower()}</text></document></body></html>",
        CUT_OUT[CUT_OUT.index("<SEQUENCE>") :].lower(),
    ],
)
def test_a_document_cut_out_of_its_submission_is_read_without_its_tags(stored, content):
    document = stored.read_one(content)

    assert document.kind == "sgml-html"
    assert document.content.strip().lower() == "<html><p>annual report</p></html>"
    assert document.document_id == "filing.txt"
    if "type>" in content.lower():
        assert document.header.form_type.lower() == "10-k"


def test_a_cut_out_document_in_a_folder_of_its_accession_number_has_its_id(stored):
    document = stored.read_one(f"<DOCUMENT>\n{CUT_OUT}", name=f"{ACCESSION}/main.htm.gz")

    assert document.document_id == f"{ACCESSION}/form10k.htm"


def test_an_exhibit_alone_states_no_form(stored):
    document = stored.read_one("<DOCUMENT>\n<TYPE>EX-10.1\n<SEQUENCE>2\n<TEXT>\nCredit agreement\n</TEXT>")

    assert document.header.form_type is None


def test_several_documents_without_a_header_have_unique_ids(stored):
    bare = part("10-K", 1, "a.htm", "<p>One") + part("EX-1", 2, "b.htm", "<p>Two") + part("EX-2", 3, None, "Three")

    assert [document.document_id for document in stored.read(bare, documents="all")] == [
        "filing.txt",
        "filing.txt#b.htm",
        "filing.txt#3",
    ]


def test_a_document_of_a_submission_that_cannot_be_read_fails_alone(stored):
    documents = stored.read(
        HEADER + part("10-K", 1, "a.htm", "<p>One") + part("EX-1", 2, "b.htm", " ") + part("EX-2", 3, "c.htm", "<p>3"),
        documents="all",
    )

    assert [type(document) for document in documents] == [Document, FailedDocument, Document]
    failed = documents[1]
    assert failed.document_id == f"{ACCESSION}/b.htm"
    assert failed.header == replace(documents[0].header, document_type="EX-1")
    assert "empty" in failed.error
    assert (failed.stage, failed.sha256, failed.bytes) == ("read", documents[0].sha256, documents[0].bytes)


WITH_DEBT = (
    HEADER
    + part("10-K", 1, "main.htm", "<p>Main")
    + part("EX-4.1", 2, "indenture.htm", "<p>Indenture")
    + part("EX-10.(I)", 3, "loan.htm", "<p>Loan")
    + part("EX-101.INS", 4, "x.xml", "<XBRL>\n<xbrl/>\n</XBRL>")
    + part("EX-13", 5, "report.txt", "Annual report")
    + part("EX-31.1", 6, "sworn.htm", "<p>I certify")
    + part("EX-99", 7, "scan.pdf", UUENCODED)
)


@pytest.mark.parametrize(
    ("documents", "read", "unread"),
    [
        ("main", ["10-K"], ("EX-4.1", "EX-10.(I)", "EX-13", "EX-31.1")),
        ("debt", ["10-K", "EX-4.1", "EX-10.(I)", "EX-13"], ("EX-31.1",)),
        ("all", ["10-K", "EX-4.1", "EX-10.(I)", "EX-13", "EX-31.1"], ()),
    ],
)
def test_the_exhibits_on_debt_are_read_where_they_are_asked_for(stored, documents, read, unread):
    found = stored.read(WITH_DEBT, documents=documents)

    assert [document.header.document_type for document in found] == read
    assert {document.header.form_type for document in found} == {"10-K"}
    assert [document.siblings for document in found] == [Siblings(tuple(read[1:]), unread), *[None] * (len(read) - 1)]


def test_a_main_document_that_is_not_text_fails_and_the_exhibits_on_debt_are_read(stored):
    scanned = HEADER + part("10-K", 1, "main.pdf", UUENCODED) + part("EX-10.1", 2, "loan.htm", "<p>Loan")

    failed, loan = stored.read(scanned, documents="debt")

    assert (type(failed), failed.header.document_type) == (FailedDocument, "10-K")
    assert loan.header.document_type == "EX-10.1"


def test_the_address_at_edgar_is_that_of_the_documents_own_file(stored):
    folder = f"https://www.sec.gov/Archives/edgar/data/123456/{ACCESSION.replace('-', '')}"
    odd = HEADER + part("10-K", 1, "a b#1.htm", "<p>Main") + part("EX-4", 2, "e.htm", " ")

    assert [document.sec_url for document in stored.read(odd, documents="all")] == [
        f"{folder}/a%20b%231.htm",
        f"{folder}/e.htm",
    ]


def test_a_main_document_that_is_not_text_fails_with_its_type(stored):
    (failed,) = stored.read(
        HEADER.replace("10-K", "4") + part("4", 1, "form4.xml", "<XML>\n<?xml version='1.0'?><own/>")
    )

    assert isinstance(failed, FailedDocument)
    assert "XML data" in failed.error
    assert failed.header.form_type == "4"


STRIPPED = HEADER.replace("<SEC-DOCUMENT>", "").replace("<SEC-HEADER>", "").replace("</SEC-HEADER>\n", "") + (
    "10-K\n1\nd10k.htm\nFORM 10-K\nThe rate was\n\n2\n\n9\n\npercent.\n"
    "EX-4\n37\nIndenture\nEX-21\n\n2\n\ndex21.htm\nSUBSIDIARIES\n"
    "GRAPHIC\n3\nlogo.jpg\n" + UUENCODED
)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_submission_without_tags_is_split_by_their_remaining_values(stored, newline):
    documents = stored.read(STRIPPED.replace("\n", newline), documents="all")

    assert [document.document_id for document in documents] == [f"{ACCESSION}/d10k.htm", f"{ACCESSION}/dex21.htm"]
    assert documents[0].content.strip() == ("FORM 10-K\nThe rate was\n\n2\n\n9\n\npercent.\nEX-4\n37\nIndenture")
    assert documents[0].kind == "sgml-text"
    assert documents[0].header.company == "HARBOR INC"


def test_a_submission_without_a_recognisable_document_is_one_document_after_its_header(stored):
    document = stored.read_one(STRIPPED[: STRIPPED.index("10-K\n1\n")] + "Text of the filing\n")

    assert document.content.strip() == "Text of the filing"
    assert document.document_id == f"{ACCESSION}/{ACCESSION}.txt"


def spelled(text: str, *, upper: bool) -> str:
    """Tags as some writers spell them: `<Document>`, or in mixed case throughout."""
    return re.sub(
        r"^</?(DOCUMENT|TYPE|SEQUENCE|FILENAME|DESCRIPTION|TEXT)>",
        lambda tag: tag[0].title() if upper else tag[0].swapcase().replace("t", "T"),
        text,
        flags=re.MULTILINE,
    )


@pytest.mark.parametrize("upper", [True, False])
def test_tags_are_known_in_any_case(stored, upper):
    assert [
        (document.document_id, document.content.strip(), document.header)
        for document in stored.read(spelled(SUBMISSION, upper=upper), documents="all")
    ] == [
        (document.document_id, document.content.strip(), document.header)
        for document in stored.read(SUBMISSION, documents="all")
    ]


@pytest.mark.parametrize(
    "prose",
    [
        "EDGAR puts a <DOCUMENT> tag before, and a </DOCUMENT> tag behind each part.",
        "It writes <DOCUMENT> <TYPE>10-K in the file.",
        "See\n<DOCUMENT>\nand the text behind it.",
        "Its end is </TEXT> in the file; <TEXT> begins it.",
    ],
)
def test_tags_in_prose_cut_no_document(stored, prose):
    text = f"Annual report\n\n{prose}\n\nThe rate was 4.15%."
    documents = stored.read(HEADER + part("10-K", 1, "a.txt", text) + part("EX-21", 2, "b.txt", "Two"), documents="all")

    assert [document.content.strip() for document in documents] == [text, "Two"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("10-K", f"<PDF>\n{UUENCODED}</PDF>"), ("10-K", "<p>Annual report")),
        (("10-K", "%PDF-1.4\n1 0 obj"), ("10-K", "<p>Annual report")),
        (("10-K", "begin-base64 644 a.pdf\nJVBERi0xLjQK\n====\n"), ("10-K", "<p>Annual report")),
        (("10-K", "<p>Annual report"), ("10-K", f"<PDF>\n{UUENCODED}</PDF>")),
        (("10-K/A", f"<ZIP>\n{UUENCODED}</ZIP>"), ("10-K", "<p>Annual report")),
    ],
)
def test_of_a_pdf_and_a_page_of_one_type_the_page_is_read(stored, first, second):
    parts = "".join(part(kind, place, f"{place}.htm", text) for place, (kind, text) in enumerate((first, second), 1))

    assert stored.read_one(HEADER + parts).content.strip() == "<p>Annual report"


def test_all_parts_of_the_form_s_own_type_are_the_filing(stored):
    parts = part("10-K", 1, "one.htm", "<p>Part one") + part("EX-13", 2, "ex.htm", "<p>Exhibit")
    parts += part("10-K", 3, "two.htm", "<p>Part two") + part("10-K", 4, None, "<p>Part three")

    documents = stored.read(HEADER + parts)

    assert [document.document_id.partition("/")[2] for document in documents] == [
        "one.htm",
        "two.htm",
        f"{ACCESSION}.txt#4",
    ]
    assert {document.header.form_type for document in documents} == {"10-K"}


@pytest.mark.parametrize(
    "removed",
    [("</TEXT>\n",), ("</DOCUMENT>\n",), ("</TEXT>\n", "</DOCUMENT>\n"), ("<TEXT>\n", "</TEXT>\n"), ("<DESCRIPTION>",)],
)
def test_missing_tags_lose_no_text_and_leave_no_tags(stored, removed):
    two = part("10-K", 1, "a.txt", "Annual report") + part("EX-21", 2, "b.txt", "Subsidiaries")
    for tag in removed:
        two = re.sub(f"{tag}(10-K|EX-21)?", "", two) if tag == "<DESCRIPTION>" else two.replace(tag, "")

    documents = stored.read(f"{HEADER}{two}</SEC-DOCUMENT>\n-----END PRIVACY-ENHANCED MESSAGE-----\n", documents="all")

    assert [document.content.strip() for document in documents] == ["Annual report", "Subsidiaries"]


@pytest.mark.parametrize(
    "unit", ["<DOCUMENT>", "<DOCUMENT>\n<TYPE>10-K\n", "</DOCUMENT>", "</document>x", "\n " * 40 + "<", "</TEXT>"]
)
def test_splitting_takes_time_in_proportion_to_the_size(unit):
    def seconds(count: int) -> float:
        data = (HEADER + unit * count).encode()
        started = time.process_time()
        split_submission(data)
        return time.process_time() - started

    seconds(1000)
    assert seconds(400_000 // len(unit)) < 3
