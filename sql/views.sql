-- Views over a results folder: `entities`, `documents` and `runs`, current rows only; `rate_pairs` and `against_xbrl`.
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

-- Whether versions with other columns wrote some of the parts: their names end in -s3-000001, or in -000001 before version 2.
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

-- The documents in force and the part each stands in. Of the rows of one document of one source the newest counts: the later
-- part by its name, which begins with the time, then the later row. A tombstone (`removed`) hides its document, a row that
-- closes a shard (`finished`) is none.
-- One document under several sources counts once: documents of one accession number that have the same name, or the same
-- content (a full submission and its primary document); without accession number, those of the same content (a.htm and
-- a.htm.gz). Documents of one source stay apart. The copy that counts is one that was read, with the settings used last,
-- and states when it was filed, in this order; then the one read last.
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

-- A sentence from a little before its number on, with the number in brackets: …at Term SOFR plus [1.25]% a year. With
-- SET VARIABLE whole = true the answers of the questions are for a program, not to be looked at: whole sentences and labels,
-- numbers that are not rounded.
CREATE OR REPLACE MACRO marked(sentence, starts, ends, before := 34) AS
  CASE WHEN starts > before AND getvariable('whole') IS DISTINCT FROM true
    THEN '…' || substr(sentence, starts - before + 1, before)
    ELSE substr(sentence, 1, starts)
    END
  || '[' || substr(sentence, starts + 1, ends - starts) || ']' || substr(sentence, ends + 1);

-- A label without its family: InterestRateStatedPercentage.
CREATE OR REPLACE MACRO short_label(label) AS
  CASE WHEN getvariable('whole') IS NOT DISTINCT FROM true THEN label
    ELSE regexp_replace(label, '^(DebtInstrument|LineOfCreditFacility)', '')
    END;

CREATE OR REPLACE MACRO rounded(number, digits) AS
  CASE WHEN getvariable('whole') IS NOT DISTINCT FROM true THEN number ELSE round(number, digits) END;

-- Whether a row of a document is of a filing that this filer, alone or with others, filed. `wanted`: a CIK without zeros in
-- front.
CREATE OR REPLACE MACRO filed_by(of_cik, of_source, of_document, wanted) AS
  ltrim(of_cik, '0') = wanted
  OR EXISTS (
    FROM documents AS filed
    WHERE filed.source = of_source AND filed.document_id = of_document
      AND list_contains(list_transform(filed.ciks, lambda filer: ltrim(filer, '0')), wanted)
  );

-- Effective rates, each beside the stated rate that it belongs to: one of its own sentence first, where both are listed the
-- first to the first, else the nearest before it in its section. One that belongs to none is left out: an average over
-- several debts, the outcome of a variable rate and its spread, one in a section that states no rate. What a document
-- says several times is one row.
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
    SELECT NULL::INTEGER AS "start" WHERE false  -- an older comparison has none
    UNION ALL BY NAME
    FROM read_parquet(getvariable(''audit''))'
END);
