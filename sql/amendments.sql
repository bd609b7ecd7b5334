-- Which amendments (such as 10-K/A) supersede which filings, and which numbers did they change?
WITH given AS (
  SELECT
    ltrim(getvariable('cik')::VARCHAR, '0') AS cik  -- CIK of the filer; by default all companies
),
-- A filing is everything under one accession number, or one document if the number is unknown.
filings AS (
  SELECT
    coalesce(documents.cik, company) AS filer,
    coalesce(accession_number, document_id) AS filing,
    form_type,
    regexp_replace(form_type, '/A$', '') AS form,
    period_of_report AS period,
    any_value(company) AS company,
    any_value(filing_date) AS filed
  FROM documents, given
  WHERE status = 'ok' AND form_type IS NOT NULL AND (given.cik IS NULL OR filed_by(documents.cik, documents.source, documents.document_id, given.cik))
  GROUP BY ALL
),
numbers AS (
  SELECT
    coalesce(accession_number, document_id) AS filing,
    list_sort(list(DISTINCT short_label(label) || ' ' || text)) AS numbers
  FROM entities
  GROUP BY filing
),
-- An amendment supersedes the company's latest earlier filing of the same form for the same period.
superseding AS (
  SELECT amended.*, original.filing AS supersedes, original.filed AS original_filed
  FROM filings AS amended
  LEFT JOIN filings AS original
    ON amended.filer = original.filer AND amended.form = original.form AND amended.period = original.period
    AND amended.filing <> original.filing
    AND (original.filed < amended.filed OR (original.form_type = original.form AND (original.filed <= amended.filed) IS NOT false))
  WHERE amended.form_type <> amended.form
  QUALIFY row_number() OVER (PARTITION BY amended.filing ORDER BY original.filed DESC NULLS LAST, original.filing DESC) = 1
)
SELECT
  coalesce(company, filer, superseding.filing) AS company,
  form_type,
  period,
  superseding.filing,
  filed,
  coalesce(supersedes, 'not among the results') AS supersedes,
  original_filed,
  len(coalesce(after.numbers, [])) AS numbers,
  len(coalesce(before.numbers, [])) AS numbers_before,
  array_to_string(
    list_filter(after.numbers, lambda number: NOT list_contains(coalesce(before.numbers, []), number)), ', '
  ) AS only_amended,
  array_to_string(
    list_filter(before.numbers, lambda number: NOT list_contains(coalesce(after.numbers, []), number)), ', '
  ) AS only_before
FROM superseding
LEFT JOIN numbers AS after ON after.filing = superseding.filing
LEFT JOIN numbers AS before ON before.filing = superseding.supersedes
ORDER BY company, period, filed, superseding.filing;
