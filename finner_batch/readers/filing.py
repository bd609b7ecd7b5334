"""Reads the documents of a filing, from a file or a submission's parts: text, kind, header fields and id."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

from finner_batch.errors import DocumentError, NotTheFilingError
from finner_batch.readers.document import Document, FailedDocument, Header, Markup, Siblings, Source
from finner_batch.readers.edgar_path import document_name, edgar_url, path_file_name, path_header
from finner_batch.readers.encoding import decode
from finner_batch.readers.format import DocumentFormat, document_format
from finner_batch.readers.headers import merge_headers, submission_header
from finner_batch.readers.ixbrl_cover import cover_header
from finner_batch.readers.refused_pages import refuse_page
from finner_batch.readers.submission import (
    DocumentChoice,
    Part,
    Submission,
    chosen_parts,
    is_textual,
    main_parts,
    split_submission,
)
from finner_batch.readers.wrappers import unwrap, without_header_lines

_WRAPPER = re.compile(r"\s*<(XBRL|XML)>\s*", re.IGNORECASE)
_WRAPPER_END_CHARACTERS = 256
_PAGE = re.compile(r"\s*(?:<\?xml\b|<!doctype html\b|<html\b)", re.IGNORECASE)
"""The source code of a page, which a browser saved as text."""
_ONLY_TAGS = re.compile(r"\s*(?:</?[A-Za-z-]{1,40}>\s*)*")
_MOST_TYPES = 200
_LONGEST_FILENAME = 255
"""Characters of a `<FILENAME>`; EDGAR allows 32."""
_MARKUP: dict[DocumentFormat, Markup] = {"ixbrl": "html", "html": "html", "text": "text", "preformatted": "text"}
_KIND: dict[DocumentFormat, str] = {**_MARKUP, "ixbrl": "ixbrl"}


class StoredFile(NamedTuple):
    """A source, with the SHA-256 in hex and the size in bytes of the file as stored."""

    source: Source
    sha256: str
    bytes: int


def read_document(file: StoredFile, data: bytes) -> Document:
    """Read the one document of a file that is not a submission. Raises DocumentError if it is not a document."""
    content = without_header_lines(_decode(data))
    header = path_header(file.source.uri)
    name = document_name(file.source.uri)
    refuse_page(content, name if header.accession_number else "")
    body, content = _content(content)
    cover = cover_header(content) if body == "ixbrl" else Header()
    header = merge_headers([cover, header])
    return Document(
        document_id=f"{header.accession_number}/{name}" if header.accession_number else file.source.name,
        source=file.source.uri,
        kind=_KIND[body],
        markup=_MARKUP[body],
        content=content,
        header=header,
        sha256=file.sha256,
        bytes=file.bytes,
        sec_url=edgar_url(header, path_file_name(file.source.uri)),
    )


def read_submission(file: StoredFile, data: bytes, documents: DocumentChoice) -> Iterator[Document | FailedDocument]:
    """Read the chosen documents of a submission; a document that cannot be read is a FailedDocument.

    All share the header of the submission. The document name in the id is the `<FILENAME>`. Filings of the 1990s have
    none; their documents get the submission's name, with `#sequence` for exhibits.
    """
    submission = split_submission(data)
    filed = submission_header(data[: submission.header_end])
    mains = main_parts(submission, filed.form_type, data)
    main = mains[0]
    if filed.form_type is None and main.type is not None and not main.type.startswith("EX-"):
        filed = replace(filed, form_type=main.type)
    from_path = path_header(file.source.uri)
    accession_number = filed.accession_number or from_path.accession_number
    ids = _document_ids(submission, main, accession_number, file.source.name)
    textual = [part for part in submission.parts if is_textual(part, data)]
    chosen = chosen_parts(submission, mains, textual, documents)
    are_read, are_main = set(chosen), set(mains)
    siblings = Siblings(read=_exhibits(chosen), unread=_exhibits(part for part in textual if part not in are_read))
    for part in chosen:
        from_submission = replace(filed, document_type=part.type)
        kind, header = None, merge_headers([from_submission, from_path])
        file_name = part.filename or (f"{accession_number}.txt" if accession_number else None)
        try:
            body, content = _part_content(part, data, tags_removed=submission.tags_removed)
            kind = f"sgml-{_KIND[body]}"
            if body == "ixbrl":
                header = merge_headers([from_submission, cover_header(content), from_path])
        except DocumentError as error:
            yield FailedDocument(
                document_id=ids[part],
                source=file.source.uri,
                kind=kind,
                header=header,
                sha256=file.sha256,
                bytes=file.bytes,
                stage=error.stage,
                error_type=type(error).__name__,
                error=str(error),
                sec_url=edgar_url(header, file_name),
            )
        else:
            yield Document(
                document_id=ids[part],
                source=file.source.uri,
                kind=kind,
                markup=_MARKUP[body],
                content=content,
                header=header,
                sha256=file.sha256,
                bytes=file.bytes,
                sec_url=edgar_url(header, file_name),
                siblings=siblings if part in are_main else None,
            )


def _exhibits(parts: Iterable[Part]) -> tuple[str, ...]:
    """Return the types of the exhibits among the parts, at most `_MOST_TYPES`: every main document repeats them."""
    exhibits = (part.type for part in parts if part.type and part.type.startswith("EX-"))
    return tuple(islice(dict.fromkeys(exhibits), _MOST_TYPES))


def _part_content(part: Part, data: bytes, *, tags_removed: bool) -> tuple[DocumentFormat, str]:
    if not is_textual(part, data):
        raise DocumentError("read", f"the main document ({part.type or 'without a type'}) is not text: leave it out")
    content = _decode(data[part.start : part.end])
    if tags_removed and _ONLY_TAGS.fullmatch(content):
        raise NotTheFilingError("the header of a submission alone", "fetch the whole submission, the .txt file")
    return ("text", content) if tags_removed else _content(content)


def _content(content: str) -> tuple[DocumentFormat, str]:
    """Detect a document's format, and return its text without the wrappers that EDGAR and others put around it."""
    if wrapper := _WRAPPER.match(content):
        end = content.rfind(f"</{wrapper[1]}>", max(wrapper.end(), len(content) - _WRAPPER_END_CHARACTERS))
        content = content[wrapper.end() : end if end >= 0 else None]
    body = document_format(content)
    if body == "preformatted":
        content = unwrap(content)
        if _PAGE.match(content) and (body := document_format(content)) == "preformatted":
            content = unwrap(content)
    return body, content


def _decode(data: bytes) -> str:
    content = decode(data)
    if not content or content.isspace():
        raise DocumentError("read", "an empty document: fetch the filing again")
    return content


def _document_ids(submission: Submission, main: Part, accession_number: str | None, name: str) -> dict[Part, str]:
    """Return a unique id for each part of a submission, independent of which parts are read.

    A repeated name gets `#sequence`, and a number if that is taken too: `a.htm`, `a.htm#1`, `a.htm#1-2`.
    """
    ids: dict[Part, str] = {}
    used: set[str] = set()
    repeats: Counter[str] = Counter()
    for part in submission.parts:
        filename = part.filename if part.filename and len(part.filename) <= _LONGEST_FILENAME else None
        if accession_number is not None:
            name_in_filing = filename or f"{accession_number}.txt{'' if part is main else f'#{part.sequence}'}"
            document_id = f"{accession_number}/{name_in_filing}"
        else:
            document_id = name if part is main else f"{name}#{filename or part.sequence}"
        if document_id in used:
            document_id = wanted = f"{document_id}#{part.sequence}"
            while document_id in used:
                repeats[wanted] += 1
                document_id = f"{wanted}-{repeats[wanted] + 1}"
        used.add(document_id)
        ids[part] = document_id
    return ids
