"""The rows of a document's entities, made from the spans that the model found in its windows."""

from itertools import groupby
from operator import itemgetter
from typing import Any

from finner_batch.engine.deadline import Deadline
from finner_batch.engine.parse import ParsedDocument
from finner_batch.entities.before import replaced_number
from finner_batch.entities.entity import entity_row
from finner_batch.entities.values import read_value
from finner_batch.tagger.span import Span


def entity_rows(
    parsed: ParsedDocument, spans: list[list[Span]], *, deadline: Deadline | None = None
) -> list[dict[str, Any]]:
    """Return rows in the order of the document's text. `spans[i]` is of `parsed.windows[i]`.

    Raises OutOfTimeError where the deadline passes between two numbers; each number takes bounded time.
    """
    rows: list[dict[str, Any]] = []
    pairs = zip(parsed.owners, spans, strict=True)
    for owner, group in groupby(pairs, key=itemgetter(0)):
        sentence, scale = parsed.numbered[owner], parsed.document_scales[owner]
        found = sorted((span for _, of_window in group for span in of_window), key=lambda span: span.start)
        for span in found:
            if deadline is not None:
                deadline.check()
            value = read_value(sentence.text, span.start, span.end, document_scale=scale)
            before = replaced_number(sentence, span.start, span.end, document_scale=scale) if sentence.struck else None
            rows.append(entity_row(sentence, span, value, before, sec_url=parsed.document.sec_url))
    return rows
