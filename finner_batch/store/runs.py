"""Reports of runs: one JSON object a run, `runs/<run_id>.json`, replaced in one step."""

import json
import secrets
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from finner_batch.errors import FinnerError
from finner_batch.store.atomic import storage_errors, write_atomic
from finner_batch.store.place import Place, map_in_order


def new_run_id(now: datetime | None = None) -> str:
    """Return an id that sorts by start and is unique: `20261123T045403Z-4f2a`."""
    return f"{now or datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"


def write_run(results: Place, run_id: str, report: Mapping[str, Any]) -> Place:
    """Write the report of a run and return its path; writing it again replaces it.

    The keys that the view `runs` shows as columns are listed in `sql/views.sql`; others stay in its `report`.
    Raises FinnerError where the disk refuses, ValueError for values that JSON does not know (NaN).
    """
    path = results / "runs" / f"{run_id}.json"
    content = json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False)
    with storage_errors(results):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, f"{content}\n".encode())
    return path


def load_run(results: Place, run_id: str) -> dict[str, Any]:
    """Read one report. Raises FinnerError where there is none or it is damaged."""
    path = results / "runs" / f"{run_id}.json"
    try:
        report: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise FinnerError(f"no report of a run at {path}: {error}") from error
    if not isinstance(report, dict):
        raise FinnerError(f"no report of a run at {path}: it holds no JSON object")
    return report


def load_runs(results: Place) -> Iterator[dict[str, Any]]:
    """Read all reports, oldest first."""
    names = sorted(path.stem for path in (results / "runs").glob("*.json"))
    yield from map_in_order(results, lambda name: {"run_id": name} | load_run(results, name), names)
