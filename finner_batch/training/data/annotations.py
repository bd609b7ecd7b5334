"""Readings: the labels that a person gave to a sentence's numbers, stored without the sentence itself.

A JSON Lines file has one row per sentence:

    {"document_id": "0000001800-24-005348/…", "start": 81234, "sha256": "first 16 hex digits",
     "numbers": [[31, 35, "DebtInstrumentInterestRateStatedPercentage"], [60, 65, "LineOf…", "doubtful"]]}

`document_id` and `start` (code points in the document's extracted text) say where the sentence was read. A reading is
joined to a sentence by the digest of its text, because readers saw nothing else. A number that is not listed has none
of the labels (`READ_LABELS`).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from finner_batch.errors import UsageError
from finner_batch.storage.whole_file import whole_file
from finner_batch.training.data.dataset import OUTSIDE, READ_LABELS, LabelledSentence

DIGEST_CHARACTERS = 16
DOUBTFUL = "doubtful"


@dataclass(frozen=True, slots=True)
class Reading:
    """The reading of one sentence; `labels` maps `(start, end)` to `(label, doubtful)`."""

    document_id: str
    start: int
    digest: str
    labels: Mapping[tuple[int, int], tuple[str, bool]]


def sentence_digest(text: str) -> str:
    """Return the first 16 hex digits of the SHA-256 of a sentence's UTF-8 text."""
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_CHARACTERS]


def read_annotations(path: Path) -> dict[str, Reading]:
    """Read a file, or every `*.jsonl` of a folder, by digest. Raises UsageError for an invalid or conflicting row."""
    files = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    readings: dict[str, Reading] = {}
    for file in files:
        if not file.is_file():
            raise UsageError(f"no readings at {file}: --annotations takes a JSON Lines file or a folder of them")
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                reading = _reading(line, f"{file}:{number}")
                known = readings.setdefault(reading.digest, reading)
                if known.labels != reading.labels:
                    raise UsageError(
                        f"{file}:{number}: the sentence {reading.digest} has another reading in an earlier row"
                    )
    if not readings:
        raise UsageError(f"{path} holds no readings (*.jsonl)")
    return readings


def apply_reading(sentence: LabelledSentence, readings: Mapping[str, Reading]) -> LabelledSentence:
    """Add a sentence's reading to its numbers; return it unchanged if it has none.

    Raises UsageError if a reading labels a span that is not a number token of the sentence.
    """
    reading = readings.get(sentence_digest(sentence.text))
    if reading is None:
        return sentence
    unknown = set(reading.labels) - {(number.start, number.end) for number in sentence.numbers}
    if unknown:
        raise UsageError(f"the reading {reading.digest} labels {sorted(unknown)}, not numbers of its sentence")
    numbers = []
    for number in sentence.numbers:
        label, doubtful = reading.labels.get((number.start, number.end), (OUTSIDE, False))
        numbers.append(replace(number, reading=label, doubtful=doubtful))
    return replace(sentence, numbers=tuple(numbers))


def write_annotations(readings: list[Reading], path: Path) -> None:
    """Write readings as JSON Lines, in the order given. Raises as `whole_file` does."""
    rows = []
    for reading in readings:
        numbers = [
            [start, end, label, *([DOUBTFUL] if doubtful else [])]
            for (start, end), (label, doubtful) in sorted(reading.labels.items())
        ]
        row = {"document_id": reading.document_id, "start": reading.start, "sha256": reading.digest, "numbers": numbers}
        rows.append(json.dumps(row))
    with whole_file(path) as temporary:
        temporary.write_text("\n".join([*rows, ""]), encoding="utf-8")


def _reading(line: str, place: str) -> Reading:
    try:
        row = json.loads(line)
        labels = {
            (int(start), int(end)): (str(label), rest == [DOUBTFUL]) for start, end, label, *rest in row["numbers"]
        }
        reading = Reading(str(row["document_id"]), int(row["start"]), str(row["sha256"]), labels)
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{place}: not a reading ({error}): see finner_batch/training/data/annotations.py") from None
    wrong = {label for label, _ in labels.values()} - READ_LABELS
    if wrong or len(reading.digest) != DIGEST_CHARACTERS:
        raise UsageError(f"{place}: {', '.join(sorted(wrong)) or reading.digest} is neither a label nor a digest")
    return reading
