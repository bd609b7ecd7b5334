"""Folders that hold something else than what a command is about to write there."""

from collections.abc import Collection
from pathlib import Path

from finner_batch.errors import UsageError

KINDS = {
    "entities": "the results of `finner-batch run`",
    "checksums.json": "a model of `finner-batch train`",
    "sentences.parquet": "a dataset of `finner-batch label`",
    "model.safetensors": "an encoder or checkpoint",
}
"""What a folder is, by a file or folder in it."""
NAMED = 3
"""So many of the files in the way are named."""


def kind_of(folder: Path) -> str | None:
    """What a folder of one of these `KINDS` holds; None for any other."""
    return next((words for name, words in KINDS.items() if (folder / name).exists()), None)


def refuse_foreign(folder: Path, own: Collection[str], wanted: str) -> None:
    """Raise UsageError where an output folder holds files, but none of those that tell it for a `wanted` (`own`)."""
    if not folder.exists() or any((folder / name).exists() for name in own):
        return
    if not folder.is_dir():
        raise UsageError(f"--output {folder} is no folder: name another")
    found = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    if not found:
        return
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    kind = kind_of(folder) or f"files ({', '.join(found[:NAMED])}{more})"
    raise UsageError(f"--output {folder} holds {kind}, and no {wanted}: name a new or an empty folder")
