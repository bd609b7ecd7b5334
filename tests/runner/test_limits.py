"""What the main process does for one document is bounded in time and memory, whatever the document holds."""

import json
import pickle
from dataclasses import replace
from time import monotonic, sleep

import pytest
from engine_helpers import ask, plain_rows, write_filings

from finner_batch.config import RunConfig
from finner_batch.readers.discover import discover
from finner_batch.readers.document import FailedDocument
from finner_batch.runner import tag_documents as rows
from finner_batch.runner import tag_documents as tag
from finner_batch.runner import worker
from finner_batch.runner import worker_pool as pool
from finner_batch.runner.outcomes import SourceFinished
from finner_batch.runner.run import run
from finner_batch.runner.worker import Task, WorkerOptions
from finner_batch.runner.worker_pool import Pool
from finner_batch.tagging.model import load_model
from finner_batch.tagging.tagger import Tagger
from finner_batch.tagging.tokens import SentenceTokenizer


def job(filings, results, **settings):
    return run(RunConfig(input=(str(filings),), output=str(results), workers=1, backend="onnxruntime", **settings))


def failures(results):
    return ask(results, "SELECT document_id, stage, error_type FROM documents WHERE status = 'failed' ORDER BY ALL")


@pytest.mark.slow
def test_a_document_whose_values_take_too_long_is_one_failed_row_and_the_run_goes_on(tmp_path, monkeypatch):
    filings = write_filings(tmp_path / "filings", 4)
    (filings / "b-slow.htm").write_text("<p>The Gull Notes bear interest at a fixed rate of 5.25% per annum.</p>" * 300)
    read_value = rows.read_value

    def slow(sentence, *place, **options):
        if "Gull" in sentence:
            sleep(0.1)
        return read_value(sentence, *place, **options)

    monkeypatch.setattr(rows, "read_value", slow)
    begun = monotonic()
    report = job(filings, tmp_path / "results", timeout_s=5.0)
    assert (report.documents_ok, report.documents_failed, report.exit_code) == (4, 1, 3)
    assert failures(tmp_path / "results") == [
        {"document_id": "b-slow.htm", "stage": "value", "error_type": "OutOfTimeError"}
    ]
    assert monotonic() - begun < 28, "300 numbers of 0.1 s each were not all read"


@pytest.mark.slow
def test_a_document_that_takes_too_long_to_tag_is_one_failed_row_and_the_run_goes_on(tmp_path, monkeypatch):
    filings = write_filings(tmp_path / "filings", 4)
    (filings / "b-slow.htm").write_text("<p>The Gull Notes bear interest at a fixed rate of 5.25% per annum.</p>" * 300)
    probabilities = Tagger.probabilities

    def slow(self, windows, *, interrupted, **options):
        while len(windows) == 300:
            if interrupted():
                raise InterruptedError
            sleep(0.1)
        return probabilities(self, windows, interrupted=interrupted, **options)

    monkeypatch.setattr(Tagger, "probabilities", slow)
    monkeypatch.setattr(tag, "ALONE_TOKENS", 1000)
    report = job(filings, tmp_path / "results", timeout_s=5.0)
    assert (report.documents_ok, report.documents_failed, report.exit_code) == (4, 1, 3)
    assert failures(tmp_path / "results") == [
        {"document_id": "b-slow.htm", "stage": "tag", "error_type": "OutOfTimeError"}
    ]


def test_a_document_that_is_tagged_by_itself_has_the_same_rows(tmp_path, monkeypatch):
    filings = write_filings(tmp_path / "filings", 12)
    job(filings, tmp_path / "together")
    monkeypatch.setattr(tag, "ALONE_TOKENS", 150)
    report = job(filings, tmp_path / "alone")
    for table in ("entities", "documents"):
        assert plain_rows(tmp_path / "alone", table) == plain_rows(tmp_path / "together", table)
    assert report.tokens_run > 150


@pytest.fixture
def options():
    return WorkerOptions.of(RunConfig(input=("x",)), load_model(None))


def messages(path, options):
    """What a reading process sends for a file."""
    (source,) = discover([str(path)])
    tokenizer = SentenceTokenizer(options.tokenizer_json, options.max_length, options.cues)
    task = Task(source=source, sha256=None, size=None)
    return [pickle.loads(packed) for packed in worker.packed_messages(task, tokenizer, options)]


def test_a_document_with_more_for_the_model_than_the_main_process_can_hold_fails_alone(tmp_path, options, monkeypatch):
    monkeypatch.setattr(worker, "MOST_BYTES", 20_000)
    texts = ["The notes bear interest at 5.25%. " * times for times in (1, 2000, 1)]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    sent = [message for message in messages(path, options) if not isinstance(message, worker.Began | worker.Ended)]
    assert [isinstance(message, FailedDocument) for message in sent] == [False, True, False]
    assert "divide it" in sent[1].error


def test_a_file_with_more_documents_than_a_submission_may_have_ends_as_a_failed_row(tmp_path, options, monkeypatch):
    monkeypatch.setattr(worker, "MOST_DOCUMENTS", 3)
    path = tmp_path / "filing.txt"
    one = "<DOCUMENT>\n<TYPE>10-K\n<TEXT>\nText\n</TEXT>\n</DOCUMENT>\n"
    path.write_text(f"<SEC-HEADER>\n</SEC-HEADER>\n{one * 9}")
    every = replace(options, read=replace(options.read, documents="all"))
    sent = [message for message in messages(path, every) if not isinstance(message, worker.Began)]
    assert len(sent) == 5
    assert "more than 3 documents in one file" in sent[3].error
    assert not sent[4].complete


def test_rows_of_a_shard_are_not_limited_in_number(tmp_path, options, monkeypatch):
    monkeypatch.setattr(worker, "MOST_DOCUMENTS", 3)
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps({"text": f"Row {number}."}) + "\n" for number in range(9)))
    assert messages(path, options)[-1].complete


def test_a_process_whose_memory_ran_out_is_replaced_and_the_next_document_is_read(tmp_path, options):
    filings = write_filings(tmp_path / "filings", 2)
    (filings / "a-huge.htm").write_text("".join(f"<p>The rate is {n % 9}.25%.</p>" for n in range(1_500_000)))
    tasks = [Task(source=source, sha256=None, size=None) for source in discover([str(filings)])]
    with Pool(1, replace(options, memory_limit_mb=256)) as processes:
        results = [
            result for result in processes.results(iter(tasks)) if result and not isinstance(result, SourceFinished)
        ]
        assert len(processes._peaks) == 2
    assert [isinstance(result, FailedDocument) for result in results] == [True, False, False]
    assert "memory" in results[0].error


def test_what_is_read_ahead_is_bounded_in_bytes_too(tmp_path, options, monkeypatch):
    """Two workers, of which the second's source is not asked for more while its documents wait."""
    monkeypatch.setattr(pool, "READ_AHEAD_BYTES", 5000)
    for name in ("a", "b"):
        text = f"The notes of {name} bear interest at 5.25%. " * 20
        (tmp_path / f"{name}.jsonl").write_text((json.dumps({"text": text}) + "\n") * 40)
    tasks = [Task(source=source, sha256=None, size=None) for source in discover([str(tmp_path)])]
    held = []
    receive = Pool._receive

    def watch(self, running):
        receive(self, running)
        held.append(running.held_bytes)

    monkeypatch.setattr(Pool, "_receive", watch)
    with Pool(2, options) as processes:
        results = [result for result in processes.results(iter(tasks)) if result]
    assert len(results) == 82
    assert max(held) < 5000 + 10_000
