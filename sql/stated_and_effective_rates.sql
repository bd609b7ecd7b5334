-- Where a filing's section states both, how do the stated rates compare with the effective ones?
SELECT
  coalesce(company, document_id) AS company,
  period_of_report,
  section,
  round(100 * avg(value) FILTER (label = 'DebtInstrumentInterestRateStatedPercentage'), 3) AS stated_percent,
  round(100 * avg(value) FILTER (label = 'DebtInstrumentInterestRateEffectivePercentage'), 3) AS effective_percent,
  round(effective_percent - stated_percent, 3) AS difference,
  count(*) AS rates
FROM entities
WHERE value IS NOT NULL AND label IN (
  'DebtInstrumentInterestRateStatedPercentage', 'DebtInstrumentInterestRateEffectivePercentage'
)
GROUP BY coalesce(company, document_id), document_id, period_of_report, section
HAVING stated_percent IS NOT NULL AND effective_percent IS NOT NULL
ORDER BY difference DESC, company;
