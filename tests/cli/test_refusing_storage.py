"""Every call to the system below a results folder, or beside what is written, fails once: a line, and no row lost."""

import builtins
import errno
import fcntl
import io
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import duckdb
import pytest

from finner_batch.cli.main import main
from finner_batch.query.questions import sql_folder
from finner_batch.store.compact import compact
from finner_batch.store.folder import open_results
from finner_batch.store.ledger import Ledger
from finner_batch.store.lock import lock_results
from finner_batch.store.writer import Writer

CALLS = ("open", "listdir", "scandir", "mkdir", "replace", "rename", "unlink", "rmdir", "stat", "fsync")
KINDS = {"listdir": errno.EIO, "scandir": errno.EMFILE, "replace": errno.EROFS, "mkdir": errno.EACCES}
"""How a call fails; any other has no space left."""
COMMANDS = {
    "compact": ("compact", "--output", "{results}"),
    "query": ("query", "--output", "{results}", "SELECT count(*) FROM entities", "--csv"),
    "parquet": ("query", "--output", "{results}", "FROM entities", "--parquet", "{out}/x.parquet"),
    "export": ("query", "--output", "{results}", "--export", "{out}/x.duckdb"),
    "report": ("report", "--output", "{results}", "--html", "{out}/x.html"),
}


class Faults:
    """Counts calls that touch a folder, and makes the one numbered `failing` fail."""

    def __init__(self, monkeypatch, folder: Path) -> None:
        self.failing = 0
        self.seen: list[str] = []
        self._folder = str(folder)
        for owner, names in ((os, CALLS), (io, ("open",)), (builtins, ("open",)), (fcntl, ("flock",))):
            for name in names:
                monkeypatch.setattr(owner, name, self._counted(name, getattr(owner, name)))

    def _counted(self, name, original):
        def call(*arguments, **options):
            if self._is_below(arguments[0] if arguments else None):
                self.seen.append(name)
                if len(self.seen) == self.failing:
                    number = KINDS.get(name, errno.ENOSPC)
                    path = arguments[0] if isinstance(arguments[0], str | os.PathLike) else None
                    raise OSError(number, os.strerror(number), *([str(path)] if path else []))
            return original(*arguments, **options)

        return call

    def _is_below(self, what: object) -> bool:
        if isinstance(what, int):
            try:
                what = os.readlink(f"/proc/self/fd/{what}")  # noqa: PTH115 - Path's is counted
            except OSError:
                return False
        return isinstance(what, str | os.PathLike) and os.fspath(what).startswith(self._folder)


def fill(results: Path) -> Path:
    """Two commits with a document that the second one replaces."""
    open_results(results)
    for count, run in ((1, "20260101T000000Z-0001"), (2, "20260102T000000Z-0002")):
        ledger = Ledger.load(results, model_id="m", config_id="c")
        with Writer(results, ledger=ledger, run_id=run, model_id="m", config_id="c") as writer:
            for name in ("a.htm", "b.htm")[:count]:
                row = {"document_id": name, "source": f"/in/{name}", "status": "ok", "sha256": f"{count:064x}"}
                writer.add(row | {"kind": "html"}, [_entity(count)])
                writer.finish(row["source"], row["sha256"])
            writer.commit()
    return results


def _entity(value: int) -> dict[str, object]:
    return {
        "section": None,
        "sentence_index": 0,
        "sentence": f"{value} million",
        "start": 0,
        "end": 1,
        "document_start": 0,
        "document_end": 1,
        "label": "LineOfCreditFacilityMaximumBorrowingCapacity",
        "text": str(value),
        "value": float(value),
        "unit": "USD",
        "scale": 0,
        "confidence": 0.9,
        "before_text": None,
        "before_value": None,
        "sec_url": None,
    }


def rows(results: Path) -> Counter[tuple[object, ...]]:
    with duckdb.connect() as connection:
        connection.execute("SET VARIABLE results = ?", [str(results)])
        connection.execute((sql_folder() / "views.sql").read_text())
        return Counter(connection.execute("SELECT source, text, value FROM entities").fetchall())


@pytest.mark.parametrize(
    "command", ["query", *(pytest.param(name, marks=pytest.mark.slow) for name in COMMANDS if name != "query")]
)
def test_each_call_that_the_system_refuses_is_one_line_and_costs_no_row(command, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("finner_batch.store.compact.SETTLE_S", 0)
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    kept = fill(tmp_path / "kept")
    expected = rows(kept)
    base = tmp_path / "touched"
    results, out = base / "results", base / "out"
    arguments = [part.format(results=results, out=out) for part in COMMANDS[command]]

    def attempt(failing: int) -> tuple[list[str], int, str]:
        shutil.rmtree(base, ignore_errors=True)
        shutil.copytree(kept, results)
        out.mkdir()
        for name in ("x.parquet", "x.html"):
            (out / name).write_text("earlier")
        with monkeypatch.context() as patched:
            faults = Faults(patched, base)
            faults.failing = failing
            with pytest.raises(SystemExit) as ended:
                main(arguments)
        return faults.seen, ended.value.code, capsys.readouterr().err

    calls, code, _ = attempt(0)
    assert (code, len(calls) > 5) == (0, True), calls
    refused = 0
    for failing in range(1, len(calls) + 1):
        seen, code, errors = attempt(failing)
        failed = seen[failing - 1] if len(seen) >= failing else "none"
        assert code in {0, 1}, f"{failed}, call {failing}: exit code {code}\n{errors}"
        assert rows(results) == expected, f"{failed}, call {failing}"
        if code:
            refused += 1
            lines = [line for line in errors.splitlines() if " level=" not in line]
            assert len(lines) == 1, f"{failed}, call {failing}\n{errors}"
            assert lines[0].startswith("Error: ")
            if "may not outlast a power cut" not in errors:
                assert not (out / "x.duckdb").exists()
                left = {path.read_bytes() for path in out.glob("x.[ph]*")}
                assert left == {b"earlier"}, f"{failed}, call {failing}"
    assert refused > 3


@pytest.fixture
def results(tmp_path):
    return fill(tmp_path / "results")


def finner(*arguments, expect, **options):
    command = [sys.executable, "-m", "finner_batch", *map(str, arguments)]
    done = subprocess.run(command, text=True, check=False, **({"capture_output": True} | options))
    assert done.returncode == expect, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.EACCES, 1),
        (errno.EROFS, 1),
        (errno.ENOSPC, 1),
        (errno.EIO, 1),
        (errno.EMFILE, 1),
        (errno.ENOTDIR, 2),
        (errno.ENAMETOOLONG, 2),
    ],
)
def test_at_the_start_a_disk_that_refuses_is_exit_code_1_and_a_wrong_name_2(tmp_path, monkeypatch, number, code):
    def fail(self, *_arguments, **_options):
        raise OSError(number, os.strerror(number), str(self))

    monkeypatch.setattr(Path, "mkdir", fail)
    with pytest.raises(Exception, match=r"cannot use .*results") as refusal, lock_results(tmp_path / "results"):
        pass
    assert refusal.value.exit_code == code
    assert os.strerror(number) in str(refusal.value)


def test_a_results_folder_that_is_a_file_is_exit_code_2(tmp_path):
    (tmp_path / "a.htm").write_text("<p>The notes bear interest at 5.25%.</p>")
    (tmp_path / "results").write_text("mine")
    for output in ("results", "results/below"):
        done = finner("run", "-i", tmp_path / "a.htm", "-o", tmp_path / output, expect=2)
        assert "Traceback" not in done.stderr
    (tmp_path / "results").unlink()
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "documents").write_text("mine")
    assert "cannot use" in finner("run", "-i", tmp_path / "a.htm", "-o", tmp_path / "results", expect=2).stderr


def test_a_lock_that_cannot_be_given_back_hides_nothing(results, monkeypatch):
    original = fcntl.flock

    def refuse_to_unlock(descriptor, operation):
        if operation == fcntl.LOCK_UN:
            raise OSError(errno.ENOLCK, "No locks available")
        return original(descriptor, operation)

    monkeypatch.setattr("fcntl.flock", refuse_to_unlock)
    assert compact(results, settle_s=0).after.documents == 2


def test_closed_standard_streams_are_no_obstacle_and_nothing_of_the_log_goes_into_the_rows(tmp_path):
    (tmp_path / "a.htm").write_text("<p>The notes bear interest at a fixed rate of 5.25% per annum.</p>")

    def close_all():
        for number in (0, 1, 2):
            os.close(number)

    run = ("run", "-i", tmp_path / "a.htm", "-o", tmp_path / "results", "--workers", 1)
    finner(*run, expect=0, preexec_fn=close_all)
    assert [value for (_, _, value) in rows(tmp_path / "results")] == [0.0525]
    finner("query", "-o", tmp_path / "nowhere", "FROM entities", expect=2, preexec_fn=close_all)
    finner("query", "-o", tmp_path / "results", "FROM entities", expect=0, preexec_fn=close_all)


def test_a_reader_that_goes_away_is_told_nothing(results):
    command = [sys.executable, "-m", "finner_batch", "query", "-o", str(results), "FROM range(1000000)", "--csv"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "range\n"
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert process.returncode == 1


def test_a_folder_for_temporary_files_that_cannot_be_used_is_a_line(tmp_path):
    (tmp_path / "a.htm").write_text("<p>The notes bear interest at a fixed rate of 5.25% per annum.</p>")
    run = ("run", "-i", tmp_path / "a.htm", "--workers", 1)
    deep = tmp_path / ("d" * 90)
    deep.mkdir()
    done = finner(*run, "-o", tmp_path / "one", expect=1, env=os.environ | {"TMPDIR": str(deep)})
    assert done.stderr.splitlines()[-1].startswith("Error: cannot start a reading process: AF_UNIX path too long: set")
    assert "Traceback" not in done.stderr
    finner(*run, "-o", tmp_path / "two", expect=0, env=os.environ | {"TMPDIR": str(tmp_path / "nowhere")})
