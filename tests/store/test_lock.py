import json
import subprocess
import sys
from pathlib import Path

import pytest

from finner_batch.errors import LockedError, UsageError
from finner_batch.store.lock import lock_results

HOLD = """
import sys, time
from pathlib import Path
from finner_batch.store.lock import lock_results
with lock_results(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(results):
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(results)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_second_run_is_refused_and_told_who_holds_the_lock(results, holder):
    with pytest.raises(LockedError, match=rf"process {holder.pid} on .* since 20") as refusal, lock_results(results):
        pass
    assert refusal.value.exit_code == 4


def test_a_lock_left_by_a_dead_process_blocks_nobody(results, holder):
    holder.kill()
    holder.wait()
    assert (results / ".lock").exists()
    with lock_results(results):
        assert json.loads((results / ".lock.json").read_text())["pid"] != holder.pid


def test_the_lock_is_free_again_after_use(results):
    for _ in range(2):
        with lock_results(results):
            pass


def test_a_folder_that_cannot_be_made_is_a_usage_error(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot use"), lock_results(tmp_path / "file" / "results"):
        pass
