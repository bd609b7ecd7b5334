"""Counts the current rows of a results folder in SQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from finner_batch.report.charts import Distribution, distribution
from finner_batch.report.number_table import Tag, list_tags

COMPANIES_SHOWN = 15
FAILURES_SHOWN = 300

# The numbers are held in memory without their sentences, at some 50 bytes each.
_NUMBERS = """
CREATE TEMP TABLE numbers AS
SELECT label, value, unit, confidence, company, year(coalesce(period_of_report, filing_date)) AS year
FROM entities WHERE $run IS NULL OR run_id = $run
"""
_DOCUMENTS = """
CREATE TEMP TABLE read_documents AS
SELECT document_id, source, sha256, bytes, kind, company, form_type, status, stage, error_type, error, sentences,
  tagged_sentences, entities
FROM documents WHERE $run IS NULL OR run_id = $run
"""
_TOTALS = """
SELECT count(*) AS documents, count(*) FILTER (status = 'failed') AS failed,
  count(*) FILTER (entities > 0) AS with_numbers, count(DISTINCT company) AS companies,
  (SELECT coalesce(sum(bytes), 0)::BIGINT FROM (SELECT DISTINCT source, sha256, bytes FROM read_documents)) AS bytes,
  coalesce(sum(sentences), 0)::BIGINT AS sentences, (SELECT count(*) FROM numbers) AS numbers,
  (SELECT count(*) FROM numbers WHERE company IS NULL) AS of_no_company,
  (SELECT count(DISTINCT company) FROM numbers) AS companies_with_numbers
FROM read_documents
"""
_COMPANIES = """
WITH most AS (
  SELECT company, count(*) AS total FROM numbers WHERE company IS NOT NULL GROUP BY company ORDER BY total DESC, company
  LIMIT $shown
)
SELECT company, label, total, count(*) AS numbers FROM numbers JOIN most USING (company)
GROUP BY ALL ORDER BY total DESC, company
"""
_FORMS = """
SELECT form_type AS form, count(*) AS documents, count(*) FILTER (entities > 0) AS with_numbers,
  sum(entities)::BIGINT AS numbers
FROM read_documents WHERE status = 'ok' GROUP BY ALL ORDER BY documents DESC, form NULLS LAST
"""
_FAILED = """
SELECT document_id, source, coalesce(stage, '') AS stage, coalesce(error_type, '') AS error_type,
  coalesce(error, '') AS error
FROM read_documents WHERE status = 'failed' ORDER BY stage, error_type, source, document_id LIMIT $shown
"""
_REASONS = """
SELECT coalesce(stage, '') AS stage, coalesce(error_type, '') AS error_type, count(*) AS documents
FROM read_documents WHERE status = 'failed' GROUP BY ALL ORDER BY documents DESC, stage, error_type
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TagFigures:
    """A tag with the count of its numbers and of their companies, and the distribution of the numbers."""

    tag: Tag
    numbers: int
    companies: int
    doubted: int
    """Numbers with a confidence below 0.9."""
    distribution: Distribution


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """A company and its numbers by label."""

    name: str
    numbers: int
    by_label: dict[str, int]

    def parts(self, tags: Sequence[TagFigures]) -> list[tuple[str, float]]:
        """Return the share of each tag as (class of its accent, share)."""
        counts = [(each.tag, self.by_label.get(each.tag.label, 0)) for each in tags]
        return [(f"fill {tag.accent}", count / self.numbers) for tag, count in counts if count]


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """Counts of a results folder, or of one run's rows in it. The dictionaries are rows of the queries above."""

    totals: dict[str, Any]
    tags: list[TagFigures]
    companies: list[Company]
    forms: list[dict[str, Any]]
    reasons: list[dict[str, Any]]
    failed: list[dict[str, Any]]


def count_folder(connection: duckdb.DuckDBPyConnection, run_id: str | None) -> Folder:
    """Count the current rows of the whole folder, or those that one run wrote."""
    for statement in (_NUMBERS, _DOCUMENTS):
        connection.execute(statement, {"run": run_id})
    numbers = connection.sql("SELECT label, value, unit, confidence, year, company FROM numbers").to_arrow_table()
    return Folder(
        totals=_rows(connection, _TOTALS)[0],
        tags=_tags(numbers),
        companies=_companies(_rows(connection, _COMPANIES, shown=COMPANIES_SHOWN)),
        forms=_rows(connection, _FORMS),
        reasons=_rows(connection, _REASONS),
        failed=_rows(connection, _FAILED, shown=FAILURES_SHOWN),
    )


def _rows(connection: duckdb.DuckDBPyConnection, sql: str, **parameters: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = connection.sql(sql, params=parameters or None).to_arrow_table().to_pylist()
    return rows


def _tags(numbers: pa.Table) -> list[TagFigures]:
    """Return the figures by tag, the most frequent tag first."""
    labels = numbers.column("label").combine_chunks().dictionary_encode()
    names, codes = labels.dictionary.to_pylist(), labels.indices.to_numpy()
    counts = np.bincount(codes, minlength=len(names))
    order = sorted(range(len(names)), key=lambda code: (-counts[code], names[code]))
    figures = []
    for tag, code in zip(list_tags(names[code] for code in order), order, strict=True):
        of_tag = numbers.filter(pa.array(codes == code))
        confidence, values, years = (
            of_tag.column(name).cast(pa.float64()).to_numpy().astype(np.float64)
            for name in ("confidence", "value", "year")
        )
        figures.append(
            TagFigures(
                tag=tag,
                numbers=int(counts[code]),
                companies=len(of_tag.column("company").drop_null().unique()),
                doubted=int((confidence < 0.9).sum()),
                distribution=distribution(tag.name, values, of_tag.column("unit").to_pylist(), confidence, years),
            )
        )
    return figures


def _companies(rows: Sequence[dict[str, Any]]) -> list[Company]:
    by_name: dict[str, dict[str, int]] = {}
    for row in rows:
        by_name.setdefault(row["company"], {})[row["label"]] = row["numbers"]
    return [Company(name=name, numbers=sum(found.values()), by_label=found) for name, found in by_name.items()]
