"""Files made from public reports of problems with EDGAR's files: each is read as its report says is right."""

import pytest

from finner_batch.errors import NotTheFilingError
from finner_batch.readers.document import Document, Source
from finner_batch.readers.read import ReadOptions, read_documents

pytestmark = pytest.mark.corpus


def read(corpus, kind, name):
    source = Source(uri=str(corpus / "faults" / kind / name), name=name)
    documents = list(read_documents(source, ReadOptions()))
    assert all(isinstance(document, Document) for document in documents), documents
    return documents


@pytest.mark.parametrize(
    ("name", "company", "ends"),
    [
        ("chrome_pre.htm", "EXAMPLE CORP", "mature on June 1, 2031."),
        ("sub_bom8.txt", "EXAMPLE HOLDINGS INC", "</body></html>"),
        ("sub_leading_junk.txt", "EXAMPLE HOLDINGS INC", "</body></html>"),
    ],
)
def test_a_byte_order_mark_or_lines_before_a_submission(corpus, name, company, ends):
    (document,) = read(corpus, "byte-order-mark-before-submission", name)

    assert document.kind.startswith("sgml-")
    assert (document.header.company, document.header.cik) == (company, "0000999111")
    assert None not in (document.header.accession_number, document.header.form_type, document.header.filing_date)
    assert document.content.strip().endswith(ends)
    assert "Subsidiaries" not in document.content


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("s_pdf_first.txt", ["0009990001-24-000024/b.htm"]),
        ("s_two_10k.txt", ["0009990001-24-000025/p1.htm", "0009990001-24-000025/p2.htm"]),
        ("sub_mixed_case.txt", ["0009990001-24-000012/ex10k.htm"]),
    ],
)
def test_odd_shapes_of_submissions(corpus, name, ids):
    documents = read(corpus, "submission-odd-shapes", name)

    assert [document.document_id for document in documents] == ids
    assert {document.header.company for document in documents} == {"EXAMPLE HOLDINGS INC"}


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("m_amend_flag.htm", "10-K/A"),
        ("m_late_ns.htm", "10-K"),
        ("m_name_footnote.htm", "10-K"),
        ("m_single_quotes_mixed.htm", "10-K"),
    ],
)
def test_forms_of_attributes_on_the_cover(corpus, name, form):
    (document,) = read(corpus, "cover-facts-attribute-forms", name)

    assert document.kind == "ixbrl"
    assert document.header.company == "EXAMPLE HOLDINGS, INC."
    assert (document.header.cik, document.header.form_type) == ("0000999111", form)
    assert str(document.header.period_of_report) == "2023-12-31"


@pytest.mark.parametrize("name", ["sec_block.htm", "ix_viewer.htm", "0009990001-24-000012-index.htm"])
def test_a_page_that_refuses_is_no_filing(corpus, name):
    with pytest.raises(NotTheFilingError, match=r": \w+"):
        read(corpus, "sec-block-page-counts-as-filing", name)
