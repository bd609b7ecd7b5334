"""Choice of the columns of a shard: text, id, header fields, and columns kept for the results."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache

from finner_batch.errors import DocumentError

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
    case. `keys` of the shard's path can be kept without a column. Raises DocumentError with the existing columns.
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
    return Columns(
        text=tuple(dict.fromkeys(text)),
        id=choice.id if choice.id is not None or "id" not in available else "id",
        header=header_columns(available),
        several=len(names) > 1 or any(mark in names[0] for mark in _MULTIPLE),
        kept=tuple(name for name in choice.keep if name in available),
    )


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
