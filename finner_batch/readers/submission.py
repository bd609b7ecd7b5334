"""EDGAR submissions: several documents in one file, each between `<DOCUMENT>` tags, after a header.

Source: EDGAR Public Dissemination Service (PDS) Technical Specification: `<TYPE>`, `<SEQUENCE>`, `<FILENAME>` and
`<DESCRIPTION>` precede the one `<TEXT>` element that holds the document. Two variants are read as well: a document cut
out of its submission together with these tags, and a submission whose tags were removed (`tags_removed`), as many
corpora have them.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

_HEADER_LINE = re.compile(rb"[ \t]*(?:[A-Z][A-Z0-9 /()&.,'-]*:(?:[ \t].*)?)?\r?\n")
_ACCESSION_LINE = re.compile(rb"^[ \t]*ACCESSION NUMBER:.*\n", re.MULTILINE)
_MARK = re.compile(
    rb"^[ \t]*(?P<type>(?:EX-|10-|20-|40-|8-|6-|DEF|S-|F-|424B)[^\r\n]{0,16}|GRAPHIC|XML|EXCEL|ZIP|JSON|PDF)[ \t]*"
    rb"(?:\r?\n[ \t]*)+(?P<sequence>\d{1,4})[ \t]*(?:\r?\n[ \t]*)+"
    rb"(?:(?P<filename>[\w.-]+\.(?:txt|html?|xml|xsd|jpg|gif|pdf|zip|xlsx?|json|css|js))[ \t]*(?=[\r\n]))?",
    re.MULTILINE,
)
_NOT_TEXT = frozenset({"GRAPHIC", "ZIP", "EXCEL", "XML", "JSON", "PDF"})
_XBRL_EXHIBIT = re.compile(r"EX-10[01]\.")
"""XBRL instances, schemas and linkbases (EX-100, EX-101), which EDGAR attaches to the document."""
_DEBT_EXHIBIT = re.compile(r"EX-(?:4|10|13)(?!\d)")
"""Instruments defining the rights of holders, material contracts and the annual report to security holders: Item 601 of
Regulation S-K (17 CFR 229.601)."""
_ENCODED = re.compile(rb"\s*(?:<\w{1,20}>\s*)?(?:begin(?:-base64)? [0-7]{3,4} \S|%PDF-)", re.IGNORECASE)
"""A uuencoded file (POSIX), as EDGAR includes PDFs, graphics and archives, or an unencoded PDF."""
_DOCUMENT_TAG = re.compile(rb"<(TYPE|SEQUENCE|FILENAME|DESCRIPTION)>[ \t]*([^\r\n<]*)", re.IGNORECASE)
_FIRST_TAG = re.compile(rb"<(?:TYPE|SEQUENCE)>", re.IGNORECASE)
_BEHIND_OPENING = re.compile(rb"\s{0,80}<(?:TYPE|SEQUENCE|FILENAME|DESCRIPTION|TEXT)>", re.IGNORECASE)
_TEXT = re.compile(rb"<TEXT>", re.IGNORECASE)
_TAGS_BYTES = 4096
"""The tags of a document are within this many bytes before its text."""
_SUBMISSION_ENDS = (b"</sec-document>", b"</ims-document>", b"</submission>", b"-----end privacy-enhanced message-----")
_PIECE_BYTES = 1 << 20
DocumentChoice: TypeAlias = Literal["main", "debt", "all"]
"""Documents of a submission: the main one; also the exhibits on debt (EX-4, EX-10, EX-13); all that are text."""


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
    """The parts of a submission in order; `data[:header_end]` is its header. `tags_removed`: its tags were removed."""

    header_end: int
    parts: tuple[Part, ...]
    tags_removed: bool = False


def split_submission(data: bytes) -> Submission:
    """Find the documents of a submission. Without a recognisable one, all text after the header is one document."""
    begins = list(_begins(data))
    if not begins and (cut_out := _FIRST_TAG.search(data, 0, _TAGS_BYTES)):
        begins = [cut_out.start()]  # a document cut out of its submission after its <DOCUMENT> tag
    if begins:
        parts = tuple(
            _part(data, position, start, limit)
            for position, (start, limit) in enumerate(zip(begins, [*begins[1:], len(data)], strict=True), start=1)
        )
        return Submission(header_end=begins[0], parts=parts)
    return _split_without_tags(data)


def main_parts(submission: Submission, form_type: str | None, data: bytes) -> list[Part]:
    """Choose the main documents: all parts whose type is the form, such as a report filed in two files.

    If there are none, the first part that is not an exhibit is the main document, with all others of its type; else the
    first part. Parts that are not text, such as a PDF of the report, count only if there are no others.
    """
    parts = submission.parts
    main = next(
        (part for part in parts if form_type is not None and part.type == form_type.upper()),
        next((part for part in parts if part.type is None or not part.type.startswith("EX-")), parts[0]),
    )
    same_type = [part for part in parts if part.type is not None and part.type == main.type]
    return [part for part in same_type or [main] if is_textual(part, data)] or [main]


def is_textual(part: Part, data: bytes) -> bool:
    """Return whether a part is text: not a graphic, archive, spreadsheet, XBRL data, PDF or encoded file."""
    part_type = part.type or ""
    return (
        part_type not in _NOT_TEXT
        and not _XBRL_EXHIBIT.match(part_type)
        and not _ENCODED.match(data, part.start, min(part.end, part.start + _TAGS_BYTES))
    )


def is_on_debt(exhibit: str) -> bool:
    """Return whether exhibits of this type (`EX-10.1`) are about debt."""
    return bool(_DEBT_EXHIBIT.match(exhibit))


def chosen_parts(
    submission: Submission, mains: Sequence[Part], textual: Sequence[Part], documents: DocumentChoice
) -> Sequence[Part]:
    """Choose among the main documents (`main_parts`) and the other texts, in the order of the submission."""
    if documents == "main" or not textual:
        return mains
    if documents == "all":
        return textual
    wanted = {*mains, *(part for part in textual if is_on_debt(part.type or ""))}
    return [part for part in submission.parts if part in wanted]


def _split_without_tags(data: bytes) -> Submission:
    """Split a submission whose tags were removed: `<TYPE>10-K <SEQUENCE>1 <FILENAME>d10k.htm` left one value per line.

    The sequence numbers start at 1 after the header, which distinguishes these lines from the figures of a table.
    """
    accession = _ACCESSION_LINE.search(data)
    header_end = 0
    if accession:
        header_end = accession.end()
        while (line := _HEADER_LINE.match(data, header_end)) and line.end() > header_end:
            header_end = line.end()
    marks: list[re.Match[bytes]] = []
    for mark in _MARK.finditer(data, header_end):
        follows_header = marks or not data[header_end : mark.start()].strip()
        if follows_header and int(mark["sequence"]) == len(marks) + 1:
            marks.append(mark)
    ends = [mark.start() for mark in marks[1:]] + [len(data)]
    parts = tuple(
        Part(
            type=mark["type"].strip().decode("ascii", "replace").upper(),
            sequence=sequence,
            filename=mark["filename"].decode("ascii") if mark["filename"] else None,
            start=mark.end(),
            end=end,
        )
        for sequence, (mark, end) in enumerate(zip(marks, ends, strict=False), start=1)
    )
    whole = Part(type=None, sequence=1, filename=None, start=header_end, end=len(data))
    return Submission(header_end=header_end, parts=parts or (whole,), tags_removed=True)


def _begins(data: bytes) -> Iterator[int]:
    """Yield the offset of each `<DOCUMENT>` tag that begins a line or follows a tag, and precedes a document's tags."""
    tag = b"<document>"
    for piece in range(0, len(data), _PIECE_BYTES):
        lower = data[piece : piece + _PIECE_BYTES + len(tag) - 1].lower()
        at = lower.find(tag)
        while at >= 0:
            if _begins_line(data, piece + at) and _BEHIND_OPENING.match(data, piece + at + len(tag)):
                yield piece + at
            at = lower.find(tag, at + len(tag))


def _last(data: bytes, tag: bytes, start: int, end: int) -> int:
    """Return the last offset of a tag (in lower case) that begins a line or follows another tag, or -1."""
    while end - start >= len(tag):
        piece = max(start, end - _PIECE_BYTES)
        lower = data[piece:end].lower()
        at = lower.rfind(tag)
        while at >= 0:
            if _begins_line(data, piece + at):
                return piece + at
            at = lower.rfind(tag, 0, at)
        end = piece + len(tag) - 1 if piece > start else start
    return -1


def _begins_line(data: bytes, at: int) -> bool:
    before = data[max(0, at - 80) : at].rstrip(b" \t")
    return not before or before[-1:] in b"\r\n\f>"


def _part(data: bytes, position: int, start: int, limit: int) -> Part:
    text = _TEXT.search(data, start, min(limit, start + _TAGS_BYTES))
    tags: dict[str, str] = {}
    tags_end = start
    for tag in _DOCUMENT_TAG.finditer(data, start, text.start() if text else min(limit, start + _TAGS_BYTES)):
        tags.setdefault(tag[1].decode("ascii").upper(), tag[2].strip().decode("utf-8", "replace"))
        tags_end = tag.end()
    text_start = text.end() if text else tags_end
    sequence = tags.get("SEQUENCE", "")
    return Part(
        type=tags.get("TYPE", "").upper() or None,
        sequence=int(sequence) if len(sequence) < 10 and sequence.isdecimal() else position,
        filename=tags.get("FILENAME") or None,
        start=text_start,
        end=_text_end(data, text_start, limit),
    )


def _text_end(data: bytes, start: int, limit: int) -> int:
    """Return the end of a document's text, even if some of its end tags are missing."""
    closing = _last(data, b"</document>", start, limit)
    end = closing if closing >= 0 else limit
    tail = data[max(start, end - _TAGS_BYTES) : end].rstrip().lower()
    while closing < 0 and (found := next((mark for mark in _SUBMISSION_ENDS if tail.endswith(mark)), None)):
        end = max(start, end - _TAGS_BYTES) + len(tail) - len(found)
        tail = data[max(start, end - _TAGS_BYTES) : end].rstrip().lower()
    at = tail.rfind(b"</text>")
    if at >= 0 and tail[at + len(b"</text>") :].strip()[:1] in b"<":
        return max(start, end - _TAGS_BYTES) + at
    return end
