"""One row of the `entities` table: where the number stands, what it says, how sure that is."""

from typing import Any

from finner_batch.entities.value import Value
from finner_batch.sentences.sentence import Sentence
from finner_batch.sources.document import Document
from finner_batch.tagger.span import Span


def entity_row(
    document: Document, sentence: Sentence, span: Span, value: Value, *, model_id: str, run_id: str, schema_version: int
) -> dict[str, Any]:
    """All columns of an entity, in the order of the table's schema (`finner_batch.store.schema.ENTITIES`)."""
    header = document.header
    return {
        "document_id": document.document_id,
        "source": document.source,
        "accession_number": header.accession_number,
        "cik": header.cik,
        "company": header.company,
        "form_type": header.form_type,
        "period_of_report": header.period_of_report,
        "filing_date": header.filing_date,
        **entity_columns(sentence, span, value),
        "model_id": model_id,
        "run_id": run_id,
        "schema_version": schema_version,
    }


def entity_columns(sentence: Sentence, span: Span, value: Value) -> dict[str, Any]:
    """Columns `section` to `confidence`: those that an entity brings itself and its document does not say."""
    return {
        "section": sentence.section,
        "sentence_index": sentence.index,
        "sentence": sentence.text,
        "start": span.start,
        "end": span.end,
        "document_start": sentence.start + span.start,
        "document_end": sentence.start + span.end,
        "label": span.label,
        "text": sentence.text[span.start : span.end],
        "value": value.value,
        "unit": value.unit,
        "scale": value.scale,
        "confidence": span.confidence,
    }
