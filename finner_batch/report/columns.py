"""Packs the rows of the page's table into columns: repeated strings, and what a document's numbers share, appear once.

A coded column holds `codes` into its distinct `values`. Every string is escaped where it is invisible (control and
bidirectional characters) and cut to a maximum length, so that no filing stretches the page. Offsets in a sentence count
UTF-16 units, as JavaScript does.
"""

import re
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import PurePath
from typing import Any

from finner_batch.query.table import visible
from finner_batch.report.figures import exact_value, short_value
from finner_batch.report.tags import Tag

MAX_LENGTH = {"company": 160, "section": 240, "form": 40, "name": 240, "file": 240, "source": 480, "text": 80}
"""Characters kept of each string that is not a sentence."""

Verdicts = Mapping[tuple[str, str, int, str], str]
"""What the filer's XBRL says about a number, by source, document_id, offset in the document's text, and label."""

_ACCESSION = re.compile(r"\d{10}-\d{2}-\d{6}")
_OF_DOCUMENT = ("name", "company", "form", "period", "filed", "file", "source", "link", "model", "run")
_OF_ROW = ("section", "sentence", "value", "text", "verdict")
_PLAIN = ("document", "tag", "start", "length", "confidence", "index", "place")


class Columns:
    """Columns to which numbers are added one by one.

    `width` is the number of characters of a sentence kept around its number. `characters` counts the characters of all
    distinct sentences, `cut` the sentences that were shortened.
    """

    def __init__(self, tags: Sequence[Tag], verdicts: Verdicts, width: int) -> None:
        self.characters = 0
        self.cut = 0
        self._width = width
        self._verdicts = verdicts
        self._tags = tags
        self._tag_places = {tag.label: place for place, tag in enumerate(tags)}
        self._documents: dict[tuple[str, str], int] = {}
        self._of_document = {name: _Coded() for name in _OF_DOCUMENT}
        self._of_row = {name: _Coded() for name in _OF_ROW}
        self._plain: dict[str, list[int]] = {name: [] for name in _PLAIN}

    def add(self, row: Mapping[str, Any]) -> None:
        """Add one number, a row of `entities`."""
        sentence, start, length = cut_around(row["sentence"], row["start"], row["end"], self._width)
        if self._of_row["sentence"].add(sentence):
            self.characters += len(sentence)
            self.cut += sentence.startswith("…") or sentence.endswith("…")
        value = row["value"] if row["value"] is not None and isfinite(row["value"]) else None
        place = row["source"], row["document_id"], row["document_start"], row["label"]
        self._of_row["section"].add(_short(row["section"], "section"))
        self._of_row["value"].add((value, row["unit"]))
        self._of_row["text"].add(_short(row["text"], "text"))
        self._of_row["verdict"].add(self._verdicts.get(place, ""))
        for name, number in (
            ("document", self._document(row)),
            ("tag", self._tag_places[row["label"]]),
            ("start", start),
            ("length", length),
            ("confidence", round(row["confidence"] * 1000)),
            ("index", row["sentence_index"]),
            ("place", row["document_start"]),
        ):
            self._plain[name].append(number)

    def as_json(self) -> dict[str, Any]:
        """Return the columns that the page unpacks."""
        rows = {name: column.as_json() for name, column in self._of_row.items()}
        pairs = rows["value"]["values"]
        rows["value"] |= {
            "values": [value for value, _ in pairs],
            "shown": [visible(short_value(*pair)) for pair in pairs],
            "exact": [visible(exact_value(*pair)) for pair in pairs],
        }
        return {
            "tags": [{"name": tag.name, "label": visible(tag.label), "accent": tag.accent} for tag in self._tags],
            "documents": {name: column.as_json() for name, column in self._of_document.items()},
            "rows": rows | self._plain,
        }

    def _document(self, row: Mapping[str, Any]) -> int:
        key = row["source"], row["document_id"]
        if key not in self._documents:
            self._documents[key] = len(self._documents)
            for name, value in (
                ("name", _short(row["document_id"], "name")),
                ("company", _short(row["company"], "company")),
                ("form", _short(row["form_type"], "form")),
                ("period", str(row["period_of_report"] or "")),
                ("filed", str(row["filing_date"] or "")),
                ("file", _short(PurePath(row["source"]).name, "file")),
                ("source", _short(row["source"], "source")),
                ("link", _link(row)),
                ("model", visible(row["model_id"])),
                ("run", visible(row["run_id"])),
            ):
                self._of_document[name].add(value)
        return self._documents[key]


class _Coded:
    """A column of codes for distinct values, which are kept in the order of their first use."""

    def __init__(self) -> None:
        self._codes: list[int] = []
        self._places: dict[Any, int] = {}

    def add(self, value: Any) -> bool:
        """Append a value; return True if it is new."""
        known = len(self._places)
        self._codes.append(self._places.setdefault(value, known))
        return len(self._places) > known

    def as_json(self) -> dict[str, Any]:
        return {"codes": self._codes, "values": list(self._places)}


def unpacked_row(columns: Mapping[str, Any], place: int) -> dict[str, Any]:
    """Return one row of `Columns.as_json()` for the page's template, as `page.js` unpacks it."""
    rows, documents = columns["rows"], columns["documents"]
    row = {name: rows[name][place] for name in _PLAIN}
    row |= {name: rows[name]["values"][rows[name]["codes"][place]] for name in _OF_ROW}
    value = rows["value"]["codes"][place]
    row |= {"value": rows["value"]["shown"][value], "exact": rows["value"]["exact"][value]}
    row |= {name: documents[name]["values"][documents[name]["codes"][rows["document"][place]]] for name in _OF_DOCUMENT}
    row["tag"] = columns["tags"][rows["tag"][place]]
    units = row["sentence"].encode("utf-16-le")
    begin, end = 2 * row["start"], 2 * (row["start"] + row["length"])
    row |= {
        name: part.decode("utf-16-le")
        for name, part in (("before", units[:begin]), ("number", units[begin:end]), ("after", units[end:]))
    }
    return row


def cut_around(sentence: str, start: int, end: int, width: int) -> tuple[str, int, int]:
    """Cut a sentence to `width` characters around its number; return it with the number's start and length.

    `start` and `end` count code points; the returned start and length count UTF-16 units.
    """
    left, number, right = parts_around(sentence, start, end, width)
    return left + number + right, _units(left), _units(number)


def parts_around(sentence: str, start: int, end: int, width: int) -> tuple[str, str, str]:
    """Return the text before a number, the number, and the text after it, escaped and cut for the page."""
    begin, finish = 0, len(sentence)
    if len(sentence) - (end - start) > width:
        before = min(start, max(width // 2, width - (len(sentence) - end)))
        begin, finish = start - before, min(len(sentence), end + width - before)
    number = visible(_cut(sentence[start:end], MAX_LENGTH["text"]))
    left = ("…" if begin else "") + visible(sentence[begin:start])
    right = visible(sentence[end:finish]) + ("…" if finish < len(sentence) else "")
    return left, number, right


def _units(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def _short(text: str | None, kind: str) -> str:
    return visible(_cut(text or "", MAX_LENGTH[kind]))


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _link(row: Mapping[str, Any]) -> str:
    """Return the filing's folder on EDGAR, or the URL it was read from, or an empty string."""
    cik, accession, source = row["cik"] or "", row["accession_number"] or "", row["source"]
    if cik.isdecimal() and cik.isascii() and _ACCESSION.fullmatch(accession):
        return f"https://www.sec.gov/Archives/edgar/data/{int(cik)}/{accession.replace('-', '')}/"
    is_link = (
        source.startswith(("https://", "http://")) and source.isprintable() and len(source) <= MAX_LENGTH["source"]
    )
    return source if is_link else ""
