-- Which spreads over a variable rate does each company state, in basis points?
SELECT
  coalesce(company, document_id) AS company,
  count(*) AS mentions,
  count(DISTINCT value) AS different,
  round(min(value) * 1e4, 2) AS lowest_bp,
  round(median(value) * 1e4, 2) AS median_bp,
  round(max(value) * 1e4, 2) AS highest_bp
FROM entities
WHERE label = 'DebtInstrumentBasisSpreadOnVariableRate1' AND value IS NOT NULL
GROUP BY ALL
ORDER BY median_bp DESC, company;
