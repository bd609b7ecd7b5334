"""Compares a whole job's rows with the filers' own tags: `finner-batch evaluate --results … --against-xbrl …`.

The job read the visible text and no tags, so the tags are independent of it. Filers leave numbers untagged that they
tag elsewhere, and tag hardly any outside notes. Runs no model and needs no torch.
"""

import logging
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
from tqdm import tqdm

from finner_batch.errors import DocumentError, UsageError
from finner_batch.log import fields
from finner_batch.readers.discover import discover
from finner_batch.readers.document import Document, FailedDocument
from finner_batch.readers.read import ReadOptions, read_documents
from finner_batch.storage.place import Place
from finner_batch.tagging.model import Model, load_model
from finner_batch.text.block import Extraction
from finner_batch.text.extract import extract
from finner_batch.text.sentences import split
from finner_batch.training.data.data_sources import load_sources
from finner_batch.training.data.dataset import SENTENCES_FILE
from finner_batch.training.evaluation.gold import training_data
from finner_batch.training.evaluation.xbrl_verdicts import (
    Finding,
    ResultDocument,
    ResultRow,
    Tally,
    compare_document,
    result_documents,
)

LOG = logging.getLogger(__name__)

SCHEMA = pa.schema(
    [
        pa.field("verdict", pa.string(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("unit", pa.string()),
        pa.field("confidence", pa.float64()),
        pa.field("concept", pa.string()),
        pa.field("xbrl_value", pa.float64()),
        pa.field("xbrl_unit", pa.string()),
        pa.field("place", pa.string(), nullable=False),
        pa.field("section", pa.string()),
        pa.field("sentence", pa.string()),
        pa.field("start", pa.int32()),
        pa.field("company", pa.string()),
        pa.field("cik", pa.string()),
        pa.field("split", pa.string()),
        pa.field("document_id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("document_start", pa.int64(), nullable=False),
        pa.field("document_end", pa.int64(), nullable=False),
    ]
)
"""One row per finding. `concept`, `xbrl_…`: the filer's. `place`: a `Location`. `start`: offset of the number in
`sentence`. `split`: the company's split in the model's training data."""

UNSEEN = "not in the data"
"""Split of a company that is not in the model's training data."""


@dataclass(slots=True, kw_only=True)
class Comparison:
    """The result of `against_xbrl`. `labels` and `splits` map labels, and splits of the training data, to tallies.

    `absent`: documents of the results that are not in the filings with the same bytes. `unfit`: documents whose rows do
    not match the text as it is extracted now. `training`: what is known of the model's training data.
    """

    model_id: str
    training: str
    labels: dict[str, Tally]
    splits: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    documents: int = 0
    companies: set[str] = field(default_factory=set)
    without_facts: int = 0
    unfit: int = 0
    absent: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)
    """Rows of `SCHEMA`."""

    @property
    def total(self) -> Tally:
        """The tally of all labels."""
        total = Tally()
        for tally in self.labels.values():
            total += tally
        return total


def against_xbrl(
    results: Place, filings: Sequence[str], *, model: str | None = None, data: Path | None = None
) -> Comparison:
    """Compare a model's rows with the inline XBRL of the filings that they come from.

    `model`: the folder of the model (None: the packaged one); its labels are what can be missed. `data`: the dataset of
    its training, to tally companies by split. Raises UsageError if there are no results of this model or they are of
    other filings, ModelError for an unusable model folder.
    """
    loaded = load_model(model)
    by_content = result_documents(results, loaded.model_id)
    splits, training = _training_splits(loaded, data)
    comparison = Comparison(
        model_id=loaded.model_id, training=training, labels={label: Tally() for label in loaded.labels[1:]}
    )
    for document in _documents(filings):
        for result in by_content.pop((document.document_id, document.sha256), ()):
            _compare(document, result, splits, comparison)
    comparison.absent = sum(map(len, by_content.values()))
    if not comparison.documents:
        count = comparison.absent + comparison.unfit + comparison.without_facts
        raise UsageError(
            f"none of the {count} inline XBRL documents of {results} is in these filings with the same bytes and text: "
            "give --against-xbrl the same filings as `run --input`"
        )
    return comparison


def _compare(
    document: Document, result: ResultDocument, splits: Mapping[str, str] | None, comparison: Comparison
) -> None:
    try:
        extraction = _matching_extraction(document, result.rows)
    except DocumentError as error:
        LOG.warning(fields("left-out", document=document.document_id, reason=str(error)))
        extraction = None
    if extraction is None:
        comparison.unfit += 1
        return
    if not extraction.facts:
        comparison.without_facts += 1
        return
    comparison.documents += 1
    if result.cik:
        comparison.companies.add(result.cik)
    company_split = None if splits is None or result.cik is None else splits.get(result.cik, UNSEEN)
    findings, tagged = compare_document(result.rows, extraction, comparison.labels.keys())
    for label, count in tagged.items():
        comparison.labels[label].tagged += count
    for finding in findings:
        comparison.labels[finding.label].add(finding)
    if company_split:
        comparison.splits[company_split].tagged += tagged.total()
        for finding in findings:
            comparison.splits[company_split].add(finding)
    comparison.rows += _rows(findings, result, company_split, extraction)


def _matching_extraction(document: Document, rows: Sequence[ResultRow]) -> Extraction | None:
    """Extract as the job did, with or without table rows; None if the rows match neither text."""
    for tables in (False, True):
        extraction = extract(document.content, document.markup, tables=tables, facts=True)
        if all(extraction.text[row.start : row.end] == row.text for row in rows):
            return extraction
    return None


def _rows(
    findings: Sequence[Finding], result: ResultDocument, company_split: str | None, extraction: Extraction
) -> Iterator[dict[str, Any]]:
    missed = any(finding.row is None for finding in findings)
    sentences = split(extraction) if missed else []
    for finding in findings:
        row, fact = finding.row, finding.fact
        place = row or fact
        if place is None:
            raise AssertionError("a finding has a row or a fact")
        around = next((each for each in sentences if each.start <= place.start < each.start + len(each.text)), None)
        yield {
            "verdict": finding.verdict,
            "label": finding.label,
            "text": place.text,
            "value": row.value if row else None,
            "unit": row.unit if row else None,
            "confidence": row.confidence if row else None,
            "concept": fact.concept if fact else None,
            "xbrl_value": fact.value if fact else None,
            "xbrl_unit": fact.unit if fact else None,
            "place": finding.place,
            "section": row.section if row else around.section if around else None,
            "sentence": row.sentence if row else around.text if around else None,
            "start": row.sentence_start if row else place.start - around.start if around else None,
            "company": result.company,
            "cik": result.cik,
            "split": company_split,
            "document_id": result.document_id,
            "source": result.source,
            "document_start": place.start,
            "document_end": place.end,
        }


def _documents(filings: Sequence[str]) -> Iterator[Document]:
    sources = list(discover(filings))
    for source in tqdm(sources, desc="comparing", unit=" files", disable=None, file=sys.stderr):
        try:
            for document in read_documents(source, ReadOptions(documents="all")):
                if not isinstance(document, FailedDocument) and document.markup == "html":
                    yield document
        except DocumentError as error:
            LOG.warning(fields("left-out", path=source.uri, reason=str(error)))


def _training_splits(model: Model, data: Path | None) -> tuple[Mapping[str, str] | None, str]:
    """Return the split of each company in `data`, or None, and a sentence on where the splits come from."""
    trained_on = training_data(model)
    if trained_on is None:
        return None, "not known: the model folder has no training.json"
    if data is None:
        return None, "not known without --data DATASET, the one that the model was trained on"
    file = data / SENTENCES_FILE if data.is_dir() else data
    if not file.is_file():
        raise UsageError(f"no labelled dataset at {data}: --data is the dataset that the model was trained on")
    (source,) = load_sources([str(data)])
    if source.sha256 not in trained_on.sources:
        return None, f"not known: {data} is not the data that the model was trained on"
    splits = {row.company: row.split for row in source.sentences}
    if len(trained_on.sources) == 1:
        return splits, f"by {data}, the data that the model was trained on"
    return splits, f"by {data}, one of {len(trained_on.sources)} sources of the data that the model was trained on"
