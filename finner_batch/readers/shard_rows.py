"""Turns the rows of a shard into documents, with their ids and header fields.

Keys in the names of a shard's folders, as Hive writes them (`year=2023/form=10-K/part-0.parquet`), belong to its rows.

A row may be a filing from edgar-crawler (https://github.com/nlpaueb/edgar-crawler): one JSON object with fields of the
filing and its items, `item_1A`, `item_2.02`, and in a 10-Q `part_1_item_2`. A 10-Q's `part_1` repeats the items of the
whole part.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import takewhile
from typing import Any
from urllib.parse import unquote

from finner_batch.errors import DocumentError
from finner_batch.readers.archive import is_archive
from finner_batch.readers.document import LONGEST_ID, MEMBER_MARK, Document, FailedDocument, Header, Kept, Source
from finner_batch.readers.edgar_path import edgar_url, path_header
from finner_batch.readers.format import SHARD_NAME
from finner_batch.readers.headers import merge_headers
from finner_batch.readers.shard_columns import (
    SURROGATE,
    ColumnChoice,
    Columns,
    choose_columns,
    header_columns,
    header_of,
    is_blank,
    joined,
    kept_text,
    listed,
    raw_and_text,
)

_ARCHIVE_END = MEMBER_MARK.removesuffix("/")
_NULL = "__HIVE_DEFAULT_PARTITION__"
_OF_CRAWLER = frozenset({"cik", "filing_type", "filename"})
_ITEM = re.compile(r"(?:part_\d_)?item_\d[\w.]*|part_\d|SIGNATURE")
_LOCATIONS = ("filename", "complete_text_filing_link", "filing_html_index")
"""Fields that contain the accession number."""
Skip = Callable[[str, str], bool]
"""Returns whether the row with this document_id and SHA-256 of its text is done."""
_SAVE_AS_UTF8 = "save the file as UTF-8 (for a file from Windows: `iconv -f windows-1252 -t utf-8`)"


class RowReader:
    """Turns the rows of one shard into documents. A row with a repeated id fails.

    A row's document_id is its id, else `name#row` (0-based), followed by `#column` if there are several text columns.
    Its text is UTF-8 bytes, `str`, or a list of words. Each cell with text is a document; a row without text fails. The
    keys of the shard's path are kept with each row, and supply the header fields that have no column.
    """

    def __init__(
        self, source: Source, kind: str, choice: ColumnChoice, *, max_document_bytes: int, skip: Skip | None
    ) -> None:
        self.source = source
        self.kind = kind
        self.max_document_bytes = max_document_bytes
        self.skip = skip
        self._choice = choice
        self._remedy = _SAVE_AS_UTF8 if kind == "csv" else "write the row again"
        self._keys = path_keys(source)
        self._path_header = header_of(header_columns(tuple(self._keys)), self._keys)
        self._row_of_id: dict[str, int] = {}

    def row_of(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return a row of edgar-crawler with its accession number and, if no text column is requested, its text."""
        if not values.keys() >= _OF_CRAWLER:
            return values
        return _with_items_as_text(values) if self._choice.text is None else _with_accession_number(values)

    def columns(self, available: tuple[str, ...], *, of_row: bool = False) -> Columns:
        """Choose the columns of the shard, or of one row (`of_row`), which may lack the columns to keep.

        Raises DocumentError, which lists the existing columns.
        """
        choice = self._choice
        if of_row and choice.keep:
            choice = replace(choice, keep=tuple(name for name in choice.keep if name in available))
        return choose_columns(available, choice, tuple(self._keys))

    def documents(
        self, row: int, columns: Columns, values: Mapping[str, object]
    ) -> Iterator[Document | FailedDocument]:
        """Yield the documents of one row, except those that `skip` says are done."""
        header = header_of(columns.header, values)
        if self._keys:
            header = merge_headers([header, self._path_header])
        kept = self._kept(values)
        try:
            document_id = self._id(row, columns, values) or self._name(row, columns)
        except DocumentError as error:
            yield from self.failed(self._name(row, columns), error, header=header, kept=kept)
            return
        texts = [(number, column, joined(values.get(column))) for number, column in enumerate(columns.text)]
        texts = [(number, column, text) for number, column, text in texts if not is_blank(text)]
        if not texts:
            yield from self.failed(
                document_id,
                DocumentError("read", f"no text in {listed(columns.text)}: leave the row out"),
                header=header,
                kept=kept,
            )
        for number, column, text in texts:
            text_id = f"{document_id}#{column}" if columns.several else document_id
            if columns.several and (len(column) > LONGEST_ID or SURROGATE.search(column)):
                nameless = DocumentError("read", f"a column of this name can name no document: {column}")
                yield from self.failed(f"{document_id}#column-{number}", nameless, header=header, kept=kept)
                continue
            try:
                raw, content = raw_and_text(column, text, self.max_document_bytes, self._remedy)
            except DocumentError as error:
                raw = text if isinstance(text, bytes) else b""
                yield from self.failed(text_id, error, header=header, kept=kept, raw=raw)
                continue
            sha256 = self._sha256(raw, kept)
            if self.skip is None or not self.skip(text_id, sha256):
                yield Document(
                    document_id=text_id,
                    source=self.source.uri,
                    kind=self.kind,
                    markup="prose",
                    content=content,
                    header=header,
                    sha256=sha256,
                    bytes=len(raw),
                    sec_url=edgar_url(header, None),
                    kept=kept,
                )

    def failed(
        self,
        document_id: str,
        error: DocumentError,
        *,
        header: Header | None = None,
        kept: Kept | None = None,
        raw: bytes = b"",
    ) -> Iterator[FailedDocument]:
        """Yield the failure of a row of `raw` bytes, unless `skip` says that it is done."""
        kept = self._kept({}) if kept is None else kept
        sha256 = self._sha256(raw, kept)
        if self.skip is None or not self.skip(document_id, sha256):
            yield FailedDocument(
                document_id=document_id,
                source=self.source.uri,
                kind=self.kind,
                header=header or self._path_header,
                sha256=sha256,
                bytes=len(raw),
                stage=error.stage,
                error_type=type(error.__cause__ or error).__name__,
                error=str(error),
                sec_url=edgar_url(header or Header(), None),
                kept=kept,
            )

    def _sha256(self, raw: bytes, kept: Kept) -> str:
        """Return the digest of a row's text and kept columns, so that a row is read again if either changes."""
        digest = hashlib.sha256(raw)
        if self._choice.keep:
            digest.update(json.dumps([pair for pair in kept if pair[0] in self._choice.keep]).encode())
        return digest.hexdigest()

    def _kept(self, values: Mapping[str, object]) -> Kept:
        """Return the keys of the path and the kept columns of a row."""
        columns = {
            name: kept_text(values.get(name)) for name in self._choice.keep if name in values or name not in self._keys
        }
        return tuple((self._keys | columns).items())

    def _name(self, row: int, columns: Columns) -> str:
        """Return a unique id for a row without one."""
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
            raise DocumentError(
                "read", f"the id of row {row} is not text or a whole number: choose another --id-column"
            )
        document_id = str(value)
        if len(document_id) > LONGEST_ID:
            raise DocumentError(
                "read",
                f"the id of row {row} has {len(document_id):,} characters, more than {LONGEST_ID:,}: choose another "
                "--id-column",
            )
        if SURROGATE.search(document_id):
            raise DocumentError("decode", f"the id of row {row} contains a lone surrogate: write the shard again")
        first = self._row_of_id.setdefault(document_id, row)
        if first != row:
            raise DocumentError("read", f"row {row} has the id of row {first} ({document_id}): ids must be unique")
        return document_id


def path_keys(source: Source) -> dict[str, str | None]:
    """Return the keys of the folders below the input, and of the key folders directly above it, outermost first.

    So a file has the same keys if it is the input itself. The innermost value of a repeated key counts. Keys and values
    are URL-decoded, as Hive, Spark and Arrow write them; `__HIVE_DEFAULT_PARTITION__` is null.
    """
    *below, _ = source.name.split("/")
    above = source.uri.removesuffix(source.name).rstrip("/").split("/") if source.uri.endswith(source.name) else []
    key_folders_above = [*takewhile(_is_key, reversed(above))]
    keys: dict[str, str | None] = {}
    for folder in (*reversed(key_folders_above), *filter(_is_key, below)):
        key, _, value = folder.partition("=")
        keys[unquote(key)] = None if value == _NULL else unquote(value)
    return keys


def has_rows_of_its_own(source: Source) -> bool:
    """Return whether a source is named as a shard and has keys in its path, which are part of its rows.

    The rows of such a shard differ from those of a shard with the same bytes elsewhere.
    """
    return bool(SHARD_NAME.search(source.uri)) and bool(path_keys(source))


def _is_key(folder: str) -> bool:
    names_archive = folder.endswith(_ARCHIVE_END) and is_archive(folder.removesuffix(_ARCHIVE_END))
    return folder.find("=") > 0 and not names_archive


def _with_items_as_text(values: dict[str, Any]) -> dict[str, Any]:
    """Return a row of edgar-crawler with its joined items as `text`, and the id of the file that it extracted.

    So the two count as one document. Any other row is returned unchanged.
    """
    items = {key: text for key, text in values.items() if _ITEM.fullmatch(key)}
    if "text" in values or not items or not all(isinstance(text, str) for text in items.values()):
        return values
    parts = {key for key, text in items.items() if text.strip() and "_item_" not in f"_{key}"}
    text = "\n\n".join(
        text for key, text in items.items() if text and (key in parts or key.partition("_item_")[0] not in parts)
    )
    about = {key: value for key, value in values.items() if key not in items}
    if accession_number := _accession_number(values):
        about = {"id": f"{accession_number}/{values['filename']}", "accession_number": accession_number} | about
    return about | {"text": text}


def _with_accession_number(values: dict[str, Any]) -> dict[str, Any]:
    accession_number = _accession_number(values) if "accession_number" not in values else None
    return values | {"accession_number": accession_number} if accession_number else values


def _accession_number(values: dict[str, Any]) -> str | None:
    named = (path_header(f"/{values[field]}").accession_number for field in _LOCATIONS if values.get(field))
    return next((number for number in named if number), None)
