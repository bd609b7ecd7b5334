-- Which documents failed, at which stage, and why?
SELECT
  stage,
  error_type,
  count(*) AS documents,
  min(source) AS for_example,
  arg_min(error, source) AS its_error
FROM documents
WHERE status = 'failed'
GROUP BY ALL
ORDER BY documents DESC, stage, error_type;
