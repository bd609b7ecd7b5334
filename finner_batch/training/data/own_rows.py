"""Labelled sentences of one's own: rows with `text` and `entities`, from JSON Lines or Parquet.

    {"text": "The notes bear interest at 5.25%.", "entities": [{"start": 27, "end": 31, "label": "Coupon"}],
     "company": "0000001800", "split": "train", "origin": "my readers", "document_id": "a-note"}

`start` and `end` are code points of `text`; only `text` and `entities` are needed. Every number that is not listed is
none of the labels. `B-` and `I-` before a label are left off. A row without a company is one of the company named as
its origin, the file by default. A split has one of the names of `splits`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from finner_batch.errors import UsageError
from finner_batch.text.numbers import number_tokens
from finner_batch.training.data.dataset import GENERATED, OUTSIDE, SPLIT_NAMES, LabelledSentence, Number


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Where a row comes from, and what it is for (`split`)."""

    company: str
    document_id: str
    origin: str
    split: str


def own_sentence(row: Mapping[str, Any], place: str, origin: str) -> LabelledSentence | None:
    """Read one row; None where its text holds no number. `place` names file and row, `origin` their source.

    A label stands for both what a reader says and what is tagged. Raises UsageError for a row that is not as above, an
    entity that is no number token, or a generated row outside the split `train`.
    """
    text = stated_text(row, place)
    labels: dict[tuple[int, int], str] = {}
    for entity in stated_list(row, "entities", place):
        span, label = _entity(entity, place)
        if span in labels:
            raise UsageError(f"{place}: two labels for characters {span[0]} to {span[1]}")
        labels[span] = label
    tokens = number_tokens(text)
    for start, end in labels.keys() - set(tokens):
        near = [text[first:last] for first, last in tokens if first < end and start < last]
        raise UsageError(
            f"{place}: characters {start} to {end}, {text[start:end]!r}, are no number token"
            + (f"; {', '.join(map(repr, near))} would be" if near else "")
        )
    if not tokens:
        return None
    numbers = [Number(*span, labels.get(span), labels.get(span, OUTSIDE)) for span in tokens]
    return given_sentence(text, numbers, stated_where(row, place, origin), exhaustive=True)


def given_sentence(text: str, numbers: Sequence[Number], where: Where, *, exhaustive: bool) -> LabelledSentence:
    """Put a sentence together. It counts as a note's: text that is there to be labelled."""
    return LabelledSentence(
        text=text,
        numbers=tuple(numbers),
        company=where.company,
        document_id=where.document_id,
        in_note=True,
        exhaustive=exhaustive,
        origin=where.origin,
        split=where.split,
    )


def plain_label(name: str) -> str:
    """A label without the `B-` or `I-` of tagged words: a number is one span."""
    return name.removeprefix("B-").removeprefix("I-")


def stated_text(row: Mapping[str, Any], place: str) -> str:
    """The row's text. Raises UsageError where there is none."""
    text = row.get("text")
    if not isinstance(text, str):
        raise UsageError(
            f"{place}: needs a string `text` with `entities`, or `tokens` with `ner_tags`; the row has {_columns(row)}"
        )
    return text


def stated_list(row: Mapping[str, Any], column: str, place: str) -> list[Any]:
    """The row's list in a column. Raises UsageError where there is none."""
    found = row.get(column)
    if not isinstance(found, list):
        raise UsageError(f"{place}: needs a list `{column}`; the row has {_columns(row)}")
    return found


def stated_where(row: Mapping[str, Any], place: str, origin: str) -> Where:
    """What the row says of its company, split, origin and document. Raises UsageError for a wrong column."""
    found = {column: row.get(column) for column in ("company", "split", "origin", "document_id")}
    if not all(value is None or isinstance(value, str) for value in found.values()):
        raise UsageError(f"{place}: {', '.join(found)} are strings where they are given")
    stated = {column: value for column, value in found.items() if value}
    origin = stated.get("origin", origin)
    split = SPLIT_NAMES.get(stated.get("split", "train"))
    if split is None:
        raise UsageError(f"{place}: the split {stated['split']!r} is none of {', '.join(SPLIT_NAMES)}")
    if origin == GENERATED and split != "train":
        raise UsageError(f"{place}: a generated sentence is only trained on, its split cannot be {split!r}")
    return Where(
        company=stated.get("company", origin),
        document_id=stated.get("document_id", place),
        origin=origin,
        split=split,
    )


def _columns(row: Mapping[str, Any]) -> str:
    return ", ".join(f"`{name}`" for name in row) or "nothing"


def _entity(entity: Any, place: str) -> tuple[tuple[int, int], str]:
    try:
        start, end, label = entity["start"], entity["end"], entity["label"]
    except (TypeError, KeyError):
        raise UsageError(f"{place}: an entity needs start, end and label, not {entity}") from None
    whole = isinstance(start, int) and isinstance(end, int) and isinstance(label, str)
    if not whole or plain_label(label) in {"", OUTSIDE}:
        raise UsageError(f"{place}: an entity needs two whole numbers and a label other than {OUTSIDE}, not {entity}")
    return (start, end), plain_label(label)
