-- Views over a results folder: `entities`, `documents` and `runs`, current rows only; and `against_xbrl`.
--
--   SET VARIABLE results = 'results';   -- the folder ('results' where the variable is not set), or a glob: 'results/*'
--   .read sql/views.sql                 -- again after a run or a compaction, to see what is new
--
-- The parts are listed here, once: every query then sees the same state, and one that needs a part which a compaction has
-- deleted since fails (read this file again) and never shows half. A part is documents/NAME and entities/NAME of the same
-- name; its documents file is the commit, so entities files are looked up from it and one without it does not count.

SET VARIABLE results = coalesce(getvariable('results'), 'results');

SET VARIABLE documents_parts = (
  SELECT CASE WHEN count(*) > 0 THEN list(file ORDER BY file)
    ELSE error('no results at ' || getvariable('results') || ': SET VARIABLE results to a folder that finner-batch run made')
    END
  FROM glob(getvariable('results') || '/documents/part-*.parquet')
);

SET VARIABLE entities_parts = (
  SELECT list(regexp_replace(file, '/documents/([^/]+)$', '/entities/\1') ORDER BY file)
  FROM (SELECT unnest(getvariable('documents_parts')) AS file)
);

SET VARIABLE run_reports = (SELECT list(file ORDER BY file) FROM glob(getvariable('results') || '/runs/*.json'));

SET VARIABLE audit = (SELECT any_value(file) FROM glob(getvariable('results') || '/against_xbrl.parquet'));

-- The documents in force and the part each stands in. Of the rows of one document of one source the newest counts: the later
-- part by its name, which begins with the time, then the later row. A tombstone (`removed`) hides its document, a row that
-- closes a shard (`finished`) is none.
-- One filing under several sources is one document, where its document_id begins with its accession number.
CREATE OR REPLACE VIEW current_documents AS
WITH latest AS (
  SELECT *, parse_filename(filename) AS part
  FROM read_parquet(
    getvariable('documents_parts'), filename = true, file_row_number = true, hive_partitioning = false
  )
  WHERE status <> 'finished'
  QUALIFY row_number() OVER (PARTITION BY source, document_id ORDER BY part DESC, file_row_number DESC) = 1
)
SELECT * FROM latest
WHERE status <> 'removed'
QUALIFY row_number() OVER (
  PARTITION BY
    document_id,
    CASE WHEN starts_with(document_id, accession_number || '/') THEN accession_number ELSE source END
  ORDER BY part DESC, file_row_number DESC
) = 1;

CREATE OR REPLACE VIEW documents AS
SELECT
  document_id, source, sha256, bytes, kind, accession_number, cik, company, form_type, period_of_report, filing_date,
  status, stage, error_type, error, sentences, tagged_sentences, entities, seconds, model_id, config_id, run_id
FROM current_documents;

CREATE OR REPLACE VIEW entities AS
SELECT
  e.document_id, e.source, e.accession_number, e.cik, e.company, e.form_type, e.period_of_report, e.filing_date,
  e.section, e.sentence_index, e.sentence, e.start, e."end", e.document_start, e.document_end, e.label, e.text, e.value,
  e.unit, e.scale, e.confidence, e.model_id, e.run_id, e.schema_version
FROM read_parquet(getvariable('entities_parts'), filename = true, hive_partitioning = false) AS e
SEMI JOIN current_documents AS d
  ON regexp_replace(e.filename, '/entities/([^/]+)$', '/documents/\1') = d.filename
  AND e.source = d.source AND e.document_id = d.document_id;

-- One row a run; `report` holds all that the run reported. Times are UTC.
CREATE OR REPLACE VIEW runs AS
SELECT
  parse_filename(filename, true) AS run_id,
  content::JSON ->> 'status' AS status,
  (content::JSON ->> 'exit_code')::INTEGER AS exit_code,
  (content::JSON ->> 'started')::TIMESTAMP AS started,
  (content::JSON ->> 'finished')::TIMESTAMP AS finished,
  (content::JSON ->> 'wall_seconds')::DOUBLE AS wall_seconds,
  (content::JSON ->> '$.documents.ok')::BIGINT AS documents_ok,
  (content::JSON ->> '$.documents.failed')::BIGINT AS documents_failed,
  (content::JSON ->> 'entities')::BIGINT AS entities,
  content::JSON ->> 'model_id' AS model_id,
  content::JSON ->> 'config_id' AS config_id,
  content::JSON AS report
FROM query(CASE
  WHEN getvariable('run_reports') IS NULL THEN 'SELECT NULL::VARCHAR AS filename, NULL::VARCHAR AS content WHERE false'
  ELSE 'SELECT filename, content FROM read_text(getvariable(''run_reports''))'
END);

-- The rows beside the filers' own tags, one row a judgement, once this has compared them:
--   finner-batch evaluate --results RESULTS --against-xbrl FILINGS --errors RESULTS/against_xbrl.parquet
CREATE OR REPLACE VIEW against_xbrl AS
SELECT
  verdict::VARCHAR AS verdict, label::VARCHAR AS label, text::VARCHAR AS text, value::DOUBLE AS value, unit::VARCHAR AS unit,
  confidence::DOUBLE AS confidence, concept::VARCHAR AS concept, xbrl_value::DOUBLE AS xbrl_value,
  xbrl_unit::VARCHAR AS xbrl_unit, place::VARCHAR AS place, section::VARCHAR AS section, sentence::VARCHAR AS sentence,
  company::VARCHAR AS company, cik::VARCHAR AS cik, split::VARCHAR AS split, document_id::VARCHAR AS document_id,
  source::VARCHAR AS source, document_start::BIGINT AS document_start, document_end::BIGINT AS document_end
FROM query(CASE
  WHEN getvariable('audit') IS NULL THEN '
    SELECT
      reason AS verdict, NULL AS label, NULL AS text, NULL AS value, NULL AS unit, NULL AS confidence, NULL AS concept,
      NULL AS xbrl_value, NULL AS xbrl_unit, NULL AS place, NULL AS section, NULL AS sentence, NULL AS company, NULL AS cik,
      NULL AS split, NULL AS document_id, NULL AS source, NULL AS document_start, NULL AS document_end
    FROM (SELECT error(
      ''the results were not compared with the XBRL of their filings. This does it: finner-batch evaluate --results ''
      || getvariable(''results'') || '' --against-xbrl FILINGS --errors '' || getvariable(''results'') || ''/against_xbrl.parquet''
    )::VARCHAR AS reason)
    WHERE reason IS NOT NULL'
  ELSE 'FROM read_parquet(getvariable(''audit''))'
END);
