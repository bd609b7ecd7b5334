from collections import Counter
from time import process_time

import pytest
from small_job import small_job

from finner_batch.readers.document import FailedDocument, Header, Source
from finner_batch.runner.outcomes import SourceFinished
from finner_batch.runner.recorder import Recorder
from finner_batch.runner.worker import Task

SOURCE = Source(uri="/in/a.txt", name="a.txt")


@pytest.fixture
def recorder(tmp_path):
    with Recorder(small_job(tmp_path / "results")) as recorder:
        yield recorder


def failed(document_id="a.txt"):
    return FailedDocument(
        document_id=document_id,
        source=SOURCE.uri,
        kind="html",
        header=Header(),
        sha256="ab" * 32,
        bytes=1,
        stage="read",
        error_type="E",
        error="no text",
    )


def ids(recorder):
    (opened,) = recorder._writer._open.values()
    return [row["document_id"] for row, _ in opened.waiting]


def test_failed_documents_of_one_id_each_have_a_row_of_their_own(recorder):
    for document_id in ("a.txt", "a.txt", "a.txt#failed-2", "a.txt", "b.txt", "a.txt"):
        recorder.record(failed(document_id))
    assert ids(recorder) == [
        "a.txt",
        "a.txt#failed-1",
        "a.txt#failed-2",
        "a.txt#failed-3",
        "b.txt",
        "a.txt#failed-4",
    ]
    recorder.record(SourceFinished(Task(source=SOURCE, sha256="ab" * 32, size=1), complete=True))


def test_many_failed_documents_of_one_id_take_linear_time(recorder, caplog):
    caplog.set_level("ERROR")

    def seconds(count, name):
        started = process_time()
        for _ in range(count):
            recorder.record(failed(name))
        return process_time() - started

    assert any(seconds(4000, f"b{again}") < 10 * max(0.02, seconds(1000, f"a{again}")) for again in range(3))
    assert max(Counter(ids(recorder)).values()) == 1
