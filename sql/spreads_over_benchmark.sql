-- Which spreads over which benchmark does each company state, year by year, in basis points?
WITH given AS (
  SELECT
    ltrim(getvariable('cik')::VARCHAR, '0') AS cik,            -- CIK of the filer; by default all companies
    lower(getvariable('benchmark')::VARCHAR) AS wanted         -- as in the answer: SOFR, LIBOR, prime rate, …; by default all
),
spreads AS (
  SELECT
    *,
    coalesce(cik, company, document_id) AS filer,
    list_transform(
      [substr(sentence, 1, "start"), substr(sentence, "end" + 1)],
      lambda part: regexp_extract_all(
        lower(part),
        '\bsofr\b|secured overnight financing|euribor|euro interbank|libor\b|london inter-?bank|eurodollar|sonia\b|'
          || 'sterling overnight|[€e]str\b|\bcorra\b|\bcdor\b|\bbbs[wy]\b|\btibor\b|\btonar?\b|\bhibor\b|\bsaron\b|'
          || '\bprime\b|federal funds|fed funds|base rate|\babr\b|treasur(?:y|ies)'
      )
    ) AS benchmarks  -- named before the number, and after it
  FROM entities
  WHERE label = 'DebtInstrumentBasisSpreadOnVariableRate1' AND unit = 'pure'  -- a number without a percent sign is no spread
),
-- The last benchmark named before the number, or else the first one after it.
named AS (
  SELECT
    *,
    coalesce(benchmarks[1][-1], benchmarks[2][1], '') AS words
  FROM spreads
),
over_benchmark AS (
  SELECT
    *,
    CASE
      WHEN words = '' THEN 'not named'
      WHEN regexp_matches(words, 'sofr|secured') THEN 'SOFR'
      WHEN regexp_matches(words, 'euribor|euro interbank') THEN 'EURIBOR'
      WHEN regexp_matches(words, 'libor|london|eurodollar') THEN 'LIBOR'
      WHEN regexp_matches(words, 'sonia|sterling') THEN 'SONIA'
      WHEN regexp_matches(words, 'prime') THEN 'prime rate'
      WHEN regexp_matches(words, 'fed') THEN 'federal funds'
      WHEN regexp_matches(words, 'base|abr') THEN 'base rate'
      WHEN regexp_matches(words, 'treasur') THEN 'Treasury'
      ELSE upper(words)
    END AS benchmark,
    year(coalesce(period_of_report, filing_date)) AS year
  FROM named
)
SELECT
  coalesce(arg_max(company, coalesce(period_of_report, filing_date)), any_value(company), filer) AS company,
  year,
  benchmark,
  count(DISTINCT document_id) AS documents,
  count(*) AS mentions,
  round(min(value) * 1e4, 6) AS lowest_bp,
  round(median(value) * 1e4, 6) AS median_bp,
  round(max(value) * 1e4, 6) AS highest_bp
FROM over_benchmark, given
WHERE (given.cik IS NULL OR filed_by(over_benchmark.cik, over_benchmark.source, over_benchmark.document_id, given.cik))
  AND (given.wanted IS NULL OR lower(benchmark) = given.wanted)
GROUP BY filer, year, benchmark
ORDER BY max(over_benchmark.company) IS NULL, lower(max(over_benchmark.company)), filer, year, benchmark;
