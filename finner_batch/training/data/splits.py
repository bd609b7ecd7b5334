"""Splits by the names that people give them, and what this project calls them.

`train` is learnt from, `validation` chooses, `dev` is reported. Elsewhere what is reported is called `test`; where a
source has such a split, its `dev` is what chooses.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePath

from finner_batch.training.data.dataset import LabelledSentence

TEST = "test"
SPLIT_NAMES = {
    **{name: name for name in ("train", "validation", "dev", TEST)},
    "training": "train",
    "valid": "validation",
    "val": "validation",
}
"""Names that a split may have, and which of the four it is."""
_ENDING = re.compile(r"(?:-\d{5}-of-\d{5})?(?:\.(?:jsonl?|parquet|gz|zst))*\Z")


def split_of_file(path: PurePath) -> str | None:
    """The split that a file's name begins or ends with, as in `test.jsonl` and `finer_val-00000-of-00001.parquet`."""
    words = re.split(r"[\W_]+", _ENDING.sub("", path.name, count=1).lower())
    return SPLIT_NAMES.get(words[0]) or SPLIT_NAMES.get(words[-1])


def settle(sentences: Sequence[LabelledSentence]) -> list[LabelledSentence]:
    """Call the split `test` `dev`, and the `dev` that lies beside it `validation`."""
    names = {TEST: "dev", "dev": "validation"}
    return [replace(row, split=names.get(row.split, row.split)) for row in sentences]
