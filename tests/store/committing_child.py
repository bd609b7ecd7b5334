"""A process that commits many small parts, to be killed: `committing_child.py RESULTS [--compact]`."""

import sys
from pathlib import Path

from made_job import Content, Job  # a script finds what lies beside it

from finner_batch.store.compact import compact
from finner_batch.store.lock import lock_results

SOURCES = 40


def main(results: Path, *, compacts: bool) -> None:
    sources = {}
    for number in range(SOURCES):
        accession = f"{number:010d}-24-{number:06d}"
        parts = tuple((f"{part}.htm", f"rate {number} {part} " + "9 " * 50) for part in range(3))
        sources[f"/in/{number:03d}"] = Content(parts, accession)
    sources["/in/shard"] = Content(tuple((f"s#{row}", f"rate {row}") for row in range(20)), shard=True)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    steps = [list(sources)[:end] for end in range(8, len(sources), 8)] if compacts else []
    for names in [*steps, list(sources)]:
        with lock_results(results):
            Job(results, commit_every=60).run({name: sources[name] for name in names})
        if compacts:
            compact(results, settle_s=0)


main(Path(sys.argv[1]), compacts="--compact" in sys.argv)
