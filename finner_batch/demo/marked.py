"""Renders text of filings as inert HTML: escaped, with invisible characters shown and numbers marked."""

import html
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

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


def safe(text: str) -> str:
    """Escape a text for HTML or an attribute: no markup, no template, and no invisible character remains."""
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
