-- Which rates in percent does a company state from filing to filing, and which are new or gone since the last one?
WITH given AS (
  SELECT
    ltrim(getvariable('cik')::VARCHAR, '0') AS cik  -- CIK of the filer; by default all companies
),
-- A filing is a company's annual or quarterly report for a period, in however many documents.
filings AS (
  SELECT
    coalesce(documents.cik, company, document_id) AS filer,
    form_type,
    coalesce(period_of_report, filing_date) AS period,
    any_value(company) AS company,
    list(struct_pack(source, document_id)) AS its_documents
  FROM documents, given
  WHERE status = 'ok' AND period IS NOT NULL AND regexp_matches(form_type, '^(10-?[KQ]|[24]0-?F)')
    AND (given.cik IS NULL OR filed_by(documents.cik, documents.source, documents.document_id, given.cik))
  GROUP BY filer, form_type, period
),
stated AS (
  SELECT source, document_id, round(100 * value, 8) AS percent
  FROM entities
  WHERE label = 'DebtInstrumentInterestRateStatedPercentage' AND unit = 'pure'
),
rates AS (
  SELECT
    filer, form_type, period, filings.company,
    coalesce(list_sort(list(DISTINCT percent) FILTER (percent IS NOT NULL)), []) AS rates
  FROM (SELECT *, unnest(its_documents) AS document FROM filings) AS filings
  LEFT JOIN stated ON stated.source = document.source AND stated.document_id = document.document_id
  GROUP BY filer, form_type, period, filings.company
),
compared AS (
  SELECT
    *,
    lag(rates) OVER by_time AS rates_before,
    lag(form_type || ' ' || period) OVER by_time AS filing_before,
    arg_max(company, period) OVER (PARTITION BY filer) AS latest_name
  FROM rates
  WINDOW by_time AS (PARTITION BY filer ORDER BY period, form_type)
)
SELECT
  coalesce(latest_name, filer) AS company,
  form_type,
  period,
  array_to_string(rates, ', ') AS percent,
  filing_before,
  array_to_string(list_filter(rates, lambda rate: NOT list_contains(rates_before, rate)), ', ') AS new,
  array_to_string(list_filter(rates_before, lambda rate: NOT list_contains(rates, rate)), ', ') AS gone
FROM compared
WHERE len(rates) > 0 OR len(rates_before) > 0
ORDER BY latest_name IS NULL, lower(latest_name), filer, period, form_type;
