"""Compares a document's rows with its filer's own tags: a verdict for each row and each tagged number without one.

The documents with inline XBRL and their rows are read from a results folder.
"""

import logging
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from math import isclose
from typing import Any, Literal, Self

from finner_batch.errors import UsageError
from finner_batch.log import fields
from finner_batch.query.ask import ask
from finner_batch.storage.place import Place
from finner_batch.text.block import Extraction, Fact
from finner_batch.text.numbers import number_tokens

LOG = logging.getLogger(__name__)

QUERY = """
SELECT d.document_id, d.source, d.sha256, d.cik, d.company, d.model_id, e.label, e.text, e.value, e.unit, e.confidence,
  e.section, e.sentence, e.start AS sentence_start, e.document_start, e.document_end
FROM documents AS d LEFT JOIN entities AS e ON e.source = d.source AND e.document_id = d.document_id
WHERE d.status = 'ok' AND d.kind IN ('ixbrl', 'sgml-ixbrl')
ORDER BY d.source, d.document_id, e.document_start
"""
Verdict = Literal["agree", "value differs", "other concept", "untagged", "missed"]
"""`agree`: same concept and value. `untagged`: the filer has no tag there, which is usual outside notes. `missed`: a
tagged number of a note without a row."""
Location = Literal["note", "table", "elsewhere"]
"""Location of a number: the prose of a note, a table row (inside a note or not), or other prose."""
VALUE_TOLERANCE = 1e-6
"""Maximum relative difference of equal values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRow:
    """A row of `entities`.

    `start` and `end` are code points of the document's extracted text, `sentence_start` of `sentence`.
    """

    label: str
    text: str
    value: float | None
    unit: str | None
    confidence: float
    section: str | None
    sentence: str
    sentence_start: int
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultDocument:
    """A document of a results folder with its rows."""

    document_id: str
    source: str
    sha256: str
    cik: str | None
    company: str | None
    rows: tuple[ResultRow, ...]


def result_documents(results: Place, model_id: str) -> dict[tuple[str, str], list[ResultDocument]]:
    """Read a model's documents with inline XBRL from a results folder, with their rows, by id and SHA-256.

    Raises UsageError if there are none.
    """
    documents: dict[tuple[str, str], dict[str, Any]] = {}
    rows: dict[tuple[str, str], list[ResultRow]] = defaultdict(list)
    others = set()
    for batch in ask(results, QUERY).batches:
        for row in batch.to_pylist():
            if row["model_id"] != model_id:
                others.add(row["model_id"])
                continue
            key = row["source"], row["document_id"]
            documents.setdefault(key, {name: row[name] for name in ("sha256", "cik", "company")})
            if row["label"] is not None:
                fields_of_row = {name: row[name] for name in ResultRow.__slots__ if name not in ("start", "end")}
                span = {"start": row["document_start"], "end": row["document_end"]}
                rows[key].append(ResultRow(**span, **fields_of_row))
    if others:
        LOG.warning(fields("other-models", models=", ".join(sorted(others)), reason="their rows are left out"))
    if not documents:
        raise UsageError(
            f"{results} holds no inline XBRL documents read by {model_id}"
            + (f", but some read by {', '.join(sorted(others))}: give its folder as --model" if others else "")
        )
    by_content: dict[tuple[str, str], list[ResultDocument]] = defaultdict(list)
    for (source, document_id), header in documents.items():
        document = ResultDocument(
            document_id=document_id, source=source, rows=tuple(rows[source, document_id]), **header
        )
        by_content[document_id, document.sha256].append(document)
    return by_content


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A row (None for a missed number) and the fact that it is compared with (None without a tag)."""

    verdict: Verdict
    row: ResultRow | None
    fact: Fact | None
    place: Location

    @property
    def label(self) -> str:
        """The row's label, or the fact's concept for a missed number."""
        return self.row.label if self.row else self.fact.concept if self.fact else ""


@dataclass(slots=True)
class Tally:
    """Counts of the findings of one label by (verdict, location), and of the numbers tagged in notes.

    Precision, recall and F1 are of the prose of notes.
    """

    verdicts: Counter[tuple[Verdict, Location]] = field(default_factory=Counter)
    tagged: int = 0

    def add(self, finding: Finding) -> None:
        """Count a finding."""
        self.verdicts[finding.verdict, finding.place] += 1

    def __iadd__(self, other: "Tally") -> Self:
        self.verdicts += other.verdicts
        self.tagged += other.tagged
        return self

    def count(self, verdict: Verdict) -> int:
        """Return the number of findings with a verdict outside tables."""
        return self.verdicts[verdict, "note"] + self.verdicts[verdict, "elsewhere"]

    @property
    def rows(self) -> int:
        """Number of rows of the results."""
        return self.verdicts.total() - self.count("missed")

    @property
    def in_tables(self) -> int:
        """Number of rows of the results that are in tables."""
        return sum(count for (_, place), count in self.verdicts.items() if place == "table")

    @property
    def precision(self) -> float:
        """Share of the rows in notes' prose that agree; 0 without any."""
        inside = sum(
            count for (verdict, place), count in self.verdicts.items() if place == "note" and verdict != "missed"
        )
        return self.verdicts["agree", "note"] / inside if inside else 0.0

    @property
    def recall(self) -> float:
        """Share of the tagged numbers in notes' prose with an agreeing row; 0 without any."""
        return self.verdicts["agree", "note"] / self.tagged if self.tagged else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def compare_document(
    rows: Sequence[ResultRow], extraction: Extraction, labels: Collection[str]
) -> tuple[list[Finding], Counter[str]]:
    """Compare a document's rows with its facts; return the findings, and the numbers tagged in notes by concept.

    A tagged number is a fact of one of `labels`, printed in digits in the prose of a note and not in a table; several
    facts of one concept on the same number count once. It is missed if no row of any label covers it.
    """
    facts = sorted(extraction.facts, key=lambda fact: (fact.start, -fact.end))
    findings = [_compare_row(row, facts, extraction) for row in rows]
    tagged: Counter[str] = Counter()
    seen = set()
    spans = sorted((row.start, row.end) for row in rows)
    for fact in _tagged_numbers(facts, extraction, labels):
        start, _ = number_tokens(fact.text)[0]
        place = (fact.start + start, fact.concept)
        if place in seen:
            continue
        seen.add(place)
        tagged[fact.concept] += 1
        if not any(start < fact.end and end > fact.start for start, end in spans):
            findings.append(Finding(verdict="missed", row=None, fact=fact, place="note"))
    return findings, tagged


def _compare_row(row: ResultRow, facts: Sequence[Fact], extraction: Extraction) -> Finding:
    """Compare a row with the facts of its label, or else with the outermost fact on the number."""
    touching = [fact for fact in facts if fact.start < row.end and fact.end > row.start]
    same_label = [fact for fact in touching if fact.concept == row.label]
    verdict: Verdict = "other concept" if touching else "untagged"
    if same_label:
        agrees = any(_same_value(row.value, fact.value) for fact in same_label)
        verdict = "agree" if agrees else "value differs"
    fact = next(iter([*same_label, *touching]), None)
    return Finding(verdict=verdict, row=row, fact=fact, place=_location(row.start, row.end, extraction))


def _same_value(value: float | None, tagged: float | None) -> bool:
    """Compare magnitudes, because a fact's sign follows its concept and not the wording."""
    if tagged is None:  # no readable value: only the label can be compared
        return True
    return value is not None and isclose(abs(value), abs(tagged), rel_tol=VALUE_TOLERANCE)


def _tagged_numbers(facts: Sequence[Fact], extraction: Extraction, labels: Collection[str]) -> Iterator[Fact]:
    for fact in facts:
        wanted = fact.in_note and fact.concept in labels and number_tokens(fact.text)
        if wanted and not _in_table(fact.start, extraction):
            yield fact


def _location(start: int, end: int, extraction: Extraction) -> Location:
    if _in_table(start, extraction):
        return "table"
    spans = extraction.note_spans
    index = bisect_right(spans, start, key=lambda span: span[0]) - 1
    return "note" if index >= 0 and end <= spans[index][1] else "elsewhere"


def _in_table(start: int, extraction: Extraction) -> bool:
    blocks = extraction.blocks
    return blocks[bisect_right(blocks, start, key=lambda block: block.start) - 1].row
