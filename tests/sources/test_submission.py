from datetime import date

import pytest

from finner_batch.sources.document import Document, FailedDocument

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
    assert len({document.header for document in documents}) == 1


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
    assert stored.read(old) == documents[:1]


def test_a_file_name_that_repeats_does_not_repeat_an_id(stored):
    repeated = HEADER + part("10-K", 1, "a.htm", "<p>One") + part("EX-1", 2, "a.htm", "<p>Two")

    assert [document.document_id for document in stored.read(repeated, documents="all")] == [
        f"{ACCESSION}/a.htm",
        f"{ACCESSION}/a.htm#2",
    ]


def test_inline_xbrl_in_a_submission_is_told_and_loses_its_wrapper(stored):
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


def test_several_documents_without_a_header_have_ids_of_their_own(stored):
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
    assert failed.header == documents[0].header
    assert "empty" in failed.error
    assert (failed.stage, failed.sha256, failed.bytes) == ("read", documents[0].sha256, documents[0].bytes)


def test_a_main_document_that_is_no_text_fails_with_its_type(stored):
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
def test_a_submission_whose_tags_were_removed_is_split_by_what_is_left_of_them(stored, newline):
    documents = stored.read(STRIPPED.replace("\n", newline), documents="all")

    assert [document.document_id for document in documents] == [f"{ACCESSION}/d10k.htm", f"{ACCESSION}/dex21.htm"]
    assert documents[0].content.strip() == ("FORM 10-K\nThe rate was\n\n2\n\n9\n\npercent.\nEX-4\n37\nIndenture")
    assert documents[0].kind == "sgml-text"
    assert documents[0].header.company == "HARBOR INC"


def test_a_submission_without_any_recognisable_document_is_read_whole_behind_its_header(stored):
    document = stored.read_one(STRIPPED[: STRIPPED.index("10-K\n1\n")] + "Text of the filing\n")

    assert document.content.strip() == "Text of the filing"
    assert document.document_id == f"{ACCESSION}/{ACCESSION}.txt"
