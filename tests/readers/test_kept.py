"""Words in lists, keys of paths, and columns that are kept with the text."""

from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from shard_files import json_table, parquet

from finner_batch.errors import DocumentError
from finner_batch.readers.document import Document, FailedDocument, Source
from finner_batch.readers.read import ReadOptions, failed_file, read_documents
from finner_batch.readers.shard_rows import path_keys
from finner_batch.training.data.hub_rows import token_sentence

WORDS = [["The", "rate", "is", "2.25", "%", "."], ["\u20ac", "400", "million"], ["none"]]


def contents(documents):
    return [document.content for document in documents]


def test_a_column_of_words_is_one_text_as_training_joins_them(stored, shard):
    tags = [["O", "O", "O", "B-Rate", "O", "O"], ["O", "B-Size", "O"], ["O"]]
    documents = stored.read(shard({"id": [1, 2, 3], "tokens": WORDS, "ner_tags": tags}), text_columns=("tokens",))

    assert contents(documents) == ["The rate is 2.25 % .", "\u20ac 400 million", "none"]
    trained = [
        token_sentence({"tokens": words, "ner_tags": own}, "here", "test", None)
        for words, own in zip(WORDS, tags, strict=True)
    ]
    assert [sentence.text for sentence in trained if sentence] == contents(documents)[:2]
    assert [document.document_id for document in documents] == ["1", "2", "3"]


@pytest.mark.parametrize(
    "kind",
    [pa.list_(pa.string()), pa.large_list(pa.large_string()), pa.list_(pa.dictionary(pa.int32(), pa.string()))],
    ids=str,
)
def test_every_arrow_type_of_a_list_of_words_is_read(stored, kind):
    documents = stored.read(parquet({"tokens": pa.array(WORDS, kind)}), text_columns=("tokens",))

    assert contents(documents) == [" ".join(words) for words in WORDS]


def test_null_words_and_empty_lists_fail_only_their_row(stored, shard):
    table = {"tokens": [["a", None], [], None, ["2.25", "%"]]}
    documents = stored.read(shard(table), text_columns=("tokens",))

    assert [type(document) for document in documents] == [FailedDocument] * 3 + [Document]
    assert "holds a list of other things than words" in documents[0].error
    assert all("no text in tokens" in document.error for document in documents[1:3])


def test_a_word_that_is_not_utf8_fails_its_row_alone(stored):
    words = pa.ListArray.from_arrays([0, 1, 3], pa.array([b"2%", b"caf\xe9", b"x"]).view(pa.string()))

    documents = stored.read(parquet({"tokens": words}), text_columns=("tokens",))

    assert [type(document) for document in documents] == [Document, FailedDocument]
    assert "column tokens is not UTF-8" in documents[1].error


def test_a_list_of_numbers_is_no_text(stored):
    with pytest.raises(DocumentError, match="column tokens holds list"):
        stored.read(parquet({"tokens": [[1, 2]]}), text_columns=("tokens",))
    (failed,) = stored.read(json_table({"tokens": [[1, 2]]}), text_columns=("tokens",))
    assert "other things than words" in failed.error


def test_long_lists_of_words_are_read_a_few_rows_at_a_time(stored, batch_sizes):
    stored.read(parquet({"tokens": [[f"{n}" + "x" * (4 << 20)] for n in range(6)]}), text_columns=("tokens",))

    assert batch_sizes[0] <= 5


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("year=2023/form=10-K/part-0.parquet", {"year": "2023", "form": "10-K"}),
        ("a/year=2023/b/p.csv", {"year": "2023"}),
        ("form=10-K%2FA/na%20me=x%3Dy/p", {"form": "10-K/A", "na me": "x=y"}),
        ("year=__HIVE_DEFAULT_PARTITION__/p", {"year": None}),
        ("year=1/year=2/p", {"year": "2"}),
        ("feed.tar!/year=2023/p", {"year": "2023"}),
        ("day=1/date=20240102.tar.gz!/year=2023/p", {"day": "1", "year": "2023"}),
        ("date=1.zip/p", {"date": "1.zip"}),
        ("year=/=x/plain/k=v.parquet", {"year": ""}),
    ],
)
def test_the_keys_of_a_path_are_those_of_its_folders(name, keys):
    assert path_keys(Source(uri=f"/in/{name}", name=name)) == keys


def test_the_keys_of_the_path_and_the_columns_to_keep_come_with_each_row_failed_ones_too(stored, shard):
    table = {"text": ["plus 2%", None], "sector": ["Energy", None], "size": [12, 7]}

    documents = stored.read(shard(table), name="year=2023/p", keep_columns=("sector", "size"))

    assert [type(document) for document in documents] == [Document, FailedDocument]
    assert [dict(document.kept) for document in documents] == [
        {"year": "2023", "sector": "Energy", "size": "12"},
        {"year": "2023", "sector": None, "size": "7"},
    ]


def test_nothing_is_kept_where_no_path_or_flag_says_so(stored, shard):
    (document,) = stored.read(shard({"text": ["plus 2%"], "sector": ["Energy"]}))

    assert document.kept == ()


def test_csv_columns_and_keys_are_kept_too(stored):
    (document,) = stored.read("text,sector\nplus 2%,\u00c9nergie\n", name="y=1/p.csv", keep_columns=("sector",))

    assert dict(document.kept) == {"y": "1", "sector": "\u00c9nergie"}


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("x=0/in/year=2023/form=10-K/p.jsonl", {"x": "0", "year": "2023", "form": "10-K"}),
        ("year=2023/form=10-K/p.jsonl", {"year": "2023", "form": "10-K"}),
        ("form=10-K/p.jsonl", {"year": "2023", "form": "10-K"}),
        ("p.jsonl", {"year": "2023", "form": "10-K"}),
    ],
)
def test_a_file_has_the_keys_below_its_input_and_those_right_above_it(stored, name, keys):
    path = stored.source(json_table({"text": ["plus 2%"]}), name="x=0/in/year=2023/form=10-K/p.jsonl").uri
    (document,) = read_documents(Source(uri=path, name=name), ReadOptions())

    assert dict(document.kept) == keys


def test_a_column_wins_over_a_key_of_its_name_where_it_is_asked_for(stored, shard):
    table = {"text": ["plus 2%"], "year": ["1999"]}

    for keep, year in (((), "2023"), (("year",), "1999")):
        (document,) = stored.read(shard(table), name="year=2023/p", keep_columns=keep)
        assert dict(document.kept) == {"year": year}


def test_a_key_that_is_a_header_field_is_one_where_no_column_states_it(stored, shard):
    name = "cik=320193/form=10-K%2FA/filing_date=2023-11-03/p"
    (document,) = stored.read(shard({"text": ["plus 2%"], "form_type": ["10-Q"]}), name=name)

    assert (document.header.cik, document.header.form_type) == ("0000320193", "10-Q")
    assert document.header.filing_date == date(2023, 11, 3)
    (document,) = stored.read(shard({"text": ["plus 2%"]}), name=name)
    assert document.header.form_type == "10-K/A"


def test_a_kept_column_that_the_shard_lacks_is_an_error_that_names_those_there_are(stored, shard):
    with pytest.raises(DocumentError, match="no column sector to keep; there is text, size: choose with --keep-column"):
        stored.read(shard({"text": ["plus 2%"], "size": [1]}), keep_columns=("sector",))
    (document,) = stored.read(shard({"text": ["plus 2%"]}), name="sector=x/p", keep_columns=("sector",))
    assert document.kept == (("sector", "x"),)


def test_a_later_json_line_that_lacks_a_kept_key_has_null_there(stored):
    documents = stored.read('{"text": "a 2%", "n": 1}\n{"text": "b 3%"}\n', keep_columns=("n",))

    assert [document.kept for document in documents] == [(("n", "1"),), (("n", None),)]


@pytest.mark.parametrize("flag", ["text", "id"])
def test_a_key_of_the_path_is_neither_text_nor_id(stored, shard, flag):
    with pytest.raises(DocumentError, match=f"year is a folder's key.*there is text: choose with --{flag}-column"):
        stored.read(
            shard({"text": ["plus 2%"]}),
            name="year=2023/p",
            **({"text_columns": ("year",)} if flag == "text" else {"id_column": "year"}),
        )


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (12, "12"),
        (2.5, "2.5"),
        (True, "true"),
        (Decimal("1.10"), "1.10"),
        (date(2023, 9, 30), "2023-09-30"),
        (datetime(2023, 9, 30, 18, 8), "2023-09-30T18:08:00"),  # noqa: DTZ001 - a column without a zone
        (["a", "b"], '["a", "b"]'),
        ({"a": 1}, '{"a": 1}'),
        (b"caf\xe9", "caf\ufffd"),
        (None, None),
        ("x" * 600, "x" * 499 + "\u2026"),
    ],
    ids=str,
)
def test_a_value_of_any_type_is_kept_as_text(stored, value, kept):
    column = pa.array([value], pa.string() if value is None else None)
    (document,) = stored.read(parquet({"text": ["plus 2%"], "value": column}), keep_columns=("value",))

    assert document.kept == (("value", kept),)


def test_filings_below_keys_keep_them_too_also_those_that_fail(stored):
    submission = "<SEC-DOCUMENT>a\n<DOCUMENT>\n<TYPE>10-K\n<SEQUENCE>1\n<TEXT>\nplus 2%\n</TEXT>\n</DOCUMENT>\n"
    for text in ("<html><p>plus 2%</p></html>", submission):
        assert stored.read_one(text, name="year=2023/a.txt").kept == (("year", "2023"),)
    assert stored.read_one("plus 2%", name="a=b.txt").kept == ()
    source = stored.source(b"\0", name="year=2023/a.htm")
    failed = failed_file(source, sha256="", bytes=1, stage="read", error_type="E", error="e")
    assert failed.kept == (("year", "2023"),)


def test_a_row_whose_kept_value_changed_is_another_and_without_the_flag_it_is_not(stored, shard):
    def digests(sector, **options):
        table = {"text": ["plus 2%", None], "sector": [sector, sector]}
        return [document.sha256 for document in stored.read(shard(table), **options)]

    assert digests("Energy") == digests("Water")
    one, other = (digests(sector, keep_columns=("sector",)) for sector in ("Energy", "Water"))
    assert not {*one} & {*other}
    assert one == digests("Energy", keep_columns=("sector",))
