"""Archives: members are read in order, and damage is always an error."""

import errno
import gzip
import io
import os
import struct
import tarfile
import tracemalloc
import zipfile
from itertools import chain
from pathlib import Path
from types import SimpleNamespace

import pytest
import zstandard
from archive_files import tar_of, zip_of

from finner_batch.errors import DocumentError, FinnerError
from finner_batch.readers import archive, streams
from finner_batch.readers import copies as fetch
from finner_batch.readers.archive import BrokenArchiveError, archive_of, is_archive, member_digests, members
from finner_batch.readers.copies import Copies, drop_copy
from finner_batch.readers.document import Source
from finner_batch.readers.read import ReadOptions, read_documents
from finner_batch.readers.stored import open_stored
from finner_batch.readers.streams import CHUNK_BYTES
from finner_batch.results.ledger import Ledger
from finner_batch.runner.work_queue import WorkQueue
from finner_batch.storage.bucket import BusyError
from finner_batch.storage.place import place_of

FILES = {"a.htm": b"first" * 400, "folder/b.txt": b"second" * 400, "c d.nc": b"third"}


def read(path):
    """Names and contents, the error in place of the content of a member that cannot be read."""
    found = {}
    for member in members(Source(uri=str(path), name=path.name)):
        try:
            found[member.name] = b"".join(member.chunks())
        except BrokenArchiveError:
            raise
        except DocumentError as error:
            found[member.name] = str(error)
    return found


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("feed.tar", tar_of),
        ("20240102.nc.tar.gz", lambda files: gzip.compress(tar_of(files))),
        ("feed.TGZ", lambda files: gzip.compress(tar_of(files))),
        ("feed.tar.zst", lambda files: zstandard.compress(tar_of(files))),
        ("old.tar", lambda files: tar_of(files, format=tarfile.USTAR_FORMAT)),
        ("pax.tar", lambda files: tar_of(files, format=tarfile.PAX_FORMAT)),
        ("feed.zip", zip_of),
        ("named-as-tar.tar", zip_of),
    ],
)
def test_every_member_is_read(name, pack, tmp_path):
    path = tmp_path / name
    path.write_bytes(pack(FILES))
    assert is_archive(str(path))
    assert read(path) == FILES
    assert list(read(path)) == list(FILES)


def test_members_need_not_be_read_to_come_to_the_next(tmp_path):
    path = tmp_path / "feed.tar.gz"
    path.write_bytes(gzip.compress(tar_of(FILES)))
    assert [member.name for member in members(Source(uri=str(path), name="feed"))] == list(FILES)


@pytest.mark.parametrize(
    ("names", "apart"),
    [
        (["a.htm", "a.htm", "b.htm", "a.htm"], ["a.htm", "a.htm#2", "b.htm", "a.htm#3"]),
        (["a.htm", "a.htm", "a.htm#2"], ["a.htm", "a.htm#2", "a.htm#2#2"]),
        (["a.htm", "a.htm#2", "a.htm"], ["a.htm", "a.htm#2", "a.htm#3"]),
    ],
)
def test_members_of_one_name_stay_apart(names, apart, tmp_path):
    path = tmp_path / "feed.tar"
    contents = [f"{number}".encode() for number in range(len(names))]
    path.write_bytes(tar_of(list(zip(names, contents, strict=True))))
    assert read(path) == dict(zip(apart, contents, strict=True))


def test_folders_links_and_devices_are_no_members(tmp_path):
    path = tmp_path / "feed.tar"
    with tarfile.open(path, "w") as tar:
        for kind, name in ((tarfile.DIRTYPE, "folder"), (tarfile.SYMTYPE, "link"), (tarfile.FIFOTYPE, "pipe")):
            header = tarfile.TarInfo(name)
            header.type, header.linkname = kind, "/etc/passwd"
            tar.addfile(header)
        header = tarfile.TarInfo("../../outside.htm")
        header.size = 2
        tar.addfile(header, io.BytesIO(b"ok"))
    assert read(path) == {"../../outside.htm": b"ok"}


@pytest.mark.parametrize("kept", [600, 1024, 1536, 2560])
def test_a_truncated_tar_fails_after_the_members_before_the_end(kept, tmp_path):
    path = tmp_path / "feed.tar"
    path.write_bytes(tar_of({"a.htm": b"1" * 512, "b.htm": b"2" * 1024})[:kept])
    found = []

    def read_all():
        for member in members(Source(uri=str(path), name="feed")):
            b"".join(member.chunks())
            found.append(member.name)

    with pytest.raises(BrokenArchiveError, match="fetch the archive again"):
        read_all()
    assert found == (["a.htm", "b.htm"] if kept == 2560 else ["a.htm"] if kept >= 1024 else [])


def damaged_tar(offset):
    content = bytearray(tar_of({"a.htm": b"1" * 512, "b.htm": b"2" * 512, "c.htm": b"3"}))
    content[offset] ^= 0xFF
    return bytes(content)


def tar_with_large_header(header_type):
    header = tarfile.TarInfo("x")
    header.type, header.size = header_type, 1 << 30
    return header.tobuf() + bytes(1024)


BROKEN = {
    "first header damaged": ("feed.tar", damaged_tar(0), "damaged"),
    "later header damaged": ("feed.tar", damaged_tar(1024 + 10), "damaged"),
    "truncated gzip": ("feed.tar.gz", gzip.compress(tar_of(FILES))[:-20], r"ends early|damaged"),
    **{
        f"a header of type {header_type} that would fill the memory": (
            "feed.tar",
            tar_with_large_header(header_type),
            "1,073,741,824 bytes",
        )
        for header_type in (tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE)
    },
    "text named zip": ("text.zip", b"The rate is 5%. " * 100, "fetch the archive again"),
    "text named tar": ("text.tar", b"The rate is 5%. " * 100, "fetch the archive again"),
    "an empty file": ("empty.tar", b"", "fetch the archive again"),
    "a zip that ends after its mark": ("PK.zip", b"PK\x03\x04", "fetch the archive again"),
    "no file": ("none.zip", None, "no longer there"),
}


@pytest.mark.parametrize(("name", "content", "message"), BROKEN.values(), ids=BROKEN)
def test_a_broken_archive_says_what_is_wrong(name, content, message, tmp_path):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(BrokenArchiveError, match=message):
        read(tmp_path / name)


@pytest.mark.parametrize(
    ("method", "why"),
    [
        (zipfile.ZIP_DEFLATED, "fetch the archive again"),
        (zipfile.ZIP_BZIP2, "cannot be read"),
        (zipfile.ZIP_LZMA, "fetch the archive again"),
    ],
)
def test_a_damaged_member_of_a_zip_leaves_the_others(method, why, tmp_path):
    path = tmp_path / "feed.zip"
    content = bytearray(zip_of(FILES, method))
    begin = content.index(b"folder/b.txt") + 20
    for place in range(begin, begin + 12):
        content[place] ^= 0xFF
    path.write_bytes(content)
    found = read(path)
    assert why in found.pop("folder/b.txt")
    assert found == {"a.htm": FILES["a.htm"], "c d.nc": FILES["c d.nc"]}


def test_an_encrypted_member_says_so(tmp_path):
    content = bytearray(zip_of({"a.htm": b"1"}))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        struct.pack_into("<H", content, content.index(mark) + place, 1)
    path = tmp_path / "feed.zip"
    path.write_bytes(content)
    assert read(path)["a.htm"].startswith("encrypted")


def test_a_member_is_opened_by_its_uri(tmp_path):
    path = tmp_path / "feed.tar"
    path.write_bytes(tar_of(FILES))
    uri = f"{path}!/folder/b.txt"
    assert archive_of(uri) == str(path)
    with open_stored(Source(uri=uri, name="b.txt")) as stream:
        assert stream.read() == FILES["folder/b.txt"]
    with pytest.raises(DocumentError, match="no longer there"), open_stored(Source(uri=f"{path}!/d", name="d")):
        pass


@pytest.fixture
def openings(monkeypatch):
    """Archives that were opened, in order."""
    opened = []
    open_file = archive.open_file
    monkeypatch.setattr(archive, "open_file", lambda *given: opened.append(given) or open_file(*given))
    return opened


def test_members_opened_in_order_cost_one_reading_of_their_archive(openings, tmp_path):
    path = tmp_path / "feed.tar"
    path.write_bytes(tar_of(FILES))

    def text_of(name):
        with open_stored(Source(uri=f"{path}!/{name}", name=name)) as stream:
            return stream.read()

    assert {name: text_of(name) for name in FILES} == FILES
    assert len(openings) == 1
    assert text_of("a.htm") == FILES["a.htm"]
    assert len(openings) == 2
    path.write_bytes(tar_of(dict.fromkeys(FILES, b"changed")))
    assert text_of("folder/b.txt") == b"changed"


def test_a_storage_that_fails_within_a_member_is_an_error(monkeypatch, tmp_path):
    class Failing(io.BytesIO):
        def read(self, size=-1):
            if self.tell() > CHUNK_BYTES:
                raise BusyError("the object store does not answer")
            return super().read(size)

    path = tmp_path / "feed.tar"
    path.write_bytes(tar_of({"a.htm": b"1", "b.htm": b"2" * (3 * CHUNK_BYTES)}))
    monkeypatch.setattr(streams, "_open", lambda *_: Failing(path.read_bytes()))
    found = []

    def read_all():
        for member in members(Source(uri="s3://feeds/feed.tar", name="feed.tar")):
            found.append(member.name)
            b"".join(member.chunks())

    with pytest.raises(DocumentError, match="does not answer"):
        read_all()
    assert found == ["a.htm", "b.htm"]


def test_a_folder_may_have_the_mark_or_the_name_of_an_archive(tmp_path):
    for folder in ("new!", "x.zip!"):
        (tmp_path / folder).mkdir()
    archive_path, file = tmp_path / "new!" / "feed.tar", tmp_path / "x.zip!" / "a.htm"
    archive_path.write_bytes(tar_of(FILES))
    file.write_bytes(FILES["a.htm"])
    assert is_archive(str(archive_path))
    assert archive_of(f"{archive_path}!/a.htm") == str(archive_path)
    for uri in (f"{archive_path}!/a.htm", str(file)):
        with open_stored(Source(uri=uri, name="a.htm")) as stream:
            assert stream.read() == FILES["a.htm"]


def test_digests_are_those_of_the_members_that_can_be_read(tmp_path):
    path = tmp_path / "feed.tar"
    path.write_bytes(tar_of({"a.htm": b""})[:600])
    assert member_digests(str(path)) == {
        f"{path}!/a.htm": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    }


def test_members_that_fail_do_not_make_the_archive_be_read_from_its_beginning(openings, tmp_path):
    path = tmp_path / "feed.tar"
    path.write_bytes(tar_of(dict.fromkeys("abcdef", b"\x00\x01\x02" * 1000)))
    for name in "abdf":  # some go to other processes
        with pytest.raises(DocumentError, match="binary data"):
            list(read_documents(Source(uri=f"{path}!/{name}", name=name), ReadOptions()))
    assert len(openings) == 1


def test_few_members_are_copied_before_their_turn_and_none_is_held_in_memory(tmp_path):
    path = tmp_path / "feed.tar"
    path.write_bytes(tar_of({f"{number}.htm": b"%d" % number + b"x" * 200_000 for number in range(200)}))
    ledger = Ledger.load(place_of(tmp_path / "results"), model_id="m", config_id="c")
    tasks = most = 0
    tracemalloc.start()
    with Copies() as copies:
        found = copies.with_members(iter([Source(uri=str(path), name="feed.tar")]), max_bytes=1 << 20)
        for task in chain.from_iterable(WorkQueue(found, ledger, copies=copies, retry=False).rounds()):
            tasks += 1
            most = max(most, len(list(Path(task.source.copy).parent.iterdir())))
            drop_copy(task.source)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert tasks == 200
    assert most < 80
    assert peak < 16 << 20


def test_a_full_disk_below_the_copies_is_the_runs_error_and_no_documents(monkeypatch, tmp_path):
    path = tmp_path / "feed.tar"
    path.write_bytes(tar_of(FILES))

    def refuse(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(fetch, "os", SimpleNamespace(write=refuse, close=os.close))
    with Copies() as copies, pytest.raises(FinnerError, match=r"No space left on device.*TMPDIR") as caught:
        list(copies.local([Source(uri=str(path), name="feed.tar")]))
    assert not isinstance(caught.value, DocumentError)
