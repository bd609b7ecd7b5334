"""The job as a user starts it: `finner-batch run` as a process of its own, with its workers, into a new folder.

Once for the rows, then once more over the same input, which has nothing to do; and on one small filing, where starting
is nearly all of it.
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
"""Exit codes of a run that came to its end, without and with failed documents."""
_SETTINGS = "FINNER_RUN_"
"""How the environment variables begin that are flags of `finner-batch run`."""

SMALL = 20
"""Sentences of the small filing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedRun:
    """`seconds`: wall clock from the start of the process to its end; `peak_bytes`: main process and workers."""

    seconds: float
    peak_bytes: int
    documents: int
    failed: int
    entities: int
    workers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeRun:
    """`first`: a run into a new folder; `unchanged_seconds`: the same command once more, with nothing new.

    `help_seconds`: `finner-batch --help`; `small_seconds`: a run on one small filing, with the loading of the model.
    """

    first: TimedRun
    unchanged_seconds: float
    help_seconds: float
    small_seconds: float


def run_timed(inputs: Sequence[str], settings: Sequence[str]) -> TimedRun:
    """Run the job into a new folder, with its own defaults but for the flags in `settings`. Raises as `run_whole`."""
    with _new_folder() as folder:
        return _timed(["run", "--json", "--output", str(folder / "results"), *_flags(inputs), *settings])


def run_whole(inputs: Sequence[str], *, model: Path, device: str, backend: str) -> WholeRun:
    """Run the job with its own defaults: settings in the environment are kept from it.

    Raises FinnerError where it does not come to its end.
    """
    settings = ["--model", str(model), "--device", device, "--backend", backend]
    with _new_folder() as folder:
        command = ["run", "--json", "--output", str(folder / "results"), *_flags(inputs), *settings]
        first = _timed(command)
        unchanged_seconds, _ = _finner_batch(command)
    with _new_folder() as folder:
        (folder / "small.htm").write_text(made_filing(SMALL), encoding="utf-8")
        small = ["run", "--output", str(folder / "results"), "--input", str(folder / "small.htm"), *settings]
        small_seconds, _ = _finner_batch(small)
    help_seconds, _ = _finner_batch(["--help"])
    return WholeRun(
        first=first, unchanged_seconds=unchanged_seconds, help_seconds=help_seconds, small_seconds=small_seconds
    )


def made_filing(sentences: int) -> str:
    """A page of sentences with a number, each longer than the last by two words."""
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
    """Wall-clock seconds of a command, and its stdout."""
    # A shell between the two: a process begins with the peak memory of the one that started it.
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
