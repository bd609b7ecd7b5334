"""Values of a shard's cells: text, header fields, and what is kept as it is."""

import json
import re
from collections.abc import Mapping
from datetime import date, datetime

from finner_batch.errors import DocumentError
from finner_batch.sources.document import LONGEST_FIELD, Header, bounded_field
from finner_batch.sources.edgar_path import normal_accession_number, normal_cik
from finner_batch.sources.headers import compact_date
from finner_batch.sources.streams import too_large

UNREADABLE = object()
"""A value that its column's type cannot give: no id, and no header field."""

_MUCH_CHARACTERS = 20 * LONGEST_FIELD
"""What is looked at of a header field, its white space included."""
SURROGATE = re.compile("[\ud800-\udfff]")
"""Half a character, which JSON can state and no encoding can carry."""


def joined(value: object) -> object:
    """Return a list of words as one text, a space between them, as training reads FiNER's rows; all else as it is."""
    if isinstance(value, list) and value:
        if all(isinstance(word, str) for word in value):
            return " ".join(value)
        if all(isinstance(word, bytes) for word in value):
            return b" ".join(value)
    return value


def stored_text(column: str, text: object, limit: int, remedy: str) -> tuple[bytes, str]:
    """Return the row's text as UTF-8 and as `str`. Raises `DocumentError`; `remedy` for what is not UTF-8."""
    try:
        if isinstance(text, bytes):
            stored, content = text, text.decode("utf-8")
        elif isinstance(text, str):
            stored, content = text.encode("utf-8"), text
        else:
            kind = "a list of other things than words" if isinstance(text, list) else f"{type(text).__name__}, not text"
            raise DocumentError("read", f"column {column} holds {kind}")
    except UnicodeError as error:
        raise DocumentError("decode", f"column {column} is not UTF-8 ({error}): {remedy}") from error
    if len(stored) > limit:
        raise too_large(limit)
    return stored, content


def is_blank(text: object) -> bool:
    """Tell a cell that holds no text."""
    return text is None or text == [] or (isinstance(text, str | bytes) and (not text or text.isspace()))


def header_of(columns: Mapping[str, str], values: Mapping[str, object]) -> Header:
    """Read the header fields of a row; `columns` maps each to its column."""
    stated = {field: values.get(column) for field, column in columns.items()}
    return Header(
        accession_number=normal_accession_number(_plain(stated.get("accession_number"))),
        cik=normal_cik(_plain(stated.get("cik")).removesuffix(".0")),  # which pandas writes into CSV
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
    return SURROGATE.sub("\ufffd", " ".join(str(value)[:_MUCH_CHARACTERS].split()))


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


def kept_text(value: object) -> str | None:
    """Return a value as text, of `LONGEST_FIELD` characters at most: dates as ISO 8601, lists and objects as JSON."""
    if value is None or value is UNREADABLE:
        return None
    if isinstance(value, bytes):
        value = value[: 4 * LONGEST_FIELD].decode("utf-8", "replace")
    if not isinstance(value, str):
        if isinstance(value, date | datetime):
            value = value.isoformat()
        elif isinstance(value, bool | list | dict):
            value = json.dumps(value, ensure_ascii=False, default=_spelt)
        else:
            value = str(value)
    return bounded_field(value)


def _spelt(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
