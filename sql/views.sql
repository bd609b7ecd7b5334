-- Views over a results folder: `entities`, `documents` and `runs` with current rows only, `rate_pairs`, `against_xbrl`.
--
--   SET VARIABLE results = 'results';   -- the folder (by default 'results'), or a glob: 'results/*'
--   .read sql/views.sql                 -- read it again after a run or a compaction
--
-- This file lists the parts once, so every query sees the same state. A query that needs a part which a compaction has
-- since deleted fails, and never returns only some of the rows: read this file again. A part is a pair of files of the
-- same name, documents/NAME and entities/NAME. The documents file is the commit: an entities file without it is ignored.

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

-- Whether the parts have different columns, by the schema version in their names: -s3-000001, or -000001 before version 2.
SET VARIABLE mixed_columns = (
  SELECT count(DISTINCT regexp_extract(file, '-s([0-9]+)-[0-9]{6}[.]parquet$', 1)) > 1
  FROM (SELECT unnest(getvariable('documents_parts')) AS file)
);

SET VARIABLE run_reports = (SELECT list(file ORDER BY file) FROM glob(getvariable('results') || '/runs/*.json'));

SET VARIABLE audit = (SELECT any_value(file) FROM glob(getvariable('results') || '/against_xbrl.parquet'));

-- Every row of the parts. Columns that an earlier version did not write are null.
CREATE OR REPLACE VIEW stored_documents AS
SELECT
  NULL::VARCHAR AS content_id, NULL::VARCHAR[] AS ciks, NULL::VARCHAR AS document_type, NULL::VARCHAR AS sec_url,
  NULL::VARCHAR[] AS unread_exhibits, NULL::MAP(VARCHAR, VARCHAR) AS kept
WHERE false
UNION ALL BY NAME
SELECT *, parse_filename(filename) AS part
FROM read_parquet(
  getvariable('documents_parts'), filename = true, file_row_number = true, hive_partitioning = false,
  union_by_name = getvariable('mixed_columns')
);

-- The current documents, each with its part. Of several rows for a document of a source, the newest counts: the one in the
-- later part by name, which starts with the time, then the later row. A tombstone (`removed`) hides its document. A row that
-- closes a shard (`finished`) is not a document.
-- A document under several sources counts once: with an accession number, if the name or the content is the same (a full
-- submission and its primary document); without one, if the content is the same (a.htm and a.htm.gz). Documents of one
-- source are always distinct. Of several copies, the preferred one was read successfully, then with the latest settings,
-- then has a filing date, and then was read last.
CREATE OR REPLACE VIEW current_documents AS
WITH in_force AS MATERIALIZED (
  FROM (
    SELECT
      filename, file_row_number, part, source, document_id, accession_number, content_id, status, filing_date,
      (model_id, config_id) AS settings
    FROM stored_documents
    WHERE status <> 'finished'
    QUALIFY row_number() OVER (PARTITION BY source, document_id ORDER BY part DESC, file_row_number DESC) = 1
  )
  WHERE status <> 'removed'
),
ranked AS (
  SELECT
    *,
    (status = 'ok', settings = last_settings, filing_date IS NOT NULL, part, file_row_number, filename) AS rank
  FROM in_force, (SELECT arg_max(settings, (part, file_row_number)) AS last_settings FROM in_force)
),
hidden AS (
  FROM ranked
  SEMI JOIN (
    SELECT accession_number, document_id FROM in_force WHERE starts_with(document_id, accession_number || '/')
    GROUP BY ALL HAVING count(*) > 1
  ) USING (accession_number, document_id)
  SELECT filename, file_row_number
  QUALIFY rank < max(rank) OVER (PARTITION BY accession_number, document_id)
  UNION
  FROM ranked
  SEMI JOIN (
    SELECT content_id FROM in_force WHERE content_id IS NOT NULL
    GROUP BY ALL HAVING count(DISTINCT source) > 1
  ) USING (content_id)
  SELECT filename, file_row_number
  QUALIFY source <> arg_max(source, rank) OVER (PARTITION BY content_id, accession_number)
    OR (accession_number IS NULL AND bool_or(accession_number IS NOT NULL) OVER (PARTITION BY content_id))
)
FROM stored_documents
SEMI JOIN (FROM in_force SELECT filename, file_row_number EXCEPT FROM hidden) USING (filename, file_row_number);

CREATE OR REPLACE VIEW documents AS
SELECT
  document_id, source, sha256, bytes, content_id, kind, accession_number, cik, company, form_type, document_type,
  period_of_report, filing_date, ciks, sec_url, status, stage, error_type, error, sentences, tagged_sentences,
  unread_exhibits, entities, seconds, model_id, config_id, run_id, kept
FROM current_documents;

CREATE OR REPLACE VIEW stored_entities AS
SELECT
  NULL::VARCHAR AS before_text, NULL::DOUBLE AS before_value, NULL::VARCHAR AS document_type, NULL::VARCHAR AS sec_url
WHERE false
UNION ALL BY NAME
SELECT *
FROM read_parquet(
  getvariable('entities_parts'), filename = true, hive_partitioning = false,
  union_by_name = getvariable('mixed_columns')
);

CREATE OR REPLACE VIEW entities AS
SELECT
  e.document_id, e.source, e.accession_number, e.cik, e.company, e.form_type, e.document_type, e.period_of_report,
  e.filing_date, e.section, e.sentence_index, e.sentence, e.start, e."end", e.document_start, e.document_end, e.label,
  e.text, e.value, e.unit, e.scale, e.confidence, e.before_text, e.before_value, e.sec_url, e.model_id, e.run_id,
  e.schema_version
FROM stored_entities AS e
SEMI JOIN current_documents AS d
  ON regexp_replace(e.filename, '/entities/([^/]+)$', '/documents/\1') = d.filename
  AND e.source = d.source AND e.document_id = d.document_id;

-- A sentence from shortly before its number, which is in brackets: …at Term SOFR plus [1.25]% a year. After
-- SET VARIABLE whole = true the questions answer for a program: with whole sentences and labels, and unrounded numbers.
CREATE OR REPLACE MACRO marked(sentence, starts, ends, before := 34) AS
  CASE WHEN starts > before AND getvariable('whole') IS DISTINCT FROM true
    THEN '…' || substr(sentence, starts - before + 1, before)
    ELSE substr(sentence, 1, starts)
    END
  || '[' || substr(sentence, starts + 1, ends - starts) || ']' || substr(sentence, ends + 1);

-- A label without its prefix: InterestRateStatedPercentage.
CREATE OR REPLACE MACRO short_label(label) AS
  CASE WHEN getvariable('whole') IS NOT DISTINCT FROM true THEN label
    ELSE regexp_replace(label, '^(DebtInstrument|LineOfCreditFacility)', '')
    END;

CREATE OR REPLACE MACRO rounded(number, digits) AS
  CASE WHEN getvariable('whole') IS NOT DISTINCT FROM true THEN number ELSE round(number, digits) END;

-- Whether this filer filed the document, alone or with others. `wanted` is a CIK without leading zeros.
CREATE OR REPLACE MACRO filed_by(of_cik, of_source, of_document, wanted) AS
  ltrim(of_cik, '0') = wanted
  OR EXISTS (
    FROM documents AS filed
    WHERE filed.source = of_source AND filed.document_id = of_document
      AND list_contains(list_transform(filed.ciks, lambda filer: ltrim(filer, '0')), wanted)
  );

-- Effective rates, each with its stated rate: preferably one in the same sentence (lists of equal length are matched in
-- order), otherwise the nearest one before it in its section. An effective rate without a stated rate is left out: an
-- average over several debts, the sum of a variable rate and its spread, a rate in a section that states none. A pair that
-- a document repeats is one row.
CREATE OR REPLACE VIEW rate_pairs AS
WITH rates AS (
  SELECT
    *,
    row_number() OVER (PARTITION BY source, document_id, sentence_index, label ORDER BY document_start) AS nth,
    count(*) OVER (PARTITION BY source, document_id, sentence_index, label) AS of_sentence,
    bool_or(label = 'DebtInstrumentBasisSpreadOnVariableRate1') OVER (PARTITION BY source, document_id, sentence_index)
      OR regexp_matches(lower(sentence), 'weighted|average') AS of_none_before
  FROM entities
  WHERE value BETWEEN 0 AND 1 AND unit = 'pure'
),
pairs AS (
  SELECT
    effective.*,
    stated.text AS stated_text,
    stated.value AS stated_value,
    round((effective.value - stated.value) * 1e4, 4) AS difference_bp
  FROM rates AS effective
  JOIN rates AS stated
    ON effective.source = stated.source AND effective.document_id = stated.document_id
    AND effective.section IS NOT DISTINCT FROM stated.section
    AND (
      effective.sentence_index = stated.sentence_index
      OR (stated.document_start < effective.document_start AND NOT effective.of_none_before)
    )
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
  document_id, source, accession_number, cik, company, form_type, period_of_report, filing_date, section, sentence, "start",
  "end", document_start, confidence, text AS effective_text, value AS effective_value, stated_text, stated_value,
  difference_bp
FROM pairs
QUALIFY row_number() OVER (PARTITION BY source, document_id, value, stated_value ORDER BY document_start) = 1;

-- One row per run; `report` holds its whole report. Times are UTC.
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

-- The rows compared with the filers' own tags, one row per verdict, once this command has run:
--   finner-batch evaluate --results RESULTS --against-xbrl FILINGS --errors RESULTS/against_xbrl.parquet
CREATE OR REPLACE VIEW against_xbrl AS
SELECT
  verdict::VARCHAR AS verdict, label::VARCHAR AS label, text::VARCHAR AS text, value::DOUBLE AS value, unit::VARCHAR AS unit,
  confidence::DOUBLE AS confidence, concept::VARCHAR AS concept, xbrl_value::DOUBLE AS xbrl_value,
  xbrl_unit::VARCHAR AS xbrl_unit, place::VARCHAR AS place, section::VARCHAR AS section, sentence::VARCHAR AS sentence,
  "start"::INTEGER AS "start", company::VARCHAR AS company, cik::VARCHAR AS cik, split::VARCHAR AS split,
  document_id::VARCHAR AS document_id, source::VARCHAR AS source, document_start::BIGINT AS document_start, document_end::BIGINT AS document_end
FROM query(CASE
  WHEN getvariable('audit') IS NULL THEN '
    SELECT
      reason AS verdict, NULL AS label, NULL AS text, NULL AS value, NULL AS unit, NULL AS confidence, NULL AS concept,
      NULL AS xbrl_value, NULL AS xbrl_unit, NULL AS place, NULL AS section, NULL AS sentence, NULL AS "start",
      NULL AS company, NULL AS cik, NULL AS split, NULL AS document_id, NULL AS source, NULL AS document_start,
      NULL AS document_end
    FROM (SELECT error(
      ''the results were not compared with the XBRL of their filings. This does it: finner-batch evaluate --results ''
      || getvariable(''results'') || '' --against-xbrl FILINGS --errors '' || getvariable(''results'') || ''/against_xbrl.parquet''
    )::VARCHAR AS reason)
    WHERE reason IS NOT NULL'
  ELSE '
    SELECT NULL::INTEGER AS "start" WHERE false  -- missing in an older comparison
    UNION ALL BY NAME
    FROM read_parquet(getvariable(''audit''))'
END);
