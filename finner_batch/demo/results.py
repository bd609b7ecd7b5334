"""Renders the numbers found as HTML: a summary, the text with its numbers marked, and a table."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from finner_batch.demo.finder import DocumentNumbers, Reading
from finner_batch.demo.marked import amount, colour, excerpt, marked, safe, short_name
from finner_batch.sources.document import FailedDocument

MAX_SHOWN = 500
"""Numbers shown; a longer page is slow to lay out."""
_COLUMNS = ("Label", "Number", "Value", "Unit", "Confidence", "Section", "Sentence")
_CAPITAL = re.compile("(?<=[a-z])(?=[A-Z])")
_FIGURES = ("Number", "Value", "Confidence")


def results(reading: Reading, found: Sequence[DocumentNumbers], threshold: float | None) -> str:
    """Render one reading with its numbers at or above `threshold`; None means the model's own thresholds."""
    labels = reading.model.labels[1:]
    failures = "".join(failure(failed) for failed in reading.failed)
    if not found:
        return failures
    rows = [row for document in found for row in document.rows]
    at = "the model\u2019s own thresholds" if threshold is None else f"confidence {threshold:.2f}"
    parts = [failures, _summary(reading, found, len(rows)), _legend(rows, labels)]
    if not rows:
        parts.append(
            f'<p class="fb-none">No number was found at {at}. A lower threshold shows less certain numbers.</p>'
        )
    if len(rows) > MAX_SHOWN:
        parts.append(
            f'<p class="fb-none">The first {MAX_SHOWN} of {len(rows):,} numbers are shown; '
            "<code>finner-batch run</code> writes all.</p>"
        )
    shown = _first(found, MAX_SHOWN)
    if reading.upload.text is not None:
        parts.append(_pasted_text(reading.upload.text, [row for document in shown for row in document.rows], labels))
    elif rows:
        parts.append(_passages(shown, labels))
    if rows:
        parts.append(_table([row for document in shown for row in document.rows], labels))
    return "".join(parts)


def alert(message: str) -> str:
    """Render an error message."""
    return f'<div class="fb-alert" role="alert"><p>{safe(message)}</p></div>'


def failure(failed: FailedDocument) -> str:
    """Render the message for a document that cannot be read."""
    what, _, _ = failed.error.partition(": raise ")  # the advice after it is for the command line
    larger = what != failed.error
    return alert(f"Not read: {what}." + (" Use finner-batch run for larger and slower documents." if larger else ""))


def _summary(reading: Reading, found: Sequence[DocumentNumbers], count: int) -> str:
    sentences = sum(document.sentences for document in reading.documents)
    numbered = sum(len(document.numbered) for document in reading.documents)
    read = (
        f"{sentences:,} sentence{'s' * (sentences != 1)} read, {numbered:,} with a number, in {reading.seconds:.2f} s "
        f"by {reading.model.model_id}"
    )
    of = "the text" if reading.upload.text is not None else reading.upload.name
    facts = "" if len(found) > 1 else _header(found[0])
    return (
        f'<div role="status"><h2 class="fb-count">{count:,} number{"s" * (count != 1)} found in {safe(of)}</h2></div>'
        f'{facts}<p class="fb-read">{safe(read)}</p>'
    )


def _header(found: DocumentNumbers) -> str:
    header = found.header
    period = header.period_of_report
    facts = [
        header.company,
        header.form_type,
        f"period to {period.isoformat()}" if period else None,
        header.accession_number,
    ]
    stated = [safe(fact) for fact in facts if fact]
    return f'<p class="fb-facts">{" · ".join(stated)}</p>' if stated else ""


def _legend(rows: Sequence[dict[str, Any]], labels: Sequence[str]) -> str:
    counts = Counter(row["label"] for row in rows)
    shown = [label for label in labels if counts[label]] if len(labels) > len(counts) + 8 else labels
    items = "".join(
        f'<li class="{colour(label, labels)}">{safe(short_name(label))} <b>{counts[label]:,}</b>'
        f"<small>{_CAPITAL.sub('<wbr>', safe(label))}</small></li>"
        for label in shown
    )
    return f'<ul class="fb-legend" aria-label="Numbers by label">{items}</ul>' if items else ""


def _first(found: Iterable[DocumentNumbers], most: int) -> list[DocumentNumbers]:
    kept: list[DocumentNumbers] = []
    for document in found:
        rows = document.rows[:most]
        most -= len(rows)
        kept.append(
            DocumentNumbers(document_id=document.document_id, kind=document.kind, header=document.header, rows=rows)
        )
    return kept


def _pasted_text(text: str, rows: Sequence[dict[str, Any]], labels: Sequence[str]) -> str:
    """Render every line of a pasted text; no number spans two lines."""
    lines = []
    offset = 0
    waiting = list(reversed(rows))
    for line in text.split("\n"):
        own = []
        while waiting and waiting[-1]["document_start"] < offset + len(line):
            own.append(waiting.pop())
        if line.strip():
            lines.append(f"<p>{marked(line, own, labels, start='document_start', offset=offset)}</p>")
        offset += len(line) + 1
    return f'<h3>In the text</h3><div class="fb-text">{"".join(lines)}</div>'


def _passages(found: Sequence[DocumentNumbers], labels: Sequence[str]) -> str:
    """Render the sentences that contain a number, under their sections."""
    parts = ["<h3>In the filing</h3>"]
    for document in found:
        if len(found) > 1 and document.rows:
            parts.append(f'<p class="fb-document">{safe(document.document_id)}</p>')
        for section, of_section in groupby(document.rows, key=lambda row: row["section"]):
            sentences = "".join(
                f"<p>{marked(sentence, list(own), labels, start='start')}</p>"
                for (_, sentence), own in groupby(of_section, key=lambda row: (row["sentence_index"], row["sentence"]))
            )
            parts.append(
                f'<h4>{safe(_place(section) or "Before the first heading")}</h4><div class="fb-text">{sentences}</div>'
            )
    return "".join(parts)


def _table(rows: Sequence[dict[str, Any]], labels: Sequence[str]) -> str:
    """Render the table; the roles keep it one on a narrow screen, where the style sheet turns rows into cards."""
    head = "".join(
        f'<th scope="col" role="columnheader"{" class=fb-figure" if name in _FIGURES else ""}>{name}</th>'
        for name in _COLUMNS
    )
    return (
        '<h3 id="fb-table">As a table</h3>'
        '<div class="fb-scroll" role="region" aria-labelledby="fb-table" tabindex="0">'
        '<table class="fb-table" role="table" aria-labelledby="fb-table">'
        f'<thead role="rowgroup"><tr role="row">{head}</tr></thead>'
        f'<tbody role="rowgroup">{"".join(_table_row(row, labels) for row in rows)}</tbody></table></div>'
    )


def _table_row(row: dict[str, Any], labels: Sequence[str]) -> str:
    label = row["label"]
    cells = (
        ("", f'<span class="fb-chip {colour(label, labels)}" title="{safe(label)}">{safe(short_name(label))}</span>'),
        ("fb-figure", safe(row["text"])),
        ("fb-figure", safe(amount(row["value"]))),
        ("", safe(row["unit"] or "")),
        ("fb-figure", f"{row['confidence']:.2f}"),
        ("fb-place", safe(_place(row["section"]))),
        (f"fb-sentence {colour(label, labels)}", f"<span>{excerpt(row)}</span>"),
    )
    filled = "".join(
        f'<td role="cell" data-column="{name}" class="{kind}">{cell}</td>'
        for name, (kind, cell) in zip(_COLUMNS, cells, strict=True)
    )
    return f'<tr role="row">{filled}</tr>'


def _place(section: str | None) -> str:
    return (section or "").replace(" > ", " \u203a ")
