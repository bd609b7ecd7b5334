"""Submissions, pages and shards as other programs save them: detected and read like the originals."""

import codecs
import html
import json
import time

import pytest

from finner_batch.errors import DocumentError
from finner_batch.readers.format import sniff
from finner_batch.readers.wrappers import holds_submission, without_header_lines

ACCESSION = "0009990501-23-000004"
SUBMISSION = f"""<SEC-DOCUMENT>{ACCESSION}.txt : 20230310
<SEC-HEADER>{ACCESSION}.hdr.sgml : 20230310
ACCESSION NUMBER:\t\t{ACCESSION}
CONFORMED SUBMISSION TYPE:\t10-K
CONFORMED PERIOD OF REPORT:\t20221231
FILED AS OF DATE:\t\t20230310
FILER:
\tCOMPANY DATA:
\t\tCOMPANY CONFORMED NAME:\t\t\tMARBLE ORCHARD CORP
\t\tCENTRAL INDEX KEY:\t\t\t0000999501
</SEC-HEADER>
<DOCUMENT>
<TYPE>10-K
<SEQUENCE>1
<FILENAME>marble10k.htm
<TEXT>
<html><body><p>The Notes bear interest at 4.75% &amp; mature in 2031,
the Company\u2019s \u20ac5 million loan at 3%.</p></body></html>
</TEXT>
</DOCUMENT>
<DOCUMENT>
<TYPE>EX-21
<SEQUENCE>2
<FILENAME>ex21.htm
<TEXT>
<html><body><p>Subsidiaries</p></body></html>
</TEXT>
</DOCUMENT>
</SEC-DOCUMENT>
"""
OLD = (
    SUBMISSION.replace("<FILENAME>marble10k.htm\n", "").replace("<html><body><p>", "").replace("</p></body></html>", "")
)
MAIN = SUBMISSION[SUBMISSION.index("<html>") : SUBMISSION.index("\n</TEXT>")]
PEM = "-----BEGIN PRIVACY-ENHANCED MESSAGE-----\nProc-Type: 2001,MIC-CLEAR\nOriginator-Name: webmaster@www.sec.gov\n\n"


def page(source: str, before: str = "<html><head></head><body>", pre: str = "<pre>") -> str:
    return f"{before}{pre}{html.escape(source, quote=False)}</pre></body></html>"


def in_wide(codec: str, bom: bytes, text: str = SUBMISSION) -> bytes:
    return bom + text.encode(codec)


@pytest.mark.parametrize(
    "saved",
    [
        codecs.BOM_UTF8 + SUBMISSION.encode(),
        codecs.BOM_UTF8 * 2 + SUBMISSION.encode(),
        "\u00ef\u00bb\u00bf".encode() + SUBMISSION.encode(),
        in_wide("utf-16-le", codecs.BOM_UTF16_LE),
        in_wide("utf-16-be", codecs.BOM_UTF16_BE),
        in_wide("utf-32-le", codecs.BOM_UTF32_LE),
        in_wide("utf-32-be", codecs.BOM_UTF32_BE),
        in_wide("utf-16-le", b""),
        in_wide("utf-16-be", b""),
        in_wide("utf-32-le", b""),
        f"\r\n\r\n{SUBMISSION}".encode(),
        f"HTTP/1.1 200 OK\r\nServer: AkamaiGHost\r\nContent-Type: text/plain\r\n\r\n{SUBMISSION}".encode(),
        f"From: a reader\nSubject: the filing\nContent-Type: text/plain\n\n{SUBMISSION}".encode(),
        f"downloaded from EDGAR on 2024-01-02\n\n{PEM}{SUBMISSION}".encode(),
        f"===== {ACCESSION} =====\n{SUBMISSION[SUBMISSION.index('<SEC-HEADER>') :]}".encode(),
        f"# saved\n{SUBMISSION}".encode("utf-16"),
        page(SUBMISSION).encode(),
        page(SUBMISSION, '<html><head><meta name="color-scheme" content="light dark"></head><body>').encode(),
        page(
            PEM + SUBMISSION, "<!DOCTYPE html>\n<HTML><HEAD><TITLE>x</TITLE></HEAD>\n<BODY>\n", "<PRE style='a'>\n"
        ).encode(),
        page(SUBMISSION).replace("\n", "\r\n").encode(),
        codecs.BOM_UTF8 + page(SUBMISSION).encode(),
        page(SUBMISSION).encode("utf-16"),
        page(SUBMISSION).replace("&gt;", ">").encode(),
        page(SUBMISSION).replace("&lt;", "&#60;").replace("&gt;", "&#62;").encode(),
        page(SUBMISSION).removesuffix("</pre></body></html>").encode(),
    ],
)
def test_a_submission_is_known_whatever_it_was_saved_with(stored, saved):
    document = stored.read_one(saved)

    assert document.document_id == f"{ACCESSION}/marble10k.htm"
    assert document.kind == "sgml-html"
    assert document.content.strip() == MAIN
    assert document.header.company == "MARBLE ORCHARD CORP"
    assert (document.header.accession_number, document.header.cik) == (ACCESSION, "0000999501")
    assert str(document.header.filing_date) == "2023-03-10"


def test_a_text_filing_shown_by_a_browser_is_read_to_its_end_without_the_page(stored):
    shown = page(PEM + OLD[: OLD.index("\n</TEXT>")])

    document = stored.read_one(shown)

    assert document.kind == "sgml-text"
    assert document.content.strip().startswith("The Notes bear interest at 4.75% &amp; mature")
    assert document.content.strip().endswith("loan at 3%.")


def test_the_source_of_a_page_that_was_saved_as_text_is_read_as_the_page(stored):
    source = "<!DOCTYPE html>\n<html><body><p>The Notes bear interest at 4.75%.</p></body></html>"

    document = stored.read_one(page(source), name="view-source.htm")

    assert (document.kind, document.content) == ("html", source)


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be", "utf-32-be"])
@pytest.mark.parametrize(
    "text", ["<html><body><p>The rate was 4.75%.</p></body></html>", "ITEM 7.\n\nThe rate was 4.75%.\n"]
)
def test_pages_and_text_are_read_in_every_unicode_encoding(stored, codec, text):
    assert stored.read_one(text.encode(codec)).content.strip() == text.strip()


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("indent", [None, 2])
def test_json_is_read_in_every_unicode_encoding(stored, codec, indent):
    rows = [{"id": "one", "text": "The caf\u00e9\u2019s rate was 4.75%."}, {"id": "two", "text": "It was 5%."}]
    text = json.dumps(rows[0], indent=indent, ensure_ascii=False) + "\n"
    text += "" if indent else json.dumps(rows[1]) + "\n"

    documents = stored.read(text.encode(codec), name="shard.jsonl" if not indent else "row.json")

    assert [document.content for document in documents] == [row["text"] for row in rows[: 1 if indent else 2]]


def test_utf16_json_lines_are_read_over_the_bounds_of_chunks(stored):
    rows = [{"text": f"{number} \u2019" + "x" * 997} for number in range(3000)]

    documents = stored.read("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode("utf-16-le"))

    assert [document.content for document in documents] == [row["text"] for row in rows]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("HTTP/2 200\ncontent-type: text/html\n\n<html>", "<html>"),
        ("HTTP/1.0 200 OK\r\nServer: a\r\nX-Long: b\r\n\tc\r\n\r\n<html>".replace("\r\n", "\n"), "<html>"),
        ("MIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n\n<html>", "<html>"),
        ("Date: March 1, 1999\nTo: All holders\n\nThe rate is 5%.", None),
        ("Dear holder:\n\nThe rate is 5%.", None),
        ("Item: 7\nThe rate is 5%.", None),
    ],
)
def test_header_lines_are_no_text_but_a_letter_s_own_lines_are(text, kept):
    assert without_header_lines(text) == (kept or text)


@pytest.mark.parametrize(
    "head",
    [
        "<html><body><p>Each starts with <SEC-DOCUMENT> and a <DOCUMENT> <TYPE>10-K</p></body></html>",
        "EDGAR puts <SEC-DOCUMENT>0009990501-23-000004.txt before it, and <DOCUMENT> before each part.",
        "The tags are\n\n<DOCUMENT>\n\nand its end.",
        "<html><body><pre>&lt;DOCUMENT&gt; is a tag</pre></body></html>",
    ],
)
def test_what_only_mentions_the_tags_is_no_submission(head):
    assert not holds_submission(head.encode())
    assert sniff(head.encode(), "a.htm") == "document"


@pytest.mark.parametrize("data", [b"\0\0\0\0", b"a\0\1\0" * 100, bytes(range(256)) * 8, b"\0a" * 4 + b"\0\0\1\2" * 50])
def test_binary_data_is_not_taken_for_wide_text(data):
    with pytest.raises(DocumentError, match="binary data"):
        sniff(data, "a.htm")


@pytest.mark.parametrize(
    "unit", ["a: b\n", " a: b\n", "<pre>", "&lt;DOCUMENT&gt;", "<DOCUMENT>", "\n \t", "HTTP/1.1 200 OK\n", "a:\n "]
)
def test_looking_at_the_first_bytes_costs_a_bounded_time(unit):
    text = unit * (400_000 // len(unit))
    started = time.process_time()
    holds_submission(text.encode())
    without_header_lines(text)
    assert time.process_time() - started < 1
