-- What do the filings state: label, number, value, company, section and sentence?
SELECT
  label,
  text AS number,
  value,
  unit,
  round(confidence, 2) AS confidence,
  coalesce(company, document_id) AS company,
  section,
  sentence
FROM entities
ORDER BY company, document_id, document_start;
