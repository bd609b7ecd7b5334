import gzip
import hashlib
import io
import json
from datetime import UTC, date, datetime
from time import process_time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from shard_files import json_lines, json_table, parquet

from finner_batch.errors import DocumentError
from finner_batch.readers.document import Document, FailedDocument, Header
from finner_batch.readers.read import ReadOptions, read_documents
from finner_batch.readers.shard_columns import ColumnChoice, choose_columns

TEXTS = ["plus 2.25%", "the \u20ac400 million facility", "no number"]


TWICE = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"]), pa.array(["c"])], ["text", "text", "other"])


@pytest.mark.parametrize(("name", "data"), [("p", parquet(TWICE)), ("p.csv", b"text,text,other\na,b,c\n")])
def test_two_wanted_columns_of_one_name_fail_the_shard_and_others_do_not(stored, name, data):
    with pytest.raises(DocumentError, match="several columns are named text"):
        stored.read(data, name=name)
    assert ids(stored.read(data, name=name, text_columns=("other",))) == [f"{name}#0"]


def ids(documents: list[Document | FailedDocument]) -> list[str]:
    return [document.document_id for document in documents]


def test_each_row_is_a_document_with_its_own_id_hash_and_size(stored, shard):
    documents = stored.read(shard({"id": ["a", "b", "c"], "text": TEXTS, "other": [1, 2, 3]}))

    assert ids(documents) == ["a", "b", "c"]
    assert [document.content for document in documents] == TEXTS
    assert [document.sha256 for document in documents] == [hashlib.sha256(t.encode()).hexdigest() for t in TEXTS]
    assert [document.bytes for document in documents] == [len(text.encode()) for text in TEXTS]
    assert {(document.kind, document.markup) for document in documents} <= {("parquet", "prose"), ("jsonl", "prose")}


def test_without_an_id_a_row_is_named_by_shard_and_number(stored, shard):
    assert ids(stored.read(shard({"text": TEXTS}), name="a/part-0")) == ["a/part-0#0", "a/part-0#1", "a/part-0#2"]
    assert ids(stored.read(shard({"text": TEXTS, "id": ["x", None, ""]}), name="p")) == ["x", "p#1", "p#2"]


def test_the_id_column_may_be_chosen_and_hold_whole_numbers(stored, shard):
    assert ids(stored.read(shard({"text": TEXTS, "n": [7, 8, 9]}), id_column="n")) == ["7", "8", "9"]


def test_line_ends_and_spaces_of_a_row_are_kept_because_its_offsets_count(stored, shard):
    (document,) = stored.read(shard({"text": [" a\r\nb\n"]}))

    assert document.content == " a\r\nb\n"


SECTIONS = {"id": ["a", "b"], "section_1": ["Business", None], "section_7": ["", "Discussion"], "year": [1, 2]}


@pytest.mark.parametrize("columns", [("section_1", "section_7"), ("section_*",)])
def test_each_of_several_columns_that_holds_text_is_a_document(stored, shard, columns):
    documents = stored.read(shard(SECTIONS), text_columns=columns)

    assert ids(documents) == ["a#section_1", "b#section_7"]
    assert [document.content for document in documents] == ["Business", "Discussion"]


def test_a_row_without_any_text_fails_alone(stored, shard):
    documents = stored.read(shard({"id": ["a", "b", "c"], "text": ["x 1", None, " \n"]}))

    assert [type(document) for document in documents] == [Document, FailedDocument, FailedDocument]
    assert ids(documents) == ["a", "b", "c"]
    assert "no text in text" in documents[1].error


def test_a_missing_text_column_is_one_error_that_names_those_that_exist(stored, shard):
    data = shard({"id": ["a"], "body": ["x"]})

    for options in ({}, {"text_columns": ("section_*",)}):
        with pytest.raises(DocumentError, match=r"there is id, body: choose with --text-column"):
            stored.read(data, **options)
    with pytest.raises(DocumentError, match="no id column key"):
        stored.read(data, text_columns=("body",), id_column="key")


def test_a_column_that_holds_no_text_is_refused(stored):
    with pytest.raises(DocumentError, match="column text holds int64, not text"):
        stored.read(parquet({"text": [1, 2]}))
    (failed,) = stored.read(json_lines({"text": 5}))
    assert "holds int, not text" in failed.error


def test_header_fields_come_from_columns_of_their_name_or_an_obvious_synonym(stored, shard):
    documents = stored.read(
        shard(
            {
                "text": TEXTS[:2],
                "Accession_Number": ["0000320193-23-000106", "x"],
                "CIK": [320193, 0],
                "companyName": ["Apple  Inc.", ""],
                "filing_type": ["10-K", None],
                "reportDate": ["2023-09-30", "soon"],
                "date_filed": ["20231103", None],
                "filename": ["320193_2023.htm", ""],
                "year": ["2023", ""],
            }
        )
    )

    header = documents[0].header
    assert header.accession_number == "0000320193-23-000106"
    assert (header.cik, header.company, header.form_type) == ("0000320193", "Apple Inc.", "10-K")
    assert (header.period_of_report, header.filing_date) == (date(2023, 9, 30), date(2023, 11, 3))
    assert documents[1].header == Header()


def test_parquet_dates_timestamps_and_floats_of_pandas_are_read(stored):
    (document,) = stored.read(
        parquet(
            {
                "text": ["x"],
                "cik": [320193.0],
                "period_of_report": [date(2023, 9, 30)],
                "filing_date": [datetime(2023, 11, 3, 18, 8, tzinfo=UTC)],
            }
        )
    )

    assert document.header.cik == "0000320193"
    assert (document.header.period_of_report, document.header.filing_date) == (date(2023, 9, 30), date(2023, 11, 3))


BAD = {
    "a nanosecond": pa.array([0, 1_700_000_000_000_000_001, 0], pa.timestamp("ns")),
    "a year beyond 9999": pa.array([0, 2**42, 0], pa.timestamp("s")),
    "a year before the first": pa.array([0, -(2**42), 0], pa.timestamp("s")),
    "a day beyond the calendar": pa.array([0, 2**30, 0], pa.int32()).cast(pa.date32()),
    "a day beyond it in milliseconds": pa.array([0, 2**59 // 86_400_000 * 86_400_000, 0]).cast(pa.date64()),
    "a dictionary of such dates": pa.DictionaryArray.from_arrays(
        pa.array([0, 1, 0]), pa.array([0, 2**42], pa.timestamp("s"))
    ),
}
NO_DATES = {
    "an unknown time zone": pa.array([0, 1, 2], pa.timestamp("s", tz="Mars/Olympus")),
    "durations": pa.array([0, 2**62, 0], pa.duration("s")),
    "times": pa.array([0, 1, 2], pa.time64("ns")),
    "lists of dates": pa.array([[0], [2**42], []], pa.list_(pa.timestamp("s"))),
    "structs that are no text": pa.StructArray.from_arrays([pa.array([b"a", b"\xff", b""]).view(pa.string())], ["a"]),
    "decimals": pa.array([0, 10**60, 1], pa.decimal256(70)),
    "text that is no UTF-8": pa.array([b"soon", b"\xff\xfe", b""]).view(pa.string()),
    "binary": pa.array([b"\xff", b"", None], pa.binary()),
    "nothing": pa.nulls(3),
}


@pytest.mark.parametrize("column", ["filing_date", "period_of_report"])
@pytest.mark.parametrize("dates", BAD.values(), ids=BAD)
def test_an_invalid_date_is_null_and_affects_no_other_row_or_date(stored, column, dates):
    documents = stored.read(parquet({"id": list("abc"), "text": TEXTS, column: dates}))

    assert [document.content for document in documents] == TEXTS
    assert [getattr(document.header, column) for document in documents] == [date(1970, 1, 1), None, date(1970, 1, 1)]


@pytest.mark.parametrize("column", ["filing_date", "company", "cik", "form_type", "accession_number"])
@pytest.mark.parametrize("values", (BAD | NO_DATES).values(), ids=BAD | NO_DATES)
def test_no_value_of_a_header_column_fails_a_row(stored, column, values):
    documents = stored.read(parquet({"id": list("abc"), "text": TEXTS, column: values}))

    assert [document.content for document in documents] == TEXTS


@pytest.mark.parametrize("values", (BAD | NO_DATES).values(), ids=BAD | NO_DATES)
def test_an_invalid_id_fails_only_its_row(stored, values):
    documents = stored.read(parquet({"id": values, "text": TEXTS}), name="p")

    assert len(documents) == len(set(ids(documents))) == 3


def test_many_times_in_an_unknown_zone_take_no_time(stored):
    rows = 50_000
    zone = pa.array([0] * rows, pa.timestamp("s", tz="Mars/Olympus"))
    started = process_time()

    assert len(stored.read(parquet({"text": ["x"] * rows, "filing_date": zone}))) == rows
    assert process_time() - started < 5


def test_an_id_that_is_too_long_fails_its_row_and_is_not_cut(stored, shard):
    long = "x" * 100_000
    first, second, third = stored.read(shard({"id": [f"{long}1", f"{long}2", "c"], "text": TEXTS}), name="p")

    assert [first.document_id, second.document_id, third.document_id] == ["p#0", "p#1", "c"]
    assert "100,001 characters, more than 1,000" in first.error


def test_a_column_that_can_name_no_document_fails_its_text_alone(stored):
    row = {"id": "a", "section_1": "plus 2%", "section_" + "x" * 5000: "plus 3%", "section_\ud800": "plus 4%"}
    line = json.dumps(row)

    documents = stored.read(line, name="rows.jsonl", text_columns=("section_*",))

    assert ids(documents) == ["a#section_1", "a#column-1", "a#column-2"]
    assert [type(document) for document in documents] == [Document, FailedDocument, FailedDocument]
    assert all(len(document.error) <= 510 for document in documents[1:])


def test_a_row_without_an_id_is_named_as_no_other_row(stored, shard):
    documents = stored.read(shard({"id": ["p#1", None, "p#0"], "text": TEXTS}), name="p")
    assert ids(documents) == ["p#1", "p#1#", "p#0"]

    documents = stored.read(shard({"id": [None, "p#0", "p#2"], "text": TEXTS}), name="p")
    assert ids(documents) == ["p#0", "p#1", "p#2"]
    assert "row 1 has the id of row 0 (p#0)" in documents[1].error


def test_long_header_fields_are_read_a_few_rows_at_a_time(stored, batch_sizes):
    stored.read(parquet({"text": TEXTS * 2, "company": [f"{n}" + "x" * (8 << 20) for n in range(6)]}))

    assert batch_sizes[0] <= 2


def test_rows_that_are_far_larger_than_stored_are_read_one_at_a_time(stored, monkeypatch):
    sizes = []
    iter_batches = pq.ParquetFile.iter_batches

    def with_room_for_one(self, size, **options):
        sizes.append(size)
        for number, batch in enumerate(iter_batches(self, min(size, 2), **options)):
            if number and size > 1:
                raise pa.ArrowMemoryError("no room")
            yield batch

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", with_room_for_one)

    documents = stored.read(parquet({"id": list("abcde"), "text": [f"row {number}" for number in range(5)]}))

    assert sizes == [4096, 1]
    assert ids(documents) == list("abcde")
    assert [document.content for document in documents] == [f"row {number}" for number in range(5)]


def test_rows_that_are_done_are_not_yielded(stored, shard):
    source = stored.source(shard({"id": ["a", "b", "c", "d"], "text": [*TEXTS, None]}))
    done = {(document.document_id, document.sha256) for document in read_documents(source, ReadOptions())}

    assert list(read_documents(source, ReadOptions(), skip=lambda *key: key in done)) == []
    done.remove(("b", hashlib.sha256(TEXTS[1].encode()).hexdigest()))
    assert ids(list(read_documents(source, ReadOptions(), skip=lambda *key: key in done))) == ["b"]


def test_a_repeated_id_fails_its_row_and_names_the_first(stored, shard):
    documents = stored.read(shard({"id": ["a", "b", "a"], "text": TEXTS}), name="p")

    assert ids(documents) == ["a", "b", "p#2"]
    assert isinstance(documents[2], FailedDocument)
    assert "row 2 has the id of row 0 (a)" in documents[2].error


def test_a_row_beyond_the_bound_fails_alone(stored, shard):
    documents = stored.read(shard({"id": ["a", "b"], "text": ["x" * 5000, "y"]}), max_document_bytes=1000)

    assert [type(document) for document in documents] == [FailedDocument, Document]
    assert "--max-document-mb" in documents[0].error


def test_half_a_character_in_an_id_fails_its_row_and_elsewhere_is_replaced(stored):
    lines = [r'{"id": "x\ud800", "text": "a 5% rate"}', r'{"id": "y", "text": "a 6% rate", "company": "A\ud83d"}']
    first, second = stored.read("\n".join(lines), name="rows.jsonl")
    assert "lone surrogate" in first.error
    assert second.header.company == "A\ufffd"


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_compressed_shards_are_read(stored, shard, pack):
    assert [d.content for d in stored.read(pack(shard({"text": TEXTS})), name="part")] == TEXTS


def test_shards_are_detected_by_their_content(stored, shard):
    kind = "parquet" if shard is parquet else "jsonl"
    for content in (shard({"text": TEXTS}), gzip.compress(shard({"text": TEXTS}))):
        assert [document.kind for document in stored.read(content, name="x.htm")] == [kind] * len(TEXTS)


@pytest.mark.parametrize(
    "kind",
    [
        pa.string(),
        pa.large_string(),
        pa.string_view(),
        pa.binary(),
        pa.large_binary(),
        pa.dictionary(pa.int32(), pa.string()),
    ],
    ids=str,
)
def test_every_arrow_type_of_text_is_read(stored, kind):
    table = pa.table({"text": pa.array(TEXTS).cast(kind)})

    assert [document.content for document in stored.read(parquet(table))] == TEXTS


def test_a_parquet_row_that_is_not_utf8_fails_alone(stored):
    text = pa.array([b"plus 2%", b"caf\xe9", b"x"]).view(pa.string())

    documents = stored.read(parquet({"text": text}), name="p")

    assert [type(document) for document in documents] == [Document, FailedDocument, Document]
    assert (documents[1].document_id, documents[1].stage) == ("p#1", "decode")
    assert documents[1].error_type == "UnicodeDecodeError"


def test_row_groups_are_read_one_at_a_time_and_only_the_columns_needed(stored, monkeypatch):
    read = []
    iter_batches = pq.ParquetFile.iter_batches

    def watch(self, size, **options):
        read.append((options["row_groups"], options["columns"]))
        return iter_batches(self, size, **options)

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", watch)
    source = stored.source(parquet({"id": list("abcd"), "other": ["x"] * 4, "text": ["t"] * 4}, row_group_size=2))

    documents = read_documents(source, ReadOptions())
    next(documents)

    assert read == [([0], ["text", "id"])]
    assert ids(list(documents)) == ["b", "c", "d"]


def test_large_texts_are_decoded_a_few_at_a_time(stored, batch_sizes):
    stored.read(parquet({"text": [f"{n}" + "x" * (4 << 20) for n in range(6)]}))
    stored.read(parquet({"text": [f"{n}" for n in range(9000)]}))

    assert batch_sizes[0] <= 5
    assert batch_sizes[1] == 4096


def test_wrong_truncated_and_empty_parquet_are_errors(stored):
    whole = parquet({"text": TEXTS})

    for data in (whole[:-20], b"PAR1" + b"x" * 100, b"PAR1"):
        with pytest.raises(DocumentError, match="damaged or truncated Parquet"):
            stored.read(data)
    with pytest.raises(DocumentError, match="PAR1"):
        stored.read(b"XAR1" + whole[4:].replace(b"\0", b"."), name="part.parquet")
    assert stored.read(parquet(pa.table({"text": pa.array([], pa.string())}))) == []


def test_a_damaged_row_group_fails_and_the_others_are_read(stored):
    data = bytearray(
        parquet({"text": [f"text {n} " + "y" * 50 for n in range(30)]}, row_group_size=10, use_dictionary=False)
    )
    group = pq.ParquetFile(io.BytesIO(bytes(data))).metadata.row_group(1).column(0)
    data[group.data_page_offset + 2 : group.data_page_offset + 40] = b"\xff" * 38

    documents = stored.read(bytes(data), name="p")

    failed = [document for document in documents if isinstance(document, FailedDocument)]
    assert [document.document_id for document in failed] == ["p#10-19"]
    assert "rows 10 to 19 are damaged" in failed[0].error
    assert len(documents) == 21
    assert documents[-1].document_id == "p#29"


def test_a_broken_json_line_fails_alone_and_blank_lines_are_no_rows(stored):
    data = (
        json_lines({"text": "one"})
        + b'\n{"text": "tw\n[1]\n{"text": "caf\xe9"}\n'
        + json_lines({"other": 1}, {"text": "six"})
    )

    documents = stored.read(data, name="p")

    assert ids(documents) == ["p#0", "p#1", "p#2", "p#3", "p#4", "p#5"]
    assert [document.error_type for document in documents[1:5]] == [
        "JSONDecodeError",
        "DocumentError",
        "UnicodeDecodeError",
        "DocumentError",
    ]
    assert "line 3 is not JSON" in documents[1].error
    assert len({document.sha256 for document in documents}) == 6
    assert documents[5].content == "six"


@pytest.mark.parametrize("line", ["[" * 100_000, '{"text": ' + "9" * 5000 + "}", '{"text": "\\ud800"}'])
def test_json_that_breaks_parsers_fails_its_row(stored, line):
    documents = stored.read(f'{{"text": "a"}}\n{line}\n{{"text": "b"}}')

    assert [type(document) for document in documents] == [Document, FailedDocument, Document]


def test_a_json_line_beyond_the_bound_fails_alone_without_being_held(stored):
    data = b'{"text": "' + b"x" * (3 << 20) + b'"}\n{"text": "after"}'

    documents = stored.read(gzip.compress(data), max_document_bytes=1 << 20)

    assert [type(document) for document in documents] == [FailedDocument, Document]
    assert documents[1].content == "after"


DIGESTS = [hashlib.sha256(b"%d" % number).hexdigest() for number in range(9000)]


@pytest.mark.parametrize(
    ("name", "rows"),
    [("filing.txt", json_table({"text": DIGESTS})), ("p.csv.gz", "\n".join(["text", *DIGESTS]).encode())],
    ids=["jsonl", "csv"],
)
def test_a_truncated_compressed_shard_fails_after_its_complete_rows(stored, name, rows):
    data = gzip.compress(rows)
    documents = read_documents(stored.source(data[: len(data) // 2], name=name), ReadOptions())

    read = []
    with pytest.raises(DocumentError, match="ends early"):
        read.extend(documents)
    assert len(read) > 100


def test_a_file_of_one_json_object_over_several_lines_is_one_row(stored):
    data = json.dumps({"cik": "320193", "filing_type": "10-K", "item_1": "Business", "item_7": "MD&A"}, indent=4)

    documents = stored.read(data, name="320193_10K.json", text_columns=("item_*",))

    assert ids(documents) == ["320193_10K.json#0#item_1", "320193_10K.json#0#item_7"]
    assert documents[0].header.form_type == "10-K"


def test_columns_are_read_once_each_even_when_they_serve_twice():
    columns = choose_columns(
        ("cik", "text", "section_2", "section_1"), ColumnChoice(text=("text", "section_*"), id="cik")
    )

    assert columns.names() == ["text", "section_2", "section_1", "cik"]
    assert columns.several
