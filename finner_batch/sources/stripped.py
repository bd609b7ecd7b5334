"""Submissions without their SGML tags, which many corpora have removed from EDGAR's full text files.

Of `<TYPE>10-K <SEQUENCE>1 <FILENAME>d10k.htm`, only the values remain, one per line. The sequence numbers start at 1
after the header, which distinguishes these lines from the figures of a table.
"""

import re
from typing import NamedTuple

_HEADER_LINE = re.compile(rb"[ \t]*(?:[A-Z][A-Z0-9 /()&.,'-]*:(?:[ \t].*)?)?\r?\n")
_ACCESSION_LINE = re.compile(rb"^[ \t]*ACCESSION NUMBER:.*\n", re.MULTILINE)
_MARK = re.compile(
    rb"^[ \t]*(?P<type>(?:EX-|10-|20-|40-|8-|6-|DEF|S-|F-|424B)[^\r\n]{0,16}|GRAPHIC|XML|EXCEL|ZIP|JSON|PDF)[ \t]*"
    rb"(?:\r?\n[ \t]*)+(?P<sequence>\d{1,4})[ \t]*(?:\r?\n[ \t]*)+"
    rb"(?:(?P<filename>[\w.-]+\.(?:txt|html?|xml|xsd|jpg|gif|pdf|zip|xlsx?|json|css|js))[ \t]*(?=[\r\n]))?",
    re.MULTILINE,
)


class Mark(NamedTuple):
    """The beginning of a document: its TYPE line is at `start`, its text at `text_start`."""

    start: int
    text_start: int
    type: str | None
    filename: str | None


def split_without_tags(data: bytes) -> tuple[int, list[Mark]]:
    """Return the end of the header and a mark per document; without a recognisable document, one mark for all text."""
    accession = _ACCESSION_LINE.search(data)
    header_end = 0
    if accession:
        header_end = accession.end()
        while (line := _HEADER_LINE.match(data, header_end)) and line.end() > header_end:
            header_end = line.end()
    marks: list[Mark] = []
    for found in _MARK.finditer(data, header_end):
        if int(found["sequence"]) != len(marks) + 1 or (not marks and data[header_end : found.start()].strip()):
            continue
        filename = found["filename"]
        marks.append(
            Mark(
                found.start(),
                found.end(),
                found["type"].strip().decode("ascii", "replace").upper(),
                filename.decode("ascii") if filename else None,
            )
        )
    return header_end, marks or [Mark(header_end, header_end, None, None)]
