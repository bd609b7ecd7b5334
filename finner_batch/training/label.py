"""Labelled sentences from inline XBRL: the filers' own tags, put on the number tokens of their sentences.

What the tags are worth: only text inside a note is tagged exhaustively (Regulation S-T, rule 405: amounts in notes are
tagged one by one); in the rest of a filing an untagged number means nothing, and `in_note` says which is which. Even in
notes filers leave numbers untagged that they tag elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from finner_batch.entities.numbers import number_tokens
from finner_batch.errors import DocumentError, UsageError
from finner_batch.sentences.split import split
from finner_batch.sources.discover import discover
from finner_batch.sources.document import FailedDocument
from finner_batch.sources.read import ReadOptions, read_documents
from finner_batch.text.extract import extract

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from finner_batch.sentences.sentence import Sentence
    from finner_batch.sources.document import Document
    from finner_batch.text.block import Extraction

logger = logging.getLogger(__name__)

SENTENCES_FILE = "sentences.parquet"
STATISTICS_FILE = "statistics.json"
DEV_ONE_IN = 5
DEV_MAX_FILINGS = 8
"""A company with more filings than this stays in `train`, lest one company decide the development figures."""

FACT_OUTCOMES = ("in_prose", "kept", "no_digit", "several_numbers", "no_sentence", "nested")

NUMBER = pa.struct(
    [
        pa.field("start", pa.int32(), nullable=False),
        pa.field("end", pa.int32(), nullable=False),
        pa.field("concept", pa.string()),
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
        pa.field("in_note", pa.bool_(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True)
class Number:
    """One number token of a sentence and the concept its filer tagged it with (local name), or None."""

    start: int
    end: int
    concept: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledSentence:
    """A sentence with at least one number token.

    `company` is the CIK that the filing states. `split` is `train` or `dev`.
    """

    text: str
    numbers: tuple[Number, ...]
    company: str
    document_id: str
    form_type: str | None
    section: str | None
    sentence_index: int
    in_note: bool
    split: str = "train"


@dataclass(slots=True, kw_only=True)
class Statistics:
    """What was kept, and what was left out and why."""

    documents: int = 0
    documents_failed: int = 0
    documents_without_facts: int = 0
    documents_without_company: int = 0
    """Left out: a filing that states no CIK could put a company on both sides of the split."""
    companies: dict[str, int] = field(default_factory=dict)
    sentences: dict[str, int] = field(default_factory=dict)
    duplicates: int = 0
    facts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FACT_OUTCOMES, 0))
    """`in_prose` is the sum of the others; `nested`: inside another fact of the same number."""
    concepts: dict[str, int] = field(default_factory=dict)


def label_document(document: Document, statistics: Statistics) -> list[LabelledSentence]:
    """Label the sentences of one filing that hold a number; empty where it has no facts or states no CIK."""
    company = document.header.cik
    extraction = extract(document.content, "html", facts=True) if document.markup == "html" else None
    if extraction is None or not extraction.facts:
        statistics.documents_without_facts += 1
        return []
    if company is None:
        statistics.documents_without_company += 1
        return []
    sentences = [(sentence, number_tokens(sentence.text)) for sentence in split(extraction)]
    concepts = _concepts(extraction, sentences, statistics)
    labelled = []
    for sentence, spans in sentences:
        if not spans:
            continue
        numbers = (
            Number(start, end, concepts.get((sentence.start + start, sentence.start + end))) for start, end in spans
        )
        labelled.append(
            LabelledSentence(
                text=sentence.text,
                numbers=tuple(numbers),
                company=company,
                document_id=document.document_id,
                form_type=document.header.form_type,
                section=sentence.section,
                sentence_index=sentence.index,
                in_note=_within(extraction.note_spans, sentence.start, sentence.start + len(sentence.text)),
            )
        )
    return labelled


def merge_duplicates(sentences: Iterable[LabelledSentence]) -> list[LabelledSentence]:
    """Keep one of the sentences that have the same company and text: a number is tagged if any copy tags it."""
    kept: dict[tuple[str, str], LabelledSentence] = {}
    for sentence in sentences:
        first = kept.setdefault((sentence.company, sentence.text), sentence)
        if first is not sentence:
            kept[sentence.company, sentence.text] = replace(
                first,
                in_note=first.in_note or sentence.in_note,
                numbers=tuple(
                    replace(mine, concept=mine.concept or other.concept)
                    for mine, other in zip(first.numbers, sentence.numbers, strict=True)
                ),
            )
    return list(kept.values())


def company_splits(filings: dict[str, int]) -> dict[str, str]:
    """Put each company (with its number of filings) in `train` or `dev`, by a hash of its name alone."""
    return {
        company: "dev" if filings[company] <= DEV_MAX_FILINGS and _hash(company) % DEV_ONE_IN == 0 else "train"
        for company in filings
    }


def label(inputs: Sequence[str], output: Path) -> Statistics:
    """Label filings and write the dataset folder: `sentences.parquet` and `statistics.json`.

    Raises UsageError where no input holds inline XBRL. A document that cannot be read is counted and left out.
    """
    statistics = Statistics()
    found: list[LabelledSentence] = []
    filings: Counter[str] = Counter()
    for document in _documents(inputs, statistics):
        try:
            sentences = label_document(document, statistics)
        except DocumentError as error:
            _left_out(document.document_id, error, statistics)
            continue
        statistics.documents += 1
        found += sentences
        if sentences:
            filings[sentences[0].company] += 1
    if not found:
        raise UsageError("no inline XBRL facts in the input: `label` needs 10-K or 10-Q filings of 2019 or later")
    splits = company_splits(filings)
    merged = [replace(sentence, split=splits[sentence.company]) for sentence in merge_duplicates(found)]
    statistics.duplicates = len(found) - len(merged)
    statistics.companies = dict(sorted(Counter(splits.values()).items()))
    statistics.sentences = dict(
        sorted(Counter(f"{row.split}_{'note' if row.in_note else 'other'}" for row in merged).items())
    )
    concepts = Counter(number.concept for row in merged for number in row.numbers if number.concept)
    statistics.concepts = dict(concepts.most_common())
    output.mkdir(parents=True, exist_ok=True)
    write_sentences(merged, output / SENTENCES_FILE)
    (output / STATISTICS_FILE).write_text(json.dumps(asdict(statistics), indent=2) + "\n", encoding="utf-8")
    return statistics


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
        raise UsageError(f"{file} is no labelled dataset: it lacks the columns {', '.join(sorted(missing))}")
    rows = table.select(SCHEMA.names).to_pylist()
    return [
        LabelledSentence(**{**row, "numbers": tuple(Number(**number) for number in row["numbers"])}) for row in rows
    ]


def _documents(inputs: Sequence[str], statistics: Statistics) -> Iterator[Document]:
    for source in discover(inputs):
        try:
            for document in read_documents(source, ReadOptions(documents="main")):
                if isinstance(document, FailedDocument):
                    _left_out(document.document_id, document.error, statistics)
                else:
                    yield document
        except DocumentError as error:
            _left_out(source.name, error, statistics)


def _left_out(name: str, error: DocumentError | str, statistics: Statistics) -> None:
    logger.warning("left out %s: %s", name, error)
    statistics.documents_failed += 1


def _concepts(
    extraction: Extraction, sentences: Sequence[tuple[Sentence, list[tuple[int, int]]]], statistics: Statistics
) -> dict[tuple[int, int], str]:
    """Concept by the span of its number token in the document's text. Of nested facts the outer one counts."""
    spans = [(sentence.start + start, sentence.start + end) for sentence, found in sentences for start, end in found]
    concepts: dict[tuple[int, int], str] = {}
    index = 0
    for fact in sorted(extraction.facts, key=lambda fact: (fact.start, -fact.end)):
        statistics.facts["in_prose"] += 1
        while index < len(spans) and spans[index][1] <= fact.start:
            index += 1
        touched = []
        for span in spans[index:]:
            if span[0] >= fact.end:
                break
            touched.append(span)
        if not any(character.isdigit() for character in fact.text):
            statistics.facts["no_digit"] += 1
        elif not touched:
            statistics.facts["no_sentence"] += 1
        elif len(touched) > 1:
            statistics.facts["several_numbers"] += 1
        elif touched[0] in concepts:
            statistics.facts["nested"] += 1
        else:
            statistics.facts["kept"] += 1
            concepts[touched[0]] = fact.concept
    return concepts


def _within(spans: Sequence[tuple[int, int]], start: int, end: int) -> bool:
    return any(first <= start and end <= last for first, last in spans)


def _hash(company: str) -> int:
    return int.from_bytes(hashlib.sha256(company.encode()).digest()[:8], "big")
