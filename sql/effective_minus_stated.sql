-- How far are effective rates above their stated rates, counted in bands of basis points?
WITH given AS (
  SELECT
    ltrim(getvariable('cik')::VARCHAR, '0') AS cik,              -- CIK of the filer; by default all companies
    coalesce(getvariable('band')::DOUBLE, 50) AS band            -- width of a band in basis points
)
SELECT
  band * floor(difference_bp / band) AS from_bp,
  band * floor(difference_bp / band) + band AS below_bp,
  count(*) AS pairs,
  count(DISTINCT coalesce(rate_pairs.cik, company, document_id)) AS companies,
  rounded(100.0 * count(*) / sum(count(*)) OVER (), 1) AS percent,
  bar(count(*), 0, max(count(*)) OVER (), 20) AS bar,
  arg_max(
    coalesce(company, document_id) || ': ' || effective_text || ' % effective, ' || stated_text || ' % stated', confidence
  ) AS for_example
FROM rate_pairs, given
WHERE given.cik IS NULL OR filed_by(rate_pairs.cik, rate_pairs.source, rate_pairs.document_id, given.cik)
GROUP BY band, floor(difference_bp / band)
ORDER BY from_bp;
