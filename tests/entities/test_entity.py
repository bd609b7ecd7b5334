from datetime import date

from finner_batch.entities.entity import entity_columns, entity_row
from finner_batch.entities.value import Value
from finner_batch.sentences.sentence import Sentence
from finner_batch.sources.document import Document, Header
from finner_batch.store.schema import ENTITIES, ENTITY_OWN, SCHEMA_VERSION
from finner_batch.tagger.span import Span

DOCUMENT = Document(
    document_id="0000000001-24-000001/a.htm",
    source="/in/a.htm",
    kind="ixbrl",
    markup="html",
    content="",
    header=Header(cik="0000000001", company="Alder Works", period_of_report=date(2023, 12, 31)),
    sha256="0" * 64,
    bytes=1,
)
SENTENCE = Sentence(7, "It bears interest at SOFR plus 2.25%.", 100, "Item 8 > Note 5 - Debt")
SPAN = Span(31, 35, "DebtInstrumentBasisSpreadOnVariableRate1", 0.97)
VALUE = Value(0.0225, "pure", -2)


def row():
    return entity_row(DOCUMENT, SENTENCE, SPAN, VALUE, model_id="m", run_id="r", schema_version=SCHEMA_VERSION)


def test_a_row_has_the_columns_of_the_schema_in_order():
    assert list(row()) == ENTITIES.names
    assert list(entity_columns(SENTENCE, SPAN, VALUE)) == ENTITY_OWN.names


def test_a_row_fits_the_types_of_the_schema():
    import pyarrow as pa  # noqa: PLC0415

    assert pa.Table.from_pylist([row()], schema=ENTITIES).to_pylist() == [row()]


def test_the_text_stands_where_the_offsets_say():
    got = row()
    assert got["sentence"][got["start"] : got["end"]] == got["text"] == "2.25"
    assert (got["document_start"], got["document_end"]) == (131, 135)
    assert got["company"] == "Alder Works"
    assert got["accession_number"] is None
