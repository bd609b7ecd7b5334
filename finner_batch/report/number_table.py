"""The numbers of the page's table: read, sampled and cut to keep the page small, and packed into columns.

Repeated strings, and what a document's numbers share, appear once: a coded column holds `codes` into its distinct
`values`. Every string is escaped where it is invisible (control and bidirectional characters) and cut to a maximum
length, so that no filing stretches the page. Offsets in a sentence count UTF-16 units, as JavaScript does.
"""

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import PurePath
from typing import Any
from zlib import compress

import duckdb
import pyarrow as pa

from finner_batch.report.formatting import exact_value, short_value
from finner_batch.terminal import visible

ACCENTS = 8
"""Accents of `page.css`, `t0` to `t7`: eight colours and four underlines. Rarer tags share `tx`."""

_FIXED_ACCENTS = {
    "DebtInstrumentBasisSpreadOnVariableRate1": "t0",
    "DebtInstrumentInterestRateStatedPercentage": "t1",
    "LineOfCreditFacilityMaximumBorrowingCapacity": "t2",
    "DebtInstrumentInterestRateEffectivePercentage": "t3",
}
"""Accents of the packaged model's labels: the same on every page, in the hues of the demo."""
_FAMILIES = ("DebtInstrument", "LineOfCreditFacility", "LineOfCredit")
"""Prefixes that a short name leaves out."""
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]+|[a-z]+|\d+|[^A-Za-z\d]+")
MAX_LENGTH = {"company": 160, "section": 240, "form": 40, "name": 240, "file": 240, "source": 480, "text": 80}
"""Characters kept of each string that is not a sentence."""
Verdicts = Mapping[tuple[str, str, int, str], str]
"""What the filer's XBRL says about a number, by source, document_id, offset in the document's text, and label."""
_ACCESSION = re.compile(r"\d{10}-\d{2}-\d{6}")
_OF_DOCUMENT = ("name", "company", "form", "period", "filed", "file", "source", "link", "model", "run")
_OF_ROW = ("section", "sentence", "value", "text", "verdict")
_PLAIN = ("document", "tag", "start", "length", "confidence", "index", "place")
MAX_NUMBERS = 250_000
"""Maximum number of rows on a page; of more numbers, an even sample is drawn."""
WIDTHS = (1200, 600, 300, 160)
"""Characters kept around the number in a sentence; the first width that fits the budgets is used."""
SENTENCE_BUDGET = 70_000_000
"""Characters of all sentences, some 20 MB once deflated; checked before the columns are packed."""
PACKED_BUDGET = 20 << 20
"""Bytes of the packed columns. Base64 adds a third, which keeps the page below 30 MB."""
BATCH_ROWS = 10_000
_ROWS = """
SELECT label, text, value, unit, confidence, section, sentence, start, "end", document_start, sentence_index, source,
  document_id, company, form_type, period_of_report, filing_date, accession_number, cik, model_id, run_id
FROM entities
WHERE ($run IS NULL OR run_id = $run) AND hash(document_id, document_start, label) % 1000000 < $millionths
ORDER BY company NULLS LAST, filing_date DESC NULLS LAST, period_of_report DESC NULLS LAST, source, document_id,
  document_start
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A label, its name on the page, and the class of its accent."""

    label: str
    name: str
    accent: str


def list_tags(labels: Iterable[str]) -> list[Tag]:
    """Return the tags of the labels in order; the first ones get unique accents.

    `DebtInstrumentBasisSpreadOnVariableRate1` is named `Basis spread on variable rate` if no other tag has that name.
    """
    labels = list(labels)
    names = [_short_text(label) for label in labels]
    taken = {_FIXED_ACCENTS[label] for label in labels if label in _FIXED_ACCENTS}
    free = (accent for accent in (f"t{place}" for place in range(ACCENTS)) if accent not in taken)
    return [
        Tag(
            label=label,
            name=visible(name if names.count(name) == 1 else label),
            accent=_FIXED_ACCENTS.get(label) or next(free, "tx"),
        )
        for label, name in zip(labels, names, strict=True)
    ]


def _short_text(label: str) -> str:
    rest = label
    for family in _FAMILIES:
        if label.startswith(family) and label != family:
            rest = label.removeprefix(family)
            break
    words = [word.strip(" _-") for word in _WORD.findall(rest)]
    if len(words) > 1 and words[-1].isdigit():
        words.pop()
    lower = [word if word.isupper() and len(word) > 1 else word.lower() for word in words if word]
    name = " ".join(lower)
    return name[:1].upper() + name[1:] or label


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """`shown` of `total` numbers: `first` are the rows in the HTML, `packed` all columns as JSON, deflated, in base64.

    `cut` counts the sentences that were cut to `width` characters around their number.
    """

    shown: int
    total: int
    width: int
    cut: int
    first: list[dict[str, Any]]
    packed: str


def read_numbers(
    connection: duckdb.DuckDBPyConnection,
    *,
    run_id: str | None,
    total: int,
    tags: Sequence[Tag],
    verdicts: Verdicts,
    first: int,
) -> Numbers:
    """Read the current numbers by company, the newest filing first; `total` is their count."""
    millionths = 1_000_000 if total <= MAX_NUMBERS else max(MAX_NUMBERS * 1_000_000 // total, 1)
    table = connection.sql(_ROWS, params={"run": run_id, "millionths": millionths}).to_arrow_table()
    for width in WIDTHS:
        columns = Columns(tags, verdicts, width)
        for row in _rows(table):
            columns.add(row)
        if columns.characters > SENTENCE_BUDGET and width != WIDTHS[-1]:
            continue
        unpacked = columns.as_json()
        packed = compress(json.dumps(unpacked, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode())
        if len(packed) <= PACKED_BUDGET:
            break
    return Numbers(
        shown=table.num_rows,
        total=total,
        width=width,
        cut=columns.cut,
        first=[unpacked_row(unpacked, place) for place in range(min(first, table.num_rows))],
        packed=b64encode(packed).decode(),
    )


def _rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    for batch in table.to_batches(BATCH_ROWS):
        names = batch.schema.names
        for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            yield dict(zip(names, values, strict=True))
