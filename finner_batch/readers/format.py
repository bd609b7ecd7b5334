"""Detection of a file's format by its content: a shard, a submission, HTML, inline XBRL, text, or unreadable.

The name decides only where the content cannot: a file named `.parquet` without Parquet content is damaged, not text; a
file named `.jsonl` is JSON Lines even if its first line is invalid; one named `.csv` or `.tsv` is that unless it is
markup.
"""

import re
from typing import Literal

from finner_batch.errors import DocumentError, NotTheFilingError
from finner_batch.readers.encoding import as_utf8
from finner_batch.readers.refused_pages import refuse_json
from finner_batch.readers.wrappers import ENVELOPE_BYTES, holds_submission

FileFormat = Literal["parquet", "jsonl", "json", "csv", "tsv", "submission", "document"]
"""`json`: one object over several lines, a shard of one row. `document`: HTML or text, distinguished after decoding."""

DocumentFormat = Literal["ixbrl", "html", "text", "preformatted"]
"""`preformatted`: a text filing inside `<PRE>` or another element, or with stray tags, without other structure."""

_DELIMITED: tuple[FileFormat, ...] = ("csv", "tsv")
SHARD_NAME = re.compile(r"\.(parquet|jsonl|ndjson|json|csv|tsv)(\.gz|\.zst)?$", re.IGNORECASE)
"""The usual name of a shard, for when its content is not read."""
SNIFF_BYTES = ENVELOPE_BYTES

_BINARY = (
    (b"%PDF", "a PDF", "EDGAR's PDFs are courtesy copies: take the .htm or .txt of the same filing"),
    (b"PK\x03\x04", "a zip archive (also .xlsx, .docx)", "name it .zip, or unpack it and give the folder"),
    (b"\x89PNG", "a PNG image", "leave it out"),
    (b"\xff\xd8\xff", "a JPEG image", "leave it out"),
    (b"GIF8", "a GIF image", "leave it out"),
    (b"\xd0\xcf\x11\xe0", "an old Office file (.doc, .xls)", "save it as HTML or text"),
    (b"BZh", "bzip2 data", "unpack it, or pack it as .gz or .zst"),
    (b"\xfd7zXZ", "xz data", "unpack it, or pack it as .gz or .zst"),
    (b"7z\xbc\xaf", "a 7z archive", "unpack it and give the folder"),
    (b"Rar!", "a RAR archive", "unpack it and give the folder"),
    (b"ARROW1", "an Arrow file", "write it as Parquet"),
    (b"Obj\x01", "an Avro file", "write it as Parquet"),
    (b"SQLite format 3", "an SQLite database", "export its text as Parquet or JSON Lines"),
)
_BINARY_AFTER_LETTERS = (
    (b"ORC", "an ORC file", "write it as Parquet"),
    (b"PARE", "a Parquet file with an encrypted footer", "write it without encryption"),
)
"""A text may begin with these letters too (ORCHARD, PARENT), so the data must also be binary."""
_TAR_MAGIC_AT = 257
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1a\x1b\b"))
_TEXT_CONTROLS_SHARE = 0.02

_JSON_OBJECT = re.compile(rb'\s*\{(\s*)"(?:[^"\\]|\\.)*"\s*:', re.DOTALL)
_EDGAR_INDEX = re.compile(
    rb'\s*\{\s*"(?:(directory)"\s*:\s*\{|cik"\s*:\s*"?\d{1,10}"?\s*,\s*"(?:entityType|entityName|taxonomy)"\s*:)'
)
"""EDGAR's `index.json` of a folder, and its JSON lists of a company's filings and facts."""
_ERROR_BYTES = 4096
"""Longest JSON that is checked for being an error message."""
_JSON_ARRAY = re.compile(rb'\s*\[\s*\{\s*"', re.DOTALL)

_INLINE_XBRL = re.compile(r"http://www\.xbrl\.org/20\d\d/inlineXBRL")
_HTML = re.compile(
    r"<(?:!doctype html|html|head|body|div|p|font|span|center|br|hr|tr|td|h[1-6]|pre)(?=[\s>/])", re.IGNORECASE
)
_HTML_ROOT = re.compile(r"<(?:!doctype html|html|head|body)(?=[\s>])", re.IGNORECASE)
_TEXT_MARK = re.compile(r"^<(?:PAGE|CAPTION|S)>", re.MULTILINE)
"""Marks of text filings. A file with such marks and a stray `<P>` is not HTML."""
_STRUCTURE = re.compile(r"<(?:div|p|font|span|tr|td|th|li|h[1-6])(?=[\s>/])", re.IGNORECASE)
_PRE = re.compile(r"<pre(?=[\s>])", re.IGNORECASE)
_BREAK = re.compile(r"<br(?=[\s>/])", re.IGNORECASE)
_LINE_OF_TEXT = re.compile(r"\n[^\n\w]{0,100}\w")
_BLANK_LINE = re.compile(r"\n[ \t]{0,100}\n[ \t]{0,100}\w")
_TYPED_PARAGRAPHS = 3
"""Minimum number of paragraphs separated by blank lines in a text that was typed into an HTML element."""
_XML_DECLARATION = re.compile(r"\s*<\?xml[^>]*>")
_COMMENT = re.compile(r"\s{0,1000}<!--")
_XML_PROLOGUE = re.compile(r"\s+|<!--.*?-->|<!DOCTYPE[^>]*>|<\?.*?\?>", re.DOTALL)
_XML_ROOT = re.compile(r"<([\w.:-]+)")


def sniff(head: bytes, name: str) -> FileFormat:
    """Detect a file's format from its first `SNIFF_BYTES` decompressed bytes and its name without `.gz` or `.zst`.

    Raises DocumentError (stage `read`) for a format without text, which says what it is and what to do.
    """
    if head.startswith(b"PAR1"):
        return "parquet"
    lower = name.lower()
    is_whole = len(head) < SNIFF_BYTES
    head = as_utf8(head)
    if is_whole and not head.strip(b" \t\r\n\f\v"):
        raise DocumentError("read", f"{'only white space' if head else 'an empty file'}: fetch it again")
    if lower.endswith((".parquet", ".pq")) and not head.startswith(b"PARE"):
        raise DocumentError("read", "named as Parquet, but does not start with PAR1: damaged, or not Parquet")
    _refuse_binary(head)
    if delimited := _delimited(head, lower):
        return delimited
    if holds_submission(head):
        return "submission"
    return _json(head, lower) or "document"


def _delimited(head: bytes, name: str) -> FileFormat | None:
    if head.lstrip().startswith((b"<", b"-----BEGIN", b"{")):
        return None
    return next((file_format for file_format in _DELIMITED if name.endswith(f".{file_format}")), None)


def _json(head: bytes, name: str) -> FileFormat | None:
    if _JSON_ARRAY.match(head):
        raise DocumentError("read", "a JSON array: write one object per line (JSON Lines), e.g. with `jq -c '.[]'`")
    if listed := _EDGAR_INDEX.match(head):
        of = "a folder" if listed[1] else "a company's filings or facts"
        raise NotTheFilingError(f"EDGAR's list of {of}", "fetch the filing itself: the .txt or the main .htm file")
    if len(head) <= _ERROR_BYTES:
        refuse_json(head)
    found = _JSON_OBJECT.match(head)
    if name.endswith((".jsonl", ".ndjson")) or (found and b"\n" not in found[1]):
        return "jsonl"
    return "json" if found else None


def document_format(text: str) -> DocumentFormat:
    """Detect the format of a document's decoded text. Raises DocumentError for XML that is not XHTML."""
    start = _end_of_comments(text)
    head = text[start : start + SNIFF_BYTES] if start > SNIFF_BYTES // 2 else text[:SNIFF_BYTES]
    if "inlineXBRL" in text and _INLINE_XBRL.search(text):
        return "ixbrl"
    if not _HTML.search(head):
        root = _xml_root(head)
        if root and root[1].rpartition(":")[2].lower() != "html":
            raise DocumentError("read", f"XML data (<{root[1]}>), not a document to read: leave it out")
        return "html" if root else "text"
    if _is_typed(head):
        return "preformatted"
    return "html" if _STRUCTURE.search(text) or not _PRE.search(head) else "preformatted"


def _is_typed(head: str) -> bool:
    """Return whether it is a text filing despite its tags: it has typed lines and paragraphs."""
    tags = len(_STRUCTURE.findall(head)) + len(_BREAK.findall(head))
    if _TEXT_MARK.search(head) and not _HTML_ROOT.search(head):
        return 4 * tags < len(_LINE_OF_TEXT.findall(head))
    if _PRE.search(head):
        return False
    paragraphs = len(_BLANK_LINE.findall(head))
    return paragraphs >= _TYPED_PARAGRAPHS and 2 * tags <= paragraphs


def _end_of_comments(text: str) -> int:
    """Return the end of the declaration and comments with which a document begins."""
    declaration = _XML_DECLARATION.match(text, 0, SNIFF_BYTES)
    end = declaration.end() if declaration else 0
    while (comment := _COMMENT.match(text, end)) and (closing := text.find("-->", comment.end())) >= 0:
        end = closing + len("-->")
    return end


def _xml_root(head: str) -> re.Match[str] | None:
    """Find the first element of an XML file, after its declaration, comments and instructions."""
    prologue = _XML_DECLARATION.match(head)
    end = 0
    while prologue:
        end = prologue.end()
        prologue = _XML_PROLOGUE.match(head, end)
    return _XML_ROOT.match(head, end) if end else None


def _refuse_binary(head: bytes) -> None:
    probe = head[:8192]
    controls = len(probe) - len(probe.translate(None, _CONTROLS))
    is_binary = b"\0" in probe or controls > _TEXT_CONTROLS_SHARE * len(probe)
    for magic, what, advice in (*_BINARY, *(_BINARY_AFTER_LETTERS if is_binary else ())):
        if head.startswith(magic):
            raise DocumentError("read", f"{what}, which holds no text to read: {advice}")
    if head[_TAR_MAGIC_AT:].startswith(b"ustar"):
        raise DocumentError(
            "read", "a tar archive: name it .tar or, if it is inside another archive, unpack it and give the folder"
        )
    if is_binary:
        raise DocumentError("read", "binary data, not text: check what the file is, or leave it out")
