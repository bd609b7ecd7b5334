import threading

import pytest

from finner_batch.errors import ModelError
from finner_batch.runner.tag_documents import LazySession
from finner_batch.runner.worker import Task


def test_the_session_is_opened_while_the_first_task_is_worked_on():
    opening = threading.Event()
    with LazySession(lambda: opening.set() or "session") as session:
        tasks = session.from_first_of(iter([None, Task(source=None, sha256=None, size=None)]))
        assert next(tasks) is None
        assert not opening.wait(0.05)  # nothing needs it yet
        next(tasks)
        assert opening.wait(30)
        assert session.wait() == "session"


def test_nothing_is_opened_where_nothing_needs_work():
    opened = []
    with LazySession(lambda: opened.append(1)) as session:
        assert list(session.from_first_of(iter([None, None]))) == [None, None]
    assert opened == []


def test_it_is_opened_once_and_what_it_raises_reaches_who_asks():
    calls = []

    def fail():
        calls.append(1)
        raise ModelError("damaged")

    with LazySession(fail) as session:
        list(session.from_first_of(iter([Task(source=None, sha256=None, size=None)] * 3)))
        for _ in range(2):
            with pytest.raises(ModelError, match="damaged"):
                session.wait()
    assert calls == [1]
