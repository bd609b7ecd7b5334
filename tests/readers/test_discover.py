import hashlib
import os
from pathlib import Path

import fsspec
import pytest

from finner_batch.errors import DocumentError, UsageError
from finner_batch.readers.discover import discover
from finner_batch.readers.document import Source, path_of, recordable
from finner_batch.readers.stored import fingerprint


@pytest.fixture
def filings(tmp_path: Path) -> Path:
    root = tmp_path / "filings"
    for name in (
        "b.htm",
        "a.txt",
        "a/z.htm.gz",
        "a-b/1.htm",
        "2023/10-K/x.htm",
        "2023/10-Q/y.htm",
        "2024/10-K/deep/w.txt",
        ".cache/hidden.htm",
        ".hidden.htm",
        "manifest.csv",
        "2023/10-K/x_g1.jpg",
        "results/entities/part-1.parquet",
        "results/documents/part-1.parquet",
        "results/runs/1.json",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("text")
    return root


def names(*inputs: object) -> list[str]:
    return [source.name for source in discover([str(given) for given in inputs])]


def test_a_folder_is_walked_in_the_order_of_its_paths_without_hidden_files_companions_and_results(filings):
    found = list(discover([str(filings)]))

    assert [source.name for source in found] == [
        "2023/10-K/x.htm",
        "2023/10-Q/y.htm",
        "2024/10-K/deep/w.txt",
        "a-b/1.htm",
        "a.txt",
        "a/z.htm.gz",
        "b.htm",
    ]
    assert [source.uri for source in found] == sorted(source.uri for source in found)
    assert all(source.uri == f"{filings}/{source.name}" for source in found)


def test_each_path_left_out_is_reported_with_the_reason(filings):
    told = {}

    list(discover([str(filings)], on_left_out=told.__setitem__))

    assert told == {
        f"{filings}/.cache": "hidden",
        f"{filings}/.hidden.htm": "hidden",
        f"{filings}/manifest.csv": "a .csv file is not a filing: with --text-column it is read as a shard",
        f"{filings}/2023/10-K/x_g1.jpg": "a .jpg file is not a filing",
        f"{filings}/results": "a results folder of finner-batch",
    }


def test_a_named_file_is_taken_whatever_its_name(filings):
    assert names(filings / ".hidden.htm") == [".hidden.htm"]
    assert names(filings / "manifest.csv") == ["manifest.csv"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.htm", ["b.htm"]),
        ("20*/10-K", ["2023/10-K/x.htm", "2024/10-K/deep/w.txt"]),
        ("**/*.htm", ["2023/10-K/x.htm", "2023/10-Q/y.htm", "a-b/1.htm", "b.htm"]),
        ("2023/10-[KQ]/?.htm", ["10-K/x.htm", "10-Q/y.htm"]),
        ("*.csv", ["manifest.csv"]),
        ("a*", ["a-b/1.htm", "a.txt", "a/z.htm.gz"]),
    ],
)
def test_a_glob_matches_files_and_whole_folders(filings, pattern, expected):
    assert names(filings / pattern) == expected


def test_a_path_with_wildcard_characters_that_exists_is_no_glob(tmp_path):
    (tmp_path / "10-K [2023].htm").write_text("text")

    assert names(tmp_path / "10-K [2023].htm") == ["10-K [2023].htm"]


def test_overlapping_inputs_yield_each_source_once_in_one_order(filings):
    once = [source.uri for source in discover([str(filings)])]

    twice = [source.uri for source in discover([str(filings / "a*"), str(filings), str(filings / "b.htm")])]

    assert twice == once


def test_a_relative_path_becomes_absolute(filings, monkeypatch):
    monkeypatch.chdir(filings)

    assert list(discover(["a/../b.htm"])) == [Source(uri=f"{filings}/b.htm", name="b.htm")]


def test_a_large_folder_is_not_listed_before_its_sources_are_asked_for(filings, monkeypatch):
    listed = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda folder: listed.append(str(folder)) or scandir(folder))

    next(discover([str(filings)]))

    assert listed == [str(filings), f"{filings}/2023", f"{filings}/2023/10-K"]


@pytest.mark.parametrize("missing", ["none.htm", "none/", "*.pdf", "none/*.htm"])
def test_an_input_that_matches_nothing_is_a_usage_error_that_names_it(filings, missing):
    with pytest.raises(UsageError, match=r"none|\*\.pdf"):
        next(discover([str(filings), f"{filings}/{missing}"]))


def test_a_missing_path_is_refused_at_once_before_any_work(filings):
    with pytest.raises(UsageError, match="no such file or folder"):
        discover([str(filings), f"{filings}/none.htm"])


def test_a_folder_without_filings_says_what_was_left_out(tmp_path):
    (tmp_path / "manifest.xsd").write_text("file")

    with pytest.raises(UsageError, match=r"\(1 left out: hidden, .*suffix\)$"):
        next(discover([str(tmp_path)]))


def test_a_folder_of_csv_files_says_how_they_are_read(tmp_path):
    (tmp_path / "rows.csv.gz").write_text("file")
    (tmp_path / "rows.tsv").write_text("file")

    with pytest.raises(UsageError, match=r"2 \.csv or \.tsv files are read as shards with --text-column"):
        next(discover([str(tmp_path)]))
    assert [source.name for source in discover([str(tmp_path)], with_csv=True)] == ["rows.csv.gz", "rows.tsv"]


def test_a_results_folder_is_no_input(filings):
    with pytest.raises(UsageError, match="matches no file to read"):
        next(discover([str(filings / "results")]))


def test_no_input_is_a_usage_error():
    with pytest.raises(UsageError, match="no input"):
        discover([])


def test_a_pipe_is_left_out_in_a_folder_and_refused_by_name(filings):
    os.mkfifo(filings / "pipe.htm")

    assert "pipe.htm" not in names(filings)
    with pytest.raises(UsageError, match="not a regular file"):
        discover([str(filings / "pipe.htm")])


def test_links_are_followed_once_and_a_link_to_nothing_fails_when_it_is_read(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.htm").write_text("text")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "gone.htm").symlink_to(tmp_path / "nowhere.htm")

    assert names(tmp_path) == ["a/1.htm", "gone.htm"]
    with pytest.raises(DocumentError, match="no longer there"):
        fingerprint(Source(uri=str(tmp_path / "gone.htm"), name="gone.htm"))


HOSTILE_NAMES = [
    b"plain.htm",
    b"caf\xe9.htm",
    b"caf\xe8.htm",
    "caf\N{REPLACEMENT CHARACTER}.htm".encode(),
    b"caf\\xe9.htm",
    b"caf\\x5cxe9.htm",
    b"caf\\\xe9.htm",
    b"line\nfeed.htm",
    b"bell\x07.htm",
    "caf\N{LATIN SMALL LETTER E WITH ACUTE}.htm".encode(),
    "cafe\N{COMBINING ACUTE ACCENT}.htm".encode(),
    b"CAF\xe9.htm",
    b"\xff" * 250,
    b"folder\xff/same.htm",
    b"folder\xfe/same.htm",
    b"10%25 of it?#[*].htm",
]


def test_every_file_name_has_a_unique_recordable_form_and_its_file_is_read(tmp_path):
    for name in HOSTILE_NAMES:
        path = tmp_path / os.fsdecode(name)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(name)

    found = list(discover([str(tmp_path)]))

    assert len({source.uri.encode("utf-8") for source in found}) == len(HOSTILE_NAMES)
    assert [source.uri for source in found] == sorted(source.uri for source in found)
    assert all(source.uri == f"{tmp_path}/{source.name}" for source in found)
    expected = {hashlib.sha256(name).hexdigest(): os.fsdecode(name) for name in HOSTILE_NAMES}
    for source in found:
        sha256, _ = fingerprint(source)
        assert os.path.relpath(source.path, tmp_path) == expected.pop(sha256)
    assert not expected


def test_a_name_that_is_utf8_is_recorded_as_it_is_and_another_shows_its_bytes():
    assert recordable("/in/10-K \N{EURO SIGN} \\x41 \\xe.htm") == "/in/10-K \N{EURO SIGN} \\x41 \\xe.htm"
    assert recordable("caf\udce9.htm") == r"caf\xe9.htm"
    assert path_of(r"caf\x5cxe9.htm") == r"caf\xe9.htm"


def test_a_file_with_a_hostile_name_may_be_the_input_itself(tmp_path):
    path = tmp_path / "caf\udce9.htm"
    path.write_text("text")

    (source,) = discover([str(path)])

    assert (source.name, source.path) == (r"caf\xe9.htm", str(path))
    assert fingerprint(source)[1] == 4


def test_inputs_that_overlap_yield_a_hostile_name_once(tmp_path):
    for name in (b"a\xff.htm", b"a~.htm", "a\N{EURO SIGN}.htm".encode()):
        (tmp_path / os.fsdecode(name)).write_text("text")

    assert len(list(discover([str(tmp_path), f"{tmp_path}/*.htm"]))) == 3


def test_a_folder_that_cannot_be_listed_becomes_a_source_that_fails(filings, monkeypatch):
    scandir = os.scandir

    def refuse(folder):
        if str(folder).endswith("2023"):
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)

    found = {source.name: source for source in discover([str(filings)])}

    assert "2023" in found
    assert "b.htm" in found
    with pytest.raises(DocumentError, match="cannot be listed"):
        fingerprint(found["2023"])


@pytest.fixture
def bucket():
    filesystem = fsspec.filesystem("memory")
    for name in ("10-K/b.htm", "10-K/a.htm.gz", "10-Q/c.txt", ".hidden/d.htm"):
        filesystem.pipe(f"/bucket/{name}", b"text")
    yield "memory://bucket"
    filesystem.rm("/bucket", recursive=True)


def test_a_url_folder_file_or_glob_is_found(bucket):
    assert names(bucket) == ["10-K/a.htm.gz", "10-K/b.htm", "10-Q/c.txt"]
    assert names(f"{bucket}/10-K/b.htm") == ["b.htm"]
    assert names(f"{bucket}/*/*.htm") == ["10-K/b.htm"]


def test_what_a_url_finds_can_be_opened(bucket):
    assert {fingerprint(source)[1] for source in discover([bucket])} == {4}


def test_a_file_url_is_the_local_path(filings):
    assert list(discover([(filings / "b.htm").as_uri()])) == list(discover([str(filings / "b.htm")]))


@pytest.mark.parametrize("url", ["memory://nothing/here", "memory://nothing/*.htm", "nosuchscheme://x/y"])
def test_a_url_that_matches_nothing_is_a_usage_error(url):
    with pytest.raises(UsageError, match=r"nothing|nosuchscheme"):
        next(discover([url]))


@pytest.mark.parametrize("suffix", ["png", "svg", "tif", "pdf", "xls", "XLSX", "xml", "zip.part"])
def test_graphics_spreadsheets_and_data_next_to_filings_are_left_out_and_reported(suffix, tmp_path):
    for name in ("a.htm", f"b.{suffix}"):
        (tmp_path / name).write_bytes(b"The rate is 5%.")
    told = []
    found = discover([str(tmp_path)], on_left_out=lambda path, _: told.append(path))
    assert [source.name for source in found] == ["a.htm"]
    assert told == [str(tmp_path / f"b.{suffix}")]
    assert [source.name for source in discover([str(tmp_path / f"b.{suffix}")])] == [f"b.{suffix}"]


def test_what_downloaders_write_about_filings_is_left_out_and_other_json_is_not(tmp_path):
    for name in (
        "companies_info.json",
        "FILINGS_METADATA.csv",
        "INDICES/2021_QTR1.tsv",
        "000032019323000106/metadata.json",
        "000032019323000106/aapl.htm",
        "rows/metadata.json",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")
    told = {}

    found = [source.name for source in discover([str(tmp_path)], on_left_out=told.__setitem__, with_csv=True)]

    assert found == ["000032019323000106/aapl.htm", "rows/metadata.json"]
    assert set(told.values()) == {"a downloader's description of filings"}
