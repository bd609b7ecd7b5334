"""Which columns of a shard are read, and as what."""

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
class Wanted:
    """The columns that are asked for by name; a text column may be a pattern (`section_*`)."""

    text: tuple[str, ...] | None = None
    """None is `text`."""
    id: str | None = None
    """None is `id` where there is one."""
    keep: tuple[str, ...] = ()
    """Those whose values go into `documents` as they are."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a shard that are read.

    `header` maps header fields to columns. `several`: the ids of documents name their column too.
    """

    text: tuple[str, ...]
    id: str | None
    header: Mapping[str, str]
    several: bool
    kept: tuple[str, ...] = ()

    def names(self) -> list[str]:
        """Return all of them, each once."""
        own_id = [self.id] if self.id else []
        return list(dict.fromkeys((*self.text, *own_id, *self.header.values(), *self.kept)))


@lru_cache(maxsize=8)
def choose_columns(available: tuple[str, ...], wanted: Wanted, keys: tuple[str, ...] = ()) -> Columns:
    """Choose columns by name; those that a pattern matches in the shard's order.

    Header fields come from columns of their own name or an obvious synonym (`filing_type`, `companyName`), letter case
    aside. `keys` of the shard's path need no column to be kept. Raises `DocumentError` naming the columns that exist.
    """
    asked = wanted.text or ("text",)
    text: list[str] = []
    for name in asked:
        found = [name] if name in available else [column for column in available if fnmatchcase(column, name)]
        if not found:
            raise _missing("text", name, available, keys)
        text += found
    if wanted.id is not None and wanted.id not in available:
        raise _missing("id", wanted.id, available, keys)
    if lacking := [name for name in wanted.keep if name not in (*available, *keys)]:
        raise DocumentError(
            "read", f"no column {lacking[0]} to keep; there is {listed(available)}: choose with --keep-column"
        )
    return Columns(
        text=tuple(dict.fromkeys(text)),
        id=wanted.id if wanted.id is not None or "id" not in available else "id",
        header=header_columns(available),
        several=len(asked) > 1 or any(mark in asked[0] for mark in _MULTIPLE),
        kept=tuple(name for name in wanted.keep if name in available),
    )


def header_columns(available: Sequence[str]) -> dict[str, str]:
    """Map header fields to the columns that hold them."""
    plain = {column.lower().replace("_", ""): column for column in reversed(available)}
    return {
        field: column
        for field, synonyms in _SYNONYMS.items()
        if (column := next((plain[synonym] for synonym in synonyms if synonym in plain), None)) is not None
    }


def listed(names: Sequence[str]) -> str:
    """Names of columns as an error lists them."""
    return (
        ", ".join(name if len(name) <= _LONGEST_NAME_SHOWN else f"{name[:_LONGEST_NAME_SHOWN]}…" for name in names)
        or "none"
    )


def _missing(role: str, name: str, available: Sequence[str], keys: Sequence[str]) -> DocumentError:
    why = f"{name} is a folder's key, the same in every row" if name in keys else f"no {role} column {name}"
    return DocumentError("read", f"{why}; there is {listed(available)}: choose with --{role}-column")
