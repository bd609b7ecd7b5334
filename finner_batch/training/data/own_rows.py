"""Labelled sentences from a user's own rows with `text` and `entities`.

    {"text": "The notes bear interest at 5.25%.", "entities": [{"start": 27, "end": 31, "label": "Coupon"}],
     "company": "0000001800", "split": "train", "origin": "my readers", "document_id": "a-note"}

`start` and `end` are code points of `text`; only `text` and `entities` are required. A number that is not listed has
no label. The prefixes `B-` and `I-` of a label are removed. The default company is the origin, whose default is the
file name. The split is one of `SPLIT_NAMES`.
"""

from collections.abc import Mapping
from typing import Any

from finner_batch.errors import UsageError
from finner_batch.text.numbers import number_tokens
from finner_batch.training.data.dataset import GENERATED, OUTSIDE, SPLIT_NAMES, LabelledSentence, Number


def own_sentence(row: Mapping[str, Any], place: str, origin: str) -> LabelledSentence | None:
    """Read one row; None if its text has no number. `place` names file and row, `origin` is the default origin.

    A label becomes both concept and reading. Raises UsageError for a row of another form, an entity that is no number
    token, or a generated row outside the split `train`.
    """
    text = row_text(row, place)
    labels: dict[tuple[int, int], str] = {}
    for entity in row_list(row, "entities", place):
        span, label = _entity(entity, place)
        if span in labels:
            raise UsageError(f"{place}: two labels for characters {span[0]} to {span[1]}")
        labels[span] = label
    tokens = number_tokens(text)
    for start, end in labels.keys() - set(tokens):
        near = [text[first:last] for first, last in tokens if first < end and start < last]
        raise UsageError(
            f"{place}: characters {start} to {end}, {text[start:end]!r}, are not a number token"
            + (f"; {', '.join(map(repr, near))} would be" if near else "")
        )
    if not tokens:
        return None
    numbers = tuple(Number(*span, labels.get(span), labels.get(span, OUTSIDE)) for span in tokens)
    return row_sentence(row, text, numbers, place, origin, exhaustive=True)


def plain_label(name: str) -> str:
    """Remove the prefix `B-` or `I-` of a word's tag: a number is one span."""
    return name.removeprefix("B-").removeprefix("I-")


def row_text(row: Mapping[str, Any], place: str) -> str:
    """Return the row's text. Raises UsageError if it has none."""
    text = row.get("text")
    if not isinstance(text, str):
        raise UsageError(
            f"{place}: needs a string `text` with `entities`, or `tokens` with `ner_tags`; the row has {_columns(row)}"
        )
    return text


def row_list(row: Mapping[str, Any], column: str, place: str) -> list[Any]:
    """Return a row's list in a column. Raises UsageError if it has none."""
    found = row.get(column)
    if not isinstance(found, list):
        raise UsageError(f"{place}: needs a list `{column}`; the row has {_columns(row)}")
    return found


def row_sentence(
    row: Mapping[str, Any], text: str, numbers: tuple[Number, ...], place: str, origin: str, *, exhaustive: bool
) -> LabelledSentence:
    """Build a sentence with the row's company, split, origin and document. Raises UsageError for an invalid column.

    It counts as a note: text that is there to be labelled.
    """
    columns = {column: row.get(column) for column in ("company", "split", "origin", "document_id")}
    if not all(value is None or isinstance(value, str) for value in columns.values()):
        raise UsageError(f"{place}: {', '.join(columns)} must be strings if they are given")
    given = {column: value for column, value in columns.items() if value}
    origin = given.get("origin", origin)
    split = SPLIT_NAMES.get(given.get("split", "train"))
    if split is None:
        raise UsageError(f"{place}: the split {given['split']!r} is none of {', '.join(SPLIT_NAMES)}")
    if origin == GENERATED and split != "train":
        raise UsageError(f"{place}: a generated sentence is only trained on, its split cannot be {split!r}")
    return LabelledSentence(
        text=text,
        numbers=numbers,
        company=given.get("company", origin),
        document_id=given.get("document_id", place),
        in_note=True,
        exhaustive=exhaustive,
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
