import gzip
import hashlib
import os
from pathlib import Path

import fsspec
import pytest
import zstandard

from finner_batch.errors import DocumentError
from finner_batch.readers.document import Document, FailedDocument, Header, Source
from finner_batch.readers.read import ReadOptions, failed_file, read_documents
from finner_batch.readers.stored import fingerprint

PAGE = "<html><body><p>plus 2.25%</p></body></html>"


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress])
def test_a_file_is_read_as_it_is_compressed_or_not_whatever_its_name(stored, pack):
    document = stored.read_one(pack(PAGE.encode()), name="a/filing.htm.gz")

    assert document.content == PAGE
    assert (document.kind, document.markup) == ("html", "html")
    assert document.document_id == "a/filing.htm.gz"
    assert document.header == Header()


def test_the_hash_is_of_the_bytes_as_stored(stored):
    data = gzip.compress(PAGE.encode())
    source = stored.source(data)

    document = stored.read_one(data)

    assert document.sha256 == hashlib.sha256(data).hexdigest()
    assert (document.sha256, document.bytes) == fingerprint(source)


def test_a_filing_with_a_known_accession_number_is_named_by_it(stored):
    document = stored.read_one(PAGE, name="x/000032019323000106/aapl-20230930.htm")

    assert document.document_id == "0000320193-23-000106/aapl-20230930.htm"


def test_a_text_filing_inside_pre_becomes_plain_text(stored):
    document = stored.read_one(
        "<html><head><title>10-K</title></head><body><pre>\n<PAGE>  2\n  <b>Debt</b> of AT&amp;T &lt;a&gt;\n"
        "<TABLE>\n<CAPTION>\n<S> <C>\n</TABLE>\n</pre><hr></body></html>"
    )

    assert (document.kind, document.markup) == ("text", "text")
    assert document.content.strip() == "<PAGE>  2\n  Debt of AT&T <a>\n<TABLE>\n<CAPTION>\n<S> <C>\n</TABLE>"


def test_an_fsspec_url_is_read_like_a_file():
    fsspec.filesystem("memory").pipe("/read/a.htm.gz", gzip.compress(PAGE.encode()))
    source = Source(uri="memory://read/a.htm.gz", name="a.htm.gz")

    (document,) = read_documents(source, ReadOptions())

    assert document.content == PAGE
    assert document.source == source.uri
    assert fingerprint(source) == (document.sha256, document.bytes)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (gzip.compress(b"", mtime=0), "empty"),
        (gzip.compress(b"\n\n", mtime=0), "white space"),
        (b" " * 100_000, "empty"),
        (gzip.compress(PAGE.encode(), mtime=0)[:-9], "ends early"),
        (gzip.compress(PAGE.encode(), mtime=0)[:12], "ends early"),
        (b"\x1f\x8b" + b"no gzip" * 9, "damaged"),
        (gzip.compress(b"%PDF-1.4", mtime=0), "PDF"),
        (b"\x89PNG\r\n\x1a\n" + bytes(90), "PNG"),
        (b"<html>" + bytes(200), "binary"),
        (b'<?xml version="1.0"?><feed><entry/></feed>', "XML data"),
    ],
)
def test_what_cannot_be_read_is_one_error_that_says_why_and_what_to_do(stored, data, message):
    with pytest.raises(DocumentError, match=message) as raised:
        stored.read(data)
    assert raised.value.stage == "read"
    assert ": " in str(raised.value)


def test_a_large_truncated_gzip_file_is_no_shorter_document(stored):
    data = gzip.compress(b"<html><p>" + os.urandom(200_000).hex().encode())

    with pytest.raises(DocumentError, match="ends early"):
        stored.read(data[: len(data) // 2])


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_document_beyond_its_bound_is_refused_by_name_of_the_option(stored, pack):
    with pytest.raises(DocumentError, match="--max-document-mb"):
        stored.read(pack(b"<p>" + b"x" * (2 << 20)), max_document_bytes=1 << 20)


def test_a_file_that_vanished_a_folder_and_a_file_without_permission_say_so(stored, monkeypatch):
    with pytest.raises(DocumentError, match="no longer there"):
        fingerprint(Source(uri=str(stored.folder / "gone.htm"), name="gone.htm"))
    with pytest.raises(DocumentError, match="cannot be listed"):
        list(read_documents(Source(uri=str(stored.folder), name="folder"), ReadOptions()))
    source = stored.source(PAGE)

    def refuse(*_args, **_kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(DocumentError, match="not readable by this user"):
        fingerprint(source)


def test_a_url_whose_driver_fails_is_a_document_error():
    with pytest.raises(DocumentError, match="no longer there"):
        fingerprint(Source(uri="memory://read/none.htm", name="none.htm"))
    with pytest.raises(DocumentError, match="ValueError"):
        fingerprint(Source(uri="nosuchscheme://x", name="x"))


def test_a_failed_source_is_described_by_what_its_path_states():
    source = Source(uri="/d/0000320193-23-000106/a.htm.gz", name="a.htm.gz")

    failed = failed_file(source, sha256="", bytes=0, stage="read", error_type="DocumentError", error="empty")

    assert failed.document_id == "0000320193-23-000106/a.htm"
    assert failed.header == Header(accession_number="0000320193-23-000106")
    assert failed.kind is None


def test_a_failed_document_keeps_what_was_known_of_it(stored):
    document = stored.read_one(PAGE)

    failed = FailedDocument.of_document(document, stage="extract", error_type="MemoryError", error="too deep")

    assert (failed.document_id, failed.kind, failed.sha256) == (document.document_id, document.kind, document.sha256)


def test_reading_is_lazy(tmp_path: Path):
    read_documents(Source(uri=str(tmp_path / "none"), name="none"), ReadOptions())


def test_the_same_file_gives_the_same_documents(stored):
    assert stored.read(PAGE) == stored.read(PAGE)
    assert isinstance(stored.read(PAGE)[0], Document)
