"""An EDGAR submission: many documents in one file, each between `<DOCUMENT>` tags, behind a header.

Source: EDGAR Public Dissemination Service (PDS) Technical Specification: `<TYPE>`, `<SEQUENCE>`, `<FILENAME>` and
`<DESCRIPTION>` stand before the one `<TEXT>` element that holds the document. Also read: a document cut out of its
submission together with these tags, and submissions whose tags a text extraction removed (`stripped`).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from finner_batch.sources.stripped import split_stripped

_NOT_TEXT = frozenset({"GRAPHIC", "ZIP", "EXCEL", "XML", "JSON", "PDF"})
_XBRL_EXHIBIT = re.compile(r"EX-10[01]\.")
"""XBRL instances, schemas and linkbases (EX-100, EX-101), which EDGAR attaches beside the document."""
_UUENCODED = re.compile(rb"\s*(?:<PDF>\s*)?begin [0-7]{3} \S", re.IGNORECASE)
_DOCUMENT_TAG = re.compile(rb"<(TYPE|SEQUENCE|FILENAME|DESCRIPTION)>[ \t]*([^\r\n<]*)", re.IGNORECASE)
_FIRST_TAG = re.compile(rb"<(?:TYPE|SEQUENCE)>", re.IGNORECASE)
_TAGS_BYTES = 4096
"""The tags of a document stand within this many bytes before its text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One document of a submission: `data[start:end]` is its text. `sequence` is 1-based; `type` is upper case."""

    type: str | None
    sequence: int
    filename: str | None
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """The parts of a submission in order; `data[:header_end]` is its header. `stripped`: its tags were removed."""

    header_end: int
    parts: tuple[Part, ...]
    stripped: bool = False


def split_submission(data: bytes) -> Submission:
    """Find the documents of a submission. Where none can be recognised, all behind the header is one."""
    parts = tuple(_parts(data))
    if parts:
        return Submission(header_end=_header_end(data), parts=parts)
    header_end, marks = split_stripped(data)
    ends = [mark.start for mark in marks[1:]] + [len(data)]
    parts = tuple(
        Part(type=mark.type, sequence=number, filename=mark.filename, start=mark.text_start, end=end)
        for number, (mark, end) in enumerate(zip(marks, ends, strict=True), start=1)
    )
    return Submission(header_end=header_end, parts=parts, stripped=True)


def is_textual(part: Part, data: bytes) -> bool:
    """Tell whether a part is prose to read: no graphic, archive, spreadsheet, XBRL data or uuencoded file."""
    kind = part.type or ""
    return (
        kind not in _NOT_TEXT
        and not _XBRL_EXHIBIT.match(kind)
        and not _UUENCODED.match(data, part.start, min(part.end, part.start + _TAGS_BYTES))
    )


def main_part(submission: Submission, form_type: str | None) -> Part:
    """Choose the filing itself: the first part whose type is the form, else the first no exhibit, else the first."""
    candidates = submission.parts
    return next(
        (part for part in candidates if form_type is not None and part.type == form_type.upper()),
        next((part for part in candidates if part.type is None or not part.type.startswith("EX-")), candidates[0]),
    )


def _parts(data: bytes) -> Iterator[Part]:
    opening, closing = (b"<DOCUMENT>", b"</DOCUMENT>") if b"<DOCUMENT>" in data else (b"<document>", b"</document>")
    start = data.find(opening)
    if start < 0 and (cut_out := _FIRST_TAG.search(data, 0, _TAGS_BYTES)):
        start = cut_out.start()  # a document cut out of its submission just behind its <DOCUMENT> tag
    position = 0
    while start >= 0:
        position += 1
        following = data.find(opening, start + len(opening))
        limit = following if following >= 0 else len(data)
        end = data.find(closing, start, limit)
        yield _part(data, position, start, end if end >= 0 else limit)
        start = following


def _part(data: bytes, position: int, start: int, end: int) -> Part:
    text = min((at for tag in (b"<TEXT>", b"<text>") if (at := data.find(tag, start, end)) >= 0), default=-1)
    tags: dict[str, str] = {}
    tags_end = start
    for tag in _DOCUMENT_TAG.finditer(data, start, text if text >= 0 else min(end, start + _TAGS_BYTES)):
        tags.setdefault(tag[1].decode("ascii").upper(), tag[2].strip().decode("utf-8", "replace"))
        tags_end = tag.end()
    text_start = text + len(b"<TEXT>") if text >= 0 else tags_end
    closing = data.rfind(b"</" + data[text + 1 : text_start], text_start, end) if text >= 0 else -1
    sequence = tags.get("SEQUENCE", "")
    return Part(
        type=tags.get("TYPE", "").upper() or None,
        sequence=int(sequence) if sequence.isdecimal() else position,
        filename=tags.get("FILENAME") or None,
        start=text_start,
        end=closing if closing >= 0 else end,
    )


def _header_end(data: bytes) -> int:
    """Find the start of the first document: what stands before it is the submission's header."""
    return next(end for tag in (b"<DOCUMENT>", b"<document>", b"<") if (end := data.find(tag)) >= 0)
