-- Which entities were gained, lost or changed from results A to results B?
--
-- `finner-batch diff` runs this file. Plain DuckDB runs it on two files written by `finner-batch query --export`:
--
--   ATTACH 'a.duckdb' AS a (READ_ONLY); ATTACH 'b.duckdb' AS b (READ_ONLY);
--   SET VARIABLE tolerance = 0.05;      -- confidences that differ by up to this count as equal
--   .read sql/diff.sql
--   FROM diff;                          -- also: diff_labels, diff_documents

-- An export of an earlier version has no content_id.
CREATE OR REPLACE TEMP VIEW documents_a AS
SELECT NULL::VARCHAR AS content_id WHERE false UNION ALL BY NAME FROM a.documents;
CREATE OR REPLACE TEMP VIEW documents_b AS
SELECT NULL::VARCHAR AS content_id WHERE false UNION ALL BY NAME FROM b.documents;

-- Matches each document of A to one of B, by the first of these rules that applies.
CREATE OR REPLACE TEMP TABLE document_pairs AS
SELECT source AS source_a, source AS source_b, document_id AS document_id_a, document_id AS document_id_b
FROM documents_a SEMI JOIN documents_b USING (source, document_id);

CREATE OR REPLACE TEMP VIEW documents_left_a AS
FROM documents_a ANTI JOIN document_pairs ON source = source_a AND document_id = document_id_a;
CREATE OR REPLACE TEMP VIEW documents_left_b AS
FROM documents_b ANTI JOIN document_pairs ON source = source_b AND document_id = document_id_b;

-- moved: same name and bytes; several copies of a file are matched in order
INSERT INTO document_pairs
SELECT a.source, b.source, a.document_id, b.document_id
FROM (SELECT *, row_number() OVER (PARTITION BY document_id, sha256 ORDER BY source) AS nth FROM documents_left_a) AS a
JOIN (SELECT *, row_number() OVER (PARTITION BY document_id, sha256 ORDER BY source) AS nth FROM documents_left_b) AS b
  USING (document_id, sha256, nth);

-- moved and changed: the name is unique on both sides
INSERT INTO document_pairs
SELECT a.source, b.source, a.document_id, b.document_id
FROM (FROM documents_left_a QUALIFY count(*) OVER (PARTITION BY document_id) = 1) AS a
JOIN (FROM documents_left_b QUALIFY count(*) OVER (PARTITION BY document_id) = 1) AS b USING (document_id);

-- the same filing in another format, such as its full submission: the text is unique on both sides
INSERT INTO document_pairs
SELECT a.source, b.source, a.document_id, b.document_id
FROM (FROM documents_left_a QUALIFY count(*) OVER (PARTITION BY content_id) = 1) AS a
JOIN (FROM documents_left_b QUALIFY count(*) OVER (PARTITION BY content_id) = 1) AS b
  ON a.content_id = b.content_id AND coalesce(a.accession_number = b.accession_number, true);

-- renamed: the bytes are unique on both sides
INSERT INTO document_pairs
SELECT a.source, b.source, a.document_id, b.document_id
FROM (FROM documents_left_a QUALIFY count(*) OVER (PARTITION BY sha256) = 1) AS a
JOIN (FROM documents_left_b QUALIFY count(*) OVER (PARTITION BY sha256) = 1) AS b USING (sha256);

CREATE OR REPLACE TEMP TABLE diff_documents AS
SELECT
  CASE
    WHEN b.document_id IS NULL THEN 'only in A'
    WHEN a.document_id IS NULL THEN 'only in B'
    WHEN a.status = b.status THEN 'in both'
    WHEN a.status = 'failed' THEN 'failed in A'
    ELSE 'failed in B'
  END AS document,
  a.document_id AS document_id_a, b.document_id AS document_id_b, a.source AS source_a, b.source AS source_b,
  a.entities AS entities_a, b.entities AS entities_b,
  a.sha256 IS DISTINCT FROM b.sha256 AND (a.content_id = b.content_id) IS NOT true AS other_content,
  row_number() OVER (ORDER BY coalesce(b.document_id, a.document_id), coalesce(b.source, a.source)) AS pair
FROM documents_a AS a
FULL JOIN document_pairs ON a.source = source_a AND a.document_id = document_id_a
FULL JOIN documents_b AS b ON b.source = source_b AND b.document_id = document_id_b;

CREATE OR REPLACE TEMP TABLE entities_a AS
SELECT
  e.*, pair, other_content, row_number() OVER (ORDER BY pair, document_start, label) AS id,
  regexp_replace(sentence, '[0-9][0-9.,]*', '#', 'g') AS wording,
  len(regexp_extract_all(substr(sentence, 1, "start"), '[0-9][0-9.,]*')) AS numbers_before,
  list_distinct(string_split(lower(sentence), ' ')) AS words
FROM a.entities AS e JOIN diff_documents AS d ON e.source = d.source_a AND e.document_id = d.document_id_a;

CREATE OR REPLACE TEMP TABLE entities_b AS
SELECT
  e.*, pair, other_content, row_number() OVER (ORDER BY pair, document_start, label) AS id,
  regexp_replace(sentence, '[0-9][0-9.,]*', '#', 'g') AS wording,
  len(regexp_extract_all(substr(sentence, 1, "start"), '[0-9][0-9.,]*')) AS numbers_before,
  list_distinct(string_split(lower(sentence), ' ')) AS words
FROM b.entities AS e JOIN diff_documents AS d ON e.source = d.source_b AND e.document_id = d.document_id_b;

-- Matches each entity of A to one of B, by the first of these rules that applies. First: same number, same sentence.
CREATE OR REPLACE TEMP TABLE entity_pairs AS
SELECT a.id AS id_a, b.id AS id_b
FROM (SELECT *, row_number() OVER (PARTITION BY pair, document_start ORDER BY id) AS nth FROM entities_a) AS a
JOIN (SELECT *, row_number() OVER (PARTITION BY pair, document_start ORDER BY id) AS nth FROM entities_b) AS b
  USING (pair, sentence, "start", "end", document_start, nth);

CREATE OR REPLACE TEMP VIEW entities_left_a AS FROM entities_a ANTI JOIN entity_pairs ON id = id_a;
CREATE OR REPLACE TEMP VIEW entities_left_b AS FROM entities_b ANTI JOIN entity_pairs ON id = id_b;

-- the sentence moved within the document; repeated sentences are matched in order, those of the same label first
INSERT INTO entity_pairs
SELECT a.id, b.id
FROM (SELECT *, row_number() OVER (PARTITION BY pair, sentence, "start", label ORDER BY id) AS nth FROM entities_left_a) AS a
JOIN (SELECT *, row_number() OVER (PARTITION BY pair, sentence, "start", label ORDER BY id) AS nth FROM entities_left_b) AS b
  USING (pair, sentence, "start", "end", label, nth);

INSERT INTO entity_pairs
SELECT a.id, b.id
FROM (SELECT *, row_number() OVER (PARTITION BY pair, sentence, "start" ORDER BY id) AS nth FROM entities_left_a) AS a
JOIN (SELECT *, row_number() OVER (PARTITION BY pair, sentence, "start" ORDER BY id) AS nth FROM entities_left_b) AS b
  USING (pair, sentence, "start", "end", nth);

-- in a changed document: the sentence has other numbers
INSERT INTO entity_pairs
SELECT a.id, b.id
FROM (SELECT *, row_number() OVER (PARTITION BY pair, wording, numbers_before ORDER BY id) AS nth FROM entities_left_a) AS a
JOIN (SELECT *, row_number() OVER (PARTITION BY pair, wording, numbers_before ORDER BY id) AS nth FROM entities_left_b) AS b
  USING (pair, wording, numbers_before, nth)
WHERE a.other_content;

-- the sentence at this position has other words, but at least half of them are the same: match the same number, and
-- in a changed document also another number of the same label
INSERT INTO entity_pairs
SELECT a.id, b.id
FROM (SELECT *, row_number() OVER (PARTITION BY pair, sentence_index, text ORDER BY id) AS nth FROM entities_left_a) AS a
JOIN (SELECT *, row_number() OVER (PARTITION BY pair, sentence_index, text ORDER BY id) AS nth FROM entities_left_b) AS b
  USING (pair, sentence_index, text, nth)
WHERE a.sentence <> b.sentence AND 2 * len(list_intersect(a.words, b.words)) >= greatest(len(a.words), len(b.words));

INSERT INTO entity_pairs
SELECT a.id, b.id
FROM (SELECT *, row_number() OVER (PARTITION BY pair, sentence_index, label ORDER BY id) AS nth FROM entities_left_a) AS a
JOIN (SELECT *, row_number() OVER (PARTITION BY pair, sentence_index, label ORDER BY id) AS nth FROM entities_left_b) AS b
  USING (pair, sentence_index, label, nth)
WHERE a.other_content AND a.sentence <> b.sentence AND 2 * len(list_intersect(a.words, b.words)) >= greatest(len(a.words), len(b.words));

CREATE OR REPLACE TEMP TABLE compared AS
SELECT
  a.id AS id_a, b.id AS id_b, coalesce(a.pair, b.pair) AS pair,
  CASE WHEN b.id IS NULL THEN 'lost' WHEN a.id IS NULL THEN 'gained' ELSE '' END AS one_sided,
  concat_ws(
    ', ',
    CASE WHEN a.label <> b.label THEN 'label' END,
    CASE
      WHEN a.value IS NULL AND b.value IS NULL THEN NULL
      WHEN abs(a.value - b.value) <= 1e-9 * greatest(abs(a.value), abs(b.value)) THEN NULL
      WHEN a.id IS NOT NULL AND b.id IS NOT NULL THEN 'value'
    END,
    CASE WHEN a.id IS NOT NULL AND b.id IS NOT NULL AND a.unit IS DISTINCT FROM b.unit THEN 'unit' END,
    CASE
      WHEN abs(a.confidence - b.confidence) > coalesce(getvariable('tolerance')::DOUBLE, 0.05) + 1e-12 THEN 'confidence'
    END
  ) AS what,
  a.label AS label_a, b.label AS label_b, a.text AS text_a, b.text AS text_b, a.value AS value_a, b.value AS value_b,
  a.unit AS unit_a, b.unit AS unit_b, a.confidence AS confidence_a, b.confidence AS confidence_b,
  coalesce(b.company, a.company) AS company, coalesce(b.cik, a.cik) AS cik,
  coalesce(b.form_type, a.form_type) AS form_type,
  coalesce(b.period_of_report, a.period_of_report) AS period_of_report, coalesce(b.section, a.section) AS section,
  a.sentence AS sentence_a, b.sentence AS sentence_b, a."start" AS start_a, b."start" AS start_b,
  a.document_start AS document_start_a, b.document_start AS document_start_b
FROM entities_a AS a
FULL JOIN entity_pairs ON a.id = id_a
FULL JOIN entities_b AS b ON b.id = id_b;

-- One row per entity that differs. `document` says whether the whole document is in one results folder only, or the
-- same document lost or gained the entity.
CREATE OR REPLACE TEMP VIEW diff AS
SELECT
  coalesce(nullif(one_sided, ''), 'changed') AS change, what, document,
  label_a, label_b, text_a, text_b, value_a, value_b, unit_a, unit_b, confidence_a, confidence_b,
  company, cik, form_type, period_of_report, section, document_id_a, document_id_b, source_a, source_b,
  sentence_a, sentence_b, start_a, start_b, document_start_a, document_start_b
FROM compared JOIN diff_documents USING (pair)
WHERE one_sided <> '' OR what <> ''
ORDER BY document <> 'in both', what = 'confidence', change, what, coalesce(label_a, label_b), pair, coalesce(document_start_b, document_start_a);

-- One row per label, and a total.
-- in_a = same + changed + confidence_only + relabelled_from + lost + lost_with_document, and likewise in_b.
CREATE OR REPLACE TEMP VIEW diff_labels AS
WITH by_label AS (
  SELECT
    label,
    count(*) FILTER (label_a = label) AS in_a,
    count(*) FILTER (label_b = label) AS in_b,
    count(*) FILTER (one_sided = '' AND what = '') AS same,
    count(*) FILTER (label_a = label_b AND what NOT IN ('', 'confidence')) AS changed,
    count(*) FILTER (what = 'confidence') AS confidence_only,
    count(*) FILTER (label_a = label AND label_a <> label_b) AS relabelled_from,
    count(*) FILTER (label_b = label AND label_a <> label_b) AS relabelled_to,
    count(*) FILTER (one_sided = 'lost' AND document = 'in both') AS lost,
    count(*) FILTER (one_sided = 'gained' AND document = 'in both') AS gained,
    count(*) FILTER (one_sided = 'lost' AND document <> 'in both') AS lost_with_document,
    count(*) FILTER (one_sided = 'gained' AND document <> 'in both') AS gained_with_document
  FROM (SELECT *, unnest(list_distinct([label_a, label_b])) AS label FROM compared JOIN diff_documents USING (pair))
  GROUP BY label
)
SELECT * FROM (
  FROM by_label
  UNION ALL
  SELECT 'all labels', coalesce(sum(COLUMNS(* EXCLUDE (label))), 0)::BIGINT FROM by_label
)
ORDER BY label = 'all labels', label;
