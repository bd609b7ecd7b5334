"""Extraction of the plain text of text filings that have an HTML wrapper or stray tags."""

import re
from itertools import pairwise

from finner_batch.sources.references import unescape

_HIDDEN = (
    (re.compile(r"<!--"), re.compile(r"-->")),
    *(
        (re.compile(rf"<{name}\b[^<>]*>", re.IGNORECASE), re.compile(rf"</{name}\s*>", re.IGNORECASE))
        for name in ("title", "style", "script")
    ),
)
_TAG = re.compile(r"<!doctype[^<>]*>|</?(?!(?:page|table|caption|s|c|fn)\b)[a-z][a-z0-9]*\b[^<>]*>", re.IGNORECASE)
_LAYOUT = re.compile(r"<table\b[^<>]*>(?=\s{0,100}<t(?:body|r|d)\b)", re.IGNORECASE)
"""An HTML table that only contains typed text."""
_STRIKES = re.compile(r"<(/?)(s|strike|del)(?=[\s>])[^<>]*>", re.IGNORECASE)


def unwrap(markup: str) -> str:
    """Remove HTML tags, entities and struck-out text, but not the marks of text filings (`<PAGE>`, `<S>`, …).

    Source of the marks: EDGAR Filer Manual volume II, 5.2.1 (ASCII documents).
    """
    for opening, closing in _HIDDEN:
        markup = without(markup, opening, closing)
    return unescape(_TAG.sub("", _LAYOUT.sub("", _without_struck(markup))))


def _without_struck(markup: str) -> str:
    """Remove struck-out text. An `<s>` without an `</s>` before the next `<s>` marks a table's first column instead."""
    pieces: list[str] = []
    position = 0
    for opening, closing in pairwise(_STRIKES.finditer(markup)):
        if closing[1] and not opening[1] and opening[2].lower() == closing[2].lower():
            pieces.append(markup[position : opening.start()])
            position = closing.end()
    return "".join([*pieces, markup[position:]])


def without(markup: str, opening: re.Pattern[str], closing: re.Pattern[str]) -> str:
    """Remove elements from markup. An element that never ends is not removed."""
    pieces: list[str] = []
    position = 0
    while (start := opening.search(markup, position)) and (end := closing.search(markup, start.end())):
        pieces.append(markup[position : start.start()])
        position = end.end()
    return "".join([*pieces, markup[position:]])
