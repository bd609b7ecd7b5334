"""The labelled dataset: sentences with their labelled numbers as Parquet, the names of its splits, and label sets.

A number has up to two labels: the concept that its filer tagged it with, and the reading of a person who annotated the
sentence. Where both exist the reading counts, because filers tag a number in one place and leave it untagged in the
next.

The model trains on the split `train`; `validation` selects epoch and temperature; `dev` is reported. Other datasets
call the reported split `test`; where a source has one, its `dev` becomes `validation`.
"""

import json
import re
import tomllib
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePath
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from finner_batch.errors import ModelError, UsageError
from finner_batch.tagging.model import Cues

SENTENCES_FILE = "sentences.parquet"
STATISTICS_FILE = "statistics.json"
OUTSIDE = "O"
GENERATED = "generated"
"""Origin of sentences that were written for training; evaluation leaves them out."""
FILING = "filing"
"""Origin of sentences that `label` took from filings; their concepts are the filers' tags."""
Gold = Literal["readings", "filers"]
"""Source of the gold labels: readings, with filers' tags where there is no reading; or filers' tags alone."""

NUMBER = pa.struct(
    [
        pa.field("start", pa.int32(), nullable=False),
        pa.field("end", pa.int32(), nullable=False),
        pa.field("concept", pa.string()),
        pa.field("reading", pa.string()),
        pa.field("doubtful", pa.bool_(), nullable=False),
    ]
)
SCHEMA = pa.schema(
    [
        pa.field("text", pa.string(), nullable=False),
        pa.field("numbers", pa.list_(NUMBER), nullable=False),
        pa.field("company", pa.string(), nullable=False),
        pa.field("document_id", pa.string(), nullable=False),
        pa.field("form_type", pa.string()),
        pa.field("section", pa.string()),
        pa.field("sentence_index", pa.int32(), nullable=False),
        pa.field("start", pa.int64(), nullable=False),
        pa.field("in_note", pa.bool_(), nullable=False),
        pa.field("exhaustive", pa.bool_(), nullable=False),
        pa.field("origin", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
    ]
)
TEST = "test"
SPLIT_NAMES = {
    **{name: name for name in ("train", "validation", "dev", TEST)},
    "training": "train",
    "valid": "validation",
    "val": "validation",
}
"""Accepted split names and the split that each one means."""
_ENDING = re.compile(r"(?:-\d{5}-of-\d{5})?(?:\.(?:jsonl?|parquet|gz|zst))*\Z")


@dataclass(frozen=True, slots=True)
class Number:
    """One number token; `start` and `end` are code points of the sentence.

    `concept`: local name of the filer's tag, None without a tag. `reading`: a label or `O`, None if nobody read the
    sentence. `doubtful`: the reader was not sure.
    """

    start: int
    end: int
    concept: str | None
    reading: str | None = None
    doubtful: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledSentence:
    """A sentence with at least one number token.

    `company` is the CIK that the filing states. `start` is the sentence's offset in the document's extracted text, in
    code points. `exhaustive`: numbers without concept and reading are known to have no label (true inside notes); they
    are unknown otherwise. `origin` is `filing`, `generated`, or the name of the source. `split` is `train`,
    `validation` or `dev`.
    """

    text: str
    numbers: tuple[Number, ...]
    company: str
    document_id: str
    form_type: str | None = None
    section: str | None = None
    sentence_index: int = 0
    start: int = 0
    in_note: bool = False
    exhaustive: bool = False
    origin: str = FILING
    split: str = "train"

    @property
    def is_read(self) -> bool:
        """Whether the sentence has readings."""
        return any(number.reading is not None for number in self.numbers)

    def gold(self, number: Number, labels: Collection[str], by: Gold = "readings") -> str | None:
        """Return a number's gold label: one of `labels`, `O`, or None if it is unknown."""
        reading = number.reading if by == "readings" else None
        if reading in labels:
            return reading
        if number.concept is not None:
            overruled = reading is not None and number.concept in READ_LABELS
            return number.concept if number.concept in labels and not overruled else OUTSIDE
        if reading is not None and READ_LABELS.issuperset(labels):
            return OUTSIDE
        return OUTSIDE if self.exhaustive else None


def write_sentences(sentences: Sequence[LabelledSentence], path: Path) -> None:
    """Write labelled sentences as Parquet (`SCHEMA`)."""
    pq.write_table(pa.Table.from_pylist([asdict(row) for row in sentences], schema=SCHEMA), path, compression="zstd")


def read_sentences(path: Path) -> list[LabelledSentence]:
    """Read a dataset folder or its Parquet file. Raises UsageError for anything else, or another dataset version."""
    file = path / SENTENCES_FILE if path.is_dir() else path
    if not file.is_file():
        raise UsageError(f"no labelled dataset at {path}: make one with `finner-batch label --input … --output {path}`")
    table = pq.read_table(file)
    missing = set(SCHEMA.names) - set(table.column_names)
    if missing:
        raise UsageError(
            f"{file} is not a labelled dataset of this version, it lacks {', '.join(sorted(missing))}: "
            "create it again with `finner-batch label`"
        )
    rows = table.select(SCHEMA.names).to_pylist()
    return [
        LabelledSentence(**{**row, "numbers": tuple(Number(**number) for number in row["numbers"])}) for row in rows
    ]


def split_of_file(path: PurePath) -> str | None:
    """Return the split that a file name starts or ends with: `test.jsonl`, `finer_val-00000-of-00001.parquet`."""
    words = re.split(r"[\W_]+", _ENDING.sub("", path.name, count=1).lower())
    return SPLIT_NAMES.get(words[0]) or SPLIT_NAMES.get(words[-1])


def rename_test_split(sentences: Sequence[LabelledSentence]) -> list[LabelledSentence]:
    """Rename the split `test` to `dev`, and the source's `dev` to `validation`."""
    names = {TEST: "dev", "dev": "validation"}
    return [replace(row, split=names.get(row.split, row.split)) for row in sentences]


def labels_folder() -> Path:
    """Return the folder of the label sets: inside an installed package, in `data/` of a checkout."""
    package = Path(__file__).resolve().parent.parent.parent
    installed = package / "labels"
    return installed if installed.is_dir() else package.parent / "data" / "labels"


LABEL_SETS: dict[str, tuple[str, ...]] = {
    path.stem: tuple(json.loads(path.read_text(encoding="utf-8"))) for path in sorted(labels_folder().glob("*.json"))
}
"""The label sets of the project by name: four debt concepts (`debt4`), and those of FiNER-139."""
READ_LABELS = frozenset(LABEL_SETS["debt4"])
"""The labels of the readings: a reading `O` means that a number has none of these."""


def first_names(names: Sequence[str], most: int) -> str:
    """Join the first `most` names and count the others: `a, b and 3 more`."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def read_labels(name: str) -> list[str]:
    """Read a label set: a known name, or a file of concept names (a JSON list, or one per line). Raises UsageError."""
    if name in LABEL_SETS:
        return list(LABEL_SETS[name])
    path = Path(name)
    if not path.is_file():
        raise UsageError(f"--labels {name}: neither a label set ({', '.join(LABEL_SETS)}) nor a file of concept names")
    content = path.read_text(encoding="utf-8")
    try:
        labels = json.loads(content)
    except ValueError:
        labels = content.split()
    if not isinstance(labels, list) or not labels or not all(isinstance(label, str) for label in labels):
        raise UsageError(f"--labels {name}: needs concept names, as a JSON list or one per line")
    if len(set(labels)) < len(labels) or OUTSIDE in labels:
        raise UsageError(f"--labels {name}: needs distinct concept names, without {OUTSIDE}")
    return labels


def read_cues(name: str) -> dict[str, str]:
    """Read the cue patterns by group, from a label set (`debt4`) or a TOML file of lists; none for an empty name.

    Raises UsageError for an invalid file.
    """
    if not name:
        return {}
    path = labels_folder() / f"{name}.cues.toml"
    path = path if path.is_file() else Path(name)
    try:
        groups = tomllib.loads(path.read_text(encoding="utf-8"))
        cues = {group: "|".join(patterns) for group, patterns in groups.items()}
        Cues.of(cues, where=str(path))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, TypeError, ModelError) as error:
        raise UsageError(
            f"--cues {name}: needs a label set with cues (debt4), or a TOML file of groups, each a list of patterns"
            f" ({error})"
        ) from error
    return cues
