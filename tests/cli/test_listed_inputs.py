"""`--input -`: paths listed on standard input."""

import io
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from finner_batch.cli.main import commands
from finner_batch.cli.options import given_inputs
from finner_batch.errors import UsageError


class AskedError(Exception):
    """Carries the inputs that a command was about to read."""


@pytest.fixture
def asked(monkeypatch):
    """Inputs that a command line asks for, and standard input with it."""

    def stop(config, *_, **__):
        config = getattr(config, "run", config)  # of a plan
        raise AskedError(getattr(config, "input", config))

    for name in ("runner.run.run", "benchmark.plan.plan", "benchmark.measure.measure", "training.data.label.label"):
        monkeypatch.setattr(f"finner_batch.{name}", stop)

    def inputs_of(*arguments, listed=b"", **options):
        done = CliRunner().invoke(commands, list(arguments), input=listed, auto_envvar_prefix="FINNER", **options)
        if not isinstance(done.exception, AskedError):
            raise done.exception
        return done.exception.args[0]

    return inputs_of


@pytest.mark.parametrize(
    ("listed", "paths"),
    [
        (b"/in/a.htm\n/in/b c.htm\n", ("/in/a.htm", "/in/b c.htm")),
        (b"/in/a.htm\r\n/in/b.htm", ("/in/a.htm", "/in/b.htm")),
        (b"\n\n/in/a.htm\n  \n", ("/in/a.htm",)),
        (b"/in/a.htm\0/in/two\nlines.htm\0", ("/in/a.htm", "/in/two\nlines.htm")),
        (b"\xef\xbb\xbf/in/a.htm\n", ("/in/a.htm",)),
        (b"/in/caf\xe9.htm\n", (os.fsdecode(b"/in/caf\xe9.htm"),)),
        (b"https://example.com/a.htm\ns3://bucket/a.htm\n", ("https://example.com/a.htm", "s3://bucket/a.htm")),
        (b"/in/*.htm\n-\n", ("/in/*.htm", "-")),
    ],
    ids=["lines", "CR LF", "blank lines", "NULs", "byte order mark", "no UTF-8", "addresses", "a glob, and a dash"],
)
def test_the_paths_that_standard_input_lists_stand_in_the_place_of_the_dash(monkeypatch, listed, paths):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(listed)))

    assert given_inputs(["/before", "-", "-", "/behind"]) == ("/before", *paths, "/behind")


@pytest.mark.parametrize(
    "arguments",
    [("run", "-i", "-"), ("run", "-"), ("plan", "--input", "-"), ("label", "-i", "-"), ("benchmark", "-i", "-")],
    ids=" ".join,
)
def test_every_command_with_input_takes_a_list(asked, arguments):
    assert tuple(asked(*arguments, listed=b"/in/a.htm\n/in/b.htm\n")) == ("/in/a.htm", "/in/b.htm")


def test_a_job_file_and_the_environment_may_say_so_too(asked, tmp_path):
    (tmp_path / "job.toml").write_text('input = "-"\n')

    assert asked("run", "--config", str(tmp_path / "job.toml"), listed=b"/in/a.htm\n") == ("/in/a.htm",)
    assert asked("run", listed=b"/in/a.htm\n", env={"FINNER_RUN_INPUT": "-"}) == ("/in/a.htm",)


def test_a_relative_path_of_a_list_is_of_the_folder_that_the_command_runs_in(asked, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert asked("run", "-i", "-", listed=b"a/b.htm\n") == (str(tmp_path / "a" / "b.htm"),)


def test_without_a_dash_standard_input_is_left_alone(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)

    assert given_inputs(["a", "./-"]) == ("a", "./-")


@pytest.mark.parametrize("listed", [b"", b"\n \n", b"\0"])
def test_a_list_of_nothing_leaves_a_run_with_nothing_to_do(tmp_path, listed):
    given = ["run", "-i", "-", "--output", str(tmp_path / "results")]
    done = CliRunner().invoke(commands, given, input=listed)
    assert done.exit_code == 0
    assert done.stdout.startswith("0 documents, 0 entities in ")


@pytest.mark.parametrize("command", ["plan", "label", "benchmark"])
def test_a_list_of_nothing_is_an_error_where_something_must_be_read(asked, command):
    with pytest.raises(UsageError, match="standard input lists no path"):
        asked(command, "-i", "-", listed=b"\n")


def test_a_path_that_is_not_there_is_the_error_that_it_is_on_the_command_line(tmp_path):
    missing = str(tmp_path / "none.htm")
    found = []
    for arguments, listed in ((("-i", missing), None), (("-i", "-"), f"{missing}\n")):
        given = ["run", "--output", str(tmp_path / "results"), *arguments]
        found.append(CliRunner().invoke(commands, given, input=listed).exception)
    assert isinstance(found[0], UsageError)
    assert str(found[0]) == str(found[1])


def test_a_terminal_is_refused_and_not_waited_for():
    leader, follower = os.openpty()
    arguments = [sys.executable, "-m", "finner_batch", "run", "--input", "-"]
    with subprocess.Popen(arguments, stdin=follower, stderr=subprocess.PIPE, text=True) as process:
        _, error = process.communicate(timeout=60)
    os.close(leader)
    os.close(follower)
    assert process.returncode == 2
    assert "find filings -name '*.txt' | finner-batch run --input -" in error
