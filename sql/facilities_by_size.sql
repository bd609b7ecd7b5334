-- Which credit facilities are the largest, and in which words do the filings state them?
WITH given AS (
  SELECT
    ltrim(getvariable('cik')::VARCHAR, '0') AS cik,        -- the filer's number; all companies where not given
    coalesce(getvariable('least')::DOUBLE, 0) AS least     -- size from which on, in units of its currency: 1e9
)
SELECT
  coalesce(company, document_id) AS company,
  round(value / 1e6, 1) AS millions,
  unit,
  count(DISTINCT document_id) AS documents,
  max(period_of_report) AS latest_period,
  round(max(confidence), 3) AS confidence,
  arg_max(sentence, confidence) AS sentence
FROM entities, given
WHERE label = 'LineOfCreditFacilityMaximumBorrowingCapacity' AND value >= given.least
  AND (given.cik IS NULL OR ltrim(entities.cik, '0') = given.cik)
GROUP BY coalesce(company, document_id), value, unit
ORDER BY value DESC, company;
