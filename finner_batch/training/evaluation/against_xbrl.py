"""A whole job's rows against the filers' own tags: `finner-batch evaluate --results … --against-xbrl …`.

The job read the visible text and no tag, so the tags are an independent judge, with the limits of filers: they leave
numbers untagged that they tag elsewhere, and outside notes they tag next to none. Needs no model session and no torch.
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
from finner_batch.training.evaluation.gold import learnt_from
from finner_batch.training.evaluation.xbrl_verdicts import (
    Judgement,
    StoredDocument,
    StoredRow,
    Tally,
    judge_document,
    stored_documents,
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
"""One row a judgement. `concept`, `xbrl_…`: the filer's. `place`: one of `Place`. `start`: where the number begins in
`sentence`. `split`: the company's in the model's training data."""

UNSEEN = "not in the data"
"""Split of a company that the model's training data does not hold."""


@dataclass(slots=True, kw_only=True)
class Comparison:
    """What came of it. `labels` and `splits` map a label, or a split of the training data, to its tally.

    `absent`: documents of the results that the filings do not hold, byte for byte. `unfit`: documents whose rows do not
    fit the text that is read today. `training`: what is known of the model's training data.
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
        """All labels together."""
        total = Tally()
        for tally in self.labels.values():
            total += tally
        return total


def against_xbrl(
    results: Place, filings: Sequence[str], *, model: str | None = None, data: Path | None = None
) -> Comparison:
    """Compare the rows that a model wrote with the inline XBRL of the filings that they come from.

    `model`: the folder that made the rows (None: the packaged one); its labels are what can be missed. `data`: the
    dataset that the model was trained on, to tell companies that it has learned from.

    Raises UsageError where there are no results of this model, or none of the filings is among them; ModelError for an
    unusable model folder.
    """
    loaded = load_model(model)
    stored = stored_documents(results, loaded.model_id)
    splits, training = _training_splits(loaded, data)
    found = Comparison(
        model_id=loaded.model_id, training=training, labels={label: Tally() for label in loaded.labels[1:]}
    )
    for document in _documents(filings):
        for one in stored.pop((document.document_id, document.sha256), ()):
            _compare(document, one, splits, found)
    found.absent = sum(map(len, stored.values()))
    if not found.documents:
        raise UsageError(
            f"none of the {found.absent + found.unfit + found.without_facts} inline XBRL documents of {results} is in "
            "these filings as it was read: give --against-xbrl what `run --input` was given"
        )
    return found


def _compare(document: Document, stored: StoredDocument, splits: Mapping[str, str] | None, found: Comparison) -> None:
    try:
        extraction = _fitting(document, stored.rows)
    except DocumentError as error:
        LOG.warning(fields("left-out", document=document.document_id, reason=str(error)))
        extraction = None
    if extraction is None:
        found.unfit += 1
        return
    if not extraction.facts:
        found.without_facts += 1
        return
    found.documents += 1
    if stored.cik:
        found.companies.add(stored.cik)
    of_company = None if splits is None or stored.cik is None else splits.get(stored.cik, UNSEEN)
    judgements, tagged = judge_document(stored.rows, extraction, found.labels.keys())
    for label, count in tagged.items():
        found.labels[label].tagged += count
    for judgement in judgements:
        found.labels[judgement.label].add(judgement)
    if of_company:
        found.splits[of_company].tagged += tagged.total()
        for judgement in judgements:
            found.splits[of_company].add(judgement)
    found.rows += _rows(judgements, stored, of_company, extraction)


def _fitting(document: Document, rows: Sequence[StoredRow]) -> Extraction | None:
    """Extract as the job did, with the rows of tables or without; None where the rows fit neither text."""
    for tables in (False, True):
        extraction = extract(document.content, document.markup, tables=tables, facts=True)
        if all(extraction.text[row.start : row.end] == row.text for row in rows):
            return extraction
    return None


def _rows(
    judgements: Sequence[Judgement], stored: StoredDocument, of_company: str | None, extraction: Extraction
) -> Iterator[dict[str, Any]]:
    missed = any(judgement.row is None for judgement in judgements)
    sentences = split(extraction) if missed else []
    for judgement in judgements:
        row, fact = judgement.row, judgement.fact
        place = row or fact
        if place is None:
            raise AssertionError("a judgement has a row or a fact")
        around = next((each for each in sentences if each.start <= place.start < each.start + len(each.text)), None)
        yield {
            "verdict": judgement.verdict,
            "label": judgement.label,
            "text": place.text,
            "value": row.value if row else None,
            "unit": row.unit if row else None,
            "confidence": row.confidence if row else None,
            "concept": fact.concept if fact else None,
            "xbrl_value": fact.value if fact else None,
            "xbrl_unit": fact.unit if fact else None,
            "place": judgement.place,
            "section": row.section if row else around.section if around else None,
            "sentence": row.sentence if row else around.text if around else None,
            "start": row.sentence_start if row else place.start - around.start if around else None,
            "company": stored.company,
            "cik": stored.cik,
            "split": of_company,
            "document_id": stored.document_id,
            "source": stored.source,
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
    """Split of each company that a source of the model's training data holds, where `data` is one; and why not."""
    learnt = learnt_from(model)
    if learnt is None:
        return None, "not known: the model folder has no training.json"
    if data is None:
        return None, "not told: --data DATASET, the one that the model was trained on, tells"
    file = data / SENTENCES_FILE if data.is_dir() else data
    if not file.is_file():
        raise UsageError(f"no labelled dataset at {data}: --data is the dataset that the model was trained on")
    (source,) = load_sources([str(data)])
    if source.sha256 not in learnt.sources:
        return None, f"not known: {data} is not the data that the model was trained on"
    splits = {row.company: row.split for row in source.sentences}
    if len(learnt.sources) == 1:
        return splits, f"by {data}, the data that the model was trained on"
    return splits, f"by {data}, one of {len(learnt.sources)} sources of the data that the model was trained on"
