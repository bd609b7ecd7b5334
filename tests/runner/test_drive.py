"""The driver with engines and a clock of the test's own: when it commits, and what a stop leaves to the next run."""

import signal
from contextlib import contextmanager

import pytest
from engine_helpers import ask
from simulated import FakeClock
from small_job import small_job

from finner_batch.config import RunConfig
from finner_batch.readers.copies import Copies
from finner_batch.readers.discover import discover
from finner_batch.results.results_folder import open_results
from finner_batch.runner.drive import drive
from finner_batch.runner.outcomes import SourceFinished
from finner_batch.runner.recorder import Recorder
from finner_batch.runner.stop import Stop
from finner_batch.runner.work_queue import WorkQueue
from finner_batch.storage.local import LocalPlace
from finner_batch.storage.place import place_of


class FailingEngine:
    """Fails every document; `after` is called after each source, and may stop the run or move the clock."""

    def __init__(self, after=lambda: None):
        self.after = after
        self.rounds = []

    def outcomes(self, tasks, _is_commit_due):
        self.rounds.append([])
        for task in filter(None, tasks):
            self.rounds[-1].append(task.source.name)
            yield task.failed("read", "Error", "no engine")
            yield SourceFinished(task, complete=False)
            self.after()
            yield None


@contextmanager
def driven(folder, results, engine, **given):
    """A recorder after the engine was driven over the folder."""
    open_results(place_of(results))
    job = small_job(results, **given)
    with Copies() as copies, Recorder(job) as recorder:
        queue = WorkQueue(discover([str(folder)]), job.ledger, copies=copies, retry=False)
        drive(job, engine, queue.rounds(), recorder)
        yield recorder


@pytest.fixture
def folder(tmp_path):
    """Four files, of which the third has the bytes of the first."""
    folder = tmp_path / "in"
    folder.mkdir()
    for name, text in (("a", "one"), ("b", "two"), ("c", "one"), ("d", "three")):
        (folder / f"{name}.htm").write_text(text)
    return folder


def failed(results):
    return [row["document_id"] for row in ask(results, "SELECT document_id FROM documents ORDER BY ALL")]


def test_a_source_with_the_bytes_of_another_waits_until_that_one_is_committed(folder, tmp_path):
    engine = FailingEngine()
    with driven(folder, tmp_path / "results", engine) as recorder:
        assert engine.rounds == [["a.htm", "b.htm", "d.htm"], ["c.htm"]], "the first failed, so the next is read"
        assert recorder.report.selection.sources == 4
        assert recorder.report.parts == 2, "a commit at the end of each round"
    assert failed(tmp_path / "results") == ["a.htm", "b.htm", "c.htm", "d.htm"]


def test_a_commit_is_due_by_time_or_by_documents(folder, tmp_path):
    clock = FakeClock()
    config = RunConfig(input=("x",), commit_seconds=20, commit_documents=1000)

    def ten_seconds_later():
        clock.sleep(10)

    with driven(
        folder, LocalPlace(tmp_path / "time", clock=clock), FailingEngine(ten_seconds_later), config=config
    ) as recorder:
        assert recorder.report.parts == 2, "after every second source"
    config = RunConfig(input=("x",), commit_seconds=1000, commit_documents=1)
    with driven(folder, tmp_path / "documents", FailingEngine(), config=config) as recorder:
        assert recorder.report.parts == 4


@pytest.mark.parametrize("raised", [None, InterruptedError("while the model runs")])
def test_after_a_stop_what_was_recorded_is_committed_and_the_rest_left(folder, tmp_path, raised):
    stop = Stop()

    def ask_to_stop():
        stop.signal_number = signal.SIGTERM
        if raised:
            raise raised

    engine = FailingEngine(ask_to_stop)
    with driven(folder, tmp_path / "results", engine, stop=stop) as recorder:
        recorder.end()
        assert (recorder.report.status, recorder.report.exit_code) == ("interrupted", 143)
    assert engine.rounds == [["a.htm"]]
    assert failed(tmp_path / "results") == ["a.htm"]


def test_an_engine_that_is_interrupted_without_a_stop_ends_the_run(folder, tmp_path):
    def fail():
        raise InterruptedError("a system call")

    with (
        pytest.raises(InterruptedError, match="a system call"),
        driven(folder, tmp_path / "results", FailingEngine(fail)),
    ):
        pass
