-- Which numbers does the model doubt most, and what do they stand in?
WITH given AS (
  SELECT
    ltrim(getvariable('cik')::VARCHAR, '0') AS cik,         -- the filer's number; all companies where not given
    coalesce(getvariable('below')::DOUBLE, 0.8) AS below    -- confidence below which a number is in doubt
)
SELECT
  round(confidence, 3) AS confidence,
  label,
  text,
  value,
  unit,
  coalesce(company, document_id) AS company,
  section,
  sentence
FROM entities, given
WHERE confidence < below AND (given.cik IS NULL OR ltrim(entities.cik, '0') = given.cik)
ORDER BY entities.confidence, document_id, document_start;
