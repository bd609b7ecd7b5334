"""Opens a results folder for writing, and tidies what a killed run or compaction left there."""

import json
from collections.abc import Sequence
from pathlib import Path

from finner_batch.errors import FinnerError, UsageError
from finner_batch.store.atomic import (
    TEMPORARY,
    flush_folder,
    is_no_folder,
    reason_of,
    storage_errors,
    write_atomic,
)
from finner_batch.store.part import FIRST_PART, Layout, PartFile, is_part, list_parts
from finner_batch.store.place import Place, may_be_committed
from finner_batch.store.whole import OWN_TEMPORARY, delete_left


def open_results(results: Place) -> list[str]:
    """Make the folder if need be, bring it in order, and return the names of its parts. The caller holds the lock.

    Deleted are temporary files, entities files whose commit never happened nor can, and the parts that a compaction
    replaced and had no time to delete. Raises UsageError where the folder belongs to something else, FinnerError where
    the disk refuses.
    """
    layout = Layout(results)
    _refuse_foreign(results)
    with storage_errors(results):
        for folder in layout.folders:
            folder.mkdir(parents=True, exist_ok=True)
        for folder in (results, *layout.folders):
            for leftover in folder.glob(TEMPORARY + "*"):
                if not leftover.name.startswith(OWN_TEMPORARY):
                    leftover.unlink()
            if isinstance(folder, Path):
                delete_left(folder)
        finish_replacing(results)
        committed = set(list_parts(results))
        for path in layout.entities(FIRST_PART).parent.iterdir():
            if is_part(path) and path.stem not in committed and not may_be_committed(path):
                path.unlink()
        if not committed:
            part = PartFile(results, FIRST_PART)
            part.seal()
            part.publish()
        return list_parts(results)


def require_results(results: Place) -> None:
    """Raise UsageError where there is no results folder to read, FinnerError where the disk refuses to list it."""
    try:
        found = bool(list_parts(results))
    except (FileNotFoundError, NotADirectoryError):
        found = False
    except OSError as error:
        raise FinnerError(f"cannot read the results folder {results}: {reason_of(error)}. Put that right") from error
    if not found:
        raise UsageError(
            f"no results at {results}: `finner-batch run --input … --output {results}` makes them, "
            "--output names another folder"
        )


def replace_parts(results: Place, replaced: Sequence[str]) -> None:
    """Delete parts whose rows newer, published parts hold; what a kill interrupts is finished by the next opening.

    `replaced` is in commit order, and so is the deletion: a tombstone outlives every row it hides.
    """
    write_atomic(_journal(results), json.dumps({"replaced": list(replaced)}).encode())
    finish_replacing(results)


def finish_replacing(results: Place) -> None:
    """Go on with a deletion that was begun, if there is one."""
    journal = _journal(results)
    try:
        replaced = json.loads(journal.read_bytes())["replaced"]
    except FileNotFoundError:
        return
    layout = Layout(results)
    for name in replaced:
        layout.documents(name).unlink(missing_ok=True)
        layout.entities(name).unlink(missing_ok=True)
    for folder in layout.folders:
        flush_folder(folder)
    journal.unlink()


def _journal(results: Place) -> Place:
    return results / ".replaced.json"


def _refuse_foreign(results: Place) -> None:
    for folder in Layout(results).folders[:2]:
        try:
            strangers = [path.name for path in folder.iterdir() if not (is_part(path) or path.name.startswith("."))]
        except FileNotFoundError:
            continue
        except OSError as error:
            kind = UsageError if is_no_folder(error) else FinnerError
            raise kind(
                f"cannot use {results} for results: {folder}: {reason_of(error)}: put that right, or name another"
            ) from error
        if strangers:
            raise UsageError(
                f"{folder} holds {min(strangers)}, which is not finner-batch's: choose another folder with --output"
            )
