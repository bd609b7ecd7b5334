"""The progress that a run shows: documents done of all and the time left, also while the model works."""

import logging
import re
import time
from contextlib import nullcontext
from pathlib import Path

import pytest
from engine_helpers import write_filings
from terminal import on_a_terminal

from finner_batch.config import RunConfig
from finner_batch.errors import UsageError
from finner_batch.readers.document import Document, Header, Source
from finner_batch.runner import batcher as batching
from finner_batch.runner import progress as progress_module
from finner_batch.runner.batcher import Batcher
from finner_batch.runner.on_ray import engine as on_ray
from finner_batch.runner.outcomes import ModelCost, SourceFinished
from finner_batch.runner.parse_document import ParsedDocument
from finner_batch.runner.progress import Progress, Standing
from finner_batch.runner.run import _counted, run
from finner_batch.runner.tag_documents import NOTHING_TAGGED, Tagging
from finner_batch.tagging.tagger import Tagger

SENTENCE = "The notes bear interest at a fixed rate of {}.25% and mature in {}."


def sources(**documents):
    return [(Source(uri=uri, name=uri), number) for uri, number in documents.items()]


@pytest.fixture
def counted(monkeypatch):
    """A progress whose sources are counted by now, and a clock that stands still until it is moved."""
    clock = [0.0]
    monkeypatch.setattr(progress_module, "monotonic", lambda: clock[0])

    def make(found, documents_in_model=float):
        progress = Progress(lambda: found, documents_in_model)
        progress._count_all()
        return progress, clock

    return make


def test_documents_are_counted_of_all_and_the_time_left_is_parts_at_the_last_speed(counted):
    progress, clock = counted(sources(a=1, b=1, shard=10, unchanged=10))
    assert progress.standing()[:2] == (0, 22)
    clock[0] = 4.0
    progress.source_done("unchanged")
    progress.document_done("a")
    progress.source_done("a")
    progress.document_done("shard")
    standing = progress.standing()
    assert (standing.documents, standing.of, standing.per_second) == (12, 22, 3)
    assert str(standing.left) == "0:00:03"
    progress.source_done("shard")
    progress.source_done("b")
    assert progress.standing()[:2] == (22, 22)


@pytest.mark.parametrize("per_second", [-0.5, -1e-17, 0.0, 1e-17])
def test_without_a_speed_no_time_left_is_parts(per_second):
    assert Standing(1, 10**9, per_second).left is None


def test_csv_files_count_among_all_where_they_are_read(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "b.csv").write_text("body")
    config = RunConfig(input=(str(tmp_path),), text_column=("body",))
    assert {Path(source.uri).name: count for source, count in _counted(config, None)} == {"a.txt": 1, "b.csv": None}


def parsed(name):
    return ParsedDocument(
        document=Document(
            document_id=name, source=name, kind="html", markup="html", content="", header=Header(), sha256="", bytes=0
        ),
        sentences=0,
        characters=0,
        numbered=(),
        document_scales=(),
        windows=(),
        owners=(),
        seconds={},
    )


def test_documents_in_the_model_count_in_part_and_once(counted, monkeypatch):
    batcher = Batcher(lambda: None, window_sentences=1000, timeout_s=60)
    progress, _ = counted(sources(a=1, b=1, c=1, d=1), lambda: batcher.documents_in_model)

    def tag_together(documents, *_, on_progress, **__):
        for part, seen in ((0.25, 0.5), (0.5, 1.0), (1.0, 2.0)):
            on_progress(part)
            assert progress.standing().documents == seen
        return Tagging(documents=iter(documents), cost=ModelCost(NOTHING_TAGGED, 0.0))

    monkeypatch.setattr(batching, "tag_together", tag_together)
    tagged = (
        outcome
        for outcome in batcher.outcomes(iter([parsed("a"), parsed("b")]), lambda: False)
        if isinstance(outcome, ParsedDocument)
    )
    for outcome in tagged:
        progress.document_done(outcome.document.source)
        assert progress.standing().documents == 2
    assert batcher.documents_in_model == 0


def test_a_source_that_turns_out_to_hold_more_adds_to_all(counted):
    progress, _ = counted(sources(a=1, b=1))
    for _ in range(3):
        progress.document_done("a")
    progress.source_done("a")
    assert progress.standing()[:2] == (3, 4)


def broken_off(error):
    yield from sources(a=1)
    raise error


@pytest.mark.parametrize(
    "found",
    [
        broken_off(UsageError("cannot be listed")),
        broken_off(RuntimeError("a client's own")),
        sources(a=1, remote=None, b=1),
    ],
)
def test_how_many_there_are_is_not_guessed(counted, found):
    progress, clock = counted(found)
    clock[0] = 1.0
    progress.document_done("a")
    standing = progress.standing()
    assert (standing.documents, standing.of, standing.left) == (1, None, None)


def test_the_speed_is_that_of_the_last_minutes(counted):
    progress, clock = counted(sources(old=1000, **{f"new{n}": 1 for n in range(100)}))
    progress.source_done("old")
    for number in range(60):
        clock[0] += 5.0
        progress.document_done(f"new{number}")
        standing = progress.standing()
    assert standing.per_second == pytest.approx(0.2, rel=0.05)
    assert standing.left.total_seconds() == pytest.approx(200, abs=10)


def test_the_model_tells_after_each_batch_how_far_it_is():
    tagger = Tagger.load(budget_tokens=64, backend="onnxruntime")
    tokenizer = tagger.tokenizer()
    sentences = [SENTENCE.format(n, 2030 + n) for n in range(12)]
    windows = [window for text in sentences for window in tokenizer.windows(text, [(43, 47)])]
    parts = []
    tagger.probabilities(windows, advanced=parts.append)
    assert len(parts) > 2
    assert parts == sorted(parts)
    assert parts[-1] == 1


def test_on_a_terminal_a_bar_shows_documents_done_of_all(tmp_path):
    write_filings(tmp_path / "input", 30)
    code, shown = on_a_terminal("run", "--input", tmp_path / "input", "--output", tmp_path / "results")
    assert code == 0
    assert re.search(r"\d+ of 30 documents +\d+%\|.*\| 00:\d\d", shown)
    assert "event=progress" not in shown


@pytest.fixture
def often(monkeypatch, caplog):
    """The lines of the log come as often as can be, not once a minute."""
    monkeypatch.setattr(progress_module, "LOG_S", 0.02)
    monkeypatch.setattr(logging.getLogger("finner_batch"), "propagate", True)
    caplog.set_level(logging.INFO)
    return lambda: [record.getMessage() for record in caplog.records if "event=progress" in record.getMessage()]


def test_without_a_terminal_the_log_says_now_and_then_how_far_it_is(tmp_path, often, capsys):
    write_filings(tmp_path / "input", 12)
    run(RunConfig(input=(str(tmp_path / "input"),), output=str(tmp_path / "results")))
    assert any(re.fullmatch(r"event=progress documents=\d+ of=12.*", line) for line in often())
    assert capsys.readouterr().err.count("\r") == 0


def test_a_run_on_ray_says_the_same(tmp_path, often, monkeypatch):
    class ClusterWork:
        def __init__(self, *_):
            """Needs no cluster."""

        def outcomes(self, tasks):
            for task in tasks.values():
                yield task.failed("read", "Error", "no cluster")
                yield SourceFinished(task, complete=False)
                yield None
                time.sleep(0.1)

    monkeypatch.setattr(on_ray, "use_cluster", lambda *_: nullcontext())
    monkeypatch.setattr(on_ray, "_ClusterWork", ClusterWork)
    monkeypatch.setattr("finner_batch.runner.run.find_spec", lambda _: object())
    write_filings(tmp_path / "input", 3)
    run(RunConfig(input=(str(tmp_path / "input"),), output=str(tmp_path / "results"), engine="ray"))
    assert any(re.fullmatch(r"event=progress documents=2 of=3 per_second=\S+ left=\S+", line) for line in often())
