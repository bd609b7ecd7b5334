-- In which forms and sections do the numbers stand, and in how many of the documents?
WITH forms AS (
  SELECT form_type, count(*) AS documents FROM documents WHERE status = 'ok' GROUP BY form_type
)
SELECT
  forms.form_type,
  forms.documents,
  split_part(entities.section, ' > ', 1) AS section,
  count(DISTINCT entities.document_id) AS with_numbers,
  round(100.0 * count(DISTINCT entities.document_id) / forms.documents, 1) AS percent,
  count(entities.document_id) AS numbers
FROM forms
LEFT JOIN entities ON entities.form_type IS NOT DISTINCT FROM forms.form_type
GROUP BY forms.form_type, forms.documents, split_part(entities.section, ' > ', 1)
ORDER BY forms.documents DESC, forms.form_type, numbers DESC;
