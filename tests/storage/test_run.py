"""Runs over a bucket, in processes of their own where these are killed, whatever happens to them and to the store."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from importlib.util import find_spec

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bucket_helpers import SMALL_COMMITS, config, job, rows
from engine_helpers import command, run_job
from s3_proxy import at_random

from finner_batch.query.connection import connect
from finner_batch.results.compact import compact
from finner_batch.runner.run import retry


def start(filings, results):
    arguments = command("run", "--input", filings, "--output", results, *SMALL_COMMITS)
    return subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_rows_in_a_bucket_are_those_in_a_folder_and_an_object_is_fetched_once(uploaded, results, local, proxy, caplog):
    report = job(uploaded, results)
    assert report["documents"] == {"ok": 12, "failed": 0}
    assert "object store" in report["cache_off"]
    assert caplog.text.count("event=cache-off") == 1, "a bucket has no cache, and the run says so once"
    assert not (results / "cache").is_folder()
    for path in local.filings.iterdir():
        fetched = proxy.asked("GET", f"/in/{path.name}")
        assert sum(request.sent for request in fetched) == path.stat().st_size
    assert rows(results) == local.rows
    results.bucket.put("in/filing-003.htm", (local.filings / "filing-004.htm").read_bytes() + b"<p>Amended.</p>")
    proxy.requests.clear()
    changed = job(f"s3://{results.bucket.name}", results)
    assert changed["documents"] == {"ok": 1, "failed": 0}, "a bucket's root is read without the results in it"
    assert changed["sources"]["unchanged"] == 11
    assert {request.path for request in proxy.asked("GET", "/in/")} == {f"/{results.bucket.name}/in/filing-003.htm"}
    assert compact(results, settle_s=0).after.parts == 1
    proxy.requests.clear()
    assert job(uploaded, results)["sources"]["unchanged"] == 12
    assert proxy.asked("GET", "/in/") == []
    assert len(rows(results)["documents"]) == 12


def test_csv_below_keys_of_a_path_in_a_bucket_is_read_once(bucket, results):
    bucket.put("data/year=2023/rows.csv", b'id,body\na,"The notes bear interest, at 5.25% per annum."\n')
    data = f"s3://{bucket.name}/data"
    bucket.put("data/rows.tsv", b"id\tbody\nb\tThe notes bear interest at 6.25% per annum.\n")
    assert job(data, results, text_column=("body",))["documents"] == {"ok": 2, "failed": 0}
    with connect(results) as connection:
        kept = connection.execute("SELECT document_id, kept['year'] FROM documents ORDER BY ALL").fetchall()
    assert kept == [("a", "2023"), ("b", None)]
    assert job(data, results, text_column=("body",))["sources"]["unchanged"] == 2


@pytest.mark.slow
def test_a_throttled_store_gives_the_same_rows(uploaded, results, local, proxy):
    proxy.fault = at_random(5, 0.2)
    assert job(uploaded, results)["documents"] == {"ok": 12, "failed": 0}
    assert rows(results) == local.rows
    proxy.fault = lambda _request: ""
    assert [request.status for request in proxy.requests].count(503) >= 3
    assert rows(results) == local.rows


@pytest.mark.slow
def test_the_shares_of_a_run_in_folders_of_one_bucket_are_asked_as_one(uploaded, bucket, local):
    shares = [job(uploaded, f"s3://{bucket.name}/shares/{n}", shard=f"{n}/2")["documents"]["ok"] for n in (1, 2)]
    assert sum(shares) == 12
    assert max(shares) < 12
    assert rows(f"s3://{bucket.name}/shares/*") == local.rows


@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: pip install 'finner-batch[ray]'")
def test_a_run_on_ray_gives_the_same_rows_in_a_bucket(uploaded, results, local, proxy):
    report = run_job(uploaded, results, "--engine", "ray", *SMALL_COMMITS)
    assert report["documents"] == {"ok": 12, "failed": 0}
    assert rows(results) == local.rows
    proxy.requests.clear()
    assert run_job(uploaded, results, "--engine", "ray")["sources"]["unchanged"] == 12
    assert proxy.asked("GET", "/in/") == []


@pytest.mark.slow
def test_a_run_that_is_killed_and_repeated_gives_the_same_rows(uploaded, results, local, proxy):
    proxy.fault = at_random(12, 0.05)
    process = start(uploaded, results)
    while process.poll() is None and len(proxy.asked("PUT", "/out/results/documents/part")) < 3:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    begun = time.monotonic()
    assert 0 < job(uploaded, results)["documents"]["ok"] < 12
    assert time.monotonic() - begun < 55, "the lock of a run that was killed on this machine is not waited for"
    assert rows(results) == local.rows
    assert json.loads((results / ".lock.json").read())["released"]


@pytest.mark.slow
def test_of_two_runs_that_begin_together_one_works_and_one_is_told(uploaded, results, local):
    both = [start(uploaded, results) for _ in range(2)]
    logs = [process.communicate(timeout=120)[1] for process in both]
    codes = [process.returncode for process in both]
    assert sorted(codes) == [0, 4], logs
    refused = logs[codes.index(4)]
    winner = both[codes.index(0)]
    assert f"{results} is in use by another run (process {winner.pid} on " in refused
    assert "last heard of" in refused
    assert rows(results) == local.rows


@pytest.mark.slow
def test_a_shard_is_read_by_range_and_not_at_all_while_it_is_the_same(bucket, results, proxy, tmp_path):
    chance = random.Random(1)
    texts = [f"The {n} notes bear interest at {n % 8 + 1}.{n % 90 + 10}% per annum." for n in range(300)]
    table = pa.table(
        {"id": [f"row-{n}" for n in range(300)], "text": texts, "other": [chance.randbytes(20_000) for _ in texts]}
    )
    pq.write_table(table, tmp_path / "rows.parquet", row_group_size=50)
    size = (tmp_path / "rows.parquet").stat().st_size
    with (tmp_path / "rows.parquet").open("rb") as file:
        bucket.upload("in/rows.parquet", file, size)
    proxy.requests.clear()
    report = job(f"s3://{bucket.name}/in/rows.parquet", results, commit_seconds=30, window_sentences=1000)
    assert report["documents"]["ok"] == 300
    assert sum(request.sent for request in proxy.asked("GET", "/in/rows.parquet")) < size / 3
    proxy.requests.clear()
    again = job(f"s3://{bucket.name}/in", results)
    assert again["sources"]["unchanged"] == 1
    assert sum(request.sent for request in proxy.asked("GET", "/in/rows.parquet")) == 0


@pytest.mark.slow
def test_failed_documents_are_left_alone_and_retried_from_the_bucket(bucket, results, local):
    for path in sorted(local.filings.iterdir())[:2]:
        bucket.put(f"in/{path.name}", path.read_bytes())
    bucket.put("in/broken.htm", b"PK\x03\x04" + os.urandom(50))
    url = f"s3://{bucket.name}/in"
    assert job(url, results)["documents"] == {"ok": 2, "failed": 1}
    assert job(url, results)["sources"]["failed_before"] == 1
    assert retry(config("", results)).as_json()["documents"] == {"ok": 0, "failed": 1}
    bucket.put("in/broken.htm", (local.filings / "filing-009.htm").read_bytes())
    report = retry(config("", results, cache_mb=0)).as_json()
    assert report["documents"] == {"ok": 1, "failed": 0}
    assert report["cache_off"] is None


SLEEPER = """
import functools, sys
from finner_batch.storage import lease, object_place
holder = functools.partial(lease.Note, machine="another machine", lease_s=2.0)
object_place.ObjectPlace.__init__.__defaults__ = tuple(
    holder if default is lease.Note else default for default in object_place.ObjectPlace.__init__.__defaults__)
lease.Lease.__init__.__kwdefaults__["renew_s"] = 0.5
from finner_batch.cli.main import main
from finner_batch.storage.place import place_of
main(sys.argv[1:])
"""


@pytest.mark.slow
def test_a_run_that_sleeps_loses_the_lock_and_commits_no_more(uploaded, results, local, proxy):
    """A run on another machine is stopped in its middle, as by a closed lid; another takes over, and it wakes up."""
    arguments = [sys.executable, "-c", SLEEPER, "run", "--input", uploaded, "--output", str(results), *SMALL_COMMITS]
    sleeper = subprocess.Popen(list(map(str, arguments)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while len(proxy.asked("PUT", "/out/results/documents/part")) < 3:
        assert sleeper.poll() is None, sleeper.communicate()
        time.sleep(0.005)
    sleeper.send_signal(signal.SIGSTOP)
    assert 0 < job(uploaded, results)["documents"]["ok"] < 12
    parts = len(proxy.asked("PUT", "/out/results/documents/part"))
    sleeper.send_signal(signal.SIGCONT)
    _, log = sleeper.communicate(timeout=120)
    assert sleeper.returncode == 4, log
    assert "lost the lock" in log
    assert len(proxy.asked("PUT", "/out/results/documents/part")) == parts
    assert rows(results) == local.rows
