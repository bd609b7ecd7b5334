-- What do the filings state: label, number, value, company, section, and the sentence around the [number]?
SELECT
  replace(replace(label, 'DebtInstrument', ''), 'LineOfCreditFacility', '') AS label,
  text AS number,
  value,
  coalesce(company, document_id) AS company,
  section,
  CASE WHEN "start" > 34 THEN '…' ELSE '' END
    || substr(sentence, greatest("start" - 33, 1), least("start", 34)) || '[' || text || ']'
    || substr(sentence, "end" + 1, 14) AS sentence
FROM entities
ORDER BY company, document_id, document_start;
