import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from importlib.util import find_spec

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from engine_helpers import marked, processes_marked, run_job, write_filings

QUICK_TO_NOTICE_A_DEATH = {
    "RAY_health_check_initial_delay_ms": "0",
    "RAY_health_check_period_ms": "500",
    "RAY_health_check_timeout_ms": "2000",
    "RAY_health_check_failure_threshold": "4",
}
KEPT_TO_ITSELF = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32), "RAY_USAGE_STATS_ENABLED": "0"}


@pytest.fixture(scope="session")
def _ray():
    if find_spec("ray") is None:
        pytest.skip("Ray is not installed: pip install 'finner-batch[ray]'")


@pytest.fixture(scope="session")
def mixed(tmp_path_factory):
    """Folder of 40 small filings, a shard of 200 rows, a copy, and two files that cannot be read."""
    folder = write_filings(tmp_path_factory.mktemp("mixed") / "input")
    shutil.copy(folder / "filing-004.htm", folder / "the-same.htm")
    (folder / "empty.htm").write_bytes(b"")
    (folder / "binary.htm").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20)
    texts = [f"The notes of issue {n} bear interest at {n % 8 + 1}.{n % 90 + 10}% per annum." for n in range(200)]
    pq.write_table(pa.table({"id": [f"row-{n}" for n in range(200)], "text": texts}), folder / "shard.parquet")
    return folder


@pytest.fixture(scope="session")
def local(mixed, tmp_path_factory):
    """Results folder of a local run over `mixed`."""
    results = tmp_path_factory.mktemp("local") / "results"
    run_job(mixed, results, expect=3)
    return results


class Nodes:
    """A Ray cluster of real processes on this machine, one CPU a node; a run joins it at `address`."""

    def __init__(self, folder):
        self.environment = os.environ | KEPT_TO_ITSELF | QUICK_TO_NOTICE_A_DEATH
        self._folder = folder
        self.marks = []
        self.address = None

    def start(self, mark):
        """Start the head, or another node."""
        port = 20_000 + os.getpid() % 20_000
        role = ["--head", f"--port={port}", "--include-dashboard=false"] if self.address is None else []
        role = role or [f"--address={self.address}"]
        self.address = f"127.0.0.1:{port}"
        command = [
            *(sys.executable, "-c", "from ray.scripts.scripts import main; main()", "start", *role),
            *("--num-cpus=1", "--object-store-memory=100000000"),
            *([f"--temp-dir={self._folder}"] if "--head" in role else []),
        ]
        self.marks.append(mark)
        environment = self.environment | marked(mark)
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr

    def kill(self, mark):
        """Kill every process of a node at once, as a power cut would."""
        for process in processes_marked(mark):
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue


@pytest.fixture(scope="module")
def nodes(_ray):
    """A cluster of two nodes, `head` and `second`; runs join it at `nodes.address`."""
    folder = tempfile.mkdtemp(prefix="finner-test-")  # a short name: Ray's sockets lie in it
    started = Nodes(folder)
    try:
        started.start("head")
        started.start("second")
        yield started
    finally:
        for mark in started.marks:
            started.kill(mark)
        shutil.rmtree(folder, ignore_errors=True)
