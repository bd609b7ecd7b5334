import importlib.util
import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from finner_batch.results import digests
from finner_batch.results.digests import NOWHERE, DigestIndex
from finner_batch.results.logit_cache import LogitCache

CHILD = Path(__file__).with_name("caching_child.py")
specification = importlib.util.spec_from_file_location("caching_child", CHILD)
child = importlib.util.module_from_spec(specification)
specification.loader.exec_module(child)
found, keep = child.found, child.keep


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cache" / "windows.sqlite"


@pytest.fixture
def reported():
    return []


@pytest.fixture
def open_cache(path, reported):
    """Opens the cache again, as another run does."""
    opened = []

    def open_(limit_bytes=1 << 24):
        if opened:
            opened.pop().close()
        opened.append(LogitCache(path, limit_bytes, lambda event, reason: reported.append((event, reason))))
        return opened[0]

    yield open_
    for cache in opened:
        cache.close()


def test_what_is_kept_is_found_in_the_same_and_in_the_next_run(open_cache, reported):
    cache = open_cache()
    assert found(cache, range(100)) == set()
    keep(cache, range(100))
    keep(cache, range(100, 150))
    assert found(cache, range(200)) == set(range(150))
    assert found(open_cache(), range(200)) == set(range(150))
    assert reported == []


def test_a_file_never_outgrows_its_limit_and_loses_what_was_not_used_for_longest(open_cache, path):
    limit = 1 << 20
    cache = open_cache(limit)
    often = range(50)
    keep(cache, often)
    for first in range(1_000, 41_000, 500):
        keep(cache, range(first, first + 500))
        assert path.stat().st_size <= limit
        assert path.with_name(path.name + "-wal").stat().st_size <= 8 << 20
        if first % 2_000 == 0:
            assert found(cache, often) == set(often)
            cache = open_cache(limit)
    assert found(cache, range(1_000, 2_000)) == set()
    newest = found(cache, range(30_000, 41_000))
    assert newest == set(range(41_000 - len(newest), 41_000))
    assert len(newest) * 60 > limit / 4
    keep(cache, range(100_000, 150_000))
    assert path.stat().st_size <= limit
    assert found(cache, [149_999]) == {149_999}


def test_a_killed_process_leaves_all_that_it_said_it_had_kept(open_cache, path, reported):
    chance = random.Random(9)
    for _ in range(6):
        process = subprocess.Popen([sys.executable, CHILD, path], stdout=subprocess.PIPE, text=True)
        said = int(process.stdout.readline())
        time.sleep(chance.uniform(0, 0.3))
        process.kill()
        said = int((process.communicate()[0].split() or [said])[-1])
        cache = open_cache()
        assert found(cache, range(said)) == set(range(said))
        cache.close()
    assert reported == []


def test_a_disk_that_is_full_switches_the_cache_off_and_leaves_what_was_kept(open_cache, path):
    done = subprocess.run([sys.executable, CHILD, path, "200000"], capture_output=True, text=True, check=True)
    *said, reason = done.stdout.splitlines()
    assert reason.startswith("cache-off")
    assert str(path) in reason
    assert found(open_cache(), range(int(said[-1]))) == set(range(int(said[-1])))


def test_a_damaged_file_gives_nothing_wrong_and_starts_again(open_cache, path, reported):
    keep(open_cache(), range(2_000))
    open_cache().close()
    whole = path.read_bytes()
    chance = random.Random(4)
    losses = 0
    for _ in range(40):
        place, length = chance.randrange(72, len(whole)), chance.choice([1, 20, 5_000])
        path.write_bytes(whole[:place] + chance.randbytes(length) + whole[place + length :])
        cache = open_cache()
        lost = 2_000 - len(found(cache, range(2_000)))
        losses += lost > 0
        keep(cache, range(5_000, 5_100))  # where only this meets the damage, the next call starts again
        keep(cache, range(6_000, 6_100))
        assert found(cache, range(6_000, 6_100)) == set(range(6_000, 6_100))
        assert cache.off is None
    assert losses > 20
    path.write_bytes(whole[: len(whole) // 2])
    assert found(open_cache(), range(2_000)) == set()
    assert {event for event, _ in reported} == {"cache-damaged"}


def test_a_value_of_another_length_is_damage(open_cache, reported):
    cache = open_cache()
    keep(cache, range(3))
    assert cache.find([child.digest_of(1)], [len(child.value_of(1)) + 4]) == [None]
    assert [event for event, _ in reported] == ["cache-damaged"]
    assert found(cache, range(3)) == set()


@pytest.mark.parametrize("kind", ["text", "sqlite"])
def test_a_file_of_someone_else_is_put_aside_whole(open_cache, path, reported, kind):
    path.parent.mkdir()
    if kind == "text":
        path.write_text("my notes\n" * 1_000)
    else:
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE windows (place, content)")
        connection.close()
    content = path.read_bytes()
    cache = open_cache()
    keep(cache, range(10))
    assert found(cache, range(10)) == set(range(10))
    assert path.with_suffix(".foreign").read_bytes() == content
    assert [event for event, _ in reported] == ["cache-put-aside"]


def test_a_file_that_another_process_holds_or_that_cannot_be_made_switches_the_cache_off(open_cache, path, reported):
    keep(open_cache(), range(10))
    open_cache().close()
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    cache = open_cache()
    assert found(cache, range(10)) == set()
    assert "locked" in cache.off
    holder.close()
    assert found(open_cache(), range(10)) == set(range(10))
    blocked = LogitCache(path / "windows.sqlite", 1 << 24, lambda event, reason: reported.append((event, reason)))
    keep(blocked, range(10))
    assert blocked.off is not None
    assert [event for event, _ in reported] == ["cache-off", "cache-off"]


def test_a_file_of_another_format_starts_again(open_cache, path, reported):
    keep(open_cache(), range(10))
    open_cache().close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    cache = open_cache()
    assert found(cache, range(10)) == set()
    keep(cache, range(10))
    assert found(cache, range(10)) == set(range(10))
    assert [event for event, _ in reported] == ["cache-damaged"]


def test_places_are_those_of_a_dictionary_and_old_ones_may_go(monkeypatch):
    monkeypatch.setattr(digests, "SEGMENT", 40)
    chance = np.random.default_rng(3)
    index, plain, first, oldest = DigestIndex(), {}, 0, 0
    asked = np.arange(600, dtype=np.uint32) << np.uint32(22)
    for turn in range(90):
        words = chance.integers(0, 500, 13).astype(np.uint32) << np.uint32(22)
        oldest = max(oldest, first - 300 if turn % 10 == 0 else 0)
        index.put(words, first, oldest=oldest)
        plain.update(zip(words.tolist(), range(first, first + len(words)), strict=True))
        first += len(words)
        found = index.find(asked)
        assert found[found >= oldest].tolist() == [
            plain[word] for word in asked.tolist() if plain.get(word, NOWHERE) >= oldest
        ]
    assert (found == NOWHERE).sum() > 100
    assert len(index._segments) < 15
