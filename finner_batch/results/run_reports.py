"""Reports of runs: one JSON object per run, `runs/<run_id>.json`."""

import json
import secrets
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from finner_batch.errors import FinnerError
from finner_batch.storage.file_system import storage_errors
from finner_batch.storage.place import Place, children_like, map_in_order


def new_run_id(now: datetime | None = None) -> str:
    """Return a unique id that sorts by the start of the run: `20261123T045403Z-4f2a`."""
    return f"{now or datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"


def write_run(results: Place, run_id: str, report: Mapping[str, Any]) -> Place:
    """Write the report of a run, or replace it, and return its path.

    `sql/views.sql` lists the keys that the view `runs` shows as columns; its column `report` has all of them. Raises
    FinnerError if the storage refuses, ValueError for values that JSON does not know (NaN).
    """
    path = results / "runs" / f"{run_id}.json"
    content = json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False)
    with storage_errors(results):
        path.parent.make_folder()
        path.write(f"{content}\n".encode())
    return path


def load_run(results: Place, run_id: str) -> dict[str, Any]:
    """Read a report. Raises FinnerError if there is none or it is damaged."""
    path = results / "runs" / f"{run_id}.json"
    try:
        report: dict[str, Any] = json.loads(path.read())
    except (OSError, ValueError) as error:
        raise FinnerError(f"no report of a run at {path}: {error}") from error
    if not isinstance(report, dict):
        raise FinnerError(f"no report of a run at {path}: it is not a JSON object")
    return report


def load_runs(results: Place) -> Iterator[dict[str, Any]]:
    """Read all reports, oldest first."""
    names = sorted(path.name.removesuffix(".json") for path in children_like(results / "runs", "*.json"))
    yield from map_in_order(results, lambda name: {"run_id": name} | load_run(results, name), names)
