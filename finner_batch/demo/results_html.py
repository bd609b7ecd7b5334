"""Renders the numbers found as HTML: a summary, the text with its numbers marked, and a table.

Text of a filing is inert: it is escaped, and invisible characters are shown.
"""

import html
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Any

from finner_batch.demo.finder import DocumentNumbers, Reading
from finner_batch.readers.document import FailedDocument

COLOURS = 8
"""Classes `k0` to `k7` of the style sheet; further labels reuse them."""
SHORT_NAMES = {
    "DebtInstrumentBasisSpreadOnVariableRate1": "spread",
    "DebtInstrumentInterestRateStatedPercentage": "stated rate",
    "LineOfCreditFacilityMaximumBorrowingCapacity": "facility size",
    "DebtInstrumentInterestRateEffectivePercentage": "effective rate",
}
"""Names of the packaged model's labels in running text."""
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]*|[a-z]+|\d+")
_INVISIBLE = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)
"""Control and format characters, including those that change the direction of the text."""
_MIN_CUT = 20
"""An ellipsis must save at least this many characters."""
_TEMPLATE_CHARACTERS = str.maketrans(
    {"{": "&#123;", "}": "&#125;", "$": "&#36;", "`": "&#96;", "@": "&#64;", "\\": "&#92;"}
)
"""Characters that Gradio's HTML component might interpret as a template."""
_UNIT_AFTER_NUMBER = re.compile(
    r"[ \xa0]?%|[ \xa0](?:percent|per cent|basis points?|bps?|thousand|million|billion|trillion)\b", re.IGNORECASE
)
MAX_SHOWN = 500
"""Numbers shown; a longer page is slow to lay out."""
_COLUMNS = ("Label", "Number", "Value", "Unit", "Confidence", "Section", "Sentence")
_CAPITAL = re.compile("(?<=[a-z])(?=[A-Z])")
_FIGURES = ("Number", "Value", "Confidence")


def safe(text: str) -> str:
    """Escape a text for HTML or an attribute: no markup, no template, and no invisible character remains.

    Unlike `terminal.visible` it keeps tabs and line breaks, which HTML lays out, and marks what it shows in place of an
    invisible character as an element, which the style sheet sets apart from the filing's text.
    """
    escaped = html.escape(text).translate(_TEMPLATE_CHARACTERS)
    return _INVISIBLE.sub(lambda match: f'<span class="fb-unseen">U+{ord(match[0]):04X}</span>', escaped)


def short_name(label: str) -> str:
    """Return a label in words: `spread`, or `Debt Instrument Face Amount` if it has no short name."""
    return SHORT_NAMES.get(label) or " ".join(_WORDS.findall(label)) or label


def colour(label: str, labels: Sequence[str]) -> str:
    """Return the class that colours a label throughout a page."""
    return f"k{labels.index(label) % COLOURS}"


def amount(value: float | None) -> str:
    """Format a value: `450,000,000`, `0.0125`; `none` if there is no value."""
    return "none" if value is None else f"{Decimal(repr(value)).normalize():,f}"


def value_in_words(row: dict[str, Any]) -> str:
    """Format value and unit: `450,000,000 USD`; a rate is shown without a unit."""
    unit = row["unit"]
    return amount(row["value"]) if unit in {None, "pure"} else f"{amount(row['value'])} {unit}"


def marked(text: str, rows: Iterable[dict[str, Any]], labels: Sequence[str], *, start: str, offset: int = 0) -> str:
    """Render `text` as HTML, with the numbers of `rows` marked and followed by label, value and confidence.

    `start` names the column with a number's offset (`start` or `document_start`); `offset` is that of `text` itself.
    """
    pieces: list[str] = []
    end = 0
    for row in rows:
        begin = row[start] - offset
        pieces.append(safe(text[end:begin]))
        end = begin + len(row["text"])
        unit = _UNIT_AFTER_NUMBER.match(text, end)
        pieces.append(
            f'<span class="fb-number {colour(row["label"], labels)}"><mark>{safe(text[begin:end])}</mark>'
            f"{safe(unit[0]) if unit else ''}"
            f'<span class="fb-tag" title="{safe(row["label"])}"><span class="fb-aside"> (</span>'
            f"{safe(short_name(row['label']))} <b>{safe(value_in_words(row))}</b> {row['confidence']:.2f}"
            f'<span class="fb-aside">) </span></span></span>'
        )
        end = unit.end() if unit else end
    pieces.append(safe(text[end:]))
    return "".join(pieces)


def excerpt(row: dict[str, Any], reach: int = 80) -> str:
    """Render a number in its sentence as HTML, with about `reach` characters on either side."""
    sentence, start, end = row["sentence"], row["start"], row["end"]
    left = start - reach if start > reach + _MIN_CUT else 0
    right = end + reach if end + reach + _MIN_CUT < len(sentence) else len(sentence)
    if left:
        space = sentence.find(" ", left, start)
        left = space + 1 if space >= 0 else left
    if right < len(sentence):
        space = sentence.rfind(" ", end, right)
        right = space if space >= 0 else right
    before, after = "\u2026" if left else "", "\u2026" if right < len(sentence) else ""
    number = f"<mark>{safe(sentence[start:end])}</mark>"
    return f"{before}{safe(sentence[left:start])}{number}{safe(sentence[end:right])}{after}"


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
