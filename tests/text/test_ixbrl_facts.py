"""The filer's tagged numbers: position, value, unit, and whether they are in a note."""

import gzip
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finner_batch.text.extract import extract
from finner_batch.text.ixbrl_facts import number

RESOURCES = """<div style="display:none"><ix:header><ix:hidden>
<ix:nonFraction name="us-gaap:Hidden" unitRef="usd" contextRef="c">7</ix:nonFraction></ix:hidden><ix:resources>
<xbrli:unit id="usd"><xbrli:measure>iso4217:USD</xbrli:measure></xbrli:unit>
<xbrli:unit id="pure"><xbrli:measure>xbrli:pure</xbrli:measure></xbrli:unit>
<xbrli:unit id="perShare"><xbrli:divide><xbrli:unitNumerator><xbrli:measure>iso4217:USD</xbrli:measure>
</xbrli:unitNumerator><xbrli:unitDenominator><xbrli:measure>xbrli:shares</xbrli:measure></xbrli:unitDenominator>
</xbrli:divide></xbrli:unit></ix:resources></ix:header></div>"""


def fact(text, name="us-gaap:DebtInstrumentFaceAmount", **attributes):
    given_attributes = {"name": name, "unitRef": "usd", "contextRef": "c-1", **attributes}
    written = " ".join(f'{key}="{value}"' for key, value in given_attributes.items())
    return f"<ix:nonFraction {written}>{text}</ix:nonFraction>"


def read(body, **options):
    extraction = extract(f"<html><body>{RESOURCES}{body}</body></html>", "html", facts=True, **options)
    for found in extraction.facts:
        assert extraction.text[found.start : found.end] == found.text
    return extraction


def only(body):
    (found,) = read(body).facts
    return found


@pytest.mark.parametrize(
    ("printed", "attributes", "value"),
    [
        ("1,500", {"scale": "6", "format": "ixt:num-dot-decimal"}, 1.5e9),
        ("1,500", {"scale": "6"}, 1.5e9),
        ("2.25", {"scale": "-2", "unitRef": "pure"}, 0.0225),
        ("175", {"scale": "-4", "unitRef": "pure"}, 0.0175),
        ("5.0", {"sign": "-"}, -5.0),
        ("1.234,5", {"format": "ixt:num-comma-decimal"}, 1234.5),
        ("1.234,5", {"format": "ixt:numcommadecimal"}, 1234.5),
        ("1,234.5", {"format": "ixt:numdotdecimal"}, 1234.5),
        ("\u2014", {"format": "ixt:fixed-zero", "scale": "6"}, 0.0),
        ("-", {"format": "ixt:zerodash"}, 0.0),
        ("none", {"format": "ixt:fixed-empty"}, 0.0),
        ("twenty-five", {"format": "ixt-sec:numwordsen"}, 25.0),
        ("one hundred and two million", {"format": "ixt-sec:numwordsen"}, 102e6),
        ("no", {"format": "ixt-sec:numwordsen"}, 0.0),
        ("five years", {"format": "ixt-sec:durwordsen"}, None),
        ("twelve-ish", {"format": "ixt-sec:numwordsen"}, None),
        ("12", {"format": "ixt:no-such-format"}, None),
    ],
)
def test_a_value_is_the_printed_number_with_format_scale_and_sign(printed, attributes, value):
    assert only(f"<p>about {fact(printed, **attributes)} in all</p>").value == pytest.approx(value)


def test_a_nil_fact_has_no_value():
    assert only(f"<p>{fact('5', **{'xsi:nil': 'true'})}</p>").value is None


@pytest.mark.parametrize(("unit", "shown"), [("usd", "USD"), ("pure", "pure"), ("perShare", "USD/shares"), ("x", None)])
def test_units_are_read_from_the_resources(unit, shown):
    assert only(f"<p>{fact('5', unitRef=unit)}</p>").unit == shown


def test_resources_may_have_any_prefix():
    markup = RESOURCES.replace("xbrli:unit", "unit").replace("xbrli:measure", "i:measure") + f"<p>{fact('5')}</p>"
    assert extract(markup, "html", facts=True).facts[0].unit == "USD"


def test_names_and_contexts_are_kept():
    found = only(f"<p>{fact('5', name='acme:Own_Thing', contextRef='c-9', scale='3')}</p>")
    assert (found.prefix, found.concept, found.context, found.scale) == ("acme", "Own_Thing", "c-9", 3)


def test_offsets_hold_where_space_collapses_and_words_are_split():
    found = only(f"<p>  A\u200b \n <b>loan</b>&nbsp;of &#160;$<span> </span>{fact(' 1,<b>5</b>00 ')} here</p><p>x</p>")
    extraction = read(f"<p>one</p><p>  of &#160;${fact(' 1,<b>5</b>00 ')}x</p>")
    assert found.text == "1,500"
    assert extraction.text[: extraction.facts[0].start] == "one\nof $ "


def test_nested_facts_are_both_at_the_same_number():
    inner = fact("2.25", name="us-gaap:Inner", scale="-2")
    facts = read(f"<p>at {fact(inner, name='us-gaap:Outer', scale='-2')}%</p>").facts
    assert {found.concept for found in facts} == {"Outer", "Inner"}
    assert {(found.start, found.end, found.value) for found in facts} == {(3, 7, 0.0225)}


def test_hidden_facts_and_facts_of_left_out_tables_do_not_appear():
    row = f"<table><tr><td>Debt</td><td>{fact('5')}</td><td>{fact('6')}</td></tr></table>"
    assert read(f"<p>Text</p>{row}").facts == ()
    shown = read(f"<p>Text</p>{row}", tables=True)
    assert [(found.text, found.start) for found in shown.facts] == [("5", 10), ("6", 12)]


def block(content, name="us-gaap:DebtDisclosureTextBlock", **attributes):
    extra = " ".join(f'{key}="{value}"' for key, value in attributes.items())
    return f'<ix:nonNumeric name="{name}" contextRef="c-1" {extra}>{content}</ix:nonNumeric>'


def test_a_note_has_its_text_block_and_all_its_continuations_in_any_order():
    body = (
        f'<ix:continuation id="k2" continuedAt="k3"><p>third {fact("3")}</p></ix:continuation>'
        f"<p>outside {fact('9')}</p>"
        + block(f"<p>first {fact('1')}</p>", id="b", continuedAt="k1")
        + f"<p>page {fact('8')}</p>"
        f'<ix:continuation id="k1" continuedAt="k2"><p>second {fact("2")}</p></ix:continuation>'
        f'<ix:continuation id="k3"><p>last {fact("4")}</p></ix:continuation>'
        f'<ix:continuation id="other"><p>no note {fact("7")}</p></ix:continuation>'
    )
    extraction = read(body)
    assert {found.text: found.in_note for found in extraction.facts} == {
        **dict.fromkeys("1234", True),
        **dict.fromkeys("789", False),
    }
    spans = [extraction.text[start:end] for start, end in extraction.note_spans]
    assert spans == ["third 3", "first 1", "second 2\nlast 4"]
    assert list(extraction.note_spans) == sorted(extraction.note_spans)


def test_a_sentence_that_a_page_end_cuts_is_in_its_note():
    sentence = f"On March 31, 2024 the Company had borrowed ${fact('750')} million under the facility, of which"
    pages = "".join(f"<p>{page}</p><p>Table of Contents</p>" for page in (41, 42, 43))
    body = (
        pages
        + block(f"<p>{sentence}</p>", id="b", continuedAt="k1")
        + "<p>44</p><p>Table of Contents</p>"
        + f'<ix:continuation id="k1"><p>${fact("50")} million was repaid in April.</p></ix:continuation>'
    )
    extraction = read(body)
    ((start, end),) = extraction.note_spans
    assert extraction.text[start:end] == (
        "On March 31, 2024 the Company had borrowed $750 million under the facility, of which $50 million was repaid in"
        " April."
    )


def test_a_circle_of_continuations_ends():
    markup = block("<p>a</p>", continuedAt="k") + '<ix:continuation id="k" continuedAt="k"><p>b</p></ix:continuation>'
    assert read(markup).note_spans


@pytest.mark.parametrize(
    "name",
    ["us-gaap:DebtInstrumentMaturityDate", "dei:DocumentsIncorporatedByReferenceTextBlock", "cyd:RiskTextBlock"],
)
def test_other_tagged_text_is_no_note(name):
    assert read(block(f"<p>{fact('1')}</p>", name=name)).note_spans == ()
    assert not read(block(f"<p>{fact('1')}</p>", name=name)).facts[0].in_note


def test_facts_are_left_out_unless_asked_for():
    extraction = extract(f"{RESOURCES}<p>{fact('5')}</p>", "html")
    assert extraction.facts == ()
    assert extraction.note_spans == ()
    assert extraction.text == "5"


@given(st.floats(min_value=0, max_value=1e12).map(lambda value: round(value, 3)))
def test_printed_numbers_read_back(value):
    assert number(f"{value:,.3f}", "ixt:num-dot-decimal") == value
    swapped = f"{value:,.3f}".translate(str.maketrans(",.", ".,"))
    assert number(swapped, "ixt:num-comma-decimal") == value


@pytest.mark.corpus
def test_every_fact_of_real_filings_that_has_text_is_located(corpus):
    for name in ("0000060667__10-Q__0000060667-23-000139.htm.gz", "0001411579__10-Q__0001411579-23-000057.htm.gz"):
        markup = gzip.decompress((corpus / "filings" / name).read_bytes()).decode()
        body = markup[re.search(r"</ix:header\s*>", markup).end() :]
        tagged = body.count("<ix:nonFraction") - body.count('xsi:nil="true"')
        extraction = extract(markup, "html", facts=True, tables=True)
        assert len(extraction.facts) == tagged > 300
        for found in extraction.facts:
            assert extraction.text[found.start : found.end] == found.text
            assert "\n" not in found.text
            assert found.unit
            assert found.value is not None
        prose = extract(markup, "html", facts=True)
        assert 0 < len(prose.facts) < tagged / 2
