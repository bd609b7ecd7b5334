"""Text of filings as HTML that does nothing: escaped, what cannot be seen shown, numbers marked."""

import html
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

COLOURS = 8
"""Classes `k0` to `k7` of the style sheet; labels beyond them share."""
SHORT = {
    "DebtInstrumentBasisSpreadOnVariableRate1": "spread",
    "DebtInstrumentInterestRateStatedPercentage": "stated rate",
    "LineOfCreditFacilityMaximumBorrowingCapacity": "facility size",
    "DebtInstrumentInterestRateEffectivePercentage": "effective rate",
}
"""What the packaged model's labels are called in running text."""
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]*|[a-z]+|\d+")
_UNSEEN = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)
"""Control and format characters, among them those that turn the direction of the text around them."""
_SCRAP = 20
"""Characters that are not worth an ellipsis."""
_OF_TEMPLATES = str.maketrans({"{": "&#123;", "}": "&#125;", "$": "&#36;", "`": "&#96;", "@": "&#64;", "\\": "&#92;"})
"""What Gradio's HTML component, or a template of it, might take for its own."""
_TAIL = re.compile(
    r"[ \xa0]?%|[ \xa0](?:percent|per cent|basis points?|bps?|thousand|million|billion|trillion)\b", re.IGNORECASE
)


def safe(text: str) -> str:
    """The text as it can stand in HTML or in an attribute: no markup, no template, no character that cannot be seen."""
    shown = html.escape(text).translate(_OF_TEMPLATES)
    return _UNSEEN.sub(lambda found: f'<span class="fb-unseen">U+{ord(found[0]):04X}</span>', shown)


def short_name(label: str) -> str:
    """A label in words: `spread`; `Debt Instrument Face Amount` where it has no short name."""
    return SHORT.get(label) or " ".join(_WORDS.findall(label)) or label


def colour(label: str, labels: Sequence[str]) -> str:
    """The class that colours a label, the same all over a page."""
    return f"k{labels.index(label) % COLOURS}"


def amount(value: float | None) -> str:
    """A value to read: `450,000,000`, `0.0125`; `none` where the digits are no number."""
    return "none" if value is None else f"{Decimal(repr(value)).normalize():,f}"


def value_in_words(row: dict[str, Any]) -> str:
    """Value and unit: `450,000,000 USD`; a rate has no unit to show."""
    unit = row["unit"]
    return amount(row["value"]) if unit in {None, "pure"} else f"{amount(row['value'])} {unit}"


def marked(text: str, rows: Iterable[dict[str, Any]], labels: Sequence[str], *, start: str, offset: int = 0) -> str:
    """`text` as HTML with the numbers of `rows` marked, each with label, value and confidence behind it.

    `start` is the column of a number's place (`start` or `document_start`), `offset` where `text` begins in it.
    """
    pieces: list[str] = []
    end = 0
    for row in rows:
        begin = row[start] - offset
        pieces.append(safe(text[end:begin]))
        end = begin + len(row["text"])
        tail = _TAIL.match(text, end)
        pieces.append(
            f'<span class="fb-number {colour(row["label"], labels)}"><mark>{safe(text[begin:end])}</mark>'
            f"{safe(tail[0]) if tail else ''}"
            f'<span class="fb-tag" title="{safe(row["label"])}"><span class="fb-aside"> (</span>'
            f"{safe(short_name(row['label']))} <b>{safe(value_in_words(row))}</b> {row['confidence']:.2f}"
            f'<span class="fb-aside">) </span></span></span>'
        )
        end = tail.end() if tail else end
    pieces.append(safe(text[end:]))
    return "".join(pieces)


def excerpt(row: dict[str, Any], reach: int = 80) -> str:
    """The number in its sentence, as HTML, with about `reach` characters on either side."""
    sentence, start, end = row["sentence"], row["start"], row["end"]
    left = start - reach if start > reach + _SCRAP else 0
    right = end + reach if end + reach + _SCRAP < len(sentence) else len(sentence)
    if left:
        space = sentence.find(" ", left, start)
        left = space + 1 if space >= 0 else left
    if right < len(sentence):
        space = sentence.rfind(" ", end, right)
        right = space if space >= 0 else right
    before, after = "\u2026" if left else "", "\u2026" if right < len(sentence) else ""
    number = f"<mark>{safe(sentence[start:end])}</mark>"
    return f"{before}{safe(sentence[left:start])}{number}{safe(sentence[end:right])}{after}"
