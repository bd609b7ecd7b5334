-- Which facilities does a document give different sizes under the same name?
WITH given AS (
  SELECT
    ltrim(getvariable('cik')::VARCHAR, '0') AS cik  -- CIK of the filer; by default all companies
),
sizes AS (
  SELECT
    entities.*,
    right(substr(sentence, 1, "start"), 100) AS before,
    left(regexp_replace(substr(sentence, "end" + 1), '^ *([mb]illion|thousand)', ''), 100) AS after
  FROM entities, given
  WHERE label = 'LineOfCreditFacilityMaximumBorrowingCapacity' AND value IS NOT NULL
    AND (given.cik IS NULL OR filed_by(entities.cik, entities.source, entities.document_id, given.cik))
),
-- What a size may refer to: a capitalised name such as 2022 Five-Year Credit Agreement, or a common noun.
things AS (
  SELECT
    *,
    list_transform(
      [before, after],
      lambda part: regexp_extract_all(
        part,
        '\b(?:(?:[0-9]{4}|[0-9]+-[A-Z]\w+|[A-Z][\w’''.&/-]*) )*'
        || '\b(?:Facility|Credit Agreement|Loan Agreement|Revolver|Term Loan|Line of Credit|Program|Sublimit)\b(?: [A-Z]\b)?'
        || '|(?i:facilit(?:y|ies)|agreements?|revolver|loans?|lines? of credit|letters? of credit|programs?|sub-?limits?'
        || '|sub-?facilit|swing ?line|accordion|increases?|notes|bonds|borrowings)\b'
      )
    ) AS things
  FROM sizes
),
found AS (
  SELECT *, things[1][-1] AS thing_before, things[2][1] AS thing_after FROM things
),
-- The candidate nearest to the number.
named AS (
  SELECT
    *,
    regexp_replace(CASE
      WHEN strpos(reverse(before), reverse(thing_before)) <= strpos(after, thing_after) OR thing_after IS NULL
        THEN thing_before
      ELSE thing_after
    END, '^(The|Our|This|An?) ', '') AS facility
  FROM found
)
SELECT
  coalesce(company, document_id) AS company,
  form_type,
  period_of_report AS period,
  facility,
  unit,
  array_to_string(list_sort(list(DISTINCT round(value / 1e6, 6))), ', ') AS millions,
  count(*) AS mentions,
  arg_min(marked(sentence, "start", "end", before := 18), value) AS smallest,
  arg_max(marked(sentence, "start", "end", before := 18), value) AS largest
FROM named
-- A proper name starts with a capital or a digit and has more than one word.
WHERE regexp_matches(facility, '^[A-Z0-9][^ ]* ') OR facility = 'Revolver'
GROUP BY coalesce(company, document_id), form_type, period_of_report, facility, unit, source, document_id
HAVING count(DISTINCT value) > 1
ORDER BY max(value) / min(value) DESC, company, document_id, facility;
