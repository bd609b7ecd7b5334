-- Which numbers does the model doubt most, and what do they stand in?
SELECT
  round(confidence, 3) AS confidence,
  label,
  text,
  value,
  unit,
  coalesce(company, document_id) AS company,
  section,
  sentence
FROM entities
ORDER BY entities.confidence, document_id, document_start
LIMIT 100;
