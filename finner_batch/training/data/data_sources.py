"""Loads labelled sentences from one or several sources, selects those of a split, and splits off held-out shares.

A source is a dataset of `finner-batch label` (folder or Parquet file), a file of rows (`own_rows`, `hub_rows`) as JSON
Lines, a JSON list (both also as `.gz` or `.zst`) or Parquet, a dataset's name on the hub, or a folder of such files or
of `save_to_disk`. A file's or folder's name may give the split of its rows (`split_of_file`).
"""

import codecs
import hashlib
import json
import logging
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from io import BufferedReader
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from finner_batch.errors import UsageError
from finner_batch.training.data.annotations import sentence_digest
from finner_batch.training.data.dataset import (
    FILING,
    GENERATED,
    SENTENCES_FILE,
    STATISTICS_FILE,
    TEST,
    LabelledSentence,
    first_names,
    read_sentences,
    rename_test_split,
    split_of_file,
)
from finner_batch.training.data.hub_rows import (
    Row,
    hub_rows,
    is_saved,
    known_number_sentence,
    numbered_tags,
    saved_rows,
    tag_names,
    token_sentence,
)
from finner_batch.training.data.own_rows import own_sentence

FOLDER_KINDS = {
    "entities": "the results of `finner-batch run`",
    "checksums.json": "a model of `finner-batch train`",
    "sentences.parquet": "a dataset of `finner-batch label`",
    "model.safetensors": "an encoder or checkpoint",
}
"""What a folder holds, by a file or folder in it."""
FILE_SUFFIXES = (*(f"{name}{end}" for name in (".jsonl", ".json") for end in ("", ".gz", ".zst")), ".parquet")
_PARQUET_MAGIC = b"PAR1"
LOG = logging.getLogger(__name__)
HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")


def folder_kind(folder: Path) -> str | None:
    """Describe what a folder holds, by `FOLDER_KINDS`; None for anything else."""
    return next((words for name, words in FOLDER_KINDS.items() if (folder / name).exists()), None)


def check_output_folder(folder: Path, markers: Collection[str], wanted: str) -> None:
    """Raise UsageError if an output folder holds files, but none of the `markers` of a `wanted` folder."""
    if not folder.exists() or any((folder / name).exists() for name in markers):
        return
    if not folder.is_dir():
        raise UsageError(f"--output {folder} is not a folder: name another")
    files = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    if not files:
        return
    kind = folder_kind(folder) or f"files ({first_names(files, 3)})"
    raise UsageError(f"--output {folder} holds {kind}, and no {wanted}: name a new or an empty folder")


def file_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a file; the default split is the one in its name. Raises UsageError."""
    split = split_of_file(path)
    for row, place, names in _parquet_rows(path) if _is_parquet(path) else _json_rows(path):
        yield ({**row, "split": row.get("split") or split} if split else row), place, names


def is_labelled(path: Path) -> bool:
    """Return whether a file is the Parquet of a dataset of any version. Raises UsageError for damaged Parquet."""
    if not _is_parquet(path):
        return False
    try:
        return "numbers" in pq.read_schema(path).names
    except pa.ArrowInvalid as error:
        raise UsageError(f"--data {path}: damaged Parquet ({error})") from error


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _json_rows(path: Path) -> Iterator[Row]:
    with fsspec.open(str(path), "rb", compression="infer") as stream, BufferedReader(stream) as lines:
        is_list = None
        for number, line in enumerate(lines, start=1):
            if not (content := line.removeprefix(codecs.BOM_UTF8).strip()):
                continue
            if is_list is None and (is_list := content.startswith(b"[")):
                yield from _listed_rows(content + b"".join(lines), path)
                return
            place = f"{path}:{number}"
            try:
                row = json.loads(content)
            except ValueError as error:  # broken UTF-8 too
                raise UsageError(f"{place}: not JSON ({error}); --data takes JSON Lines or Parquet") from error
            yield _object(row, place), place, None


def _listed_rows(content: bytes, path: Path) -> Iterator[Row]:
    try:
        rows = json.loads(content)
    except ValueError as error:
        raise UsageError(f"{path}: not JSON ({error}); --data takes JSON Lines, a JSON list or Parquet") from error
    for number, row in enumerate(rows, start=1):
        place = f"{path}:{number}"
        yield _object(row, place), place, None


def _object(row: Any, place: str) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise UsageError(f"{place}: needs an object with text and entities, or with tokens and ner_tags")
    return row


def _parquet_rows(path: Path) -> Iterator[Row]:
    with pq.ParquetFile(path) as file:
        described = json.loads((file.schema_arrow.metadata or {}).get(b"huggingface", b"{}"))
        names = tag_names(described.get("info", {}).get("features", {}).get("ner_tags"))
        number = 0
        for batch in file.iter_batches():
            for row in batch.to_pylist():
                number += 1
                yield row, f"{path}:{number}", names


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_PARQUET_MAGIC)) == _PARQUET_MAGIC


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One source of sentences. `sha256` is that of the file, or of the sentences of a hub dataset.

    `filings`: number of filings that `label` read; None for other sources.
    """

    name: str
    sha256: str
    sentences: Sequence[LabelledSentence]
    filings: int | None = None


def load_data(names: Sequence[str], labels: str | None = None) -> list[LabelledSentence]:
    """Read the labelled sentences of all sources in order. Raises UsageError as `load_sources` does."""
    return [row for source in load_sources(names, labels) for row in source.sentences]


def load_sources(names: Sequence[str], labels: str | None = None) -> list[Source]:
    """Read each source. In a source with a split `test`, `rename_test_split` applies.

    Files of one folder whose names give splits count as one source here. `labels`: the label set whose order integer
    tags follow where the data do not name them. Raises UsageError for no source or one without labelled data.
    """
    if not names:
        raise UsageError("nothing to train on: give --data a dataset made by `finner-batch label`, or labelled rows")
    tags = numbered_tags(labels)
    sources = [_load(name, tags) for name in names]
    with_test = {_split_group(each.name) for each in sources if any(row.split == TEST for row in each.sentences)}
    return [
        replace(each, sentences=rename_test_split(each.sentences)) if _split_group(each.name) in with_test else each
        for each in sources
    ]


def known_sentences(sentences: Sequence[LabelledSentence], split: str) -> list[LabelledSentence]:
    """Return the sentences of a split with known labels: in notes, with a reading, or with a label outside filings.

    Raises UsageError if the split has none.
    """
    found = [
        row
        for row in sentences
        if row.split == split
        and (row.exhaustive or row.is_read or (row.origin != FILING and any(number.concept for number in row.numbers)))
    ]
    if not found:
        counts = Counter(row.split for row in sentences)
        held = ", ".join(f"{count:,} in {name}" for name, count in sorted(counts.items())) or "none at all"
        raise UsageError(
            f"the data have no labelled sentences in the split {split!r}: they have {held}. Label more companies' "
            "filings, give rows of that split"
            + ("" if split == "train" else f", or set a share of the rest aside: --{split}-share 0.1")
        )
    return found


def whole_text(sentences: Sequence[LabelledSentence]) -> list[LabelledSentence]:
    """Return the sentences of continuous text in which every number is known: in filings, the notes."""
    return [row for row in sentences if row.in_note and (row.exhaustive or row.is_read)]


def apply_shares(sentences: Sequence[LabelledSentence], shares: Mapping[str, float]) -> list[LabelledSentence]:
    """Set aside the share of each split in turn. Raises UsageError as `set_aside` does."""
    for split, share in shares.items():
        sentences = set_aside(sentences, split, share)
    return list(sentences)


def set_aside(sentences: Sequence[LabelledSentence], split: str, share: float) -> list[LabelledSentence]:
    """Move a share of the split `train` to a split that the data lack: whole companies, or sentences without one.

    A hash of the company, or of the text, decides. Generated sentences remain in `train`. With a share of 0, or where
    the split exists, nothing moves. Raises UsageError for a share outside 0 <= share < 1, or one that moves nothing.
    """
    if not 0 <= share < 1:
        raise UsageError(f"--{split}-share {share}: needs a share from 0 up and below 1")
    splits = {row.split for row in sentences}
    if not share or split in splits or "train" not in splits:
        return list(sentences)
    moved = [
        replace(row, split=split)
        if row.split == "train" and row.origin != GENERATED and _position(split, row) < share
        else row
        for row in sentences
    ]
    count = sum(row.split == split for row in moved)
    if not count and any(row.origin != GENERATED for row in sentences):
        raise UsageError(
            f"--{split}-share {share}: too small for these data, nothing is set aside of "
            f"{count_companies(sentences):,} companies and {len(sentences):,} sentences: "
            "give a larger share, or label more companies' filings"
        )
    LOG.info("split=%s sentences=%d set aside from train, by company where one is stated", split, count)
    return moved


def count_companies(sentences: Iterable[LabelledSentence]) -> int:
    """Count the companies that the sentences' sources state."""
    return len({_stated_company(sentence) for sentence in sentences} - {None})


def _stated_company(sentence: LabelledSentence) -> str | None:
    defaults = (sentence.origin, sentence_digest(sentence.text))
    return None if sentence.company in defaults else sentence.company


def _position(split: str, sentence: LabelledSentence) -> float:
    """Hash a sentence's company, or its text without one, to 0 <= position < 1."""
    name = _stated_company(sentence) or sentence.text
    return int.from_bytes(hashlib.sha256(f"{split} {name}".encode()).digest()[:8], "big") / 2**64


def _split_group(name: str) -> str:
    """Return the folder of a file whose name gives its split, else the source itself."""
    path = Path(name)
    return str(path.parent) if path.is_file() and split_of_file(path) else name


def _load(name: str, tags: Sequence[str] | None) -> Source:
    path = Path(name)
    if path.is_file() and not is_labelled(path):
        return Source(name=name, sha256=file_digest(path), sentences=_sentences(file_rows(path), path.name, tags))
    if path.is_file() or (path / SENTENCES_FILE).is_file():
        file = path if path.is_file() else path / SENTENCES_FILE
        statistics = file.parent / STATISTICS_FILE
        filings = json.loads(statistics.read_text(encoding="utf-8"))["documents"] if statistics.is_file() else None
        return Source(name=name, sha256=file_digest(file), sentences=read_sentences(file), filings=filings)
    if kind := folder_kind(path):
        raise UsageError(f"--data {name}: no labelled data there, but {kind}: `finner-batch label` makes labelled data")
    saved = is_saved(path)
    copied = saved or (path.is_dir() and any(file.name.endswith(FILE_SUFFIXES) for file in path.rglob("*")))
    if not copied and (path.exists() or not HUB_NAME.fullmatch(name) or name.endswith(FILE_SUFFIXES)):
        raise UsageError(
            f"--data {name}: no labelled data there: give a dataset made by `finner-batch label`, JSON Lines or "
            "Parquet with `text` and `entities` or with `tokens` and `ner_tags`, a folder of such files or of "
            "`save_to_disk`, or a name on the hub such as nlpaueb/finer-139"
        )
    rows = saved_rows(path) if saved else hub_rows(name)
    sentences = _sentences(rows, path.name if copied else name, tags)
    digest = hashlib.sha256()
    for sentence in sentences:
        digest.update(repr((sentence.text, sentence.numbers, sentence.split)).encode())
    return Source(name=name, sha256=digest.hexdigest(), sentences=sentences)


def _sentences(rows: Iterable[Row], origin: str, tags: Sequence[str] | None) -> list[LabelledSentence]:
    """Parse rows. A row with an empty list of entities has no label, or is unknown in a source of known numbers."""
    found: list[LabelledSentence] = []
    unlisted: set[int] = set()
    left_out, lists_numbers = 0, False
    for row, place, names in rows:
        entities = row.get("entities")
        if "tokens" in row:
            sentence = token_sentence(row, place, origin, names or tags)
        elif isinstance(entities, list) and entities and isinstance(entities[0], dict) and "number" in entities[0]:
            sentence = known_number_sentence(row, place, origin)
            lists_numbers = True
        else:
            sentence = own_sentence(row, place, origin)
            if sentence is not None and not entities:
                unlisted.add(len(found))
        if sentence is None:
            left_out += 1
        else:
            found.append(sentence)
    if lists_numbers and unlisted:
        left_out += len(unlisted)
        found = [sentence for number, sentence in enumerate(found) if number not in unlisted]
    LOG.info("data=%s sentences=%d left_out=%d without a number, or none known", origin, len(found), left_out)
    return found
