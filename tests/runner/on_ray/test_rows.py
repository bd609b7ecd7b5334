"""Real clusters of real processes: what a run on them leaves is compared with what a local run leaves."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from engine_helpers import (
    ask,
    command,
    finner,
    leftovers,
    marked,
    plain_rows,
    processes_marked,
    run_job,
    wait_for,
    write_filings,
)

from finner_batch.runner.on_ray.pipeline import MOST_SOURCES

pytestmark = pytest.mark.usefixtures("_ray")
RAY = ("--engine", "ray")
SMALL_COMMITS = ("--commit-seconds", 0, "--commit-documents", 1)


def same_rows(results, expected):
    for table in ("entities", "documents"):
        assert plain_rows(results, table) == plain_rows(expected, table)
    assert plain_rows(expected, "entities").total() > 200
    assert leftovers(results) == []


def start(folder, results, mark, *flags, environment=os.environ):
    return subprocess.Popen(
        command("run", "--input", folder, "--output", results, *RAY, *flags, *SMALL_COMMITS),
        env=environment | marked(mark),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_commit(process):
    seen = ""
    while "event=commit" not in seen:
        seen = process.stderr.readline()
        assert seen, "the run ended before its first commit"


FOR_A_MINUTE = {"ray::DashboardAgent", "ray::RuntimeEnvAgent"}
"""They try to report to the cluster that its node was killed, and end when that took too long."""


def name_of(process):
    try:
        return Path(f"/proc/{process}/cmdline").read_text().replace("\0", " ").strip()
    except OSError:
        return ""


def working(mark):
    """Names of the processes with this mark."""
    return [name for name in map(name_of, processes_marked(mark)) if name]


def stop_reading(mark):
    """Stop the reading processes with this mark; False where there are none."""
    found = [process for process in processes_marked(mark) if "forkserver" in name_of(process)]
    for process in found:
        os.kill(process, signal.SIGSTOP)
    return bool(found)


def waits_for_its_reading(mark):
    """Whether an actor with this mark is in the middle of a block and does not leave it."""
    for _ in range(20):
        if not any("WorkingActor)).submit" in name for name in working(mark)):
            return False
        time.sleep(0.1)
    return True


def listening(process_ids):
    """Local addresses on which these processes listen (`/proc/net/tcp`, state 0A)."""
    sockets = set()
    for process in process_ids:
        for entry in Path(f"/proc/{process}/fd").glob("*"):
            try:
                sockets.add(str(entry.readlink()).removeprefix("socket:[").removesuffix("]"))
            except OSError:
                continue
    lines = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()]
    return {line[1].rsplit(":", 1)[0] for line in lines if line[3] == "0A" and line[9] in sockets}


def test_a_cluster_of_the_runs_own_gives_the_local_rows_and_is_gone_afterwards(mixed, local, tmp_path):
    results = tmp_path / "results"
    process = start(mixed, results, "own", "--workers", 2, "--json")
    wait_for_commit(process)
    addresses, names = listening(processes_marked("own")), working("own")
    stdout, log = process.communicate(timeout=600)
    assert process.returncode == 3, log
    same_rows(results, local)
    loopback = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}
    assert addresses, "Ray's processes listen"
    assert addresses <= loopback, "and nothing from outside reaches them"
    assert any("raylet" in name for name in names)
    report = json.loads(stdout)
    assert (report["engine"], report["workers"]) == ("ray", 2)
    assert report["variant"] in {"int8", "openvino"}
    assert report["documents"] == {"ok": 240, "failed": 2}
    assert report["sources"]["duplicates"] == 1
    assert {"read", "extract", "split", "tokenize", "value", "load", "tag", "write"} <= report["stage_seconds"].keys()
    assert report["cluster"]["sources_read_again"] == report["cluster"]["documents_tagged_again"] == 0
    assert report["peak_mebibytes_of_workers"] > 100
    assert all(line.startswith("time=") for line in log.splitlines()), log
    assert wait_for(lambda: not working("own"), 30), f"the cluster ends with its run: {working('own')}"
    again = run_job(mixed, results, *RAY)
    assert (again["documents"], again["cluster"]) == ({"ok": 0, "failed": 0}, None), "nothing to do needs no cluster"


def test_a_node_killed_in_the_middle_changes_no_row(nodes, tmp_path):
    filings, expected, results = write_filings(tmp_path / "filings", 300), tmp_path / "expected", tmp_path / "results"
    run_job(filings, expected)
    flags = ("--address", nodes.address, "--workers", 4, "--json")
    process = start(filings, results, "joined", *flags, environment=nodes.environment)
    wait_for_commit(process)
    assert wait_for(lambda: stop_reading("second")), "it was given no work"
    assert wait_for(lambda: waits_for_its_reading("second")), "it was given no more work"
    nodes.kill("second")
    assert process.poll() is None, "the run was over before the node was killed"
    stdout, log = process.communicate(timeout=600)
    assert process.returncode == 0, log
    same_rows(results, expected)
    cluster = json.loads(stdout)["cluster"]
    assert (cluster["nodes"], cluster["cpus"]) == (2, 2)
    again = f"done again: {cluster['sources_read_again']} sources, {cluster['documents_tagged_again']} documents"
    print(again)  # noqa: T201 - `pytest -rP` shows how often work was repeated
    assert 0 < cluster["sources_read_again"] <= 2 * MOST_SOURCES
    assert 0 <= cluster["documents_tagged_again"] <= cluster["sources_read_again"]


CRASHING_RUNTIME = """
    # Stands in for an onnxruntime that crashes on one input: the process ends where a sentence fills the window.
    import importlib, os, sys
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    sys.path = [folder for folder in sys.path if os.path.abspath(folder) != here]
    del sys.modules["onnxruntime"]
    onnxruntime = importlib.import_module("onnxruntime")

    class InferenceSession(onnxruntime.InferenceSession):
        def run(self, outputs, inputs, *rest):
            if inputs["input_ids"].shape[1] > 500:
                os._exit(1)
            return super().run(outputs, inputs, *rest)

    onnxruntime.InferenceSession = InferenceSession
"""


def test_a_document_that_kills_every_actor_is_one_failed_row(tmp_path):
    filings = write_filings(tmp_path / "filings", 6)
    (filings / "poison.htm").write_text(f"<p>{'the interest rate is 5.25% and ' * 400}.</p>")
    runtime = tmp_path / "runtime" / "onnxruntime"
    runtime.mkdir(parents=True)
    (runtime / "__init__.py").write_text(textwrap.dedent(CRASHING_RUNTIME))
    path = os.pathsep.join(filter(None, [str(runtime.parent), os.environ.get("PYTHONPATH")]))
    results, good = tmp_path / "results", tmp_path / "good"
    environment = os.environ | {"PYTHONPATH": path}
    report = run_job(filings, results, "--workers", 1, "--backend", "onnxruntime", *RAY, expect=3, env=environment)
    assert report["documents"] == {"ok": 6, "failed": 1}
    (row,) = ask(results, "SELECT document_id, error_type, error FROM documents WHERE status = 'failed'")
    assert (row["document_id"], row["error_type"]) == ("poison.htm", "WorkerDied")
    (filings / "poison.htm").unlink()
    run_job(filings, good, "--backend", "onnxruntime")
    assert plain_rows(results, "entities") == plain_rows(good, "entities")


def test_a_driver_killed_and_one_stopped_leave_the_rest_to_the_next_run_exactly_once(mixed, local, tmp_path):
    results = tmp_path / "results"
    for number, code in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 143)):
        before = plain_rows(results, "documents") if results.exists() else {}
        process = start(mixed, results, str(code), "--workers", 1)
        wait_for_commit(process)
        process.send_signal(number)
        _, log = process.communicate(timeout=100)
        assert process.returncode == code, log
        assert "Traceback" not in log
        mark = str(code)
        assert wait_for(lambda mark=mark: set(working(mark)) <= FOR_A_MINUTE, 30), f"left behind: {working(mark)}"
        after = plain_rows(results, "documents")
        assert before.items() <= after.items()
        assert after.total() > 0
        if number == signal.SIGKILL:  # a driver that is stopped commits what it has begun, which may be all the rest
            assert after.total() < plain_rows(local, "documents").total()
    rest = subprocess.run(command("run", "--input", mixed, "--output", results), capture_output=True, check=False)
    assert rest.returncode in {0, 3}, "3 where the files that cannot be read were left to it"
    same_rows(results, local)


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (("--address", "127.0.0.1:6379"), "--engine ray"),
        ((*RAY, "--address", "ray://127.0.0.1:10001"), "HOST:PORT"),
        ((*RAY, "--address", "127.0.0.1:1"), "no Ray cluster"),
    ],
)
def test_an_address_that_cannot_be_joined_is_a_usage_error(tmp_path, flags, reason):
    filings = write_filings(tmp_path / "filings", 1)
    refused = finner("run", "--input", filings, "--output", tmp_path / "results", *flags, expect=2)
    assert reason in refused.stderr
    assert "Traceback" not in refused.stderr


TWO_STAGES = """
    # A cluster that says it has a GPU, and sessions on the CPU: reading and tagging are actors of their own.
    import sys
    import ray
    from finner_batch.config import RunConfig
    from finner_batch.runner.on_ray.cluster import Cluster
    from finner_batch.runner.run import run

    if __name__ == "__main__":
        ray.init(num_cpus=2, num_gpus=1, include_dashboard=False, log_to_driver=False, object_store_memory=100_000_000)
        Cluster.device = property(lambda cluster: "cpu")
        report = run(RunConfig(input=(sys.argv[1],), output=sys.argv[2], engine="ray", cache_mb=0))
        assert report.cluster["gpus"] == 1 and report.documents_ok == 240, report
"""


def test_readers_that_feed_the_taggers_of_gpus_give_the_same_rows(mixed, local, tmp_path):
    results, program = tmp_path / "results", tmp_path / "two_stages.py"
    program.write_text(textwrap.dedent(TWO_STAGES))
    here = marked("two") | {"PYTHONPATH": os.pathsep.join([str(Path.cwd()), os.environ.get("PYTHONPATH", "")])}
    arguments = [sys.executable, program, mixed, results]
    done = subprocess.run(arguments, env=os.environ | here, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    same_rows(results, local)
    assert wait_for(lambda: not working("two"), 30), f"left behind: {working('two')}"


@pytest.fixture(scope="module")
def real(corpus, tmp_path_factory):
    """Every sixth of the real filings (with FINNER_RAY=all each of them: five minutes), and a local run's results."""
    folder = tmp_path_factory.mktemp("real")
    filings = folder / "filings"
    filings.mkdir()
    step = 1 if os.environ.get("FINNER_RAY") == "all" else 6
    for path in sorted((corpus / "filings").iterdir())[::step]:
        (filings / path.name).symlink_to(path)
    run_job(filings, folder / "results", "--cache-mb", 0)
    return filings, folder / "results"


@pytest.mark.corpus
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_any_number_of_workers_gives_the_local_rows_of_real_filings(real, tmp_path, workers):
    filings, expected = real
    results = tmp_path / "results"
    report = run_job(filings, results, *RAY, "--workers", workers)
    assert report["workers"] == report["cluster"]["cpus"] == workers
    assert report["documents"] == {"ok": len(list(filings.glob("*.gz"))), "failed": 0}
    same_rows(results, expected)
