-- Which numbers changed most between a company's filings that state them in the same sentence?
WITH given AS (
  SELECT
    ltrim(getvariable('cik')::VARCHAR, '0') AS cik,       -- CIK of the filer; by default all companies
    lower(getvariable('label')::VARCHAR) AS wanted        -- a label or a part of one, such as Spread; by default all
),
-- Sentences count as the same if they differ only in numbers and names of months.
stated AS (
  SELECT
    *,
    coalesce(entities.cik, company, document_id) AS filer,
    coalesce(period_of_report, filing_date) AS period,
    regexp_replace(
      regexp_replace(
        sentence,
        '(January|February|March|April|May|June|July|August|September|October|November|December|three|six|nine|twelve)',
        'month', 'g'
      ),
      '[0-9][0-9.,/]*', '#', 'g'
    ) AS wording,
    len(regexp_extract_all(substr(sentence, 1, "start"), '[0-9][0-9.,/]*')) AS numbers_before
  FROM entities, given
  WHERE value IS NOT NULL AND period IS NOT NULL
    AND (given.cik IS NULL OR filed_by(entities.cik, entities.source, entities.document_id, given.cik))
    AND (given.wanted IS NULL OR contains(lower(label), given.wanted))
),
-- A sentence that a filing repeats with different values is ambiguous and left out.
once AS (
  SELECT filer, form_type, period, label, unit, wording, numbers_before, any_value(company) AS company,
    any_value(value) AS value, min(marked(sentence, "start", "end")) AS sentence
  FROM stated
  GROUP BY ALL
  HAVING count(DISTINCT value) = 1
),
compared AS (
  SELECT
    *,
    lag(value) OVER by_time AS value_before,
    lag(form_type || ' ' || period) OVER by_time AS filing_before
  FROM once
  WINDOW by_time AS (
    PARTITION BY filer, label, unit, wording, numbers_before ORDER BY period, form_type
  )
)
SELECT
  coalesce(any_value(company), filer) AS company,
  short_label(label) AS label,
  filing_before,
  form_type || ' ' || period AS filing,
  value_before AS before,
  value AS after,
  unit,
  rounded(100 * (value - value_before) / nullif(abs(value_before), 0), 1) AS percent,
  min(sentence) AS sentence
FROM compared
WHERE value <> value_before
GROUP BY filer, label, unit, filing_before, form_type, period, value_before, value
ORDER BY abs(percent) DESC NULLS FIRST, company, period, label, value;
