"""Measures the start of a run over very many documents.

    python data/benchmarks/scale.py --documents 1000000

The script writes that many small files (about 4 GB of disk blocks) and a results folder in which all of them are done.
In processes of their own it measures what a run does before its first document (list the input, read the ledger, look
up each file), and a whole `finner-batch run`, which hashes every file and finds nothing new. Seconds are wall clock;
CPU seconds show what an idle machine would take. The files are deleted at the end.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from finner_batch.config import RunConfig
from finner_batch.machine import MEBIBYTE, own_peak_bytes
from finner_batch.readers.discover import discover
from finner_batch.results.ledger import Decision, Ledger
from finner_batch.results.run_reports import new_run_id
from finner_batch.results.writer import Writer
from finner_batch.storage.place import place_of
from finner_batch.tagging.model import load_model

A_FOLDER = 1000
"""Files in one folder."""
A_COMMIT = RunConfig(input=()).commit_documents


def make(place: Path, documents: int, *, a_commit: int = A_COMMIT) -> None:
    """Write the files below `place/filings`, and the results folder `place/results` with a row for each."""
    results = place / "results"
    settings: dict[str, Any] = {"model_id": load_model().model_id, "config_id": RunConfig(input=()).config_id}
    ledger = Ledger.load(place_of(results), **settings)
    with Writer(place_of(results), ledger=ledger, run_id=new_run_id(), **settings) as writer:
        for number in range(documents):
            folder = place / "filings" / f"{number // A_FOLDER:04d}"
            if number % A_FOLDER == 0:
                folder.mkdir(parents=True)
            accession = f"{number:010d}-{number % 25:02d}-{number % 7919:06d}"  # in the order in which they are listed
            path, content = folder / f"{accession}.htm", _content(number)
            sha256 = hashlib.sha256(content).hexdigest()
            path.write_bytes(content)
            document = {
                "document_id": f"{accession}/a.htm",
                "source": str(path),
                "sha256": sha256,
                "bytes": len(content),
                "kind": "html",
                "accession_number": accession,
                "company": f"Company {number % 7919}",
                "form_type": "10-K",
                "status": "ok",
                "sentences": 1,
                "tagged_sentences": 1,
                "seconds": 0.5,
            }
            writer.add(document)
            writer.finish(str(path), sha256)
            if (number + 1) % a_commit == 0:
                writer.commit()
        writer.commit()


def start(place: Path) -> dict[str, Any]:
    """Time what a run does before its first document. Raises RuntimeError where a document is not done."""
    imported = own_peak_bytes()
    settings: dict[str, Any] = {"model_id": load_model().model_id, "config_id": RunConfig(input=()).config_id}
    times = [_now()]
    listed = sum(1 for _ in discover([str(place / "filings")]))
    times.append(_now())
    ledger = Ledger.load(place_of(place / "results"), **settings)
    times.append(_now())
    peak = own_peak_bytes()
    for number, source in enumerate(discover([str(place / "filings")])):
        if ledger.decide(source.uri, hashlib.sha256(_content(number)).hexdigest()) is not Decision.DONE:
            raise RuntimeError(f"{source.uri} is not done in the ledger")
    times.append(_now())
    steps = zip(("listing", "ledger", "listing_and_asking"), times, times[1:], strict=False)
    return {
        "documents": len(ledger),
        "listed": listed,
        **{name: {"seconds": end[0] - begin[0], "cpu_seconds": end[1] - begin[1]} for name, begin, end in steps},
        "peak_mebibytes": peak // MEBIBYTE,
        "peak_mebibytes_at_the_end": own_peak_bytes() // MEBIBYTE,
        "of_them_imports": imported // MEBIBYTE,
    }


def _now() -> tuple[float, float]:
    return perf_counter(), process_time()


def _content(number: int) -> bytes:
    return b"<p>Filing %d.</p>" % number


def _cpu_of_children() -> float:
    times = os.times()
    return times.children_user + times.children_system


def _in_a_process(*arguments: str) -> dict[str, Any]:
    """Run Python and read the JSON that it prints; the shell keeps this process's peak memory out of the child's."""
    command = ["/bin/sh", "-c", '"$@"; exit $?', "sh", sys.executable, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{arguments} ended with exit code {done.returncode}: {done.stderr.strip()[-500:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main() -> None:
    """Write the files, measure, print JSON."""
    parser = argparse.ArgumentParser(description="Measure the start of a run over very many documents.")
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--folder", default=None, help="where to write the files; default: the temporary folder")
    parser.add_argument("--start", default=None, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.start:
        print(json.dumps(start(Path(given.start))))
        return
    with tempfile.TemporaryDirectory(prefix="finner-batch-scale-", dir=given.folder) as folder:
        place = Path(folder)
        begun = perf_counter()
        make(place, given.documents)
        made = perf_counter() - begun
        figures = {"making_seconds": made, "start": _in_a_process(__file__, "--start", folder)}
        begun, cpu_before = perf_counter(), _cpu_of_children()
        report = _in_a_process(
            "-m", "finner_batch", "run", "--json", "--input", str(place / "filings"), "--output", str(place / "results")
        )
        figures["run_with_nothing_new"] = {
            "seconds": perf_counter() - begun,
            "cpu_seconds": _cpu_of_children() - cpu_before,
            "unchanged": report["sources"]["unchanged"],
            "documents": report["documents"],
            "peak_mebibytes": report["peak_mebibytes"],
        }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
