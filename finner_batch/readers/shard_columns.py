"""The columns of a shard and the values of their cells: text, id, header fields, columns kept for the results."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fnmatch import fnmatchcase
from functools import lru_cache

from finner_batch.errors import DocumentError
from finner_batch.readers.document import LONGEST_FIELD, Header, bounded_field
from finner_batch.readers.edgar_path import normal_accession_number, normal_cik
from finner_batch.readers.headers import compact_date
from finner_batch.readers.streams import too_large

UNREADABLE = object()
"""Stands for a value that Python cannot represent. It is neither an id nor a header field."""

_READ_CHARACTERS = 20 * LONGEST_FIELD
"""Characters of a header field that are read, including its white space."""
SURROGATE = re.compile("[\ud800-\udfff]")
"""A lone surrogate: JSON can contain one, but no encoding can represent it."""
_SYNONYMS = {
    "accession_number": ("accessionnumber", "accession", "accessionno"),
    "cik": ("cik",),
    "company": ("company", "companyname", "conformedname"),
    "form_type": ("formtype", "form", "filingtype", "submissiontype"),
    "document_type": ("documenttype",),
    "period_of_report": ("periodofreport", "reportdate", "periodofreportdate"),
    "filing_date": ("filingdate", "datefiled", "filedasofdate", "fileddate"),
}
_LONGEST_NAME_SHOWN = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnChoice:
    """The columns that the user names; a text column may be a pattern (`section_*`)."""

    text: tuple[str, ...] | None = None
    """None means `text`."""
    id: str | None = None
    """None means `id` if there is such a column."""
    keep: tuple[str, ...] = ()
    """Columns whose values are copied into `documents`."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a shard that are read.

    `header` maps header fields to columns. `several`: document ids include the name of the text column.
    """

    text: tuple[str, ...]
    id: str | None
    header: Mapping[str, str]
    several: bool
    kept: tuple[str, ...] = ()

    def names(self) -> list[str]:
        """Return all of them, each once."""
        ids = [self.id] if self.id else []
        return list(dict.fromkeys((*self.text, *ids, *self.header.values(), *self.kept)))


@lru_cache(maxsize=8)
def choose_columns(available: tuple[str, ...], choice: ColumnChoice, keys: tuple[str, ...] = ()) -> Columns:
    """Choose columns by name. Columns that match a pattern keep the shard's order.

    Header fields come from columns of the same name or an obvious synonym (`filing_type`, `companyName`), ignoring
    case. `keys` of the shard's path can be kept without a column.
    Raises DocumentError, which lists the existing columns, if one is missing, or if several have the same name.
    """
    names = choice.text or ("text",)
    text: list[str] = []
    for name in names:
        found = [name] if name in available else [column for column in available if fnmatchcase(column, name)]
        if not found:
            raise _missing("text", name, available, keys)
        text += found
    if choice.id is not None and choice.id not in available:
        raise _missing("id", choice.id, available, keys)
    if lacking := [name for name in choice.keep if name not in (*available, *keys)]:
        raise DocumentError(
            "read", f"no column {lacking[0]} to keep; there is {listed(available)}: choose with --keep-column"
        )
    columns = Columns(
        text=tuple(dict.fromkeys(text)),
        id=choice.id if choice.id is not None or "id" not in available else "id",
        header=header_columns(available),
        several=len(names) > 1 or any(mark in names[0] for mark in "*?["),
        kept=tuple(name for name in choice.keep if name in available),
    )
    counts = Counter(available)
    if repeated := [name for name in columns.names() if counts[name] > 1]:
        raise DocumentError("read", f"several columns are named {repeated[0]}: give each column its own name")
    return columns


def header_columns(available: Sequence[str]) -> dict[str, str]:
    """Map each header field to the column that holds it."""
    plain = {column.lower().replace("_", ""): column for column in reversed(available)}
    return {
        field: column
        for field, synonyms in _SYNONYMS.items()
        if (column := next((plain[synonym] for synonym in synonyms if synonym in plain), None)) is not None
    }


def listed(names: Sequence[str]) -> str:
    """Format column names for an error message."""
    return (
        ", ".join(name if len(name) <= _LONGEST_NAME_SHOWN else f"{name[:_LONGEST_NAME_SHOWN]}…" for name in names)
        or "none"
    )


def _missing(role: str, name: str, available: Sequence[str], keys: Sequence[str]) -> DocumentError:
    why = f"{name} is a folder's key, the same in every row" if name in keys else f"no {role} column {name}"
    return DocumentError("read", f"{why}; there is {listed(available)}: choose with --{role}-column")


def joined(value: object) -> object:
    """Join a list of words with spaces, as FiNER's rows require; return any other value unchanged."""
    if isinstance(value, list) and value:
        if all(isinstance(word, str) for word in value):
            return " ".join(value)
        if all(isinstance(word, bytes) for word in value):
            return b" ".join(value)
    return value


def raw_and_text(column: str, text: object, limit: int, remedy: str) -> tuple[bytes, str]:
    """Return a row's text as UTF-8 bytes and as `str`.

    Raises DocumentError if it is not text, exceeds `limit` bytes, or is not UTF-8; `remedy` says what to do then.
    """
    try:
        if isinstance(text, bytes):
            raw, content = text, text.decode("utf-8")
        elif isinstance(text, str):
            raw, content = text.encode("utf-8"), text
        else:
            what = "a list of other things than words" if isinstance(text, list) else f"{type(text).__name__}, not text"
            raise DocumentError("read", f"column {column} holds {what}")
    except UnicodeError as error:
        raise DocumentError("decode", f"column {column} is not UTF-8 ({error}): {remedy}") from error
    if len(raw) > limit:
        raise too_large(limit)
    return raw, content


def is_blank(text: object) -> bool:
    """Return whether a cell holds no text."""
    return text is None or text == [] or (isinstance(text, str | bytes) and (not text or text.isspace()))


def header_of(columns: Mapping[str, str], values: Mapping[str, object]) -> Header:
    """Read the header fields of a row. `columns` maps each field to its column."""
    cells = {field: values.get(column) for field, column in columns.items()}
    return Header(
        accession_number=normal_accession_number(_plain(cells.get("accession_number"))),
        cik=normal_cik(_plain(cells.get("cik")).removesuffix(".0")),  # which pandas writes into CSV
        company=_plain(cells.get("company")) or None,
        form_type=_plain(cells.get("form_type")) or None,
        document_type=_plain(cells.get("document_type")) or None,
        period_of_report=_date(cells.get("period_of_report")),
        filing_date=_date(cells.get("filing_date")),
    )


def _plain(value: object) -> str:
    """Return a metadata value as text, empty for null. Whole floats lose the `.0` that pandas adds."""
    if isinstance(value, bytes):
        value = value[:_READ_CHARACTERS].decode("utf-8", "ignore")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, str | int):
        return ""
    return SURROGATE.sub("\ufffd", " ".join(str(value)[:_READ_CHARACTERS].split()))


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
    """Return a value as text of at most `LONGEST_FIELD` characters: dates as ISO 8601, lists and objects as JSON."""
    if value is None or value is UNREADABLE:
        return None
    if isinstance(value, bytes):
        value = value[: 4 * LONGEST_FIELD].decode("utf-8", "replace")
    if not isinstance(value, str):
        if isinstance(value, date | datetime):
            value = value.isoformat()
        elif isinstance(value, bool | list | dict):
            value = json.dumps(value, ensure_ascii=False, default=_as_json_text)
        else:
            value = str(value)
    return bounded_field(value)


def _as_json_text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
