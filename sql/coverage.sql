-- In which forms and sections are the numbers, and in how many of the documents?
WITH forms AS (
  SELECT form_type, count(*) AS documents FROM documents WHERE status = 'ok' GROUP BY form_type
),
numbers AS (
  SELECT
    form_type,
    document_id,
    CASE
      WHEN section IS NULL THEN 'not known'
      WHEN regexp_matches(section, '^Note ') THEN 'a note, of no known Item'
      ELSE split_part(section, ' > ', 1)
    END AS section
  FROM entities
)
SELECT
  coalesce(forms.form_type, 'not known') AS form_type,
  forms.documents,
  section,
  count(DISTINCT document_id) AS with_numbers,
  rounded(100.0 * count(DISTINCT document_id) / forms.documents, 1) AS percent,
  count(document_id) AS numbers
FROM forms
LEFT JOIN numbers ON numbers.form_type IS NOT DISTINCT FROM forms.form_type
GROUP BY forms.form_type, forms.documents, section
ORDER BY forms.documents DESC, forms.form_type, numbers DESC, section;
