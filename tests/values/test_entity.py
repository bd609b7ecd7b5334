import pyarrow as pa

from finner_batch.results.schema import ENTITY_OWN
from finner_batch.tagging.tagger import Span
from finner_batch.text.sentences import Sentence
from finner_batch.values.entity import entity_row
from finner_batch.values.value import Value

SENTENCE = Sentence(7, "It bears interest at SOFR plus 2.25%.", 100, "Item 8 > Note 5 - Debt")
SPAN = Span(31, 35, "DebtInstrumentBasisSpreadOnVariableRate1", 0.97)
ROW = entity_row(SENTENCE, SPAN, Value(0.0225, "pure", -2))


def test_a_row_has_the_columns_of_the_schema_in_order_and_fits_their_types():
    assert list(ROW) == ENTITY_OWN.names
    assert pa.Table.from_pylist([ROW], schema=ENTITY_OWN).to_pylist() == [ROW]


def test_the_text_is_at_its_offsets():
    assert ROW["sentence"][ROW["start"] : ROW["end"]] == ROW["text"] == "2.25"
    assert (ROW["document_start"], ROW["document_end"]) == (131, 135)
