import gc
import pickle
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from time import perf_counter
from types import SimpleNamespace

import numpy as np
import pytest

from finner_batch.benchmark import input_counts as benchmark_survey
from finner_batch.benchmark import stages
from finner_batch.benchmark import stages as timed_module
from finner_batch.benchmark.input_counts import survey
from finner_batch.benchmark.stages import STAGES, TimedSession, TimedTagger, run_stages
from finner_batch.config import RunConfig
from finner_batch.errors import UsageError
from finner_batch.readers.discover import discover
from finner_batch.readers.read import ReadOptions
from finner_batch.runner import worker
from finner_batch.runner.run import run
from finner_batch.tagging.device import Device
from finner_batch.tagging.model import EVERY_SENTENCE
from finner_batch.tagging.session import Session
from finner_batch.tagging.tagger import Tagger


def test_a_pass_does_what_a_run_does_and_measures_every_stage(filings, sources, model, session, tmp_path, monkeypatch):
    monkeypatch.setattr(stages, "COLLECT_AFTER_MESSAGES", 4)
    report = run(RunConfig(input=(str(filings),), output=str(tmp_path / "results"), device="cpu", workers=1))
    found = run_stages(sources, model, session)
    assert (found.documents, found.failed, found.entities) == (2, 0, report.entities)
    assert (found.tokens, found.tokens_run) == (report.tokens, report.tokens_run)
    assert tuple(found.seconds) == STAGES
    assert all(seconds > 0 for seconds in found.seconds.values())
    assert found.tokens > found.tokens_run  # the second page repeats the first
    assert found.squared_lengths > found.tokens_run


def test_the_garbage_collector_is_off_while_a_pass_measures_and_on_again_after_it(sources, model, session, monkeypatch):
    seen = []
    parse = worker.parse
    monkeypatch.setattr(
        worker,
        "parse",
        lambda *given, **more: seen.append((gc.isenabled(), gc.get_freeze_count() > 0)) or parse(*given, **more),
    )
    run_stages(sources, model, session)
    assert seen == [(False, True), (False, True)]
    assert gc.isenabled()
    assert not gc.get_freeze_count()


def test_a_pass_pickles_and_loads_what_the_reading_processes_send(filings, model, session, tmp_path, monkeypatch):
    (tmp_path / "broken.htm.gz").write_bytes(b"\x1f\x8b\x08\x00 this is no gzip stream")
    sources = list(discover([str(filings), str(tmp_path)]))
    options = worker.WorkerOptions(
        read=ReadOptions(),
        tables=False,
        tokenizer_json=model.folder / "tokenizer.json",
        max_length=model.max_length,
        cues=model.cues,
        timeout_s=60.0,
        memory_limit_mb=4096,
    )
    tokenizer = Tagger(model, session).tokenizer()
    tasks = [worker.Task(source=source, sha256=None, size=None) for source in sources]
    sent = [pickle.loads(packed) for task in tasks for packed in worker.packed_messages(task, tokenizer, options)]
    dumped, taken = [], []
    dumps, outcomes = stages.ForkingPickler.dumps, stages.Batcher.outcomes
    monkeypatch.setattr(stages.ForkingPickler, "dumps", lambda message: dumped.append(message) or dumps(message))

    def watched(self, results, is_commit_due):
        return outcomes(self, (taken.append(result) or result for result in results), is_commit_due)

    monkeypatch.setattr(stages.Batcher, "outcomes", watched)
    found = run_stages(sources, model, session)
    assert [type(message) for message in dumped] == [type(message) for message in sent]
    assert [_tokens(message) for message in dumped] == [_tokens(message) for message in sent]
    assert not {id(message) for message in dumped} & {id(result) for result in taken}
    assert found.seconds["send"] > 0


def _tokens(message):
    return [window.ids.tolist() for window in getattr(message, "windows", ())]


@pytest.mark.parametrize(("messages", "calls"), [(2, 3), (3, 2), (7, 0)])
def test_the_garbage_collector_is_called_after_as_many_messages_as_in_a_reading_process(
    messages, calls, sources, model, session, monkeypatch
):
    collected = []
    monkeypatch.setattr(stages, "COLLECT_AFTER_MESSAGES", messages)  # two files of one document: six messages
    monkeypatch.setattr(stages.gc, "collect", lambda: collected.append(True))
    found = run_stages(sources, model, session)
    assert len(collected) == calls + 1  # and once before anything is measured
    assert (found.seconds["collect"] > 0) is (calls > 0)


def test_every_file_is_hashed_and_of_those_with_the_same_bytes_the_first_is_read(
    filings, model, session, tmp_path, monkeypatch
):
    shutil.copytree(filings, tmp_path, dirs_exist_ok=True)
    shutil.copy(filings / "a.htm", tmp_path / "copy.htm")
    given = list(discover([str(tmp_path)]))
    hashed, read = [], []
    fingerprint, read_documents = benchmark_survey.fingerprint, worker.read_documents
    monkeypatch.setattr(
        benchmark_survey, "fingerprint", lambda source: hashed.append(source.name) or fingerprint(source)
    )
    monkeypatch.setattr(
        worker,
        "read_documents",
        lambda source, *given, **more: read.append(source.name) or read_documents(source, *given, **more),
    )
    found = run_stages(given, model, session)
    assert hashed == ["a.htm", "b.htm", "copy.htm"]
    assert read == ["a.htm", "b.htm"]
    assert found.documents == 2
    assert found.seconds["hash"] > 0


def test_the_survey_counts_the_same_bytes_once(filings, sources, model, tmp_path):
    shutil.copytree(filings, tmp_path, dirs_exist_ok=True)
    shutil.copy(filings / "a.htm", tmp_path / "copy.htm")
    alone, _ = survey(sources, model)
    counts, _ = survey(list(discover([str(tmp_path)])), model)
    assert (counts.sources, counts.duplicates) == (3, 1)
    assert (alone.sources, alone.duplicates) == (2, 0)
    for name in ("documents", "stored_bytes", "markup_bytes", "html_bytes", "characters", "prose_tokens"):
        assert getattr(counts, name) == getattr(alone, name), name


def test_a_file_that_cannot_be_read_is_counted_and_the_others_are_measured(filings, model, session, tmp_path):
    (tmp_path / "broken.htm.gz").write_bytes(b"\x1f\x8b\x08\x00 this is no gzip stream")
    given = list(discover([str(filings), str(tmp_path)]))
    found = run_stages(given, model, session)
    assert (found.documents, found.failed) == (2, 1)
    assert survey(given, model)[0].documents == 2


def test_the_survey_counts_tokens_as_the_tagger_does(sources, model, session):
    counts, distinct = survey(sources, model)
    every = run_stages(sources, replace(model, cues=EVERY_SENTENCE), session)
    assert counts.numbered_tokens == every.tokens
    assert run_stages(sources, model, session).tokens < every.tokens
    assert counts.prose_tokens > counts.numbered_tokens
    assert counts.sentences > counts.numbered_sentences > len(distinct) == 7
    assert counts.markup_bytes == counts.html_bytes == counts.stored_bytes


def test_an_input_without_a_number_is_refused(model, tmp_path):
    (tmp_path / "a.htm").write_text("<p>Nothing is stated here.</p>")
    with pytest.raises(UsageError, match="no sentence with a number"):
        survey(list(discover([str(tmp_path)])), model)


def test_batches_that_are_with_a_session_at_once_count_once(sources, model):
    session = Session(model, Device("cpu", "a test", count=2), threads=1)
    started = perf_counter()
    found = run_stages(sources, model, session)
    assert 0 < found.seconds["model"] < perf_counter() - started


def test_the_clock_runs_while_a_session_has_any_batch_and_not_once_for_each(monkeypatch):
    clock = iter([10.0, 13.0, 20.0, 21.0])  # from the first that comes to the last that goes, then one alone
    monkeypatch.setattr(timed_module, "perf_counter", lambda: next(clock))
    ids = np.ones((1, 16), dtype=np.int64)
    both = Barrier(2)
    timed = TimedSession(SimpleNamespace(logits=lambda *_: both.wait(30)))
    with ThreadPoolExecutor(2) as threads:
        assert len(list(threads.map(timed.logits, [ids, ids], [ids, ids]))) == 2
    assert timed.seconds == 3.0
    assert timed.counted() == (32, 512)
    timed._session = SimpleNamespace(logits=lambda *_: None)
    timed.logits(ids, ids)
    assert timed.seconds == 4.0


def test_a_session_that_is_not_asked_for_what_ran_is_no_measurement(sources, model, session):
    tagger = TimedTagger(Tagger(model, session), TimedSession(session))  # the tagger runs past the timed session
    texts = survey(sources, model)[1]
    windows = [window for text in texts for window in tagger.tokenizer().windows(text, [(0, 1)])]
    with pytest.raises(RuntimeError, match="0 were measured"):
        tagger.probabilities(windows)
