-- Which credit facilities are the largest in each currency, and in which words do the filings state them?
WITH given AS (
  SELECT
    ltrim(getvariable('cik')::VARCHAR, '0') AS cik,        -- CIK of the filer; by default all companies
    coalesce(getvariable('least')::DOUBLE, 0) AS least     -- minimum size in units of the currency, such as 1e9
)
SELECT
  coalesce(arg_max(company, coalesce(period_of_report, filing_date)), any_value(company), any_value(document_id)) AS company,
  rounded(value / 1e6, 1) AS millions,
  unit,
  count(DISTINCT document_id) AS documents,
  max(period_of_report) AS latest_period,
  rounded(max(confidence), 3) AS confidence,
  arg_max(marked(sentence, "start", "end"), confidence) AS sentence
FROM entities, given
WHERE label = 'LineOfCreditFacilityMaximumBorrowingCapacity' AND value >= given.least
  AND (given.cik IS NULL OR filed_by(entities.cik, entities.source, entities.document_id, given.cik))
GROUP BY coalesce(entities.cik, company, document_id), value, unit
-- The most frequent currency comes first; amounts without a currency come last.
ORDER BY unit IS NULL, sum(count(*)) OVER (PARTITION BY unit) DESC, max(value) OVER (PARTITION BY unit) DESC, value DESC, company;
