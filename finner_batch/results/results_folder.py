"""Opens a results folder for writing, and completes or deletes what a killed run or compaction left there."""

import json
from collections.abc import Sequence

from finner_batch.errors import FinnerError, UsageError
from finner_batch.results.part import FIRST_PART, Layout, PartFile, list_parts, part_of
from finner_batch.storage.file_system import reason_of, storage_errors, unusable
from finner_batch.storage.place import Place


def open_results(results: Place) -> list[str]:
    """Create the folder if needed, repair it, and return the names of its parts. The caller holds the lock.

    Repairing deletes temporary files, entities files that were never committed, and the rest of the parts that a
    compaction replaced. Raises UsageError if the folder has files of another program, FinnerError if the storage
    refuses.
    """
    layout = Layout(results)
    _refuse_foreign(results)
    with storage_errors(results):
        for folder in layout.folders:
            folder.make_folder()
        for folder in (results, *layout.folders):
            folder.delete_temporary_files()
        finish_replacing(results)
        committed = set(list_parts(results))
        for file in (results / "entities").children():
            if (name := part_of(file.name)) and name not in committed and not file.may_still_be_committed():
                file.delete()
        if not committed:
            part = PartFile(results, FIRST_PART)
            part.seal()
            part.publish()
        return list_parts(results)


def require_results(results: Place) -> None:
    """Raise UsageError if there is no results folder to read, FinnerError if it cannot be listed."""
    try:
        found = bool(list_parts(results))
    except (FileNotFoundError, NotADirectoryError):
        found = False
    except OSError as error:
        raise FinnerError(
            f"cannot read the results folder {results}: {reason_of(error)}. Fix this and start again"
        ) from error
    if not found:
        raise UsageError(
            f"no results at {results}: `finner-batch run --input … --output {results}` makes them, "
            "--output names another folder"
        )


def replace_parts(results: Place, replaced: Sequence[str]) -> None:
    """Delete parts whose rows are in newer, published parts. If this is killed, the next opening completes it.

    `replaced` is in commit order, and so are the deletions: a tombstone is deleted after every row that it hides.
    """
    _journal(results).write(json.dumps({"replaced": list(replaced)}).encode())
    finish_replacing(results)


def finish_replacing(results: Place) -> None:
    """Complete a deletion that was started, if there is one."""
    journal = _journal(results)
    try:
        replaced = json.loads(journal.read())["replaced"]
    except FileNotFoundError:
        return
    layout = Layout(results)
    for name in replaced:
        layout.documents(name).delete()
        layout.entities(name).delete()
    for folder in layout.folders:
        folder.sync()
    journal.delete()


def _journal(results: Place) -> Place:
    return results / ".replaced.json"


def _refuse_foreign(results: Place) -> None:
    for folder in Layout(results).folders[:2]:
        try:
            names = [file.name for file in folder.children()]
        except FileNotFoundError:
            continue
        except OSError as error:
            raise unusable(results, error, at=folder) from error
        strangers = [name for name in names if not (part_of(name) or name.startswith("."))]
        if strangers:
            raise UsageError(
                f"{folder} holds {min(strangers)}, which is not finner-batch's: choose another folder with --output"
            )
