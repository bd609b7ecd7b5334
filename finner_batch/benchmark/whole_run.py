"""The job as a user starts it: `finner-batch run` as a process of its own, with its workers, into a new folder."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from finner_batch.errors import FinnerError

_DONE = (0, 3)
"""Exit codes of a run that came to its end, without and with failed documents."""
_SETTINGS = "FINNER_RUN_"
"""How the environment variables begin that are flags of `finner-batch run`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeRun:
    """`seconds`: wall clock from the start of the process to its end; `peak_bytes`: main process and workers."""

    seconds: float
    peak_bytes: int
    documents: int
    failed: int
    entities: int
    workers: int


def run_whole(inputs: Sequence[str], *, model: Path, device: str) -> WholeRun:
    """Run the job once, with its own defaults: settings in the environment are kept from it.

    Raises FinnerError where it does not come to its end.
    """
    with tempfile.TemporaryDirectory(prefix="finner-batch-benchmark-") as folder:
        # A shell between the two: a process begins with the peak memory of the one that started it.
        command = ["/bin/sh", "-c", '"$@"; exit $?', "sh"]
        command += [sys.executable, "-m", "finner_batch", "run", "--json", "--output", f"{folder}/results"]
        command += ["--model", str(model), "--device", device]
        for path in inputs:
            command += ["--input", path]
        environment = {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}
        started = perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        seconds = perf_counter() - started
    if done.returncode not in _DONE:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise FinnerError(f"`finner-batch run` ended with exit code {done.returncode}: {last}")
    report = json.loads(done.stdout)
    return WholeRun(
        seconds=seconds,
        peak_bytes=report["peak_mebibytes"] << 20,
        documents=report["documents"]["ok"],
        failed=report["documents"]["failed"],
        entities=report["entities"],
        workers=report["workers"],
    )
