"""Measures the job as a user starts it: `finner-batch run` as a separate process, with its workers, into a new folder.

It runs once for the rows, once more over the same input with nothing new, and on one small filing, where start-up is
nearly all of the time. To see how time and memory grow with the input, it can also run over many copies of the input.
Each copy of a file ends in another number of line feeds, so all have the same text and no two the same bytes; the cache
is off, because copies are no new text.
"""

import gzip
import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import zstandard

from finner_batch.errors import DocumentError, FinnerError, UsageError
from finner_batch.log import fields
from finner_batch.readers.compression import compression_of
from finner_batch.readers.document import Source
from finner_batch.readers.stored import open_stored

_DONE = (0, 3)
"""Exit codes of a finished run, without and with failed documents."""
_SETTINGS = "FINNER_RUN_"
"""Prefix of the environment variables that set flags of `finner-batch run`."""

SMALL_SENTENCES = 20
"""Sentences of the small filing."""
LOG = logging.getLogger(__name__)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """`once`: runs over the input before and after the one over `times` copies of it.

    `time_ratio`: seconds a document of the copies over those of the input; `peak_ratio`: peak memory over the higher
    of the two.
    """

    times: int
    once: tuple[TimedRun, TimedRun]
    copies: TimedRun
    time_ratio: float
    peak_ratio: float


def measure_growth(sources: Iterable[Source], times: int, settings: tuple[str, ...]) -> Growth:
    """Run over the input, over `times` copies of it, and over the input again; `settings` are flags of the run.

    Raises UsageError for a Parquet shard, which cannot be made distinct, and FinnerError if a run fails.
    """
    settings = (*settings, "--cache-mb", "0")
    with tempfile.TemporaryDirectory(prefix="finner-batch-growth-") as folder:
        copies = Path(folder)
        write_copies(sources, times, copies)
        first = run_timed([str(copies / "0")], settings)
        LOG.info(fields("growth", times=times, once_seconds=round(first.seconds, 1)))
        many = run_timed([str(copies)], settings)
        last = run_timed([str(copies / "0")], settings)
    each = (first.seconds + last.seconds) / (first.documents + last.documents)
    return Growth(
        times=times,
        once=(first, last),
        copies=many,
        time_ratio=many.seconds / many.documents / each,
        peak_ratio=many.peak_bytes / max(first.peak_bytes, last.peak_bytes),
    )


def write_copies(sources: Iterable[Source], times: int, folder: Path) -> None:
    """Write the files into `folder/0`, `folder/1`, …; those that cannot be read are left out.

    Raises UsageError for a Parquet shard.
    """
    for place, source in enumerate(sources):
        try:
            with open_stored(source) as stream:
                stored = stream.read()
        except DocumentError as error:
            LOG.warning(fields("left-out", path=source.uri, reason=error))
            continue
        if stored.startswith(b"PAR1"):
            raise UsageError(f"{source.uri}: a Parquet shard cannot be made distinct; --times takes filings")
        for number in range(times):
            path = folder / str(number) / str(place) / Path(source.name).name
            path.parent.mkdir(parents=True)
            path.write_bytes(stored + _ending(stored, number))


def _ending(stored: bytes, number: int) -> bytes:
    line_feeds = b"\n" * number
    if not number:
        return b""
    match compression_of(stored):
        case "gzip":
            return gzip.compress(line_feeds, mtime=0)
        case "zstd":
            return zstandard.compress(line_feeds)
        case None:
            return line_feeds
