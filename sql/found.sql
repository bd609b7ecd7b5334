-- Which numbers do the filings state, with label, value, company, section, and the sentence around the [number]?
SELECT
  short_label(label) AS label,
  text AS number,
  value,
  coalesce(company, document_id) AS company,
  section,
  marked(sentence, "start", "end") AS sentence
FROM entities
ORDER BY entities.company IS NULL, lower(company), document_id, document_start;
