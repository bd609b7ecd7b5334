"""Signals to real processes: while they import, open a session, work, and at random moments."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

WAITS = """
import sys, time
try:
    print("importing", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    {then}
"""
NOT_SAID = ("Traceback", "Exception ignored")


@pytest.fixture
def filings(tmp_path):
    folder = tmp_path / "filings"
    folder.mkdir()
    (folder / "a.htm").write_text("<p>The notes bear interest at a fixed rate of 5.25% per annum.</p>")
    return folder


def started(*arguments, cwd, path="") -> subprocess.Popen[str]:
    """The program in a group of its own, as a terminal gives it; modules in `path` come before all others."""
    return subprocess.Popen(
        [sys.executable, "-m", "finner_batch", *map(str, arguments)],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [str(path), os.environ.get("PYTHONPATH")]))},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.fixture
def hangs_at(tmp_path):
    """Starts `run` and waits until it imports a module that does not come back."""

    def start(module: str, filings, then: str = "raise") -> subprocess.Popen[str]:
        folder = tmp_path / "modules"
        folder.mkdir()
        (folder / f"{module}.py").write_text(WAITS.format(then=then))
        process = started("run", "-i", filings, "-o", tmp_path / "results", "--workers", 1, cwd=tmp_path, path=folder)
        assert process.stdout is not None
        assert process.stdout.readline() == "importing\n"
        return process

    return start


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("twice", [False, True])
def test_interrupted_while_it_imports_it_says_so_in_a_line(hangs_at, filings, number, code, twice):
    process = hangs_at("pyarrow", filings)
    for _ in range(1 + twice):
        os.killpg(process.pid, number)
        time.sleep(0.05 if twice else 0)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == code
    assert errors.split() == ["Interrupted", "by", number.name]


def test_a_library_that_turns_the_interruption_into_an_error_of_its_own_changes_nothing(hangs_at, filings):
    process = hangs_at("pyarrow", filings, then="raise ImportError('initialization failed')")
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors.split()) == (130, ["Interrupted", "by", "SIGINT"])


def test_the_second_signal_ends_at_once_what_the_first_does_not(hangs_at, filings):
    process = hangs_at("pyarrow", filings, then="time.sleep(60)")
    os.killpg(process.pid, signal.SIGTERM)
    time.sleep(0.3)
    assert process.poll() is None
    os.killpg(process.pid, signal.SIGTERM)
    assert process.wait(10) == 143
    assert not any(said in process.communicate()[1] for said in NOT_SAID)


@pytest.mark.slow
def test_interrupted_at_random_moments_it_never_shows_a_traceback(filings, tmp_path):
    """Ctrl-C goes to the whole group: to the server that the reading processes are forked from, too."""
    seed = random.randrange(1 << 30)
    chance = random.Random(seed)
    seen = set()
    for attempt in range(10):
        process = started("run", "-i", filings, "-o", tmp_path / f"results-{attempt}", "--workers", 1, cwd=tmp_path)
        time.sleep(0.2 + 0.25 * attempt)
        for number in [signal.SIGINT] * chance.choice([1, 2, 2]):
            if process.poll() is None:
                os.killpg(process.pid, number)
            time.sleep(chance.choice([0, 0.001, 0.05, 0.2]))
        _, errors = process.communicate(timeout=60)
        assert not any(said in errors for said in NOT_SAID), f"seed {seed}, attempt {attempt}\n{errors}"
        seen.add(process.returncode)
    assert seen <= {0, 130, -signal.SIGINT}  # the last: before Python itself had started
    assert 130 in seen


def test_ignored_signals_stay_ignored():
    def ignore() -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    code = (
        "import os, signal, sys\nfrom finner_batch.cli.interrupt import until_interrupted\n"
        "def program():\n    os.kill(os.getpid(), signal.SIGINT)\n    print('goes on')\n    sys.exit(0)\n"
        "until_interrupted(program)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], preexec_fn=ignore, capture_output=True, text=True, check=True)
    assert done.stdout == "goes on\n"


def test_an_interruption_that_python_drops_shows_no_traceback():
    code = (
        "import os, signal, sys\nfrom finner_batch.cli.interrupt import until_interrupted\n"
        "class Dropping:\n    def __del__(self):\n        os.kill(os.getpid(), signal.SIGINT)\n"
        "def program():\n    Dropping()\n    print('goes on')\n    sys.exit(0)\n"
        "until_interrupted(program)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "goes on\n", "Interrupted by SIGINT\n")
