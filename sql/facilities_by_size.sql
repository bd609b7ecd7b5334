-- Which credit facilities are the largest, and in which words do the filings state them?
SELECT
  coalesce(company, document_id) AS company,
  round(value / 1e6, 1) AS millions,
  unit,
  count(DISTINCT document_id) AS filings,
  max(period_of_report) AS latest_period,
  round(max(confidence), 3) AS confidence,
  arg_max(sentence, confidence) AS sentence
FROM entities
WHERE label = 'LineOfCreditFacilityMaximumBorrowingCapacity' AND value IS NOT NULL
GROUP BY coalesce(company, document_id), value, unit
ORDER BY value DESC, company;
