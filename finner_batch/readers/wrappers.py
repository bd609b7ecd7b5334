"""What programs wrap around a filing as they save it: response and mail headers, a browser's page, HTML around text."""

import html
import re
from collections.abc import Iterable
from itertools import pairwise

from finner_batch.readers.encoding import decode

_ENDLESS = re.compile("&#[0-9]{100,};?")
"""A number too long for Python to parse, which is no character's."""
COMMENT = (re.compile(r"<!--"), re.compile(r"-->"))
_HIDDEN = (
    COMMENT,
    *(
        (re.compile(rf"<{name}\b[^<>]*>", re.IGNORECASE), re.compile(rf"</{name}\s*>", re.IGNORECASE))
        for name in ("title", "style", "script")
    ),
)
_TAG = re.compile(r"<!doctype[^<>]*>|</?(?!(?:page|table|caption|s|c|fn)\b)[a-z][a-z0-9]*\b[^<>]*>", re.IGNORECASE)
_LAYOUT = re.compile(r"<table\b[^<>]*>(?=\s{0,100}<t(?:body|r|d)\b)", re.IGNORECASE)
"""An HTML table that only contains typed text."""
_STRIKES = re.compile(r"<(/?)(s|strike|del)(?=[\s>])[^<>]*>", re.IGNORECASE)
ENVELOPE_BYTES = 1 << 16
"""A submission or header must begin within these first bytes."""
_SUBMISSION = re.compile(
    rb"\s*(?:-----BEGIN PRIVACY-ENHANCED MESSAGE-----|<(?:SEC|IMS)-(?:DOCUMENT|HEADER)>|<SUBMISSION>"
    rb"|(?:<[^<>]{1,40}>\s*){0,2}(?:<DOCUMENT>\s*<TYPE>|<TYPE>[^<\n]{1,40}\s*<SEQUENCE>|<SEQUENCE>\s*\d+\s*<FILENAME>)"
    rb"|\d{10}-\d\d-\d{6}\.txt : \d{8}\s)",
    re.IGNORECASE,
)
_SUBMISSION_FURTHER_ON = re.compile(
    rb"^[ \t]{0,80}(?:-----BEGIN PRIVACY-ENHANCED MESSAGE-----[ \t]*\r?$|<(?:SEC|IMS)-DOCUMENT>\d{10}-\d\d-\d{6}\.txt"
    rb"|<(?:SEC|IMS)-HEADER>\d{10}-\d\d-\d{6}\.hdr"
    rb"|<DOCUMENT>[ \t]{0,80}\r?\n[ \t]{0,80}<TYPE>[^<\r\n]{1,40}\r?\n[ \t]{0,80}<SEQUENCE>)",
    re.IGNORECASE | re.MULTILINE,
)
"""The start of a submission after other lines: whole lines that only EDGAR writes."""
_ESCAPED_SUBMISSION = re.compile(
    rb"(?:^|>)[ \t]{0,80}(?:&lt;|&#60;|&#x3c;)"
    rb"(?:(?:SEC|IMS)-(?:DOCUMENT|HEADER)(?:&gt;|&#62;|&#x3e;|>)\d{10}-\d\d-\d{6}\."
    rb"|SUBMISSION(?:&gt;|&#62;|&#x3e;|>)|DOCUMENT(?:&gt;|&#62;|&#x3e;|>)\s{0,80}(?:&lt;|&#60;|&#x3c;)TYPE)",
    re.IGNORECASE | re.MULTILINE,
)
_REQUIRED_WORDS = (
    b"-document",
    b"-header",
    b"<document",
    b"&lt;document",
    b"&lt;submission",
    b"&#60;",
    b"&#x3c;",
    b"privacy-enhanced",
)
"""In lower case. Any match of the two patterns above contains one of them."""
_PRE = re.compile(rb"<pre\b[^<>]{0,1000}>", re.IGNORECASE)
_PRE_END = re.compile(rb"</pre\s{0,20}>", re.IGNORECASE)
_HEADER_LINES = re.compile(
    r"\s{0,100}(?P<status>HTTP/\d(?:\.\d)? \d{3}[^\n]*\n)?"
    r"(?P<lines>(?:[A-Za-z][A-Za-z0-9-]*:[^\n]*\n(?:[ \t]+[^\s][^\n]*\n)*)+)[ \t]*\n"
)
_CONTENT_TYPE = re.compile(r"^content-type:[ \t]*text/", re.IGNORECASE | re.MULTILINE)


def unescape(text: str) -> str:
    """Replace the character references in a text; invalid ones become U+FFFD."""
    return html.unescape(_ENDLESS.sub("\ufffd", text))


def unwrap(markup: str) -> str:
    """Remove HTML tags, entities and struck-out text, but not the marks of text filings (`<PAGE>`, `<S>`, …).

    Source of the marks: EDGAR Filer Manual volume II, 5.2.1 (ASCII documents).
    """
    return unescape(_TAG.sub("", _LAYOUT.sub("", _without_struck(without(markup, _HIDDEN)))))


def _without_struck(markup: str) -> str:
    """Remove struck-out text. An `<s>` without an `</s>` before the next `<s>` marks a table's first column instead."""
    pieces: list[str] = []
    position = 0
    for opening, closing in pairwise(_STRIKES.finditer(markup)):
        if closing[1] and not opening[1] and opening[2].lower() == closing[2].lower():
            pieces.append(markup[position : opening.start()])
            position = closing.end()
    return "".join([*pieces, markup[position:]])


def without(markup: str, elements: Iterable[tuple[re.Pattern[str], re.Pattern[str]]]) -> str:
    """Remove elements, given as how they begin and how they end. An element that never ends is not removed."""
    for opening, closing in elements:
        pieces: list[str] = []
        position = 0
        while (start := opening.search(markup, position)) and (end := closing.search(markup, start.end())):
            pieces.append(markup[position : start.start()])
            position = end.end()
        markup = "".join([*pieces, markup[position:]])
    return markup


def holds_submission(head: bytes) -> bool:
    """Return whether a file's first bytes, as UTF-8, contain the start of an EDGAR submission."""
    if _SUBMISSION.match(head):
        return True
    lower = head[:ENVELOPE_BYTES].lower()
    if not any(word in lower for word in _REQUIRED_WORDS):
        return False
    return bool(
        _SUBMISSION_FURTHER_ON.search(head, 0, ENVELOPE_BYTES)
        or (_PRE.search(head, 0, ENVELOPE_BYTES) and _ESCAPED_SUBMISSION.search(head, 0, ENVELOPE_BYTES))
    )


def without_page(data: bytes) -> bytes:
    """Return a submission without the HTML page in which a browser saved it, if there is one.

    Browsers show and save text as one `<pre>` element, with `<` and `&` as character references.
    """
    if _SUBMISSION.match(data) or not _ESCAPED_SUBMISSION.search(data, 0, ENVELOPE_BYTES):
        return data
    opening = _PRE.search(data, 0, ENVELOPE_BYTES)
    if opening is None:
        return data
    *_, end = (len(data), *(found.start() for found in _PRE_END.finditer(data, max(opening.end(), len(data) - 1024))))
    return unescape(decode(data[opening.end() : end])).encode("utf-8", "replace")


def without_header_lines(text: str) -> str:
    """Return a document without the response or mail header before it, which ends at a blank line."""
    found = _HEADER_LINES.match(text, 0, ENVELOPE_BYTES)
    if found and (found["status"] or _CONTENT_TYPE.search(found["lines"])):
        return text[found.end() :]
    return text
