import gzip
import io
import tarfile
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finner_batch.readers.discover import count_documents
from finner_batch.readers.document import Source


def counted(path):
    return [number for _, number in count_documents([Source(uri=str(path), name="x")])]


@pytest.mark.parametrize("name", ["day.tar.gz", "day.zip"])
def test_an_archive_holds_as_many_documents_as_members_that_are_filings(tmp_path, name):
    path = tmp_path / name
    if name.endswith("zip"):
        with zipfile.ZipFile(path, "w") as archive:
            for member in ("a.htm", "b.txt", "logo.jpg"):
                archive.writestr(member, "x")
    else:
        with tarfile.open(path, "w:gz") as tar:
            for member in ("a.htm", "b.txt", "logo.jpg"):
                tar.addfile(tarfile.TarInfo(member), io.BytesIO())
    assert sum(counted(path)) == 2


def test_shards_of_csv_in_an_archive_count_where_they_are_read_and_what_macos_adds_never(tmp_path):
    with zipfile.ZipFile(tmp_path / "day.zip", "w") as archive:
        for member in ("./a.htm", "rows.csv", "__MACOSX/._a.htm", "in/.DS_Store"):
            archive.writestr(member, "x")
    source = Source(uri=str(tmp_path / "day.zip"), name="x")
    assert [len([*count_documents([source], with_csv=with_csv)]) for with_csv in (False, True)] == [1, 2]


def test_a_shard_holds_as_many_documents_as_rows(tmp_path):
    pq.write_table(pa.table({"text": ["a", "b", "c"]}), tmp_path / "a.parquet")
    (tmp_path / "a.jsonl").write_text('{"text": "a"}\n' * 4)
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b'{"text": "a"}\n' * 5))
    assert [counted(tmp_path / name) for name in ("a.parquet", "a.jsonl", "a.jsonl.gz")] == [[3], [4], [5]]


@pytest.mark.parametrize(
    "uri", ["s3://bucket/day.tar.gz", "https://host/a.jsonl", "/nowhere/a.json", "s3://b/a.parquet"]
)
def test_what_would_have_to_be_fetched_or_parsed_is_not_counted(uri):
    assert counted(uri) == [None]


@pytest.mark.parametrize("name", ["a.htm", "gone.parquet", "broken.parquet", "gone.jsonl"])
def test_any_other_file_is_one_document_and_so_is_a_shard_that_cannot_be_read(tmp_path, name):
    (tmp_path / "broken.parquet").write_bytes(b"PAR1")
    assert counted(tmp_path / name) == [1]
