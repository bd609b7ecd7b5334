"""What a model has learnt from, by the record of its training; and whether thresholds may be chosen by some rows."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from finner_batch.errors import UsageError
from finner_batch.tagger.model import DEFAULT_MODEL, Model
from finner_batch.training.data.dataset import LabelledSentence
from finner_batch.training.evaluation.judged import EVERY_SPLIT
from finner_batch.training.export.folder import RECORD_FILE

FILING = "filing"
"""Origin of the sentences that `label` takes from filings; all others are rows of one's own."""
REPORTED = "dev"
"""The split by which nothing is chosen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """`sources`: SHA-256 of each source of the training data. `splits`: those of them that the weights come from."""

    sources: frozenset[str]
    splits: frozenset[str]

    def holds(self, sha256: str, split: str) -> bool:
        """Say whether the weights come from rows of this split (`all`: of any) of this very source."""
        return sha256 in self.sources and split in {*self.splits, EVERY_SPLIT}


def learnt_from(model: Model) -> Learnt | None:
    """Read what a model has learnt from; None where its folder has no record of a training."""
    if RECORD_FILE not in model.checksums:
        return None
    record = json.loads((model.folder / RECORD_FILE).read_text(encoding="utf-8"))
    data = record["data"]
    refit = record["config"].get("refit", False)
    return Learnt(
        sources=frozenset(source["sha256"] for source in data.get("sources", [data])),
        splits=frozenset(["train", "validation"] if refit else ["train"]),
    )


def labels_learnt(folder: str | None) -> str | None:
    """The `--labels` of the training of a model folder (None: the packaged one); None where no record says it."""
    try:
        record = json.loads(((Path(folder) if folder else DEFAULT_MODEL) / RECORD_FILE).read_text(encoding="utf-8"))
        return str(record["config"]["labels"])
    except (OSError, ValueError, KeyError):  # a damaged folder is told of where the model is loaded
        return None


def check_choosing(learnt: Learnt | None, sentences: Sequence[LabelledSentence], split: str, sha256: str) -> None:
    """Refuse to choose thresholds by rows that the model has learnt from, or that are reported.

    `sentences` are all of the source whose digest is `sha256`. Free are the split `validation` of a model that was not
    refitted with it, and rows of one's own, of a source that the model has not learnt from. Raises UsageError.
    """
    chosen = [row for row in sentences if split in (row.split, EVERY_SPLIT)]
    if any(row.split == REPORTED for row in chosen):
        raise UsageError(
            f"--write-thresholds: nothing is chosen by the split {REPORTED}, it is what is reported: --split validation"
        )
    own = not any(row.origin == FILING for row in chosen)
    if own and (learnt is None or sha256 not in learnt.sources):
        return
    if learnt and "validation" in learnt.splits:
        raise UsageError(
            "--write-thresholds: the model was refitted with the split validation (--refit), so thresholds must come "
            "from data that it has not seen: rows of your own, which were not among its training data"
        )
    if split != "validation":
        raise UsageError(
            f"--write-thresholds: --split {split} holds sentences to learn from, on which a model is too sure: "
            "--split validation, or rows of your own that the model has not learnt from"
        )
