"""Labels the number tokens of filings' sentences with inline XBRL concepts and readings, and writes the dataset.

Only notes are tagged exhaustively (Regulation S-T, rule 405: each amount in a note has a tag); elsewhere an untagged
number is unknown; `in_note` distinguishes the two. Even in notes filers leave numbers untagged that they tag in
another place.
"""

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from finner_batch.errors import DocumentError, UsageError
from finner_batch.readers.copies import Copies, check_web_inputs
from finner_batch.readers.discover import discover
from finner_batch.readers.document import Document, FailedDocument, content_id
from finner_batch.readers.read import ReadOptions, read_documents
from finner_batch.storage.whole_file import whole_folder
from finner_batch.text.block import Extraction
from finner_batch.text.extract import extract
from finner_batch.text.numbers import number_tokens
from finner_batch.text.sentences import Sentence, split
from finner_batch.training.data.annotations import Reading, apply_reading, read_annotations, sentence_digest
from finner_batch.training.data.data_sources import check_output_folder
from finner_batch.training.data.dataset import (
    SENTENCES_FILE,
    STATISTICS_FILE,
    LabelledSentence,
    Number,
    write_sentences,
)

LOG = logging.getLogger(__name__)

SPLIT_ONE_IN = 5
SPLIT_OF_REMAINDER = {0: "dev", 3: "validation"}
"""Split by the remainder of the company's hash; any other is `train`."""
MAX_HELD_OUT_FILINGS = 8
"""A company with more filings is always in `train`, so that no single company dominates the figures."""

FACT_OUTCOMES = ("in_prose", "kept", "no_digit", "several_numbers", "no_sentence", "nested")


@dataclass(slots=True, kw_only=True)
class Statistics:
    """Counts of what was kept, and of what was left out and why."""

    documents: int = 0
    documents_repeated: int = 0
    """Left out: the same content as an earlier document."""
    documents_failed: int = 0
    documents_without_facts: int = 0
    documents_without_company: int = 0
    """Left out: a filing that states no CIK could put a company on both sides of the split."""
    companies: dict[str, int] = field(default_factory=dict)
    sentences: dict[str, int] = field(default_factory=dict)
    duplicates: int = 0
    split_sentences: dict[str, int] = field(default_factory=lambda: {"with_number": 0, "without_number": 0})
    """Sentences of the filings with facts, before duplicates are merged; those without a number are left out."""
    facts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FACT_OUTCOMES, 0))
    """`in_prose` is the sum of the others; `nested`: inside another fact on the same number."""
    concepts: dict[str, int] = field(default_factory=dict)
    readings: dict[str, int] = field(default_factory=dict)
    """Sentences with a reading, by split and place; `not_found`: readings whose sentence is not in the input."""
    read_labels: dict[str, int] = field(default_factory=dict)
    """Numbers by their reading."""
    labels: dict[str, dict[str, int]] = field(default_factory=dict)
    """For each label of the label set: numbers with that tag (`tagged`) and with that reading (`read`)."""


def label_document(
    document: Document, statistics: Statistics, readings: Mapping[str, Reading] | None = None
) -> list[LabelledSentence]:
    """Label the sentences of one document that contain a number, and count them in `statistics`.

    A document without facts or CIK yields only sentences with a reading; without a CIK it counts as its own company.
    """
    readings = readings or {}
    extraction = extract(document.content, document.markup, facts=document.markup == "html")
    known = bool(extraction.facts) and document.header.cik is not None
    if not extraction.facts:
        statistics.documents_without_facts += 1
    elif document.header.cik is None:
        statistics.documents_without_company += 1
    if not known and not readings:
        return []
    sentences = [(sentence, number_tokens(sentence.text)) for sentence in split(extraction)]
    concepts = _concepts(extraction, sentences, statistics) if known else {}
    labelled = []
    if known:
        for _, spans in sentences:
            statistics.split_sentences["with_number" if spans else "without_number"] += 1
    for sentence, spans in sentences:
        if not spans or not (known or sentence_digest(sentence.text) in readings):
            continue
        numbers = (
            Number(start, end, concepts.get((sentence.start + start, sentence.start + end))) for start, end in spans
        )
        in_note = known and _within(extraction.note_spans, sentence.start, sentence.start + len(sentence.text))
        row = LabelledSentence(
            text=sentence.text,
            numbers=tuple(numbers),
            company=document.header.cik or document.document_id,
            document_id=document.document_id,
            form_type=document.header.form_type,
            section=sentence.section,
            sentence_index=sentence.index,
            start=sentence.start,
            in_note=in_note,
            exhaustive=in_note,
        )
        labelled.append(apply_reading(row, readings))
    return labelled


def merge_duplicates(sentences: Iterable[LabelledSentence]) -> list[LabelledSentence]:
    """Merge sentences of the same company and text; a number is tagged if any copy tags it."""
    kept: dict[tuple[str, str], LabelledSentence] = {}
    for sentence in sentences:
        first = kept.setdefault((sentence.company, sentence.text), sentence)
        if first is not sentence:
            kept[sentence.company, sentence.text] = replace(
                first,
                in_note=first.in_note or sentence.in_note,
                exhaustive=first.exhaustive or sentence.exhaustive,
                numbers=tuple(
                    replace(mine, concept=mine.concept or other.concept)
                    for mine, other in zip(first.numbers, sentence.numbers, strict=True)
                ),
            )
    return list(kept.values())


def company_splits(filings: dict[str, int]) -> dict[str, str]:
    """Assign each company, given with its number of filings, to a split by a hash of its CIK."""
    return {
        company: "train" if count > MAX_HELD_OUT_FILINGS else SPLIT_OF_REMAINDER.get(_remainder(company), "train")
        for company, count in filings.items()
    }


def label(
    inputs: Sequence[str],
    output: Path,
    annotations: Path | None = None,
    labels: Sequence[str] = (),
    *,
    user_agent: str | None = None,
) -> Statistics:
    """Label filings and write the dataset folder: `sentences.parquet` and `statistics.json`.

    `annotations` (a JSON Lines file or a folder of them) adds readings. `labels` are counted separately; the dataset
    keeps every concept. `user_agent`: sent to web servers. A killed run may leave sentences without statistics, never
    with those of an earlier run. Unreadable and repeated documents are counted and left out. Raises UsageError if no
    input has inline XBRL, the annotations are invalid, the folder holds something else, or a contact for the SEC is
    missing; else as `whole_folder` does.
    """
    check_output_folder(output, (SENTENCES_FILE, STATISTICS_FILE), "dataset")
    statistics = Statistics()
    check_web_inputs(inputs, user_agent)
    readings = read_annotations(annotations) if annotations else {}
    labelled: list[LabelledSentence] = []
    filings: Counter[str] = Counter()
    seen: set[str] = set()
    for document in _documents(inputs, statistics, user_agent):
        content = content_id(document.content) or document.document_id
        if content in seen:
            statistics.documents_repeated += 1
            continue
        seen.add(content)
        try:
            sentences = label_document(document, statistics, readings)
        except DocumentError as error:
            _left_out(document.document_id, error, statistics)
            continue
        statistics.documents += 1
        labelled += sentences
        if sentences:
            filings[sentences[0].company] += 1
    if not labelled:
        raise UsageError("no inline XBRL facts in the input: `label` needs 10-K or 10-Q filings of 2019 or later")
    splits = company_splits(filings)
    merged = [replace(sentence, split=splits[sentence.company]) for sentence in merge_duplicates(labelled)]
    statistics.duplicates = len(labelled) - len(merged)
    _count(merged, splits, readings, statistics)
    statistics.labels = {
        name: {"tagged": statistics.concepts.get(name, 0), "read": statistics.read_labels.get(name, 0)}
        for name in labels
    }
    with whole_folder(output, last=STATISTICS_FILE) as new:
        write_sentences(merged, new / SENTENCES_FILE)
        (new / STATISTICS_FILE).write_text(json.dumps(asdict(statistics), indent=2) + "\n", encoding="utf-8")
    return statistics


def _count(
    merged: Sequence[LabelledSentence],
    splits: dict[str, str],
    readings: Mapping[str, Reading],
    statistics: Statistics,
) -> None:
    places = [(f"{row.split}_{'note' if row.in_note else 'other'}", row) for row in merged]
    numbers = [number for row in merged for number in row.numbers]
    statistics.companies = dict(sorted(Counter(splits.values()).items()))
    statistics.sentences = dict(sorted(Counter(place for place, _ in places).items()))
    statistics.concepts = dict(Counter(number.concept for number in numbers if number.concept).most_common())
    statistics.read_labels = dict(Counter(number.reading for number in numbers if number.reading).most_common())
    if readings:
        missing = readings.keys() - {sentence_digest(row.text) for row in merged if row.is_read}
        statistics.readings = dict(sorted(Counter(place for place, row in places if row.is_read).items()))
        statistics.readings["not_found"] = len(missing)
        if missing:
            LOG.warning("%d readings have no sentence in the input", len(missing))


def _documents(inputs: Sequence[str], statistics: Statistics, user_agent: str | None) -> Iterator[Document]:
    with Copies(user_agent) as copies:
        for source in copies.local(discover(inputs)):
            try:
                for document in read_documents(source, ReadOptions(documents="main")):
                    if isinstance(document, FailedDocument):
                        _left_out(document.document_id, document.error, statistics)
                    else:
                        yield document
            except DocumentError as error:
                _left_out(source.name, error, statistics)


def _left_out(name: str, error: DocumentError | str, statistics: Statistics) -> None:
    LOG.warning("left out %s: %s", name, error)
    statistics.documents_failed += 1


def _concepts(
    extraction: Extraction, sentences: Sequence[tuple[Sentence, list[tuple[int, int]]]], statistics: Statistics
) -> dict[tuple[int, int], str]:
    """Map spans of number tokens in the document's text to concepts. Of nested facts the outermost counts."""
    spans = [(sentence.start + start, sentence.start + end) for sentence, tokens in sentences for start, end in tokens]
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


def _remainder(company: str) -> int:
    return int.from_bytes(hashlib.sha256(company.encode()).digest()[:8], "big") % SPLIT_ONE_IN
