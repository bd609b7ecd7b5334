import json
import subprocess
import sys
from importlib.util import find_spec

import pytest
from main_process import MainProcess
from nodes import Job, Start, project, table

from finner_batch.machine import MEBIBYTE

SCALE = {
    "start": {
        "documents": 1000,
        "listing": {"seconds": 1.0},
        "ledger": {"seconds": 2.0},
        "peak_mebibytes": 150,
        "of_them_imports": 50,
    },
    "run_with_nothing_new": {"seconds": 7.0},
}
MAIN = MainProcess(
    cpu_seconds_a_document=0.001,
    bytes_a_document=4000,
    hash_bytes_per_second=1e9,
    seconds_a_part=0.002,
    bytes_a_waiting_source=1000,
)


def job(**given):
    return Job(
        **{
            "documents": 100_000,
            "bytes_a_document": 1e6,
            "documents_per_second_and_cpu": 1.0,
            "cpus_a_node": 10,
            "link_bytes_per_second": 2e9,
            "memory_bytes": 1e10,
        }
        | given
    )


def test_each_duty_of_the_main_process_is_a_part_of_the_nodes_time():
    start = Start.of(SCALE)
    assert start == Start(listing=0.001, ledger=0.002, file=0.005, ledger_bytes=100 * MEBIBYTE / 1000)
    row = project(job(), start, MAIN, nodes=1, main_processes=1)
    assert (row.documents_per_hour, row.work_seconds) == (36_000, 10_000)
    assert row.parts == 500, "a commit each 20 seconds: 200 documents"
    assert row.uses == pytest.approx(
        {
            "listing": 100 / 10_000,
            "ledger": 200 / 10_000,
            "small files": 1 / 10_000,
            "hashing": (400 + 100) / 10_000,
            "hashing, link": 50 / 10_000,
            "results": 100 / 10_000,
            "results, link": 0.2 / 10_000,
            "memory": (100_000 * 0.1 * MEBIBYTE + 1e8) / 1e10,
        }
    )
    assert row.first == "memory"
    assert row.efficiency == pytest.approx(1 / (0.01 + 0.02 + 0.0001 + 0.05 + 1))


def test_more_nodes_make_each_duty_weigh_more_and_shards_all_but_the_listing_less():
    start = Start.of(SCALE)
    one, many, shared = (project(job(), start, MAIN, *given) for given in ((1, 1), (100, 1), (100, 10)))
    assert many.uses["results"] == pytest.approx(100 * one.uses["results"])
    assert many.uses["memory"] == one.uses["memory"]
    assert many.first == "hashing"
    assert shared.uses["hashing"] == pytest.approx(many.uses["hashing"] / 10)
    assert shared.uses["memory"] < many.uses["memory"]
    assert shared.uses["listing"] == many.uses["listing"], "every shard lists the whole input"
    assert one.efficiency > shared.efficiency > many.efficiency


def test_the_command_measures_a_cluster_of_its_own_and_names_what_binds(tmp_path, scripts):
    if find_spec("ray") is None:
        pytest.skip("Ray is not installed: pip install 'finner-batch[ray]'")
    run = {
        "documents": {"ok": 200},
        "sources": {"bytes": 2e8},
        "wall_seconds": 100.0,
        "workers": 2,
        "machine": {"cpus": 2},
    }
    (tmp_path / "run.json").write_text(json.dumps(run))
    (tmp_path / "scale.json").write_text(json.dumps(SCALE))
    done = subprocess.run(
        [
            *(sys.executable, str(scripts / "nodes.py"), "--json", "--small", "50", "--large", "250"),
            *("--run", str(tmp_path / "run.json"), "--scale", str(tmp_path / "scale.json")),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["job"]["documents_per_second_and_cpu"] == 1.0
    assert [row["nodes"] for row in figures["rows"]] == [1, 10, 100, 100]
    measured = MainProcess(**figures["main_process"])
    assert measured.bytes_a_document > 500
    assert measured.hash_bytes_per_second > 1e7
    assert min(measured.seconds_a_part, measured.bytes_a_waiting_source) > 0
    rows = [project(Job(**figures["job"]), Start(**figures["start"]), measured, 100, count) for count in (1, 10)]
    assert rows[0].first in table(rows)
