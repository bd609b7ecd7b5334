"""What a job stored of filings with inline XBRL: documents and their rows, as a results folder holds them now."""

import logging
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from finner_batch.errors import UsageError
from finner_batch.log import fields
from finner_batch.query.ask import ask
from finner_batch.storage.place import Place

LOG = logging.getLogger(__name__)

STORED = """
SELECT d.document_id, d.source, d.sha256, d.cik, d.company, d.model_id, e.label, e.text, e.value, e.unit, e.confidence,
  e.section, e.sentence, e.start AS sentence_start, e.document_start, e.document_end
FROM documents AS d LEFT JOIN entities AS e ON e.source = d.source AND e.document_id = d.document_id
WHERE d.status = 'ok' AND d.kind IN ('ixbrl', 'sgml-ixbrl')
ORDER BY d.source, d.document_id, e.document_start
"""


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
