-- Which runs were there, how did each end, how fast was it, and what changed since the run before?
SELECT
  date_trunc('second', started) AS started,
  run_id,
  status,
  exit_code AS exit,
  rounded(wall_seconds, 1) AS seconds,
  documents_ok AS documents,
  documents_failed AS failed,
  entities,
  (SELECT count(*) FROM entities WHERE entities.run_id = runs.run_id) AS in_force,
  rounded((documents_ok + documents_failed) / nullif(wall_seconds, 0), 2) AS per_second,
  model_id,
  CASE
    WHEN lag(run_id) OVER by_start IS NULL THEN 'first run'
    WHEN lag(model_id) OVER by_start IS DISTINCT FROM model_id AND lag(config_id) OVER by_start IS DISTINCT FROM config_id
      THEN 'model, settings'
    WHEN lag(model_id) OVER by_start IS DISTINCT FROM model_id THEN 'model'
    WHEN lag(config_id) OVER by_start IS DISTINCT FROM config_id THEN 'settings'
    ELSE ''
  END AS changed
FROM runs
WINDOW by_start AS (ORDER BY started, run_id)
ORDER BY runs.started, run_id;
