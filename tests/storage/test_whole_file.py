import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from finner_batch.errors import FinnerError, UsageError
from finner_batch.storage.whole_file import OWN_TEMPORARY, delete_abandoned, whole_file, whole_folder

HANG = """
import sys, time
from pathlib import Path
from finner_batch.storage import whole_file as whole
with getattr(whole, sys.argv[1])(Path(sys.argv[2]), **({"last": "b"} if sys.argv[1] == "whole_folder" else {})) as new:
    (new / "a" if new.is_dir() else new).write_text("half")
    print("half", flush=True)
    time.sleep(60)
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write(path: Path, text: str) -> None:
    with whole_file(path) as temporary:
        temporary.write_text(text)


def fill(folder: Path, **files: str) -> None:
    with whole_folder(folder, last="last") as new:
        for name, text in files.items():
            (new / name).write_text(text)


@pytest.fixture
def writer():
    """Starts a process that has written half of a file or folder, and waits."""
    started = []

    def start(kind: str, path: Path) -> subprocess.Popen[str]:
        process = subprocess.Popen([sys.executable, "-c", HANG, kind, path], stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "half\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def refuse(monkeypatch, function: str, number: int) -> None:
    """Make a function of `os` fail as the system would."""

    def fail(*_arguments, **_options):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(f"os.{function}", fail)


def test_a_file_takes_its_place_in_one_step_and_nothing_else_is_left(tmp_path):
    path = tmp_path / "out.csv"
    for text in ("first", "second"):
        with whole_file(path) as temporary:
            temporary.write_text(text)
            assert path.exists() == (text == "second")
        assert (path.read_text(), names(tmp_path)) == (text, ["out.csv"])


@pytest.mark.parametrize(
    ("function", "number"), [("fsync", errno.EIO), ("fsync", errno.ENOSPC), ("replace", errno.EIO)]
)
def test_what_a_disk_refuses_leaves_the_earlier_file_and_is_one_line(tmp_path, monkeypatch, function, number):
    write(tmp_path / "out.csv", "first")
    refuse(monkeypatch, function, number)
    with pytest.raises(FinnerError, match=rf"cannot write .*out\.csv: {os.strerror(number)}") as refusal:
        write(tmp_path / "out.csv", "second")
    assert refusal.value.exit_code == 1
    assert "\n" not in str(refusal.value)
    assert names(tmp_path) == ["out.csv"]
    assert (tmp_path / "out.csv").read_text() == "first"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_leaves_the_earlier_file(tmp_path):
    write(tmp_path / "out.csv", "first")

    def write_to_a_full_disk() -> None:
        with whole_file(tmp_path / "out.csv") as temporary:
            temporary.symlink_to("/dev/full")
            temporary.write_text("second")

    with pytest.raises(FinnerError, match="No space left on device"):
        write_to_a_full_disk()
    assert (names(tmp_path), (tmp_path / "out.csv").read_text()) == (["out.csv"], "first")


def test_an_error_while_writing_or_an_interruption_leaves_the_earlier_file(tmp_path):
    write(tmp_path / "out.csv", "first")

    def break_off(error: type[BaseException]) -> None:
        with whole_file(tmp_path / "out.csv") as temporary:
            temporary.write_text("half")
            raise error

    for error in (ValueError, KeyboardInterrupt):
        with pytest.raises(error):
            break_off(error)
    assert (names(tmp_path), (tmp_path / "out.csv").read_text()) == (["out.csv"], "first")


def test_a_name_that_can_be_no_file_is_a_usage_error(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_text("mine")
    for path in (tmp_path / "nowhere" / "x", tmp_path / "file" / "x", tmp_path, tmp_path / "pipe", Path("/dev/null")):
        with pytest.raises(UsageError, match="cannot write"):
            write(path, "text")
    assert names(tmp_path) == ["file", "pipe"]
    assert not Path("/dev/null").is_file()


def test_a_link_stays_and_what_it_names_is_replaced(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real" / "out.csv")
    for text in ("first", "second"):
        write(tmp_path / "link", text)
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "real" / "out.csv").read_text() == text


@pytest.mark.parametrize("kind", ["whole_file", "whole_folder"])
def test_what_a_killed_writer_left_is_deleted_by_the_next_and_a_living_one_is_not_disturbed(tmp_path, writer, kind):
    dead, living = (writer(kind, tmp_path / name) for name in ("dead", "living"))
    dead.send_signal(signal.SIGKILL)
    dead.wait()
    assert len(names(tmp_path)) == 2
    write(tmp_path / "own.csv", "text")
    left = [name for name in names(tmp_path) if name != "own.csv"]
    assert len(left) == 1, "the living writer's folder"
    assert next((tmp_path / left[0]).iterdir()).read_text() == "half"
    assert living.poll() is None


def test_other_hidden_files_of_a_folder_stay(tmp_path):
    for name in (".tmp-mine", ".hidden"):
        (tmp_path / name).mkdir()
    (tmp_path / f"{OWN_TEMPORARY}left").mkdir()
    delete_abandoned(tmp_path)
    assert names(tmp_path) == [".hidden", ".tmp-mine"]


def test_a_folder_appears_with_all_its_files_or_not_at_all(tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        refuse(patched, "fsync", errno.ENOSPC)
        with pytest.raises(FinnerError, match="cannot write"):
            fill(tmp_path / "a" / "dataset", first="1", last="2")
    assert names(tmp_path / "a") == []
    fill(tmp_path / "a" / "dataset", first="1", last="2")
    assert names(tmp_path / "a") == ["dataset"]
    assert names(tmp_path / "a" / "dataset") == ["first", "last"]


def test_a_folder_that_is_there_keeps_its_other_files_and_gets_the_last_one_last(tmp_path, monkeypatch):
    folder = tmp_path / "dataset"
    fill(folder, a="1", last="1", z="1")
    (folder / "notes.txt").write_text("mine")
    renamed, original = [], Path.replace
    monkeypatch.setattr(Path, "replace", lambda self, to: renamed.append(to.name) or original(self, to))
    fill(folder, a="2", last="2", z="2")
    assert renamed == ["a", "z", "last"]
    assert {path.name: path.read_text() for path in folder.iterdir()} == {
        "a": "2",
        "last": "2",
        "z": "2",
        "notes.txt": "mine",
    }


def test_a_folder_whose_name_a_file_has_is_a_usage_error(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match="not a folder"):
        fill(tmp_path / "file", last="1")
