-- Which effective rate belongs to which stated rate, and by how many basis points do they differ?
WITH given AS (
  SELECT
    ltrim(getvariable('cik')::VARCHAR, '0') AS cik  -- CIK of the filer; by default all companies
)
SELECT
  coalesce(company, document_id) AS company,
  form_type,
  period_of_report AS period,
  stated_text AS stated,
  effective_text AS effective,
  difference_bp,
  section,
  marked(sentence, "start", "end") AS sentence
FROM rate_pairs, given
WHERE given.cik IS NULL OR filed_by(rate_pairs.cik, rate_pairs.source, rate_pairs.document_id, given.cik)
ORDER BY difference_bp DESC, company, document_id, document_start;
