"""Rows of a shard into documents: columns chosen by name, ids, header fields, and the rows that fail alone."""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fnmatch import fnmatchcase
from functools import lru_cache

from finner_batch.errors import DocumentError
from finner_batch.sources.document import LONGEST_FIELD, LONGEST_ID, Document, FailedDocument, Header, Source
from finner_batch.sources.edgar_path import edgar_url, normal_accession_number, normal_cik
from finner_batch.sources.headers import compact_date
from finner_batch.sources.storage import too_large

Skip = Callable[[str, str], bool]
"""Whether the row with this document_id and SHA-256 of its text is done."""

UNREADABLE = object()
"""A value that its column's type cannot give: no id, and no header field."""

_SYNONYMS = {
    "accession_number": ("accessionnumber", "accession", "accessionno"),
    "cik": ("cik",),
    "company": ("company", "companyname", "conformedname"),
    "form_type": ("formtype", "form", "filingtype", "submissiontype"),
    "document_type": ("documenttype",),
    "period_of_report": ("periodofreport", "reportdate", "periodofreportdate"),
    "filing_date": ("filingdate", "datefiled", "filedasofdate", "fileddate"),
}
_MULTIPLE = "*?["
_MUCH_CHARACTERS = 20 * LONGEST_FIELD
"""What is looked at of a header field, its white space included."""
_SURROGATE = re.compile("[\ud800-\udfff]")
"""Half a character, which JSON can state and no encoding can carry."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a shard that are read.

    `header` maps header fields to columns. `several`: the ids of documents name their column too.
    """

    text: tuple[str, ...]
    id: str | None
    header: Mapping[str, str]
    several: bool

    def names(self) -> list[str]:
        """Return all of them, each once."""
        return list(dict.fromkeys((*self.text, *([self.id] if self.id else []), *self.header.values())))


@lru_cache(maxsize=8)
def choose_columns(available: tuple[str, ...], text_columns: tuple[str, ...] | None, id_column: str | None) -> Columns:
    """Choose columns by name; a text column may be a pattern (`section_*`), matched in the shard's order.

    Without `text_columns` it is `text`, without `id_column` it is `id` where there is one. Header fields come from
    columns of their own name or an obvious synonym (`filing_type`, `companyName`), letter case aside.
    Raises `DocumentError` naming the columns that exist.
    """
    wanted = text_columns or ("text",)
    text: list[str] = []
    for name in wanted:
        found = [name] if name in available else [column for column in available if fnmatchcase(column, name)]
        if not found:
            raise _missing("text", name, available)
        text += found
    if id_column is not None and id_column not in available:
        raise _missing("id", id_column, available)
    plain = {column.lower().replace("_", ""): column for column in reversed(available)}
    header = {
        field: column
        for field, synonyms in _SYNONYMS.items()
        if (column := next((plain[synonym] for synonym in synonyms if synonym in plain), None)) is not None
    }
    return Columns(
        text=tuple(dict.fromkeys(text)),
        id=id_column if id_column is not None or "id" not in available else "id",
        header=header,
        several=len(wanted) > 1 or any(mark in wanted[0] for mark in _MULTIPLE),
    )


class RowReader:
    """Turns rows of one shard into documents, and knows the ids it has seen: a repeated id fails its row.

    A row's document_id is its id, else `name#row` (0-based); with several text columns `#column` follows. Its text is
    UTF-8 bytes or `str`. Each column that holds text is a document; a row without any fails.
    """

    def __init__(self, source: Source, kind: str, *, max_document_bytes: int, skip: Skip | None) -> None:
        self.source = source
        self.kind = kind
        self.max_document_bytes = max_document_bytes
        self.skip = skip
        self._row_of_id: dict[str, int] = {}

    def documents(
        self, row: int, columns: Columns, values: Mapping[str, object]
    ) -> Iterator[Document | FailedDocument]:
        """Yield the documents of one row, without those that `skip` says are done."""
        header = _header(columns, values)
        try:
            document_id = self._id(row, columns, values) or self._name(row, columns)
        except DocumentError as error:
            yield from self.failed(self._name(row, columns), error, header=header)
            return
        texts = [(number, column, values.get(column)) for number, column in enumerate(columns.text)]
        filled = [own for own in texts if own[2] is not None and not _is_blank(own[2])]
        if not filled:
            yield from self.failed(
                document_id,
                DocumentError("read", f"no text in {_list(columns.text)}: leave the row out"),
                header=header,
            )
        for number, column, text in filled:
            own_id = f"{document_id}#{column}" if columns.several else document_id
            if columns.several and (len(column) > LONGEST_ID or _SURROGATE.search(column)):
                nameless = DocumentError("read", f"a column of this name can name no document: {column}")
                yield from self.failed(f"{document_id}#column-{number}", nameless, header=header)
                continue
            stored = text if isinstance(text, bytes) else b""
            try:
                stored, content = _text(column, text, self.max_document_bytes)
            except DocumentError as error:
                yield from self.failed(own_id, error, header=header, stored=stored)
                continue
            sha256 = hashlib.sha256(stored).hexdigest()
            if self.skip is None or not self.skip(own_id, sha256):
                yield Document(
                    document_id=own_id,
                    source=self.source.uri,
                    kind=self.kind,
                    markup="prose",
                    content=content,
                    header=header,
                    sha256=sha256,
                    bytes=len(stored),
                    sec_url=edgar_url(header, None),
                )

    def failed(
        self, document_id: str, error: DocumentError, *, header: Header | None = None, stored: bytes = b""
    ) -> Iterator[FailedDocument]:
        """Yield a row that cannot be read, unless `skip` says that it is done; `stored` is what there is of it."""
        sha256 = hashlib.sha256(stored).hexdigest()
        if self.skip is None or not self.skip(document_id, sha256):
            yield FailedDocument(
                document_id=document_id,
                source=self.source.uri,
                kind=self.kind,
                header=header or Header(),
                sha256=sha256,
                bytes=len(stored),
                stage=error.stage,
                error_type=type(error.__cause__ or error).__name__,
                error=str(error),
                sec_url=edgar_url(header or Header(), None),
            )

    def _name(self, row: int, columns: Columns) -> str:
        """Name a row that has no id of its own, as no other row is named."""
        name = f"{self.source.name}#{row}"
        if columns.id is not None:
            while self._row_of_id.setdefault(name, row) != row:
                name += "#"
        return name

    def _id(self, row: int, columns: Columns, values: Mapping[str, object]) -> str | None:
        value = values.get(columns.id) if columns.id else None
        if value is None or value in ("", b""):
            return None
        if isinstance(value, bytes):
            try:
                value = value.decode("utf-8")
            except UnicodeDecodeError as error:
                raise DocumentError("decode", f"the id of row {row} is not UTF-8: write the shard again") from error
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise DocumentError("read", f"the id of row {row} is no text or whole number: choose another --id-column")
        document_id = str(value)
        if len(document_id) > LONGEST_ID:
            raise DocumentError(
                "read",
                f"the id of row {row} has {len(document_id):,} characters, more than {LONGEST_ID:,}: choose another "
                "--id-column",
            )
        if _SURROGATE.search(document_id):
            raise DocumentError("decode", f"the id of row {row} holds half a character: write the shard again")
        first = self._row_of_id.setdefault(document_id, row)
        if first != row:
            raise DocumentError("read", f"row {row} has the id of row {first} ({document_id}): ids must be unique")
        return document_id


def _text(column: str, text: object, limit: int) -> tuple[bytes, str]:
    """Return the row's text as UTF-8 and as `str`."""
    try:
        if isinstance(text, bytes):
            stored, content = text, text.decode("utf-8")
        elif isinstance(text, str):
            stored, content = text.encode("utf-8"), text
        else:
            raise DocumentError("read", f"column {column} holds {type(text).__name__}, not text")
    except UnicodeError as error:
        raise DocumentError("decode", f"column {column} is not UTF-8 ({error}): write the row again") from error
    if len(stored) > limit:
        raise too_large(limit)
    return stored, content


def _is_blank(text: object) -> bool:
    return isinstance(text, str | bytes) and (not text or text.isspace())


def _header(columns: Columns, values: Mapping[str, object]) -> Header:
    stated = {field: values.get(column) for field, column in columns.header.items()}
    return Header(
        accession_number=normal_accession_number(_plain(stated.get("accession_number"))),
        cik=normal_cik(_plain(stated.get("cik"))),
        company=_plain(stated.get("company")) or None,
        form_type=_plain(stated.get("form_type")) or None,
        document_type=_plain(stated.get("document_type")) or None,
        period_of_report=_date(stated.get("period_of_report")),
        filing_date=_date(stated.get("filing_date")),
    )


def _plain(value: object) -> str:
    """Return a metadata value as text, empty where it is null or none; whole floats lose the `.0` that pandas adds."""
    if isinstance(value, bytes):
        value = value[:_MUCH_CHARACTERS].decode("utf-8", "ignore")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, str | int):
        return ""
    return _SURROGATE.sub("\ufffd", " ".join(str(value)[:_MUCH_CHARACTERS].split()))


def _date(value: object) -> date | None:
    if isinstance(value, datetime):
        return None if getattr(value, "nanosecond", 0) else value.date()  # only pandas reads one, if it is installed
    if isinstance(value, date):
        return value
    text = _plain(value)
    try:
        return compact_date(text) or date.fromisoformat(text[:10])
    except ValueError:
        return None


def _missing(role: str, name: str, available: Sequence[str]) -> DocumentError:
    return DocumentError("read", f"no {role} column {name}; there is {_list(available)}: choose with --{role}-column")


def _list(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"
