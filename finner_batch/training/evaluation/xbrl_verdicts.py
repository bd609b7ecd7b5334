"""One document's rows against its filer's own tags: what each row is worth, and which tagged numbers have no row.

What a job stored of filings with inline XBRL: documents and their rows, as a results folder holds them now.
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

STORED = """
SELECT d.document_id, d.source, d.sha256, d.cik, d.company, d.model_id, e.label, e.text, e.value, e.unit, e.confidence,
  e.section, e.sentence, e.start AS sentence_start, e.document_start, e.document_end
FROM documents AS d LEFT JOIN entities AS e ON e.source = d.source AND e.document_id = d.document_id
WHERE d.status = 'ok' AND d.kind IN ('ixbrl', 'sgml-ixbrl')
ORDER BY d.source, d.document_id, e.document_start
"""
Verdict = Literal["agree", "value differs", "other concept", "untagged", "missed"]
"""`agree`: same concept and value. `untagged`: the filer has no tag there, which means little outside notes. `missed`:
a tagged number of a note that has no row."""
Location = Literal["note", "table", "elsewhere"]
"""Where a number stands: in the prose of a note, in a row of a table (of a note or not), or in other prose."""
VALUE_TOLERANCE = 1e-6
"""Relative difference up to which two values are the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRow:
    """A row of `entities`; the span is that of the number in the document's extracted text, in code points.

    `sentence_start` is where it begins in the sentence.
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
class StoredDocument:
    """A document of a results folder with its rows."""

    document_id: str
    source: str
    sha256: str
    cik: str | None
    company: str | None
    rows: tuple[StoredRow, ...]


def stored_documents(results: Place, model_id: str) -> dict[tuple[str, str], list[StoredDocument]]:
    """Documents with inline XBRL of a results folder that one model read, by id and hash, with their rows.

    Raises UsageError where there are none.
    """
    documents: dict[tuple[str, str], dict[str, Any]] = {}
    rows: dict[tuple[str, str], list[StoredRow]] = defaultdict(list)
    others = set()
    for batch in ask(results, STORED).batches:
        for found in batch.to_pylist():
            if found["model_id"] != model_id:
                others.add(found["model_id"])
                continue
            key = found["source"], found["document_id"]
            documents.setdefault(key, {name: found[name] for name in ("sha256", "cik", "company")})
            if found["label"] is not None:
                start, end = found.pop("document_start"), found.pop("document_end")
                own = {name: found[name] for name in StoredRow.__slots__ if name not in ("start", "end")}
                rows[key].append(StoredRow(start=start, end=end, **own))
    if others:
        LOG.warning(fields("other-models", models=", ".join(sorted(others)), reason="their rows are left out"))
    if not documents:
        raise UsageError(
            f"{results} holds no inline XBRL documents read by {model_id}"
            + (f", but some read by {', '.join(sorted(others))}: give its folder as --model" if others else "")
        )
    by_content: dict[tuple[str, str], list[StoredDocument]] = defaultdict(list)
    for (source, document_id), header in documents.items():
        one = StoredDocument(document_id=document_id, source=source, rows=tuple(rows[source, document_id]), **header)
        by_content[document_id, one.sha256].append(one)
    return by_content


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A row (None for a missed number) beside the fact that it is measured by (None where there is no tag)."""

    verdict: Verdict
    row: StoredRow | None
    fact: Fact | None
    place: Location

    @property
    def label(self) -> str:
        """The row's label; the fact's concept for a missed number."""
        return self.row.label if self.row else self.fact.concept if self.fact else ""


@dataclass(slots=True)
class Tally:
    """Judgements of one label counted, and the tagged numbers of notes that there are to find.

    `verdicts` counts (verdict, place). Precision, recall and F1 are of the prose of notes.
    """

    verdicts: Counter[tuple[Verdict, Location]] = field(default_factory=Counter)
    tagged: int = 0

    def add(self, judgement: Judgement) -> None:
        """Count one."""
        self.verdicts[judgement.verdict, judgement.place] += 1

    def __iadd__(self, other: "Tally") -> Self:
        self.verdicts += other.verdicts
        self.tagged += other.tagged
        return self

    def count(self, verdict: Verdict) -> int:
        """Judgements of one verdict, anywhere but in tables."""
        return self.verdicts[verdict, "note"] + self.verdicts[verdict, "elsewhere"]

    @property
    def rows(self) -> int:
        """Rows of the results."""
        return self.verdicts.total() - self.count("missed")

    @property
    def in_tables(self) -> int:
        """Rows of the results that stand in tables, whatever their verdict."""
        return sum(count for (_, place), count in self.verdicts.items() if place == "table")

    @property
    def precision(self) -> float:
        """Share of the rows in the prose of notes that agree; 0 without any."""
        inside = sum(
            count for (verdict, place), count in self.verdicts.items() if place == "note" and verdict != "missed"
        )
        return self.verdicts["agree", "note"] / inside if inside else 0.0

    @property
    def recall(self) -> float:
        """Share of the tagged numbers in the prose of notes that a row agrees with; 0 without any."""
        return self.verdicts["agree", "note"] / self.tagged if self.tagged else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of both."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def judge_document(
    rows: Sequence[StoredRow], extraction: Extraction, labels: Collection[str]
) -> tuple[list[Judgement], Counter[str]]:
    """Judge a document's rows, and find what they miss; count the tagged numbers of notes by concept.

    A tagged number is a fact of one of `labels`, printed in digits in the prose of a note (no table's row); several
    facts of one concept on the same number are one. It is missed where no row, whatever its label, stands on it.
    """
    facts = sorted(extraction.facts, key=lambda fact: (fact.start, -fact.end))
    judgements = [_judge(row, facts, extraction) for row in rows]
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
            judgements.append(Judgement(verdict="missed", row=None, fact=fact, place="note"))
    return judgements, tagged


def _judge(row: StoredRow, facts: Sequence[Fact], extraction: Extraction) -> Judgement:
    """The fact of the row's own label counts; else the outermost. One without a readable value settles the label only.

    Magnitudes are compared: a fact's sign follows its concept, not the wording.
    """
    touching = [fact for fact in facts if fact.start < row.end and fact.end > row.start]
    own = [fact for fact in touching if fact.concept == row.label]
    verdict: Verdict = "other concept" if touching else "untagged"
    if own:
        agrees = any(_same_value(row.value, fact.value) for fact in own)
        verdict = "agree" if agrees else "value differs"
    return Judgement(
        verdict=verdict, row=row, fact=next(iter([*own, *touching]), None), place=_place(row.start, row.end, extraction)
    )


def _same_value(read: float | None, tagged: float | None) -> bool:
    if tagged is None:
        return True
    return read is not None and isclose(abs(read), abs(tagged), rel_tol=VALUE_TOLERANCE)


def _tagged_numbers(facts: Sequence[Fact], extraction: Extraction, labels: Collection[str]) -> Iterator[Fact]:
    for fact in facts:
        wanted = fact.in_note and fact.concept in labels and number_tokens(fact.text)
        if wanted and not _in_table(fact.start, extraction):
            yield fact


def _place(start: int, end: int, extraction: Extraction) -> Location:
    if _in_table(start, extraction):
        return "table"
    spans = extraction.note_spans
    index = bisect_right(spans, start, key=lambda span: span[0]) - 1
    return "note" if index >= 0 and end <= spans[index][1] else "elsewhere"


def _in_table(start: int, extraction: Extraction) -> bool:
    blocks = extraction.blocks
    return blocks[bisect_right(blocks, start, key=lambda block: block.start) - 1].row
