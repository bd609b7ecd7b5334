-- Which numbers does the model doubt most, and what do they stand in?
WITH given AS (
  SELECT
    ltrim(getvariable('cik')::VARCHAR, '0') AS cik,         -- the filer's number; all companies where not given
    coalesce(getvariable('below')::DOUBLE, 0.8) AS below    -- confidence below which a number is in doubt
)
SELECT
  rounded(confidence, 3) AS confidence,
  short_label(label) AS label,
  text,
  value,
  unit,
  coalesce(company, document_id) AS company,
  section,
  marked(sentence, "start", "end") AS sentence
FROM entities, given
WHERE confidence < below AND (given.cik IS NULL OR filed_by(entities.cik, entities.source, entities.document_id, given.cik))
ORDER BY entities.confidence, document_id, document_start;
