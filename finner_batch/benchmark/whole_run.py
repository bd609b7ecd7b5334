"""Measures the job as a user starts it: `finner-batch run` as a separate process, with its workers, into a new folder.

It runs once for the rows, once more over the same input with nothing new, and on one small filing, where start-up is
nearly all of the time.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from finner_batch.errors import FinnerError

_DONE = (0, 3)
"""Exit codes of a finished run, without and with failed documents."""
_SETTINGS = "FINNER_RUN_"
"""Prefix of the environment variables that set flags of `finner-batch run`."""

SMALL_SENTENCES = 20
"""Sentences of the small filing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedRun:
    """`seconds` is wall-clock time from start to exit of the process; `peak_bytes` covers main process and workers."""

    seconds: float
    peak_bytes: int
    documents: int
    failed: int
    entities: int
    workers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeRun:
    """`first` is a run into a new folder, `unchanged_seconds` the same command again, with nothing new.

    `help_seconds` is for `finner-batch --help`, `small_seconds` for a run on one small filing, model loading included.
    """

    first: TimedRun
    unchanged_seconds: float
    help_seconds: float
    small_seconds: float


def run_timed(inputs: Sequence[str], settings: Sequence[str]) -> TimedRun:
    """Run the job into a new folder with its defaults, except for the flags in `settings`. Raises as `run_whole`."""
    with _new_folder() as folder:
        return _timed(["run", "--json", "--output", str(folder / "results"), *_flags(inputs), *settings])


def run_whole(inputs: Sequence[str], *, model: Path, device: str, backend: str) -> WholeRun:
    """Run the job with its defaults; settings in the environment do not apply.

    Raises FinnerError if it does not finish.
    """
    settings = ["--model", str(model), "--device", device, "--backend", backend]
    with _new_folder() as folder:
        command = ["run", "--json", "--output", str(folder / "results"), *_flags(inputs), *settings]
        first = _timed(command)
        unchanged_seconds, _ = _finner_batch(command)
    with _new_folder() as folder:
        (folder / "small.htm").write_text(made_filing(SMALL_SENTENCES), encoding="utf-8")
        small = ["run", "--output", str(folder / "results"), "--input", str(folder / "small.htm"), *settings]
        small_seconds, _ = _finner_batch(small)
    help_seconds, _ = _finner_batch(["--help"])
    return WholeRun(
        first=first, unchanged_seconds=unchanged_seconds, help_seconds=help_seconds, small_seconds=small_seconds
    )


def made_filing(sentences: int) -> str:
    """Return a page of sentences with a number, each two words longer than the one before."""
    numbers = range(1, sentences + 1)
    return "".join(f"<p>The notes bear interest at {number}.25%{' per annum' * number}.</p>" for number in numbers)


def _flags(inputs: Sequence[str]) -> list[str]:
    return [part for path in inputs for part in ("--input", path)]


def _timed(command: Sequence[str]) -> TimedRun:
    seconds, stdout = _finner_batch(command)
    report = json.loads(stdout)
    return TimedRun(
        seconds=seconds,
        peak_bytes=report["peak_mebibytes"] << 20,
        documents=report["documents"]["ok"],
        failed=report["documents"]["failed"],
        entities=report["entities"],
        workers=report["workers"],
    )


def _finner_batch(arguments: Sequence[str]) -> tuple[float, str]:
    """Run a command; return its wall-clock seconds and its stdout."""
    # The shell in between resets the peak memory, which a process inherits from the one that started it.
    command = ["/bin/sh", "-c", '"$@"; exit $?', "sh", sys.executable, "-m", "finner_batch", *arguments]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}
    started = perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    seconds = perf_counter() - started
    if done.returncode not in _DONE:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise FinnerError(f"`finner-batch {arguments[0]}` ended with exit code {done.returncode}: {last}")
    return seconds, done.stdout


@contextmanager
def _new_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="finner-batch-benchmark-") as folder:
        yield Path(folder)
