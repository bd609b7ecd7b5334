import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from engine_helpers import ask, marked, processes_marked, wait_for, write_filings

CHILD = Path(__file__).with_name("freezing_child.py")
LIMIT_S = 20
TICKS = os.sysconf("SC_CLK_TCK")


def status(process_id):
    """Parent and CPU seconds of a process, zeros where it is gone."""
    try:
        fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0, 0.0
    return int(fields[1]), (int(fields[11]) + int(fields[12])) / TICKS


def is_reading(main):
    """Whether a reading process is at work: its parent, a fork server, is a child of the main process."""
    known = {process_id: status(process_id) for process_id in processes_marked("freeze")}
    return any(parent not in (0, main) and parent in known and cpu > 0.8 for parent, cpu in known.values())


@pytest.mark.slow
def test_a_job_that_is_stopped_for_longer_than_its_limit_and_goes_on_fails_no_document(tmp_path):
    filings = write_filings(tmp_path / "filings", 2)
    (filings / "long.htm").write_text("<p>The Company pays. It does so twice a year.</p>" * 50_000)
    results = tmp_path / "results"
    process = subprocess.Popen(
        [sys.executable, CHILD, filings, results, str(LIMIT_S)],
        env=os.environ | marked("freeze"),
        start_new_session=True,
    )
    try:
        assert wait_for(lambda: is_reading(process.pid))
        os.killpg(process.pid, signal.SIGSTOP)
        time.sleep(LIMIT_S + 3)
        os.killpg(process.pid, signal.SIGCONT)
        assert process.wait(120) == 0
    finally:
        os.killpg(process.pid, signal.SIGKILL) if process.poll() is None else None
    assert ask(results, "SELECT status, count(*) AS n FROM documents GROUP BY 1") == [{"status": "ok", "n": 3}]
