"""What limits a run on many nodes: the work of the one main process against the work of the nodes.

    python data/benchmarks/scale.py --documents 1000000 > scale.json
    python data/benchmarks/nodes.py --run results/runs/….json --scale scale.json

The script measures what the main process of a run on Ray does for each document. From this, from the report of a run
over real filings and from the start over a million documents it calculates which share of the time of 1, 10 and 100
nodes each task of the main process takes, and which task takes most. It assumes that the nodes' work grows in
proportion to their CPUs, as no actor waits for another. The last row has the same nodes with `--shard`: every ten nodes
have a main process and a results folder of their own.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from main_process import MainProcess, measure

from finner_batch.config import RunConfig
from finner_batch.errors import FinnerError
from finner_batch.machine import MEBIBYTE
from finner_batch.runner.on_ray.engine import ROUND_TASKS

NODES = (1, 10, 100)
NODES_A_SHARD = 10
BEFORE = ("listing", "ledger", "small files")
HASHING = ("hashing", "hashing, link")
"""The slower of the two counts. It too comes before the work: a source is handed out when its digest is known."""
DURING = ("results", "results, link")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """The documents, the nodes and the machine of the main process."""

    documents: int
    bytes_a_document: float
    """As stored."""
    documents_per_second_and_cpu: float
    cpus_a_node: int
    link_bytes_per_second: float
    """Network of the main process's machine."""
    memory_bytes: float
    """Memory that the main process may use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What a run does before its first document, for each document in seconds of wall clock."""

    listing: float
    ledger: float
    file: float
    """To open, hash and ask about a small file, its listing included."""
    ledger_bytes: float

    @classmethod
    def of(cls, figures: Mapping[str, Any]) -> "Start":
        """Read the figures that `scale.py` printed."""
        start, run = figures["start"], figures["run_with_nothing_new"]
        count = start["documents"]
        return cls(
            listing=start["listing"]["seconds"] / count,
            ledger=start["ledger"]["seconds"] / count,
            file=(run["seconds"] - start["ledger"]["seconds"]) / count,
            ledger_bytes=(start["peak_mebibytes"] - start["of_them_imports"]) * MEBIBYTE / count,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """A run on `nodes` nodes. `uses` are shares of the nodes' working time; `memory` is a share of the memory."""

    nodes: int
    main_processes: int
    documents_per_hour: float
    """By the nodes' work alone."""
    work_seconds: float
    uses: dict[str, float]
    parts: int

    @property
    def first(self) -> str:
        """The limit that is reached first as nodes are added."""
        return max(self.uses, key=lambda name: self.uses[name])

    @property
    def efficiency(self) -> float:
        """The nodes' working time over the time of the run: some tasks come before the work, others run during it."""
        before = sum(self.uses[name] for name in BEFORE) + max(self.uses[name] for name in HASHING)
        return 1 / (before + max(1.0, *(self.uses[name] for name in DURING)))


def project(job: Job, start: Start, main: MainProcess, nodes: int, main_processes: int) -> Projection:
    """Calculate the share of the nodes' working time that each task of a main process takes.

    Every main process lists the whole input; its other tasks cover its own share of the documents.
    """
    rate = job.documents_per_second_and_cpu * job.cpus_a_node * nodes
    seconds = job.documents / rate
    share = job.documents / main_processes
    own_rate = rate / main_processes
    a_part = max(1.0, min(RunConfig(input=()).commit_documents, own_rate * RunConfig(input=()).commit_seconds))
    parts = share / a_part
    hashing = max(start.file - start.listing, 0.0) + job.bytes_a_document / main.hash_bytes_per_second
    memory = share * start.ledger_bytes + min(share, ROUND_TASKS) * main.bytes_a_waiting_source
    return Projection(
        nodes=nodes,
        main_processes=main_processes,
        documents_per_hour=3600 * rate,
        work_seconds=seconds,
        uses={
            "listing": job.documents * start.listing / seconds,
            "ledger": share * start.ledger / seconds,
            "small files": parts * main.seconds_a_part / seconds,
            "hashing": share * hashing / seconds,
            "hashing, link": share * job.bytes_a_document / job.link_bytes_per_second / seconds,
            "results": share * main.cpu_seconds_a_document / seconds,
            "results, link": share * main.bytes_a_document / job.link_bytes_per_second / seconds,
            "memory": memory / job.memory_bytes,
        },
        parts=round(parts * main_processes),
    )


def table(rows: Sequence[Projection]) -> str:
    """Lay out the rows as text."""
    names = list(rows[0].uses)
    lines = [["nodes", "main processes", "documents/h", *names, "efficiency", "first", "files"]]
    lines += [
        [
            str(row.nodes),
            str(row.main_processes),
            f"{row.documents_per_hour:,.0f}",
            *(f"{row.uses[name]:.1%}" for name in names),
            f"{row.efficiency:.0%}",
            row.first,
            f"{row.parts:,}",
        ]
        for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def main() -> None:
    """Measure, calculate, print."""
    parser = argparse.ArgumentParser(description="Calculate what limits a run on 1, 10 and 100 nodes.")
    parser.add_argument("--run", required=True, help="report of a run over real filings: results/runs/….json")
    parser.add_argument("--scale", required=True, help="JSON that data/benchmarks/scale.py printed")
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--document-bytes", type=float, default=None, help="mean, as stored; default: as in the run")
    parser.add_argument("--cpus-a-node", type=int, default=16)
    parser.add_argument("--link-gbit", type=float, default=10.0)
    parser.add_argument("--memory-gb", type=float, default=8.0)
    parser.add_argument("--small", type=int, default=500, help="generated filings of the first of two runs on Ray")
    parser.add_argument("--large", type=int, default=4500, help="and of the second")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    run = json.loads(Path(given.run).read_text("utf-8"))
    done, cpus = run["documents"]["ok"], min(run["workers"], run["machine"]["cpus"])
    job = Job(
        documents=given.documents,
        bytes_a_document=given.document_bytes or run["sources"]["bytes"] / done,
        documents_per_second_and_cpu=done / run["wall_seconds"] / cpus,
        cpus_a_node=given.cpus_a_node,
        link_bytes_per_second=given.link_gbit * 1e9 / 8,
        memory_bytes=given.memory_gb * 1e9,
    )
    start = Start.of(json.loads(Path(given.scale).read_text("utf-8")))
    try:
        main_process = measure((given.small, given.large))
    except FinnerError as error:
        sys.exit(str(error))
    rows = [project(job, start, main_process, nodes, 1) for nodes in NODES]
    rows.append(project(job, start, main_process, NODES[-1], NODES[-1] // NODES_A_SHARD))
    figures = {"job": asdict(job), "start": asdict(start), "main_process": asdict(main_process)}
    if given.json:
        print(json.dumps(figures | {"rows": [asdict(row) for row in rows]}, indent=2))
        return
    for name, values in figures.items():
        print(name.replace("_", " "), ", ".join(f"{key}={value:.4g}" for key, value in values.items()))
    print(table(rows))


if __name__ == "__main__":
    main()
