import random

import pytest

from finner_batch.errors import DocumentError
from finner_batch.readers.format import document_format, sniff


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        ("<SEC-DOCUMENT>0000320193-96-000027.txt : 19961225\n", "submission"),
        ("\n\n<IMS-DOCUMENT>0000037996-94-000005.txt : 19940322\n", "submission"),
        ("-----BEGIN PRIVACY-ENHANCED MESSAGE-----\nProc-Type: 2001,MIC-CLEAR\n", "submission"),
        ("<SUBMISSION>\n<ACCESSION-NUMBER>0000950123-95-000001\n", "submission"),
        ("<SEC-HEADER>0000950123-95-000001.hdr.sgml : 19950101\n", "submission"),
        ("<DOCUMENT>\n<TYPE>10-K\n<SEQUENCE>1\n<TEXT>\n", "submission"),
        ("<html><body><document>\n<type>10-K\n<sequence>1\n", "submission"),
        ("<sequence>1\n<filename>fb-20201231.htm\n<description>10-K\n<text>\n<xbrl>\n", "submission"),
        ("<TYPE>EX-10.1\n<SEQUENCE>2\n", "submission"),
        ("0000912057-00-053623.txt : 20001215\n", "submission"),
        ('{"id": "a", "text": "plus 2.25%"}\n{"id": "b"}\n', "jsonl"),
        ('\ufeff{"text": "plus 2.25%"}\n', "jsonl"),
        ('{\n  "cik": "320193",\n  "item_7": "…"\n}\n', "json"),
        ("<html><body>See <DOCUMENT> and its <TYPE></body></html>", "document"),
        ("[X] ANNUAL REPORT PURSUANT TO SECTION 13", "document"),
        ("{A} note in braces", "document"),
        ("UNITED STATES SECURITIES AND EXCHANGE COMMISSION", "document"),
        ("\ufeff<html>", "document"),
    ],
)
def test_the_format_of_a_file_follows_from_its_content(head, kind):
    assert sniff(head.encode(), "filing.bin") == kind


def test_parquet_is_detected_by_its_magic_and_utf16_by_its_byte_order_mark():
    assert sniff(b"PAR1\x15\x04", "filing.txt") == "parquet"
    assert sniff("<html>".encode("utf-16"), "filing.htm") == "document"


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"", "an empty file"),
        (b" \r\n\t\n", "only white space"),
        (b"%PDF-1.7\n1 0 obj", "a PDF"),
        (b"PK\x03\x04\x14\x00", "a zip archive"),
        (b"\x89PNG\r\n\x1a\n", "a PNG image"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "an old Office file"),
        (b"ORC\x0a\x03\0\0\0\x12", "an ORC file"),
        (b"PARE\x15\0\0\x01\x02\x03", "a Parquet file with an encrypted footer"),
        (b"\x7fELF\x02\x01\x01\x00", "binary data"),
        (b"<html>\0\0\0\0", "binary data"),
        (random.Random(7).randbytes(300), "binary data"),
        (b'[{"text": "plus 2.25%"}]', "a JSON array"),
    ],
)
def test_what_holds_no_text_is_refused_by_saying_what_it_is_and_what_to_do(head, what):
    with pytest.raises(DocumentError, match=f"^{what}.*: ") as raised:
        sniff(head, "filing.htm")
    assert raised.value.stage == "read"


@pytest.mark.parametrize("text", ["ORCHARD SUPPLY HARDWARE STORES CORP\n", "PARENT COMPANY ONLY\n"])
def test_a_text_whose_first_letters_are_those_of_a_binary_format_is_text(text):
    assert sniff(text.encode(), "filing.txt") == "document"
    assert sniff(text.encode(), "rows.csv") == "csv"


def test_a_broken_first_line_does_not_turn_json_lines_into_text():
    assert sniff(b'{"id": 1, "te\n{"id": 2}\n', "shard.jsonl") == "jsonl"
    assert sniff(b'"id": 1, "te\n{"id": 2}\n', "shard.jsonl") == "jsonl"


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ('<?xml version="1.0"?><html xmlns:ix="http://www.xbrl.org/2013/inlineXBRL">', "ixbrl"),
        ("<!DOCTYPE html><html><body><p>Text</p>", "html"),
        ("<DIV>Text</DIV>", "html"),
        ("<HTML><BODY><P>Text</P><PRE>table</PRE>", "html"),
        ("<html><body><pre>\n<PAGE>\n  CREDIT AGREEMENT\n", "preformatted"),
        ("<HTML><TITLE>10-K</TITLE><BODY><PRE>\n<b>Item 1.</b>\n</PRE><hr><PRE>", "preformatted"),
        ("<PAGE>  1\n   FORM 10-K\n<TABLE>\n<CAPTION>\n<S>  <C>\n</TABLE>", "text"),
        ("<PAGE>  1\n   FORM 10-K\n<P>\n<TABLE>\n<CAPTION>\n<S>  <C>\n</TABLE>", "preformatted"),
        ("<HTML>\n<PAGE>\n<P>Text", "html"),
        ('<?xml version="1.0"?><h:html xmlns:h="http://www.w3.org/1999/xhtml">', "html"),
        ("if x < 5 and y > 3 the rate is 2%", "text"),
        ('<?xml version="1.0"?><!-- a --><html><head><title>x', "html"),
        (f"<!-- {'a ' * 40_000} --><html><body><p>Text</p>", "html"),
        (f'<?xml version="1.0"?>\n<!--{"a" * 70_000}--><html xmlns:ix="http://www.xbrl.org/2013/inlineXBRL">', "ixbrl"),
        (f"<!-- {'a ' * 40_000}", "text"),
    ],
)
def test_the_format_of_a_document_follows_from_its_markup(text, body):
    assert document_format(text) == body


@pytest.mark.parametrize(
    "text",
    [
        '<?xml version="1.0"?>\n<!-- c -->\n<xbrli:xbrl xmlns:xbrli="http://www.xbrl.org/2003/instance">',
        '<?xml version="1.0"?><ownershipDocument><schemaVersion>X0306',
    ],
)
def test_xml_data_is_no_document(text):
    with pytest.raises(DocumentError, match="XML data"):
        document_format(text)


def test_a_prolog_of_many_comments_without_an_element_is_read_in_linear_time():
    assert document_format('<?xml version="1.0"?>' + "<!-- c -->" * 5000 + "text") == "text"
