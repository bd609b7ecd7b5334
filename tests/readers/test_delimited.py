"""CSV and TSV shards: detected by their names, read strictly, one row at a time."""

import csv
import gzip
import io
import tracemalloc
from time import process_time

import pytest
import zstandard

from finner_batch.errors import DocumentError, NotTheFilingError
from finner_batch.readers import shards as delimited
from finner_batch.readers.document import Document, FailedDocument
from finner_batch.readers.read import ReadOptions, read_documents

TEXTS = ["plus 2.25%", "the \u20ac400 million facility", 'the "Facility",\r\nas amended\nby 3%', "no number"]


def written(rows, **dialect):
    file = io.StringIO(newline="")
    csv.writer(file, **dialect).writerows(rows)
    return file.getvalue()


ROWS = [["id", "text"], *([f"r{number}", text] for number, text in enumerate(TEXTS))]


def contents(documents):
    return [document.content for document in documents]


def failures(documents):
    return [
        (document.document_id, document.stage, document.error)
        for document in documents
        if isinstance(document, FailedDocument)
    ]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("rows.csv", written(ROWS).encode()),
        ("ROWS.CSV", written(ROWS, lineterminator="\n", quoting=csv.QUOTE_ALL).encode()),
        ("rows.tsv", written(ROWS, delimiter="\t").encode()),
        ("bom.csv", written(ROWS).encode("utf-8-sig")),
        ("excel.tsv", written(ROWS, delimiter="\t").encode("utf-16")),
        ("europe.csv", written(ROWS, delimiter=";").encode("utf-8-sig")),
        ("europe-all-quoted.csv", written(ROWS, delimiter=";", quoting=csv.QUOTE_ALL).encode()),
        ("tabs.csv", written(ROWS, delimiter="\t").encode()),
        ("excel.csv", b"sep=;\r\n" + written(ROWS, delimiter=";").encode()),
        ("spaces.csv", written(ROWS).replace("id,text", "id, text").encode()),
        ("rows.csv.gz", gzip.compress(written(ROWS).encode())),
        ("rows.tsv.zst", zstandard.compress(written(ROWS, delimiter="\t").encode())),
        ("blank-lines.csv", ("\r\n" + written(ROWS).replace("\r\nr", "\r\n\r\nr")).encode()),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_row_is_a_document_with_its_text_as_it_was_written(stored, name, data):
    documents = stored.read(data, name=name)

    assert contents(documents) == TEXTS
    assert [document.document_id for document in documents] == ["r0", "r1", "r2", "r3"]
    assert {(document.kind, document.markup) for document in documents} == {("csv", "prose")}


def test_columns_are_chosen_as_in_other_shards(stored):
    data = "key,section_1,section_7,cik,form\n1,Business,plus 2%,320193,10-K\n2,,plus 3%,x,\n"

    documents = stored.read(data, name="p.csv", text_columns=("section_*",), id_column="key")

    assert [document.document_id for document in documents] == ["1#section_1", "1#section_7", "2#section_7"]
    assert (documents[0].header.cik, documents[0].header.form_type) == ("0000320193", "10-K")


def test_a_cik_that_pandas_wrote_as_a_float_is_a_cik(stored):
    (document,) = stored.read("text,cik\nplus 2%,320193.0\n", name="p.csv")

    assert document.header.cik == "0000320193"


def test_many_columns_take_no_more_than_linear_time(stored):
    wide = ",".join(f"c{number}" for number in range(30_000))
    started = process_time()

    assert len(stored.read(f"{wide}\n{wide}\n", name="p.csv", text_columns=("c*",))) == 30_000
    assert process_time() - started < 10


def test_without_an_id_a_row_is_named_by_shard_and_number(stored):
    documents = stored.read("text\nplus 2%\n\nplus 3%\n", name="p.csv")

    assert [document.document_id for document in documents] == ["p.csv#0", "p.csv#1"]


@pytest.mark.parametrize("name", ["p.csv", "p.tsv"])
def test_a_wrong_column_is_named_with_the_columns_there_are(stored, name):
    data = "cik,body\n1,plus 2%\n".replace(",", "," if name == "p.csv" else "\t")

    with pytest.raises(DocumentError, match="no text column text; there is cik, body: choose with --text-column"):
        stored.read(data, name=name)
    with pytest.raises(DocumentError, match="no id column key; there is cik, body: choose with --id-column"):
        stored.read(data, name=name, text_columns=("body",), id_column="key")


def test_a_shard_without_a_header_names_its_first_cells_shortly(stored):
    with pytest.raises(DocumentError, match=r"there is 7, x{60}\u2026: choose") as raised:
        stored.read(f"7,{'x' * 5000}\n", name="p.csv")
    assert len(str(raised.value)) < 200


def test_a_row_of_too_many_or_few_cells_fails_alone_with_its_line(stored):
    data = 'id,text\na,"two\nlines"\nb,plus 2%, or 3%\nc\nd,plus 4%\n'

    documents = stored.read(data, name="p.csv")

    assert [document.document_id for document in documents] == ["a", "p.csv#1", "p.csv#2", "d"]
    assert "the row at line 4 has 3 cells, the header 2" in failures(documents)[0][2]
    assert "the row at line 5 has 1 cells, the header 2" in failures(documents)[1][2]
    assert len({document.sha256 for document in documents}) == 4


@pytest.mark.parametrize(
    ("rest", "line"),
    [
        (b'b,"said \\"yes\\", and"\nc,plus 4%\n', 3),
        (b'b,"never closed\nc,plus 4%\n', 3),
        (b"b,plus\r3%\nc,plus 4%\n", 3),
    ],
    ids=["quotes behind backslashes", "a quote that is not closed", "line ends of two kinds"],
)
def test_a_shard_fails_after_the_rows_before_one_whose_end_cannot_be_found(stored, rest, line):
    source = stored.source(b"id,text\na,plus 2%\n" + rest, name="p.csv")
    read = []

    with pytest.raises(DocumentError, match=f"the row at line {line} cannot be separated from the next"):
        read.extend(read_documents(source, ReadOptions()))
    assert [document.document_id for document in read] == ["a"]


def test_a_cell_in_windows_1252_fails_with_its_row_alone_and_says_how_to_save_the_file(stored):
    data = "id,text\na,plus 2%\nb,caf\xe9 \u2019 3%\nc,plus 4%\n".encode("cp1252")

    documents = stored.read(data, name="p.csv")

    assert [type(document) for document in documents] == [Document, FailedDocument, Document]
    ((document_id, stage, error),) = failures(documents)
    assert (document_id, stage) == ("b", "decode")
    assert "iconv -f windows-1252 -t utf-8" in error


def test_a_row_beyond_the_bound_of_a_document_fails_alone(stored):
    documents = stored.read(f"id,text\na,{'x' * 5000}\nb,y\n", name="p.csv", max_document_bytes=1000)

    assert [type(document) for document in documents] == [FailedDocument, Document]
    assert "--max-document-mb" in documents[0].error


def test_a_quote_that_is_never_closed_is_not_read_on_without_end(stored, monkeypatch):
    monkeypatch.setattr(delimited, "_MOST_ROW_CHARACTERS", 1 << 20)
    source = stored.source('text\nplus 2%\n"open\n' + "x,y\n" * (2 << 20), name="p.csv")
    read = []

    tracemalloc.start()
    with pytest.raises(DocumentError, match="more than 1 MiB: a quote before it is not closed"):
        read.extend(read_documents(source, ReadOptions()))
    assert tracemalloc.get_traced_memory()[1] < 20 << 20
    tracemalloc.stop()
    assert contents(read) == ["plus 2%"]


def test_memory_does_not_grow_with_the_shard(stored):
    row = b"x" * 200_000 + b"\n"
    source = stored.source(b"text\n" + row * 100, name="p.csv")

    tracemalloc.start()
    assert sum(1 for _ in read_documents(source, ReadOptions())) == 100
    assert tracemalloc.get_traced_memory()[1] < 8 << 20
    tracemalloc.stop()


def test_rows_that_are_done_are_not_yielded(stored):
    source = stored.source(written(ROWS), name="p.csv")
    done = {(document.document_id, document.sha256) for document in read_documents(source, ReadOptions())}
    done.discard(next(key for key in done if key[0] == "r2"))

    left = list(read_documents(source, ReadOptions(), skip=lambda *key: key in done))

    assert [document.document_id for document in left] == ["r2"]


def test_a_page_or_submission_named_csv_is_detected_by_its_content(stored):
    with pytest.raises(NotTheFilingError, match="error page"):
        stored.read("<html><head><title>404 Not Found</title></head></html>", name="index.csv")
    submission = "<SEC-DOCUMENT>a\n<DOCUMENT>\n<TYPE>10-K\n<SEQUENCE>1\n<TEXT>\nplus 2%\n</TEXT>\n</DOCUMENT>\n"
    assert stored.read_one(submission, name="x.csv").kind == "sgml-text"


def test_a_shard_of_whole_submissions_is_a_shard(stored):
    submission = "<SEC-DOCUMENT>0000320193-23-000106.txt : 20231103\n<DOCUMENT>\n<TYPE>10-K\n<TEXT>\nplus 2%\n</TEXT>\n"

    documents = stored.read(written([["text"], [submission], [submission]]), name="p.csv")

    assert contents(documents) == [submission, submission]


@pytest.mark.parametrize(("data", "error"), [("", "an empty file"), ("\n\n", "only white space")])
def test_an_empty_shard_is_an_error_and_one_without_rows_is_not(stored, data, error):
    with pytest.raises(DocumentError, match=error):
        stored.read(data, name="p.csv")
    assert stored.read("id,text\n", name="p.csv") == []
