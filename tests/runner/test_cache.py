import os
import signal
import subprocess
import time

import pytest
from engine_helpers import ask, command, finner, plain_rows, run_job

from finner_batch.config import RunConfig
from finner_batch.results.logit_cache import CACHE_FILE
from finner_batch.runner.run import run
from finner_batch.runner.stop import Stop
from finner_batch.tagging.model import DEFAULT_MODEL, load_model
from finner_batch.tagging.tagger import Tagger
from finner_batch.tagging.tokens import SentenceTokenizer
from finner_batch.text.numbers import number_tokens

KEPT = [
    f"The {2030 + n} Notes of the Company bear interest at a fixed rate of {n}.{n}5% per annum." for n in range(1, 8)
]
FIRST = [f"In the first quarter interest on loans rose by {n}.5% to ${n + 200}.1 million." for n in range(1, 4)]
SECOND = [f"In the second quarter interest on loans fell by {n}.5% to ${n + 300}.7 million." for n in range(1, 6)]


def write_filing(path, sentences):
    path.parent.mkdir(exist_ok=True)
    path.write_text("<html><body>" + "".join(f"<p>{sentence}</p>" for sentence in sentences) + "</body></html>")
    return path


def tokens_of(sentences):
    tokenizer = SentenceTokenizer(DEFAULT_MODEL / "tokenizer.json", 512, load_model().cues)
    return sum(
        window.length for sentence in sentences for window in tokenizer.windows(sentence, number_tokens(sentence))
    )


def rows_of(results):
    """All columns but those that say when and where."""
    return ask(results, "SELECT * EXCLUDE (source, run_id) FROM entities ORDER BY ALL")


@pytest.mark.slow
def test_the_next_quarter_costs_the_tokens_of_its_new_sentences_and_has_the_rows_of_a_run_without_cache(tmp_path):
    write_filing(tmp_path / "in" / "a-q1.htm", KEPT + FIRST)
    cached, plain = tmp_path / "cached", tmp_path / "plain"
    first = run_job(tmp_path / "in", cached)
    assert (first["tokens_run"], first["tokens_from_cache"]) == (tokens_of(KEPT + FIRST), 0)
    write_filing(tmp_path / "in" / "a-q2.htm", KEPT + SECOND)
    second = run_job(tmp_path / "in", cached)
    assert second["tokens"] == tokens_of(KEPT + SECOND)
    assert second["tokens_run"] == tokens_of(SECOND)
    assert second["tokens_from_cache"] == tokens_of(KEPT)
    assert second["cache_off"] is None
    without = run_job(tmp_path / "in", plain, "--cache-mb", 0, "--window-sentences", 1)
    assert without["tokens_run"] == first["tokens"] + second["tokens"]
    assert without["config_id"] == second["config_id"]
    assert not (plain / CACHE_FILE).parent.exists()
    assert rows_of(cached) == rows_of(plain), "confidences too, to the last bit"
    assert len(rows_of(cached)) >= 2 * len(KEPT)
    across = run_job(tmp_path / "in", tmp_path / "across", "--window-sentences", 1)
    assert across["tokens_run"] == tokens_of(KEPT + FIRST + SECOND), "repeats across the calls of one run"
    finner("compact", "--output", cached)
    assert rows_of(cached) == rows_of(plain)


@pytest.mark.slow
def test_a_killed_run_loses_rows_but_not_the_tagging_of_them(filings, tmp_path):
    flags = ("--commit-seconds", 1_000, "--commit-documents", 1_000, "--window-sentences", 8)
    results, plain = tmp_path / "results", tmp_path / "plain"
    run_job(filings, plain, "--cache-mb", 0)
    log = results / f"{CACHE_FILE}-wal"
    process = subprocess.Popen(
        command("run", "--input", filings, "--output", results, *flags),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None and not (log.exists() and log.stat().st_size > 30_000):
        time.sleep(0.005)
    assert process.poll() is None, "the run was done before it could be killed"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    report = run_job(filings, results, *flags)
    assert report["documents"] == {"ok": 40, "failed": 0}, "nothing was committed before"
    assert report["tokens_from_cache"] > 0
    for table in ("entities", "documents"):
        assert plain_rows(results, table) == plain_rows(plain, table)


@pytest.mark.slow
def test_a_damaged_and_an_unusable_cache_cost_a_line_of_the_log_and_no_row(tmp_path):
    write_filing(tmp_path / "in" / "a-q1.htm", KEPT + FIRST)
    plain, damaged, unusable = (tmp_path / name for name in ("plain", "damaged", "unusable"))
    run_job(tmp_path / "in", damaged)
    write_filing(tmp_path / "in" / "a-q2.htm", KEPT + SECOND)
    run_job(tmp_path / "in", plain, "--cache-mb", 0)
    file = damaged / CACHE_FILE
    content = file.read_bytes()
    file.write_bytes(content[:100] + os.urandom(len(content) - 100))
    done = finner("run", "--input", tmp_path / "in", "--output", damaged)
    assert "event=cache-damaged" in done.stderr
    assert "from the cache" not in done.stdout
    assert rows_of(damaged) == rows_of(plain)
    unusable.mkdir()
    (unusable / CACHE_FILE.parent).write_text("in the way")
    done = finner("run", "--input", tmp_path / "in", "--output", unusable)
    assert "event=cache-off" in done.stderr
    assert rows_of(unusable) == rows_of(plain)
    assert ask(unusable, "SELECT report ->> 'cache_off' AS why FROM runs")[0]["why"]


def test_a_run_that_is_stopped_in_the_model_reports_its_memory_and_that_the_cache_is_off(tmp_path, monkeypatch):
    write_filing(tmp_path / "in" / "a.htm", KEPT)
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / CACHE_FILE.parent).write_text("in the way")
    stop = Stop()

    def interrupt(*_):
        stop.signal_number = signal.SIGTERM
        raise InterruptedError("a stop was requested")

    monkeypatch.setattr(Tagger, "_run", interrupt)
    config = RunConfig(input=(str(tmp_path / "in"),), output=str(tmp_path / "results"), workers=1)
    report = run(config, stop=stop).as_json()
    assert (report["status"], report["documents"]["ok"]) == ("interrupted", 0)
    assert report["cache_off"]
    assert report["peak_mebibytes_of_workers"] > 0
