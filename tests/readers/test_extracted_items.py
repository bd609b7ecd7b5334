"""Filings whose items edgar-crawler extracted: each is one document, the same as the filing that it was made of."""

import json
from datetime import date

import pytest

from finner_batch.errors import DocumentError
from finner_batch.readers.document import FailedDocument
from finner_batch.text.extract import extract

APPLE = "0000320193-21-000105"
ABOUT = {
    "cik": "320193",
    "company": "Apple Inc.",
    "filing_type": "10-K",
    "filing_date": "2021-10-29",
    "period_of_report": "2021-09-25",
    "sic": None,
    "complete_text_filing_link": f"https://www.sec.gov/Archives/edgar/data/320193/{APPLE}.txt",
    "filename": f"320193_10K_2021_{APPLE}.htm",
}
ITEM_1 = "Item 1. Business\nCompany Background\nWe sell 5 things."
ITEM_7 = "Item 7. Management's Discussion and Analysis\nThe notes bear interest at 2.25% per annum."


def extracted(**items):
    return json.dumps(ABOUT | items, indent=4)


def test_the_items_of_a_filing_are_one_document_with_its_header_and_sections(stored):
    data = extracted(item_1=ITEM_1, item_1A="", item_7=ITEM_7, SIGNATURE="SIGNATURES\nBy: X")
    document = stored.read_one(data, name=f"10-K/320193_10K_2021_{APPLE}.json")

    assert document.content == f"{ITEM_1}\n\n{ITEM_7}\n\nSIGNATURES\nBy: X"
    header = document.header
    assert (header.accession_number, header.cik, header.company) == (APPLE, "0000320193", "Apple Inc.")
    assert (header.form_type, header.filing_date) == ("10-K", date(2021, 10, 29))
    assert header.period_of_report == date(2021, 9, 25)
    assert {block.section for block in extract(document.content, document.markup).blocks} >= {
        "Part I, Item 1",
        "Part II, Item 7",
    }


def test_it_has_the_id_of_the_filing_it_was_made_of(stored):
    raw = stored.read_one("<html><p>plus 2%</p></html>", name=f"RAW_FILINGS/10-K/320193_10K_2021_{APPLE}.htm")
    document = stored.read_one(extracted(item_1=ITEM_1), name="x.json")

    assert document.document_id == raw.document_id == f"{APPLE}/320193_10K_2021_{APPLE}.htm"
    assert raw.header.form_type == "10-K"


@pytest.mark.parametrize(
    ("items", "content"),
    [
        ({"part_1": "I all", "part_1_item_1": "I 1", "part_2": "", "part_2_item_6": "II 6"}, "I all\n\nII 6"),
        ({"item_2.02": "2.02", "item_9.01": "9.01"}, "2.02\n\n9.01"),
    ],
    ids=["10-Q", "8-K"],
)
def test_each_text_of_a_filing_is_read_once(stored, items, content):
    assert stored.read_one(extracted(**items), name="x.json").content == content


def test_lines_of_such_objects_are_filings_too(stored):
    lines = [json.dumps(ABOUT | {"filename": f"7_10K_2021_{APPLE[:-1]}{n}.htm", "item_1": f"plus {n}%"}) for n in "12"]
    documents = stored.read("\n".join(lines), name="x.jsonl")

    assert [document.content for document in documents] == ["plus 1%", "plus 2%"]
    assert [document.header.accession_number[-1] for document in documents] == ["1", "2"]


def test_a_column_that_is_asked_for_is_read_as_in_any_shard(stored):
    documents = stored.read(extracted(item_1=ITEM_1, item_7=ITEM_7), name="x.json", text_columns=("item_*",))

    assert [document.document_id for document in documents] == ["x.json#0#item_1", "x.json#0#item_7"]
    assert {document.header.accession_number for document in documents} == {APPLE}


def test_an_object_of_another_kind_is_no_such_filing(stored):
    with pytest.raises(DocumentError, match="there is cik, item_1: choose with --text-column"):
        stored.read(json.dumps({"cik": "1", "item_1": "x"}, indent=1), name="x.json")
    with pytest.raises(DocumentError, match="no text column text"):
        stored.read(extracted(item_1=["a"]), name="x.json")
    (failed,) = stored.read(extracted(item_1="", item_7=""), name="x.json")
    assert isinstance(failed, FailedDocument)
