import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import duckdb
from click.testing import CliRunner

from finner_batch.cli.query import query

VOLATILE = {"run_id", "seconds"}
SENTENCES = [
    "The {year} Notes bear interest at a fixed rate of {rate}% per annum and mature in {maturity}.",
    "Borrowings under the revolving credit facility bear interest at SOFR plus {spread}%.",
    "The credit agreement provides for a revolving credit facility of up to ${size} million.",
    "The effective interest rate of the {year} Notes was {effective}%.",
    "Revenue grew by {rate}% to ${size} million in fiscal {year}.",
    "The Company employed {size} people at the end of {year}.",
]


def filing(number):
    values = {
        "year": 2000 + number % 25,
        "maturity": 2030 + number % 9,
        "rate": f"{2 + number % 7}.{number % 100:02d}",
        "spread": f"1.{number % 100:02d}",
        "size": 100 + number,
        "effective": f"{3 + number % 5}.{number % 90 + 10}",
    }
    sentences = [SENTENCES[(number + place) % len(SENTENCES)].format(**values) for place in range(4 + number % 5)]
    paragraphs = "".join(f"<p>{sentence}</p>" for sentence in sentences)
    return f"<html><body><h2>Note {number % 20 + 1} - Debt</h2>{paragraphs}<p>Filing number {number}.</p></body></html>"


def write_filings(folder, count=40):
    """Small filings, each with its own numbers."""
    folder.mkdir(exist_ok=True)
    for number in range(count):
        (folder / f"filing-{number:03d}.htm").write_text(filing(number))
    return folder


def command(*arguments):
    return [sys.executable, "-m", "finner_batch", *map(str, arguments)]


def finner(*arguments, expect=0, **options):
    """Run finner-batch as a process of its own and return it."""
    done = subprocess.run(command(*arguments), capture_output=True, text=True, check=False, timeout=300, **options)
    assert done.returncode == expect, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def run_job(folder, results, *flags, expect=0, **options):
    """`finner-batch run`, and its report."""
    return json.loads(
        finner(
            "run", "--input", folder, "--output", results, "--workers", 2, *flags, "--json", expect=expect, **options
        ).stdout
    )


def ask(results, sql):
    """Rows of `finner-batch query`, without a process of its own."""
    answered = CliRunner().invoke(query, ["--output", str(results), sql, "--json"], standalone_mode=False)
    if answered.exception:
        raise answered.exception
    return json.loads(answered.stdout)


def plain_rows(results, table):
    """Multiset of a table's rows read from the Parquet files by plain DuckDB, without what differs from run to run."""
    relation = duckdb.sql(f"SELECT * FROM read_parquet('{results}/{table}/*.parquet')")
    names = [f'"{name}"' for name in relation.columns if name not in VOLATILE]
    rows = duckdb.sql(f"SELECT {', '.join(names)} FROM relation").fetchall()
    return Counter(tuple(tuple(value) if isinstance(value, list) else value for value in row) for row in rows)


def leftovers(results):
    """Temporary files under a results folder."""
    return [path for path in Path(results).rglob(".tmp-*") if path.is_file()]


def marked(mark):
    """Variables that mark a process, and all that it starts, as those of this test run."""
    return {"FINNER_TEST_MARK": f"{mark} of {os.getpid()}"}


def processes_marked(mark):
    """Ids of the processes whose environment carries this mark of this test run."""
    ((name, value),) = marked(mark).items()
    entry_of_it = f"{name}={value}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if entry_of_it in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def wait_for(condition, seconds=60):
    """Wait until `condition()` is true, and say whether it came to be."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return False
