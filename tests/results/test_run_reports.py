import errno
import os
from datetime import UTC, datetime

import pytest

from finner_batch.errors import FinnerError
from finner_batch.results.run_reports import load_run, load_runs, new_run_id, write_run
from finner_batch.storage.file_system import Disk
from finner_batch.storage.local import LocalPlace
from finner_batch.storage.place import place_of


def test_run_ids_sort_by_start():
    earlier, later = datetime(2026, 11, 23, 4, 54, 3, tzinfo=UTC), datetime(2026, 11, 23, 4, 54, 4, tzinfo=UTC)
    assert new_run_id(earlier).startswith("20261123T045403Z-")
    assert new_run_id(earlier) < new_run_id(later)


def test_a_report_is_replaced_whole(results):
    write_run(place_of(results), "20260101T000000Z-0000", {"status": "running"})
    write_run(place_of(results), "20260101T000000Z-0000", {"status": "done", "company": "Société"})
    write_run(place_of(results), "20260102T000000Z-0000", {"status": "done"})
    assert load_run(place_of(results), "20260101T000000Z-0000") == {"status": "done", "company": "Société"}
    assert [report["status"] for report in load_runs(place_of(results))] == ["done", "done"]
    assert sorted(path.name for path in (results / "runs").iterdir()) == [
        "20260101T000000Z-0000.json",
        "20260102T000000Z-0000.json",
    ]


def test_a_value_that_json_lacks_is_refused_and_leaves_no_file(results):
    with pytest.raises(ValueError):
        write_run(place_of(results), "x", {"seconds": float("nan")})
    assert list(load_runs(place_of(results))) == []


def test_a_damaged_report_is_named(results):
    write_run(place_of(results), "x", {})
    (results / "runs" / "x.json").write_text("{")
    with pytest.raises(FinnerError, match=r"x\.json"):
        load_run(place_of(results), "x")


def test_a_full_disk_leaves_no_part_of_a_report(results):
    class FullDisk(Disk):
        def sync(self, _file):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(FinnerError, match="No space left"):
        write_run(LocalPlace(results, files=FullDisk()), "x", {"status": "done"})
    assert list((results / "runs").iterdir()) == []
