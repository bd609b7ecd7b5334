import pyarrow as pa

from finner_batch.results.schema import DOCUMENTS, ENTITIES, ENTITY_OWN, FROM_DOCUMENT, columns_markdown

ENTITY_COLUMNS = """document_id, source, accession_number, cik, company, form_type, document_type, period_of_report,
filing_date, section, sentence_index, sentence, start, end, document_start, document_end, label, text, value, unit,
scale, confidence, before_text, before_value, sec_url, model_id, run_id, schema_version"""
DOCUMENT_COLUMNS = """document_id, source, sha256, bytes, content_id, kind, accession_number, cik, company, form_type,
document_type, period_of_report, filing_date, ciks, sec_url, status, stage, error_type, error, sentences,
tagged_sentences, unread_exhibits, entities, seconds, model_id, config_id, run_id, kept"""


def test_the_columns_are_those_of_the_contract_in_its_order():
    assert [", ".join(ENTITIES.names), ", ".join(DOCUMENTS.names)] == [
        " ".join(columns.split()) for columns in (ENTITY_COLUMNS, DOCUMENT_COLUMNS)
    ]


def test_every_column_says_what_it_means():
    for field in (*ENTITIES, *DOCUMENTS):
        assert field.metadata[b"meaning"], field.name
        assert b"unit" in field.metadata


def test_dates_are_dates_and_value_is_a_float():
    assert ENTITIES.field("period_of_report").type == pa.date32()
    assert ENTITIES.field("value").type == pa.float64()


def test_an_entity_brings_what_its_document_does_not():
    assert sorted([*ENTITY_OWN.names, *FROM_DOCUMENT]) == sorted(ENTITIES.names)


def test_the_markdown_tables_hold_every_column():
    tables = columns_markdown()
    for field in (*ENTITIES, *DOCUMENTS):
        assert f"| `{field.name}` |" in tables
    assert "| `value` | float64, null |" in tables
