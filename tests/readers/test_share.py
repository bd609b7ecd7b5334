import tarfile
from collections import Counter

import pytest

from finner_batch.errors import UsageError
from finner_batch.readers.copies import Copies
from finner_batch.readers.discover import Share, discover, share_of
from finner_batch.readers.document import Source

NAMES = [f"2024/{number % 7}/0000{number:06d}-24-000001.txt" for number in range(1600)]


def test_each_source_falls_into_exactly_one_share_and_shares_are_about_equal():
    sources = [Source(uri=f"/in/{name}", name=name) for name in NAMES]
    shares = [list(Share(number=number, of=8).of_these(sources)) for number in range(1, 9)]
    assert sorted(source.name for share in shares for source in share) == sorted(NAMES)
    assert all(150 < len(share) < 250 for share in shares)
    assert [source for source in sources if source in set(shares[0])] == shares[0]


def test_shares_are_what_they_were_in_every_release():
    assert [share_of(name, 4) for name in ("a.htm", "b.htm", "2024/a.htm", "ü漢.txt")] == [1, 3, 1, 1]


def test_a_folder_mounted_elsewhere_has_the_same_shares(tmp_path):
    for mount in ("one", "another/place"):
        for name in NAMES[:50]:
            path = tmp_path / mount / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    here, there = (
        {source.name: share_of(source.name, 3) for source in discover([str(tmp_path / mount)])}
        for mount in ("one", "another/place")
    )
    assert here == there
    assert len(Counter(here.values())) == 3


def test_filings_of_one_name_that_are_listed_one_by_one_are_shared_too(tmp_path):
    listed = [tmp_path / f"0000320193-23-{number:06d}" / "full-submission.txt" for number in range(90)]
    for path in listed:
        path.parent.mkdir()
        path.touch()
    shares = [[*Share(number=number, of=3).of_these(discover([*map(str, listed)]))] for number in (1, 2, 3)]
    assert sorted(source.uri for share in shares for source in share) == sorted(map(str, listed))
    assert min(map(len, shares)) > 15


def test_a_new_file_moves_no_other_one():
    before = {name: share_of(name, 5) for name in NAMES[:100]}
    assert {name: share_of(name, 5) for name in [*NAMES[100:120], *NAMES[:100]] if name in before} == before


@pytest.mark.parametrize("written", ["0/3", "4/3", "3", "a/b", "1/0", "-1/3", "1/3/5", "", "1.0/3", "\u0661/\u0663"])
def test_an_invalid_share_is_refused(written):
    with pytest.raises(UsageError, match="i from 1 to n"):
        Share.parse(written)


def test_a_share_is_read_as_written():
    assert Share.parse("2/8") == Share(number=2, of=8)
    assert Share.parse(" 8/8 ") == Share(number=8, of=8)


def test_the_members_of_an_archive_are_in_the_share_of_their_archive_and_each_in_one(tmp_path):
    for number in range(6):
        with tarfile.open(tmp_path / f"{number}.tar", "w") as tar:
            for name in ("a.htm", "b.htm"):
                tar.addfile(tarfile.TarInfo(name))
    (tmp_path / "loose.htm").touch()

    def read(share):
        with Copies() as copies:
            sources = discover([str(tmp_path)])
            return [source.name for source in copies.local(share.of_these(sources) if share else sources)]

    shares = [read(Share(number=number, of=3)) for number in (1, 2, 3)]
    assert sorted(name for share in shares for name in share) == sorted(read(None))
    assert max(map(len, shares)) < 13
