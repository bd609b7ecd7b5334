-- Which numbers contradict the filer's own XBRL: another value, or another concept, on the same number?
WITH given AS (
  SELECT
    ltrim(getvariable('cik')::VARCHAR, '0') AS cik  -- CIK of the filer; by default all companies
)
SELECT
  verdict,
  coalesce(company, document_id) AS company,
  short_label(label) AS label,
  short_label(concept) AS xbrl_concept,
  value,
  xbrl_value,
  rounded(confidence, 3) AS confidence,
  -- false if the results have changed since the comparison
  EXISTS (
    FROM entities
    WHERE entities.document_id = audit.document_id AND entities.document_start = audit.document_start
      AND entities.label = audit.label AND entities.value IS NOT DISTINCT FROM audit.value
  ) AS still_so,
  coalesce(marked(sentence, "start", "start" + len(text)), sentence) AS sentence
FROM against_xbrl AS audit, given
WHERE verdict IN ('value differs', 'other concept') AND (given.cik IS NULL OR filed_by(audit.cik, audit.source, audit.document_id, given.cik))
ORDER BY verdict DESC, still_so DESC, audit.confidence DESC, document_id, document_start;
