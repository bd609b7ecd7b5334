"""What a source yields: one document, with the header fields that its source states."""

from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from finner_batch.sources.names import path_of

MOST_FILERS = 1000
"""Filers of one filing that are recorded: guarantors of a prospectus are some hundreds."""

Kept = tuple[tuple[str, str | None], ...]
"""Names and values, as text: the keys of a path, and what is kept of a shard's row beside its header."""

Markup = Literal["html", "text", "prose"]

MEMBER_MARK = "!/"
"""Between the path of an archive and the name of one of its members, in the URI of the member's source."""

LONGEST_FIELD = 500
"""Characters of a header field or an error; EDGAR's names of companies have 150 at most. A longer one ends in `…`."""
LONGEST_ID = 1000
"""Characters of a document_id that a source states. A longer one is no name, and is not cut: two might become one."""


def bounded_field(text: str) -> str:
    """Return a field that any table can hold: of bounded length, half characters (lone surrogates) escaped."""
    if len(text) > LONGEST_FIELD:
        text = f"{text[: LONGEST_FIELD - 1]}\N{HORIZONTAL ELLIPSIS}"
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def is_web_url(uri: str) -> bool:
    """Tell an address on a web server."""
    return uri.startswith(("http://", "https://"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One file to read, before it is opened.

    `uri` is an absolute path or an fsspec URL; `name` is the path relative to the input it was found under, with
    forward slashes (the file's own name when the file itself was the input). Both are as `names.recordable` returns
    them; `path` is what can be opened.
    """

    uri: str
    name: str
    etag: str = ""
    """What an object store calls this version of the object: the content is the same while the ETag is."""
    size: int = 0
    """Bytes, where a listing told them."""
    copy: str = ""
    """A local copy of it, for as long as there is one."""
    error: str = ""
    """Why it cannot be read, where that is known before it is opened."""

    @property
    def path(self) -> str:
        """The path or URL to open."""
        return path_of(self.uri)

    @property
    def version(self) -> str:
        """ETag and size: what stands for the content of an object that was not fetched; empty for other files."""
        return f"{self.etag} {self.size}" if self.etag else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Header fields of a filing; None where the source does not state one (never guessed).

    `accession_number` is dashed (`0000320193-23-000106`), `cik` has ten digits. `form_type` is the filing's;
    `document_type` is this document's: the form of a main document, `EX-10.1` of an exhibit. `ciks` are the filers that
    the source states, in its order; several registrants may file one document. Every row of a document carries these
    fields, so each has `LONGEST_FIELD` characters at most, whatever the source states.
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
        """All known CIKs, `cik` first, `MOST_FILERS` at most."""
        return tuple(dict.fromkeys(cik for cik in (self.cik, *self.ciks) if cik))[:MOST_FILERS]

    def __post_init__(self) -> None:
        """Bound what is stated."""
        for name in ("accession_number", "cik", "company", "form_type", "document_type"):
            value = getattr(self, name)
            if value is not None and (len(value) > LONGEST_FIELD or not value.isascii()):
                object.__setattr__(self, name, bounded_field(value))


@dataclass(frozen=True, slots=True)
class Siblings:
    """Types of the other documents of a submission that are text (`EX-10.1`), by whether they are read too."""

    read: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document to extract text from.

    `document_id`: accession number and document name (`0000320193-23-000106/aapl-20230930.htm`) where the accession
    number is known, the id column's own value for a shard row (else `name#row`), else `Source.name`.
    `kind`: `ixbrl`, `html`, `text`, `sgml-ixbrl`, `sgml-html`, `sgml-text`, `parquet`, `jsonl`, `csv`.
    `content`: the decoded markup or text. `markup`: `html`; `text` (a hard-wrapped plain-text filing, with `<PAGE>` and
    `<TABLE>` marks); `prose` (a shard row: its own text, whose offsets count).
    `sha256`: of the file's bytes as stored, or of the row's text (UTF-8) for a shard. `bytes`: the size of the same.
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
    """Digest of what it says (`identity.content_id`), once its text is extracted."""
    sec_url: str | None = None
    """Its address at EDGAR (`edgar_url`); None where the source does not tell it."""
    siblings: Siblings | None = None
    """The types of the other documents of its submission; None for what came by itself."""
    kept: Kept = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedDocument:
    """A document, or a row of a shard, that cannot be read or parsed: its row in `documents` says why.

    The fields are those of `Document`; `kind` is None where nothing could be read; `sha256` and `bytes` are of the
    row's stored bytes where a row has no text.
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
    """What is wrong, and what to do about it, in `LONGEST_FIELD` characters at most."""
    sec_url: str | None = None
    kept: Kept = ()

    def __post_init__(self) -> None:
        """Bound the error, which may quote what is wrong."""
        object.__setattr__(self, "error", bounded_field(self.error))

    @classmethod
    def of_document(cls, document: Document, *, stage: str, error_type: str, error: str) -> "FailedDocument":
        """Describe a document that was read and then failed in a later stage."""
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
