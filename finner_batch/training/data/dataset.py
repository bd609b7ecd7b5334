"""The labelled dataset: sentences, their numbers, and what is known of each number; as Parquet.

A number carries up to two judgements: the concept that its filer tagged it with, and what someone who read the
sentence says (`reading`). Where both exist the reading counts, for filers tag a number in one place and leave it
untagged in the next.
"""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from finner_batch.errors import UsageError

SENTENCES_FILE = "sentences.parquet"
STATISTICS_FILE = "statistics.json"
OUTSIDE = "O"
GENERATED = "generated"
"""Origin of sentences that were written to train on: no measure counts them."""
FILING = "filing"
"""Origin of sentences that `label` took from filings; their concepts are the filers' tags."""
READ_LABELS = frozenset(
    [
        "DebtInstrumentBasisSpreadOnVariableRate1",
        "DebtInstrumentInterestRateStatedPercentage",
        "LineOfCreditFacilityMaximumBorrowingCapacity",
        "DebtInstrumentInterestRateEffectivePercentage",
    ]
)
"""What readers look for: a reading `O` says that a number is none of these."""

Gold = Literal["readings", "filers"]
"""Whose judgement counts: the readings, and the filers' tags where no one read; or the filers' tags alone."""

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


@dataclass(frozen=True, slots=True)
class Number:
    """One number token of a sentence, in code points of it.

    `concept`: what its filer tagged it with (local name), or None. `reading`: what a reader says, a label or `O`; None
    where no one read the sentence. `doubtful`: the reader was not sure.
    """

    start: int
    end: int
    concept: str | None
    reading: str | None = None
    doubtful: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledSentence:
    """A sentence with at least one number token.

    `company` is the CIK that the filing states. `start` is the sentence's place in the document's extracted text.
    `exhaustive`: a number without concept and reading carries no concept (true inside notes); elsewhere it means
    nothing. `origin` is `filing`, `generated`, or the name of the data it comes from. `split` is `train`, `validation`
    (what training may choose by) or `dev` (what is reported).
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
        """Someone read the sentence."""
        return any(number.reading is not None for number in self.numbers)

    def gold(self, number: Number, labels: Collection[str], by: Gold = "readings") -> str | None:
        """The label of a number among `labels`, `O`, or None where nothing is known."""
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
    """Read labelled sentences: a dataset folder, or its Parquet file. Raises UsageError where it is not one."""
    file = path / SENTENCES_FILE if path.is_dir() else path
    if not file.is_file():
        raise UsageError(f"no labelled dataset at {path}: make one with `finner-batch label --input … --output {path}`")
    table = pq.read_table(file)
    missing = set(SCHEMA.names) - set(table.column_names)
    if missing:
        raise UsageError(
            f"{file} is no labelled dataset of this version, it lacks {', '.join(sorted(missing))}: "
            "make it anew with `finner-batch label`"
        )
    rows = table.select(SCHEMA.names).to_pylist()
    return [
        LabelledSentence(**{**row, "numbers": tuple(Number(**number) for number in row["numbers"])}) for row in rows
    ]
