"""A process that commits many small parts, to be killed: `committing_child.py RESULTS [--compact | --wait-at STEP]`.

It says `ready` as it begins. With `--wait-at` it says `waiting` right before that step of its writing, and waits there
to be killed.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from made_job import Content, Job  # a script imports from its own folder

from finner_batch.results.compact import compact
from finner_batch.storage.place import place_of

SOURCES = 40
STEPS = (
    (Path, "open"),
    (Path, "replace"),
    (Path, "unlink"),
    (Path, "mkdir"),
    (os, "fsync"),
    (pq.ParquetWriter, "write_table"),
    (pq.ParquetWriter, "close"),
)


class Steps:
    """Counts calls that change the disk, and stops the process at one of them."""

    def __init__(self, wait_at: int) -> None:
        self._taken = 0
        self._wait_at = wait_at

    def watch(self) -> None:
        for owner, name in STEPS:
            setattr(owner, name, self._counted(getattr(owner, name)))

    def _counted(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            self._taken += 1
            if self._taken == self._wait_at:
                say("waiting")
                time.sleep(60)
            return original(*arguments, **options)

        return call


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def main(results: Path, *, compacts: bool) -> None:
    sources = {}
    for number in range(SOURCES):
        accession = f"{number:010d}-24-{number:06d}"
        parts = tuple((f"{part}.htm", f"rate {number} {part} " + "9 " * 50) for part in range(3))
        sources[f"/in/{number:03d}"] = Content(parts, accession)
    sources["/in/shard"] = Content(tuple((f"s#{row}", f"rate {row}") for row in range(20)), shard=True)
    say("ready")
    steps = [list(sources)[:end] for end in range(8, len(sources), 8)] if compacts else []
    for names in [*steps, list(sources)]:
        with place_of(results).lock():
            Job(results, commit_every=60 if compacts else 15).run({name: sources[name] for name in names})
        if compacts:
            compact(place_of(results), settle_s=0)


if "--wait-at" in sys.argv:
    Steps(int(sys.argv[-1])).watch()
main(Path(sys.argv[1]), compacts="--compact" in sys.argv)
