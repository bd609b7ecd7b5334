"""One row of the `entities` table: the position, the value and the confidence of a number."""

from typing import Any

from finner_batch.entities.before import ReplacedNumber
from finner_batch.entities.text_fragment import sec_url_of
from finner_batch.entities.value import Value
from finner_batch.sentences.sentence import Sentence
from finner_batch.tagger.span import Span


def entity_row(
    sentence: Sentence, span: Span, value: Value, before: ReplacedNumber | None = None, *, sec_url: str | None = None
) -> dict[str, Any]:
    """Return the columns `section` to `sec_url`; the writer adds those of the document.

    `before`: the struck-out number that this one replaced. `sec_url`: the document's address at EDGAR.
    """
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
        "before_text": before.text if before else None,
        "before_value": before.value if before else None,
        "sec_url": sec_url_of(sec_url, sentence.text, span.start, span.end),
    }
