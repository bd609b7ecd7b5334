import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from finner_batch.query.questions import sql_folder

specification = importlib.util.spec_from_file_location("made_job", Path(__file__).with_name("made_job.py"))
assert specification is not None
assert specification.loader is not None
made_job = importlib.util.module_from_spec(specification)
sys.modules["made_job"] = made_job
specification.loader.exec_module(made_job)
Content, Job = made_job.Content, made_job.Job


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return tmp_path / "results"


@pytest.fixture(scope="session")
def content() -> type[Content]:
    return Content


@pytest.fixture
def job() -> type[Job]:
    return Job


@pytest.fixture
def a_file() -> Callable[..., Content]:
    """A filing of one document, without accession number unless given."""

    def make(text: str, name: str = "a.htm", accession: str | None = None) -> Content:
        return Content(((name, text),), accession)

    return make


@pytest.fixture(scope="session")
def look() -> Iterator[Callable[[Path], dict[str, list[tuple[Any, ...]]]]]:
    """What the views show, in plain DuckDB, without what differs from run to run.

    Fails where a document's entities are not whole.
    """
    views = (sql_folder() / "views.sql").read_text()
    with duckdb.connect() as connection:

        def read(results: Path) -> dict[str, list[tuple[Any, ...]]]:
            connection.execute("SET VARIABLE results = ?", [str(results)])
            connection.execute(views)
            return shown(connection)

        yield read


def shown(connection: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[Any, ...]]]:
    broken = connection.execute(
        """
        SELECT source, document_id, any_value(documents.entities), count(entities.label)
        FROM documents LEFT JOIN entities USING (source, document_id, run_id)
        GROUP BY ALL HAVING any_value(documents.entities) <> count(entities.label)
        """
    ).fetchall()
    assert broken == [], "documents that are not whole"
    return {
        "documents": connection.execute(
            "SELECT source, document_id, sha256, status, entities, model_id, config_id FROM documents ORDER BY ALL"
        ).fetchall(),
        "entities": connection.execute(
            "SELECT source, document_id, text, sentence, start, value, model_id FROM entities ORDER BY ALL"
        ).fetchall(),
    }


@pytest.fixture
def whole() -> Callable[..., dict[str, list[tuple[Any, ...]]]]:
    return shown


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that dies loses nothing that it handed to the kernel: only a power cut needs the flush."""
    monkeypatch.setattr("os.fsync", lambda _descriptor: None)


class Killed(BaseException):
    """The process dies here: nothing after this reaches the disk."""


@pytest.fixture
def kill_at(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """Make the n-th change of the disk (and every later one) raise Killed; 0 never."""
    left = [0]

    def counted(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if left[0] == 1:
                raise Killed
            left[0] = max(left[0] - 1, 0)
            return original(*arguments, **options)

        return call

    for owner, name in ((Path, "replace"), (Path, "unlink"), (Path, "open"), (Path, "mkdir")):
        monkeypatch.setattr(owner, name, counted(getattr(owner, name)))
    monkeypatch.setattr("os.fsync", counted(lambda _descriptor: None))

    def at(step: int) -> None:
        left[0] = step

    yield at
    left[0] = 0


@pytest.fixture
def killed() -> type[Killed]:
    return Killed
