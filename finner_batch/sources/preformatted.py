"""Text filings inside an HTML `<PRE>` wrapper: back to the plain text that they are."""

import html
import re

_TITLE = re.compile(r"<title\b[^>]*>.*?</title\s*>|<!--.*?-->|<!doctype[^>]*>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"</?(?!(?:page|table|caption|s|c|fn)\b)[a-z][a-z0-9]*\b[^<>]*>", re.IGNORECASE)


def unwrap(markup: str) -> str:
    """Remove HTML's tags and entities; the marks of text filings (`<PAGE>`, `<TABLE>`, `<S>`, …) stay.

    Source of the marks: EDGAR Filer Manual volume II, 5.2.1 (ASCII documents).
    """
    return html.unescape(_TAG.sub("", _TITLE.sub("", markup)))
