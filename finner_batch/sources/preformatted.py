"""Text filings inside an HTML wrapper, or with stray tags: back to the plain text that they are."""

import re

from finner_batch.sources.references import unescape

_HIDDEN = (
    (re.compile(r"<!--"), re.compile(r"-->")),
    *(
        (re.compile(rf"<{name}\b[^<>]*>", re.IGNORECASE), re.compile(rf"</{name}\s*>", re.IGNORECASE))
        for name in ("title", "style", "script")
    ),
)
_TAG = re.compile(r"<!doctype[^<>]*>|</?(?!(?:page|table|caption|s|c|fn)\b)[a-z][a-z0-9]*\b[^<>]*>", re.IGNORECASE)


def unwrap(markup: str) -> str:
    """Remove HTML's tags and entities; the marks of text filings (`<PAGE>`, `<TABLE>`, `<S>`, …) stay.

    Source of the marks: EDGAR Filer Manual volume II, 5.2.1 (ASCII documents).
    """
    for opening, closing in _HIDDEN:
        markup = without(markup, opening, closing)
    return unescape(_TAG.sub("", markup))


def without(markup: str, opening: re.Pattern[str], closing: re.Pattern[str]) -> str:
    """Return what stands outside the elements; one that never ends is text."""
    pieces: list[str] = []
    position = 0
    while (start := opening.search(markup, position)) and (end := closing.search(markup, start.end())):
        pieces.append(markup[position : start.start()])
        position = end.end()
    return "".join([*pieces, markup[position:]])
