-- Which filings refer to exhibits for their statements or debt that were not read with them?
SELECT
  coalesce(company, document_id) AS company,
  form_type AS form,
  period_of_report AS period,
  array_to_string(unread_exhibits, ', ') AS exhibits,
  entities,
  coalesce(sec_url, source) AS document
FROM documents
WHERE unread_exhibits IS NOT NULL
ORDER BY lower(company), document_id;
