-- Which numbers is the model least sure of, and in which sentences are they?
WITH given AS (
  SELECT
    ltrim(getvariable('cik')::VARCHAR, '0') AS cik,         -- CIK of the filer; by default all companies
    coalesce(getvariable('below')::DOUBLE, 0.8) AS below    -- show numbers with a confidence below this
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
