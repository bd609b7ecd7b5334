"""Text filings inside an HTML wrapper, or with stray tags: back to the plain text that they are."""

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
"""A table of HTML that text was typed into, which is none to a reader."""
_STRIKES = re.compile(r"<(/?)(s|strike|del)(?=[\s>])[^<>]*>", re.IGNORECASE)


def unwrap(markup: str) -> str:
    """Remove HTML's tags and entities, and what is struck out; the marks of text filings (`<PAGE>`, `<S>`, …) stay.

    Source of the marks: EDGAR Filer Manual volume II, 5.2.1 (ASCII documents).
    """
    for opening, closing in _HIDDEN:
        markup = without(markup, opening, closing)
    return unescape(_TAG.sub("", _LAYOUT.sub("", _without_struck(markup))))


def _without_struck(markup: str) -> str:
    """An `<s>` that no `</s>` follows before the next one is the mark of a table's first column."""
    pieces: list[str] = []
    position = 0
    for opening, closing in pairwise(_STRIKES.finditer(markup)):
        if closing[1] and not opening[1] and opening[2].lower() == closing[2].lower():
            pieces.append(markup[position : opening.start()])
            position = closing.end()
    return "".join([*pieces, markup[position:]])


def without(markup: str, opening: re.Pattern[str], closing: re.Pattern[str]) -> str:
    """Return what stands outside the elements; one that never ends is text."""
    pieces: list[str] = []
    position = 0
    while (start := opening.search(markup, position)) and (end := closing.search(markup, start.end())):
        pieces.append(markup[position : start.start()])
        position = end.end()
    return "".join([*pieces, markup[position:]])
