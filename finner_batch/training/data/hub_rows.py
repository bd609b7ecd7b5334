"""Rows in the format of FiNER-139 (Loukas et al. 2022, arXiv:2203.06482), and datasets of the Hugging Face hub.

There are two kinds of rows: words with one tag each (`tokens`, `ner_tags`), where every number is known; and a text
with some of its numbers and their tags (`{"number": "34.6", "tag": "…"}`), where the other numbers are unknown. Tagged
words without a digit ("three", "no") are not number tokens and are left out.
"""

import importlib
import importlib.util
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import Any

from finner_batch.errors import UsageError
from finner_batch.text.numbers import number_tokens
from finner_batch.training.data.annotations import sentence_digest
from finner_batch.training.data.dataset import (
    OUTSIDE,
    SPLIT_NAMES,
    LabelledSentence,
    Number,
    labels_folder,
    split_of_file,
)
from finner_batch.training.data.own_rows import plain_label, row_list, row_sentence, row_text

PARQUET_REVISION = "refs/convert/parquet"
"""Revision in which the hub keeps a dataset as Parquet, so that no code of the dataset runs here."""
NUMBERED_TAGS = ".tags.txt"
"""Suffix of a label set's file of tags in the order of their integers."""
SAVED_FILES = ("dataset_dict.json", "dataset_info.json", "state.json")
"""Files that `save_to_disk` of the `datasets` library writes with the rows: the first for several splits."""

Row = tuple[dict[str, Any], str, list[str] | None]
"""A row, its file and line (or name and row), and the names of integer tags where the data give them."""


def token_sentence(
    row: Mapping[str, Any], place: str, origin: str, tags: Sequence[str] | None
) -> LabelledSentence | None:
    """Read a row of words with a tag each (`O`, `B-…`, `I-…`, or its index in `tags`); None if no word is a number.

    Where a tagged word holds several numbers, the untagged ones of its sentence are unknown. Raises UsageError for an
    invalid row.
    """
    words, word_tags = row_list(row, "tokens", place), row_list(row, "ner_tags", place)
    if len(words) != len(word_tags) or not all(isinstance(word, str) for word in words):
        raise UsageError(f"{place}: needs as many ner_tags as tokens, {len(words)} strings")
    names = [_tag_name(tag, tags, place) for tag in word_tags]
    text = " ".join(words)
    starts = accumulate((len(word) + 1 for word in words), initial=0)
    spans = number_tokens(text)
    concepts: dict[tuple[int, int], str] = {}
    exhaustive = True
    for start, word, name in zip(starts, words, names, strict=False):
        if name != OUTSIDE:
            inside = [span for span in spans if span[0] < start + len(word) and start < span[1]]
            exhaustive = exhaustive and len(inside) < 2
            if len(inside) == 1:
                concepts.setdefault(inside[0], name)
    return _sentence(row, text, spans, concepts, place, origin, exhaustive=exhaustive)


def known_number_sentence(row: Mapping[str, Any], place: str, origin: str) -> LabelledSentence | None:
    """Read a row of a text and some of its numbers as they are printed; None if none of them can be located.

    A number that the text prints more often than the row lists it, or that has two tags, is unknown. Raises UsageError
    for an invalid row.
    """
    text = row_text(row, place)
    tags: defaultdict[str, list[str]] = defaultdict(list)
    for entity in row_list(row, "entities", place):
        try:
            tags[str(entity["number"])].append(plain_label(str(entity["tag"])))
        except (TypeError, KeyError):
            raise UsageError(f"{place}: an entity needs number and tag, not {entity}") from None
    spans = number_tokens(text)
    places: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for start, end in spans:
        places[text[start:end]].append((start, end))
    concepts = {
        span: listed[0]
        for number, listed in tags.items()
        if len(set(listed)) == 1 and len(places[number]) == len(listed)
        for span in places[number]
    }
    if not concepts:
        return None
    return _sentence(row, text, spans, concepts, place, origin, exhaustive=False)


def tag_names(feature: Any) -> list[str] | None:
    """Return the names of integer tags from a column's `datasets` feature; None if it has none."""
    if not isinstance(feature, dict):
        return None
    names = feature.get("names")
    return names if isinstance(names, list) else tag_names(feature.get("feature"))


def numbered_tags(labels: str | None) -> list[str] | None:
    """Return the tags of a label set in the order of their integers; None if the set has no such order.

    FiNER-139 has `B-` of each concept, and `I-` of those with several words.
    """
    path = labels_folder() / f"{labels}{NUMBERED_TAGS}"
    return path.read_text(encoding="utf-8").split() if labels and path.is_file() else None


def hub_rows(name: str) -> Iterator[Row]:
    """Yield the rows of a dataset of the hub, or of a folder with a copy of one or with files of rows.

    Raises UsageError if it cannot be loaded or has a split that is none of `SPLIT_NAMES`.
    """
    datasets = _library(name)
    copied = Path(name).is_dir()
    try:
        found = datasets.load_dataset(name, revision=None if copied else PARQUET_REVISION)
    except Exception as error:
        if copied:
            raise UsageError(
                f"--data {name}: no rows, and no copy of a dataset of the hub ({type(error).__name__}: {error})"
            ) from error
        raise UsageError(
            f"--data {name}: no such file or folder, and the hub did not give it ({type(error).__name__}). Without a "
            f"network: fetch it elsewhere with `hf download {name} --repo-type dataset --revision {PARQUET_REVISION}`, "
            "copy that folder here and give it as --data"
        ) from error
    yield from _rows(name, found)


def is_saved(folder: Path) -> bool:
    """Return whether `save_to_disk` wrote the folder."""
    return (folder / SAVED_FILES[0]).is_file() or all((folder / name).is_file() for name in SAVED_FILES[1:])


def saved_rows(folder: Path) -> Iterator[Row]:
    """Yield the rows that `save_to_disk` wrote: of several splits, or of one, which the folder's name may give.

    Raises UsageError as `hub_rows` does.
    """
    datasets = _library(str(folder))
    try:
        found = datasets.load_from_disk(str(folder))
    except Exception as error:
        raise UsageError(
            f"--data {folder}: `datasets` cannot read what was saved there ({type(error).__name__}: {error})"
        ) from error
    if isinstance(found, datasets.Dataset):
        name = split_of_file(folder) or (found.split and split_of_file(Path(str(found.split)))) or "train"
        found = {name: found}
    yield from _rows(str(folder), found)


def _rows(name: str, found: Mapping[str, Any]) -> Iterator[Row]:
    unknown = sorted(found.keys() - SPLIT_NAMES.keys())
    if unknown:
        raise UsageError(
            f"--data {name}: of the splits {', '.join(map(str, found))}, {', '.join(unknown)} is none of "
            f"{', '.join(SPLIT_NAMES)}"
        )
    for split, rows in found.items():
        names = tag_names(rows.features.to_dict().get("ner_tags"))
        for number, row in enumerate(rows, start=1):
            yield {**row, "split": SPLIT_NAMES[split]}, f"{name} {split}:{number}", names


def _library(name: str) -> Any:
    """Import the `datasets` library, which is heavy and not needed for files."""
    if importlib.util.find_spec("datasets") is None:
        raise UsageError(f"--data {name}: a dataset of the hub, or a folder, needs pip install 'finner-batch[train]'")
    datasets: Any = importlib.import_module("datasets")
    if not sys.stderr.isatty():
        datasets.disable_progress_bars()
    return datasets


def _tag_name(tag: Any, tags: Sequence[str] | None, place: str) -> str:
    if isinstance(tag, str) and tag.isdecimal():  # integers in a text column
        tag = int(tag)
    if isinstance(tag, int) and tags and 0 <= tag < len(tags):
        tag = tags[tag]
    if isinstance(tag, int) and tags:
        raise UsageError(
            f"{place}: the tag {tag} has no name: {len(tags)} tags are known, from 0 up. Use data whose features name "
            "their tags, or tags as text"
        )
    if not isinstance(tag, str):
        raise UsageError(
            f"{place}: the tag {tag!r} in `ner_tags` has no name: give --labels finer139 if they are numbered as in "
            "FiNER-139; else give tags as strings, or keep their names as `datasets` does in Parquet and `save_to_disk`"
        )
    return plain_label(tag)


def _sentence(
    row: Mapping[str, Any],
    text: str,
    spans: Sequence[tuple[int, int]],
    concepts: Mapping[tuple[int, int], str],
    place: str,
    origin: str,
    *,
    exhaustive: bool,
) -> LabelledSentence | None:
    """Without a company each text counts as a company of its own: its sentences may be of any."""
    if not spans:
        return None
    numbers = tuple(Number(*span, concepts.get(span)) for span in spans)
    sentence = row_sentence(row, text, numbers, place, origin, exhaustive=exhaustive)
    if sentence.company == sentence.origin:
        return replace(sentence, company=sentence_digest(text))
    return sentence
