-- How far do effective rates lie above the stated rates that they belong to: how many in each band of basis points?
WITH given AS (
  SELECT
    ltrim(getvariable('cik')::VARCHAR, '0') AS cik,              -- the filer's number; all companies where not given
    coalesce(getvariable('band')::DOUBLE, 50) AS band            -- width of a band in basis points
),
rates AS (
  SELECT
    entities.*,
    coalesce(entities.cik, company, document_id) AS filer,
    given.band,
    row_number() OVER (PARTITION BY source, document_id, sentence_index, label ORDER BY document_start) AS nth,
    count(*) OVER (PARTITION BY source, document_id, sentence_index, label) AS of_sentence
  FROM entities, given
  WHERE value BETWEEN 0 AND 1 AND (given.cik IS NULL OR ltrim(entities.cik, '0') = given.cik)
),
-- An effective rate belongs to a stated rate of the same section of the document: of its own sentence first, where both
-- are listed the first to the first, else to the nearest before it. One without belongs to none.
pairs AS (
  SELECT
    effective.*,
    stated.text AS stated_text,
    round((effective.value - stated.value) * 1e4, 4) AS difference_bp
  FROM rates AS effective
  JOIN rates AS stated
    ON effective.source = stated.source AND effective.document_id = stated.document_id
    AND effective.section IS NOT DISTINCT FROM stated.section
    AND (effective.sentence_index = stated.sentence_index OR stated.document_start < effective.document_start)
  WHERE effective.label = 'DebtInstrumentInterestRateEffectivePercentage'
    AND stated.label = 'DebtInstrumentInterestRateStatedPercentage'
  QUALIFY row_number() OVER (
    PARTITION BY effective.source, effective.document_id, effective.document_start
    ORDER BY
      effective.sentence_index = stated.sentence_index DESC,
      effective.sentence_index = stated.sentence_index
        AND effective.of_sentence = stated.of_sentence AND effective.nth = stated.nth DESC,
      abs(effective.document_start - stated.document_start)
  ) = 1
)
SELECT
  band * floor(difference_bp / band) AS from_bp,
  band * floor(difference_bp / band) + band AS below_bp,
  count(*) AS pairs,
  count(DISTINCT filer) AS companies,
  round(100.0 * count(*) / sum(count(*)) OVER (), 1) AS percent,
  bar(count(*), 0, max(count(*)) OVER (), 20) AS bar,
  arg_max(coalesce(company, document_id) || ': ' || text || ' % effective, ' || stated_text || ' % stated', confidence)
    AS for_example
FROM pairs
GROUP BY band, floor(difference_bp / band)
ORDER BY from_bp;
