import json
import subprocess
import sys
from pathlib import Path

import pytest

from finner_batch.errors import LockedError, UsageError
from finner_batch.storage.place import place_of

HOLD = """
import sys, time
from pathlib import Path
from finner_batch.storage.place import place_of
with place_of(Path(sys.argv[1])).lock():
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return tmp_path / "results"


@pytest.fixture
def holder(results):
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(results)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_second_run_is_refused_with_the_name_of_who_holds_the_lock(results, holder):
    with pytest.raises(LockedError, match=rf"process {holder.pid} on .* since 20") as refusal, place_of(results).lock():
        pass
    assert refusal.value.exit_code == 4


def test_a_lock_left_by_a_dead_process_blocks_nobody(results, holder):
    holder.kill()
    holder.wait()
    assert (results / ".lock").exists()
    with place_of(results).lock():
        assert json.loads((results / ".lock.json").read_text())["pid"] != holder.pid


def test_the_lock_is_free_again_after_use(results):
    for _ in range(2):
        with place_of(results).lock():
            pass


def test_a_folder_that_cannot_be_made_is_a_usage_error(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot use"), place_of(tmp_path / "file" / "results").lock():
        pass
