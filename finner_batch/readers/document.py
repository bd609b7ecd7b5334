"""A source, and what it yields: documents with the header fields that the source states.

The name of a source is recorded as text that any column, log or JSON file can store. A file name is bytes, and Python
represents a byte that is not UTF-8 as a lone surrogate (PEP 383), which Parquet rejects.
"""

import hashlib
import re
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

_NOT_COUNTED = bytes(byte for byte in range(256) if not (byte < 128 and chr(byte).isalnum()))
_ESCAPED = re.compile(r"\\x(5c|[89a-f][0-9a-f])")
_TO_ESCAPE = re.compile(r"[\udc80-\udcff]|\\(?=x(?:5c|[89a-f][0-9a-f]))")
MOST_FILERS = 1000
"""Recorded filers of one filing, at most. A prospectus may have some hundreds of guarantors."""
Kept = tuple[tuple[str, str | None], ...]
"""Names and values, as text: the keys of a path, and the columns of a shard that the user keeps."""
Markup = Literal["html", "text", "prose"]
MEMBER_MARK = "!/"
"""Between the path of an archive and the name of one of its members, in the URI of the member's source."""
LONGEST_FIELD = 500
"""Characters of a header field or an error. A longer one is cut and ends in `…`. EDGAR limits company names to 150."""
LONGEST_ID = 1000
"""Characters of a document_id that a source states. A longer one is an error; cutting it might make two ids equal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One file to read, before it is opened.

    `uri` is an absolute path or an fsspec URL; `name` is the path relative to the input it was found under, with
    forward slashes (the file's own name when the file itself was the input). Both are as `recordable` returns them;
    `path` is what can be opened.
    """

    uri: str
    name: str
    etag: str = ""
    """The object store's tag of this version of the object. Equal ETags mean equal content."""
    size: int = 0
    """Bytes; 0 if the listing does not state them."""
    copy: str = ""
    """Path of a temporary local copy, if there is one."""
    error: str = ""
    """Why it cannot be read, if this is known before it is opened."""

    @property
    def path(self) -> str:
        """The path or URL to open."""
        return path_of(self.uri)

    @property
    def version(self) -> str:
        """ETag and size, which identify the content of an object that was not fetched; empty for other files."""
        return f"{self.etag} {self.size}" if self.etag else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Header fields of a filing. A field that the source does not state is None, never guessed.

    `accession_number` is dashed (`0000320193-23-000106`), `cik` has ten digits. `form_type` is the form of the filing;
    `document_type` is the type of this document: the form for a main document, `EX-10.1` for an exhibit. `ciks` are the
    filers in the order stated; several registrants may file one document. Every row of a document repeats these fields,
    so each is limited to `LONGEST_FIELD` characters.
    """

    accession_number: str | None = None
    cik: str | None = None
    company: str | None = None
    form_type: str | None = None
    document_type: str | None = None
    period_of_report: date | None = None
    filing_date: date | None = None
    ciks: tuple[str, ...] = ()

    @property
    def filers(self) -> tuple[str, ...]:
        """All known CIKs, `cik` first, at most `MOST_FILERS`."""
        return tuple(dict.fromkeys(cik for cik in (self.cik, *self.ciks) if cik))[:MOST_FILERS]

    def __post_init__(self) -> None:
        """Limit the length of the fields."""
        for name in ("accession_number", "cik", "company", "form_type", "document_type"):
            value = getattr(self, name)
            if value is not None and (len(value) > LONGEST_FIELD or not value.isascii()):
                object.__setattr__(self, name, bounded_field(value))


@dataclass(frozen=True, slots=True)
class Siblings:
    """Types of a submission's exhibits that are text (`EX-10.1`): those read, and those not."""

    read: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document to extract text from.

    `document_id`: accession number and document name (`0000320193-23-000106/aapl-20230930.htm`) if the accession
    number is known, the value of the id column for a shard row (else `name#row`), else `Source.name`.
    `kind`: `ixbrl`, `html`, `text`, `sgml-ixbrl`, `sgml-html`, `sgml-text`, `parquet`, `jsonl`, `csv`.
    `content`: the decoded markup or text. `markup`: `html`; `text` (a hard-wrapped plain-text filing, with `<PAGE>` and
    `<TABLE>` marks); `prose` (the text of a shard row, to which offsets refer).
    `sha256`, `bytes`: digest and size of the file as stored, or of the row's text (UTF-8) for a shard.
    """

    document_id: str
    source: str
    kind: str
    markup: Markup
    content: str = field(repr=False)
    header: Header
    sha256: str
    bytes: int
    content_id: str | None = None
    """Digest of the extracted text (`content_id`); None before extraction."""
    sec_url: str | None = None
    """Its address at EDGAR (`edgar_url`); None if it cannot be derived from the source."""
    siblings: Siblings | None = None
    """The exhibits of its submission; None for anything but the main document of a submission."""
    kept: Kept = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedDocument:
    """A document or shard row that cannot be read or parsed. Its row in `documents` says why.

    The fields are those of `Document`. `kind` is None if nothing could be read. For a row without a text, `sha256` and
    `bytes` are those of the row as stored.
    """

    document_id: str
    source: str
    kind: str | None
    header: Header
    sha256: str
    bytes: int
    stage: str
    """As in `DocumentError`."""
    error_type: str
    """Class name of the cause, e.g. `UnicodeDecodeError`."""
    error: str
    """What is wrong and what to do about it, in at most `LONGEST_FIELD` characters."""
    sec_url: str | None = None
    kept: Kept = ()

    def __post_init__(self) -> None:
        """Limit the length of the error, which may quote the input."""
        object.__setattr__(self, "error", bounded_field(self.error))

    @classmethod
    def of_document(cls, document: Document, *, stage: str, error_type: str, error: str) -> "FailedDocument":
        """Return the failure of a document that was read and then failed in a later stage."""
        return cls(
            document_id=document.document_id,
            source=document.source,
            kind=document.kind,
            header=document.header,
            sha256=document.sha256,
            bytes=document.bytes,
            stage=stage,
            error_type=error_type,
            error=error,
            sec_url=document.sec_url,
            kept=document.kept,
        )


def content_id(text: str) -> str | None:
    """Return a digest (32 hex digits) of the letters and digits of an extracted text; None if it has none.

    Copies of a document differ in line ends, quotes, spaces and wrappers; their ASCII letters and digits are equal.
    """
    counted = text.encode("utf-8", "replace").translate(None, _NOT_COUNTED)
    return hashlib.blake2b(counted, digest_size=16).hexdigest() if counted else None


def recordable(path: str) -> str:
    r"""Return the recordable form of a path or URL: a byte that is not UTF-8 becomes `\xff`.

    A backslash that would start such an escape becomes `\x5c`, so that different names stay different.
    """
    return _TO_ESCAPE.sub(lambda found: f"\\x{ord(found[0]) & 0xFF:02x}", path)


def path_of(recorded: str) -> str:
    """Return the path or URL, for `open`, of a recordable form."""
    if "\\" not in recorded:
        return recorded
    return _ESCAPED.sub(lambda found: bytes.fromhex(found[1]).decode("utf-8", "surrogateescape"), recorded)


def bounded_field(text: str) -> str:
    """Return a field of bounded length with lone surrogates escaped, which any table can store."""
    if len(text) > LONGEST_FIELD:
        text = f"{text[: LONGEST_FIELD - 1]}\N{HORIZONTAL ELLIPSIS}"
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def is_web_url(uri: str) -> bool:
    """Return whether `uri` is an address on a web server."""
    return uri.startswith(("http://", "https://"))
