"""Measures what the main process of a run on Ray does for each document, file, byte and waiting source.

This work stays in one process however many nodes there are. `nodes.py` uses it.
"""

import json
import os
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from scale import make

from finner_batch.config import RunConfig
from finner_batch.errors import FinnerError
from finner_batch.readers.copies import Copies
from finner_batch.readers.discover import discover
from finner_batch.results.ledger import Ledger
from finner_batch.runner.on_ray.engine import OnceInOrder
from finner_batch.runner.work_queue import Selected, WorkQueue
from finner_batch.runner.worker import Task
from finner_batch.storage.place import place_of
from finner_batch.tagging.model import load_model

_SENTENCES = "".join(
    f"<p>The notes of issue {number} bear interest at {number}.25% per annum.</p>" for number in range(8)
)
_LARGE_BYTES = 16 << 20
_LARGE_FILES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class MainProcess:
    """Costs of one main process. Seconds are wall clock unless the name says CPU."""

    cpu_seconds_a_document: float
    """To hand out a document, take back its eight rows and write them."""
    bytes_a_document: float
    """That reach it through Ray."""
    hash_bytes_per_second: float
    seconds_a_part: float
    """To read one more file of the ledger at the next start."""
    bytes_a_waiting_source: float


def measure(documents: tuple[int, int]) -> MainProcess:
    """Run twice on a Ray cluster, over a few and over many small filings; the difference gives the cost of a document.

    Raises FinnerError where a run fails.
    """
    with tempfile.TemporaryDirectory(prefix="finner-batch-nodes-") as folder:
        place = Path(folder)
        few, many = (_run(place / str(count), count) for count in documents)
        more = documents[1] - documents[0]
        return MainProcess(
            cpu_seconds_a_document=(many["main_process_cpu_seconds"] - few["main_process_cpu_seconds"]) / more,
            bytes_a_document=many["cluster"]["bytes_to_main_process"] / documents[1],
            hash_bytes_per_second=_hash_bytes_per_second(place / "large"),
            seconds_a_part=_seconds_a_part(place / "parts"),
            bytes_a_waiting_source=_bytes_a_waiting_source(place / str(documents[1]) / "filings"),
        )


def _run(place: Path, documents: int) -> dict[str, Any]:
    """Report of a run over generated filings."""
    filings = place / "filings"
    filings.mkdir(parents=True)
    for number in range(documents):
        (filings / f"{number:06d}.htm").write_text(f"{_SENTENCES}<p>Filing {number}.</p>")
    command = ["run", "--engine", "ray", "--json", "--input", str(filings), "--output", str(place / "results")]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FINNER_RUN_")}
    done = subprocess.run(
        [sys.executable, "-m", "finner_batch", *command], capture_output=True, text=True, check=False, env=environment
    )
    if done.returncode:
        raise FinnerError(f"a run on Ray ended with exit code {done.returncode}: {done.stderr.strip()[-500:]}")
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def _hash_bytes_per_second(folder: Path) -> float:
    """Rate at which the selection hashes large files that are in the page cache."""
    folder.mkdir()
    for number in range(_LARGE_FILES):
        (folder / f"{number}.htm").write_bytes(bytes([number]) * _LARGE_BYTES)
    started = perf_counter()
    ledger = Ledger.load(place_of(folder), model_id="", config_id="")
    hashed = sum(selected.size or 0 for selected in _selected(folder, ledger))
    return hashed / (perf_counter() - started)


def _seconds_a_part(place: Path, parts: int = 400) -> float:
    """CPU seconds to load a ledger, for each of its parts, which hold one document each."""
    make(place, parts, a_commit=1)
    started = process_time()
    ledger = Ledger.load(
        place_of(place / "results"), model_id=load_model().model_id, config_id=RunConfig(input=()).config_id
    )
    seconds = process_time() - started
    if len(ledger) != parts:
        raise FinnerError(f"a ledger of {parts} documents has {len(ledger)}")
    return seconds / parts


def _bytes_a_waiting_source(folder: Path) -> float:
    """Memory that a source takes from its selection until its results are written."""
    ledger = Ledger.load(place_of(folder), model_id="", config_id="")
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    tasks = (selected for selected in _selected(folder, ledger) if isinstance(selected, Task))
    waiting = OnceInOrder(dict(enumerate(tasks)))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (held - before) / len(waiting.missing)


def _selected(folder: Path, ledger: Ledger) -> Iterator[Selected]:
    """Select all files of a folder, as a run does."""
    with Copies() as copies:
        for selected in WorkQueue(discover([str(folder)]), ledger, copies=copies, retry=False).rounds():
            yield from filter(None, selected)
