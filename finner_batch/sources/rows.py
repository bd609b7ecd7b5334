"""Rows of a shard into documents: columns chosen by name, ids, header fields, and the rows that fail alone."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from finner_batch.errors import DocumentError
from finner_batch.sources.cells import SURROGATE, header_of, is_blank, joined, kept_text, stored_text
from finner_batch.sources.columns import Columns, Wanted, choose_columns, header_columns, listed
from finner_batch.sources.document import LONGEST_ID, Document, FailedDocument, Header, Kept, Source
from finner_batch.sources.edgar_path import edgar_url
from finner_batch.sources.headers import first_stated
from finner_batch.sources.hive import path_keys
from finner_batch.sources.items import with_accession_number, with_items_as_text

Skip = Callable[[str, str], bool]
"""Whether the row with this document_id and SHA-256 of its text is done."""

_AS_UTF8 = "save the file as UTF-8 (what Windows wrote: `iconv -f windows-1252 -t utf-8`)"


class RowReader:
    """Turns rows of one shard into documents, and knows the ids it has seen: a repeated id fails its row.

    A row's document_id is its id, else `name#row` (0-based); with several text columns `#column` follows. Its text is
    UTF-8 bytes or `str`, or a list of words. Each column that holds text is a document; a row without any fails.
    The keys of the shard's path are kept with each row, and are its header fields where no column is.
    """

    def __init__(
        self, source: Source, kind: str, wanted: Wanted, *, max_document_bytes: int, skip: Skip | None
    ) -> None:
        self.source = source
        self.kind = kind
        self.max_document_bytes = max_document_bytes
        self.skip = skip
        self._wanted = wanted
        self._remedy = _AS_UTF8 if kind == "csv" else "write the row again"
        self._keys = path_keys(source)
        self._of_path = header_of(header_columns(tuple(self._keys)), self._keys)
        self._row_of_id: dict[str, int] = {}

    def row_of(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return a row as it is read: the items of a filing are its text where no text column is asked for."""
        return with_items_as_text(values) if self._wanted.text is None else with_accession_number(values)

    def columns(self, available: tuple[str, ...], *, of_row: bool = False) -> Columns:
        """Choose the columns of the shard, or of one row of it (`of_row`), which need not have those to keep.

        Raises `DocumentError` naming the columns that exist.
        """
        wanted = self._wanted
        if of_row and wanted.keep:
            wanted = replace(wanted, keep=tuple(name for name in wanted.keep if name in available))
        return choose_columns(available, wanted, tuple(self._keys))

    def documents(
        self, row: int, columns: Columns, values: Mapping[str, object]
    ) -> Iterator[Document | FailedDocument]:
        """Yield the documents of one row, without those that `skip` says are done."""
        header = header_of(columns.header, values)
        if self._keys:
            header = first_stated([header, self._of_path])
        kept = self._kept(values)
        try:
            document_id = self._id(row, columns, values) or self._name(row, columns)
        except DocumentError as error:
            yield from self.failed(self._name(row, columns), error, header=header, kept=kept)
            return
        texts = [(number, column, joined(values.get(column))) for number, column in enumerate(columns.text)]
        filled = [own for own in texts if not is_blank(own[2])]
        if not filled:
            yield from self.failed(
                document_id,
                DocumentError("read", f"no text in {listed(columns.text)}: leave the row out"),
                header=header,
                kept=kept,
            )
        for number, column, text in filled:
            own_id = f"{document_id}#{column}" if columns.several else document_id
            if columns.several and (len(column) > LONGEST_ID or SURROGATE.search(column)):
                nameless = DocumentError("read", f"a column of this name can name no document: {column}")
                yield from self.failed(f"{document_id}#column-{number}", nameless, header=header, kept=kept)
                continue
            stored = text if isinstance(text, bytes) else b""
            try:
                stored, content = stored_text(column, text, self.max_document_bytes, self._remedy)
            except DocumentError as error:
                yield from self.failed(own_id, error, header=header, kept=kept, stored=stored)
                continue
            sha256 = self._sha256(stored, kept)
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
                    kept=kept,
                )

    def failed(
        self,
        document_id: str,
        error: DocumentError,
        *,
        header: Header | None = None,
        kept: Kept | None = None,
        stored: bytes = b"",
    ) -> Iterator[FailedDocument]:
        """Yield a row that cannot be read, unless `skip` says that it is done; `stored` is what there is of it."""
        kept = self._kept({}) if kept is None else kept
        sha256 = self._sha256(stored, kept)
        if self.skip is None or not self.skip(document_id, sha256):
            yield FailedDocument(
                document_id=document_id,
                source=self.source.uri,
                kind=self.kind,
                header=header or self._of_path,
                sha256=sha256,
                bytes=len(stored),
                stage=error.stage,
                error_type=type(error.__cause__ or error).__name__,
                error=str(error),
                sec_url=edgar_url(header or Header(), None),
                kept=kept,
            )

    def _sha256(self, stored: bytes, kept: Kept) -> str:
        """Digest of a row's text; of its kept columns too, lest a row whose values change be taken for done."""
        digest = hashlib.sha256(stored)
        if self._wanted.keep:
            digest.update(json.dumps([pair for pair in kept if pair[0] in self._wanted.keep]).encode())
        return digest.hexdigest()

    def _kept(self, values: Mapping[str, object]) -> Kept:
        """What goes into `documents` of the path and of a row."""
        asked = {
            name: kept_text(values.get(name)) for name in self._wanted.keep if name in values or name not in self._keys
        }
        return tuple((self._keys | asked).items())

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
        if SURROGATE.search(document_id):
            raise DocumentError("decode", f"the id of row {row} holds half a character: write the shard again")
        first = self._row_of_id.setdefault(document_id, row)
        if first != row:
            raise DocumentError("read", f"row {row} has the id of row {first} ({document_id}): ids must be unique")
        return document_id
