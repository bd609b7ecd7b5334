"""Compares two results folders, as of two models, two versions or two dates."""

from dataclasses import dataclass
from typing import Any

import duckdb

from finner_batch.errors import FinnerError
from finner_batch.query.ask import Answer, stream
from finner_batch.query.connection import copy_tables, restricted
from finner_batch.query.questions import DIFF, shipped_sql
from finner_batch.storage.place import Place

FOR_READING = """
SELECT
  concat_ws(': ', change, nullif(what, '')) AS change,
  document,
  replace(replace(coalesce(label_b, label_a), 'DebtInstrument', ''), 'LineOfCreditFacility', '')
    || CASE WHEN label_a <> label_b
      THEN ' (was ' || replace(replace(label_a, 'DebtInstrument', ''), 'LineOfCreditFacility', '') || ')' ELSE '' END
    AS label,
  value_a,
  value_b,
  round(confidence_a, 3) AS confidence_a,
  round(confidence_b, 3) AS confidence_b,
  coalesce(company, document_id_b, document_id_a) AS company,
  CASE WHEN place > 34 THEN '…' ELSE '' END || substr(sentence, greatest(place - 33, 1), least(place, 34))
    || '[' || text || ']' || substr(sentence, place + length(text) + 1) AS sentence
FROM (
  SELECT
    *,
    coalesce(sentence_b, sentence_a) AS sentence,
    coalesce(start_b, start_a) AS place,
    coalesce(text_b, text_a) AS text
  FROM diff
)
"""
"""The rows for a person: the most informative columns, with the number marked in its sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One results folder and the models that made its rows."""

    results: str
    models: list[str]
    documents: int
    entities: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The differences between two results folders.

    `documents` counts the documents `in both`, `only in A`, `only in B`, `failed in A` and `failed in B`; `unmatched`
    lists those that are not in both. `labels` holds counts by label (the view `diff_labels`), with the total last.
    `rows` has one row per entity gained, lost or changed: the view `diff` of `sql/diff.sql`, or `FOR_READING`.
    """

    a: Side
    b: Side
    documents: dict[str, int]
    unmatched: list[dict[str, Any]]
    labels: list[dict[str, Any]]
    rows: Answer


def diff(a: Place, b: Place, *, tolerance: float = 0.05, for_reading: bool = False) -> Difference:
    """Compare two results folders in their current state.

    Documents are matched by name and source, then by name and bytes, by name alone, by text, and by bytes alone: a
    moved folder is no difference, nor is the same filing in another format. Entities of a matched document are matched
    by sentence and span, then by the sentence without its numbers, then by its position. Confidences that differ by up
    to `tolerance` count as equal. `for_reading`: return the rows of `FOR_READING`.

    Raises UsageError if there are no results, FinnerError if files cannot be read.
    """
    connection = restricted([a, b])
    try:
        for name, results in (("a", a), ("b", b)):
            copy_tables(results, connection, name, ["documents", "entities"])
        connection.execute("SET VARIABLE tolerance = ?", [tolerance])
        connection.execute(shipped_sql(DIFF))
        unmatched = _rows(
            connection,
            "SELECT * EXCLUDE (pair, other_content) FROM diff_documents WHERE document <> 'in both' ORDER BY pair",
        )
        counted = dict(connection.execute("SELECT document, count(*) FROM diff_documents GROUP BY document").fetchall())
        labels = _rows(connection, "FROM diff_labels")
        return Difference(
            a=_side(connection, "a", a),
            b=_side(connection, "b", b),
            documents={
                place: counted.get(place, 0)
                for place in ("in both", "only in A", "only in B", "failed in A", "failed in B")
            },
            unmatched=unmatched,
            labels=labels,
            rows=stream(connection, connection.sql(FOR_READING if for_reading else "FROM diff")),
        )
    except duckdb.Error as error:
        connection.close()
        raise FinnerError(f"{a} and {b} cannot be compared: {str(error).partition(chr(10))[0]}") from error
    except FinnerError:
        connection.close()
        raise


def _side(connection: duckdb.DuckDBPyConnection, name: str, results: Place) -> Side:
    counts = "count(*) AS documents, coalesce(sum(entities), 0)::BIGINT AS entities"
    models = "coalesce(list_sort(list(DISTINCT model_id)), []) AS models"
    (row,) = _rows(connection, f"FROM {name}.documents SELECT {counts}, {models}")
    return Side(results=str(results), **row)


def _rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    relation = connection.sql(sql)
    return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]
