import time
from datetime import date

import pytest

from finner_batch.readers.document import Header
from finner_batch.readers.ixbrl_cover import cover_header, read_date


def fact(concept: str, value: str, context: str = "c-1", more: str = "") -> str:
    return f'<ix:nonNumeric contextRef="{context}" name="dei:{concept}" {more} id="f">{value}</ix:nonNumeric>'


LONG_DATE = 'format="ixt:date-monthname-day-year-en"'


def test_the_four_cover_facts_are_read():
    text = (
        fact("DocumentType", "10\u2011K")
        + fact("EntityCentralIndexKey", "0000123456")
        + fact("EntityRegistrantName", "Harbor &amp; Pier<br/>Holdings, Inc.")
        + fact("DocumentPeriodEndDate", "December&#160;31, 2023", more=LONG_DATE)
        + fact("DocumentPeriodEndDateOther", "January 1, 1999", more=LONG_DATE)
    )

    assert cover_header(text) == Header(
        cik="0000123456",
        company="Harbor & Pier Holdings, Inc.",
        form_type="10-K",
        document_type="10-K",
        period_of_report=date(2023, 12, 31),
        ciks=("0000123456",),
    )


REGISTRANTS = (
    '<xbrli:context id="c-1"><xbrli:entity/></xbrli:context>'
    '<xbrli:context id="c-2"><xbrldi:explicitMember dimension="dei:LegalEntityAxis">x</xbrldi:explicitMember>'
    "</xbrli:context>"
)
READ = {
    "text split over spans and nested facts is joined without spaces": (
        fact(
            "DocumentPeriodEndDate",
            f"<span>Dec</span><span style='a'>ember 31</span>{fact('Other', ', 20')}<!-- x --><b>23</b>",
            more=LONG_DATE,
        ),
        {"period_of_report": date(2023, 12, 31)},
    ),
    "continuations are followed and excluded text is not": (
        fact("EntityRegistrantName", "Harbor <ix:exclude>page 3</ix:exclude>", more='continuedAt="more-1"')
        + "<p>between</p>"
        + '<ix:continuation id="more-1" continuedAt="more-2">Pier </ix:continuation>'
        + '<ix:continuation id="more-2">Holdings</ix:continuation>',
        {"company": "Harbor Pier Holdings"},
    ),
    "a circle of continuations ends": (
        fact("EntityRegistrantName", "A", more='continuedAt="x"')
        + '<ix:continuation id="x" continuedAt="x">B</ix:continuation>',
        {"company": "A" + "B" * 16},
    ),
    "of several registrants the parent counts": (
        REGISTRANTS
        + fact("EntityCentralIndexKey", "0000000002", "c-2")
        + fact("EntityCentralIndexKey", "0000000001", "c-1"),
        {"cik": "0000000001"},
    ),
    "there is no guess between two parents": (
        REGISTRANTS
        + fact("EntityCentralIndexKey", "0000000002", "c-1")
        + fact("EntityCentralIndexKey", "0000000001", "c-1"),
        {"cik": None},
    ),
    "tags in lower case with single quotes": (
        "<ix:nonnumeric contextref='c-1' name='dei:DocumentType'>10-Q</ix:nonnumeric>",
        {"form_type": "10-Q"},
    ),
    "a fact without an end": ("<ix:nonNumeric name='dei:DocumentType'>10-Q" + "x" * 50_000, {"form_type": None}),
    "a name in prose": ('<p>see name="dei:DocumentType"</p>', {"form_type": None}),
    "the prefix that the document declares": (
        '<html xmlns:cover="http://xbrl.sec.gov/dei/2023">' + fact("DocumentType", "10-K").replace('"dei:', '"cover:'),
        {"form_type": "10-K"},
    ),
}


@pytest.mark.parametrize(("text", "expected"), READ.values(), ids=READ)
def test_facts_are_read_as_far_as_they_are_stated(text, expected):
    header = cover_header(text)

    assert {name: getattr(header, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("text", "form", "expected"),
    [
        ("December 31, 2023", "ixt:date-monthname-day-year-en", date(2023, 12, 31)),
        ("SEPTEMBER 30 , 2023", "ixt:datemonthdayyearen", date(2023, 9, 30)),
        ("Sept. 30, 2023", "ixt:dateshortus", date(2023, 9, 30)),
        ("30 September 2023", "ixt:date-day-monthname-year-en", date(2023, 9, 30)),
        ("6/30/2023", "ixt:date-month-day-year", date(2023, 6, 30)),
        ("30.6.2023", "ixt:date-day-month-year", date(2023, 6, 30)),
        ("6/30/23", "ixt:dateslashus", date(2023, 6, 30)),
        ("2023-06-30", "", date(2023, 6, 30)),
        ("2023-06-30", "ixt:date-year-month-day", date(2023, 6, 30)),
        ("June 30th, 2023", "ixt:date-monthname-day-year-en", date(2023, 6, 30)),
        ("June 31, 2023", "ixt:date-monthname-day-year-en", None),
        ("June 2023", "ixt:date-monthname-day-year-en", None),
        ("30 juin 2023", "ixt:date-day-monthname-year-fr", None),
        ("Smarch 3, 2023", "ixt:date-monthname-day-year-en", None),
        ("June 30, 2023", "", None),
    ],
)
def test_a_date_is_read_by_its_format_or_not_at_all(text, form, expected):
    assert read_date(text, form) == expected


@pytest.mark.parametrize(
    "tag",
    [
        "<ix:nonNumeric contextRef=\"c-1\" name='dei:DocumentType'>",
        '<ix:nonNumeric contextRef="c-1" name = "dei:DocumentType" >',
        '<ix:nonNumeric\n  name\n=\n"dei:DocumentType"\n  contextRef="c-1">',
        '<ix:nonNumeric name=" dei:DocumentType " contextRef="c-1">',
        "<ix:nonNumeric name=dei:DocumentType contextRef=c-1>",
        '<IX:NONNUMERIC NAME="dei:DocumentType" CONTEXTREF="c-1">',
        '<ix:nonNumeric id="a>b" name="dei:DocumentType" contextRef="c-1">',
        '<nonNumeric name="dei:DocumentType" contextRef="c-1">',
    ],
)
def test_attributes_are_read_as_xml_and_html_allow_them(tag):
    ended = f"{tag}10-K</{tag[1:].split()[0].split('=')[0]}>"

    header = cover_header(fact("EntityRegistrantName", "Harbor Inc") + ended)

    assert (header.company, header.form_type) == ("Harbor Inc", "10-K")


@pytest.mark.parametrize(
    ("printed", "company"),
    [
        ("Harbor, Inc.<sup>(1)</sup>", "Harbor, Inc."),
        ("Harbor, Inc.<ix:exclude>*</ix:exclude><sup>1</sup>", "Harbor, Inc."),
        ("Harbor, Inc. <span style='vertical-align: super; font-size: 6pt'>(a)</span>", "Harbor, Inc."),
        ("Harbor, Inc.*", "Harbor, Inc."),
        ("Harbor, Inc.<sup><a href='#n'>1</a></sup>", "Harbor, Inc."),
        ("Harbor, Inc.<sup style='x'><span>(a)</span></sup>", "Harbor, Inc."),
        ("Harbor, Inc.<span style='position:relative;top:-4pt'>1</span>", "Harbor, Inc."),
        ("Harbor, Inc.\u00b9", "Harbor, Inc."),
        ("Har&shy;bor, Inc.", "Harbor, Inc."),
        ("Harbor, Inc. (1)(2)", "Harbor, Inc."),
        ("1<sup>st</sup> Harbor Corp", "1st Harbor Corp"),
        ("E*HARBOR Group", "E*HARBOR Group"),
        ("Harbor Corp (DE)", "Harbor Corp (DE)"),
        ("Harbor, Inc. (1) *\u2020 (12)", "Harbor, Inc."),
        ("Harbor &#" + "9" * 5000 + "; Inc.", "Harbor \ufffd Inc."),
        ("<span style='color: black'>3</span>M Harbor", "3M Harbor"),
        ("Harbor 21", "Harbor 21"),
        ("<span style='padding-top: 2pt'>3</span>M Harbor", "3M Harbor"),
        ("Harbor, Inc.<font style='VERTICAL-ALIGN: top'>*</font>", "Harbor, Inc."),
    ],
)
def test_a_footnote_mark_is_no_part_of_the_company_s_name(printed, company):
    assert cover_header(fact("EntityRegistrantName", printed)).company == company


@pytest.mark.parametrize(
    ("form", "flag", "more", "expected"),
    [
        ("10-K", "true", "", "10-K/A"),
        ("10-K", "false", "", "10-K"),
        ("10-K/A", "true", "", "10-K/A"),
        ("10-Q", "Yes", 'format="ixt:fixed-true"', "10-Q/A"),
        ("10-Q", "", 'format="ixt:booleantrue"', "10-Q/A"),
        ("10-Q", "true", 'format="ixt:fixed-false"', "10-Q"),
        ("8-K", "\u2612", 'format="ixt-sec:boolballotbox"', "8-K/A"),
        ("8-K", "\u2610", 'format="ixt-sec:boolballotbox"', "8-K"),
        ("8-K", "perhaps", "", "8-K"),
        ("Form 10-K", "false", "", "10-K"),
        ("10 - K", "true", "", "10-K/A"),
        ("10Q", "false", "", "10-Q"),
        ("20F/A", "false", "", "20-F/A"),
    ],
)
def test_an_amendment_that_says_so_has_the_form_of_one(form, flag, more, expected):
    assert cover_header(fact("DocumentType", form) + fact("AmendmentFlag", flag, more=more)).form_type == expected


def test_all_registrants_are_filers_and_the_parent_is_first_if_it_is_known():
    text = fact("EntityCentralIndexKey", "0000000002", "c-2") + fact("EntityCentralIndexKey", "1", "c-1")
    header = cover_header(REGISTRANTS + text + fact("EntityCentralIndexKey", "0000000002", "c-2"))

    assert (header.cik, header.ciks) == ("0000000001", ("0000000002", "0000000001"))
    assert header.filers == ("0000000001", "0000000002")


@pytest.mark.parametrize(
    "unit",
    [
        fact("EntityRegistrantName", "A", more='continuedAt="none"'),
        '<ix:nonNumeric name="dei:EntityRegistrantName">',
        '<ix:nonNumeric name="dei:EntityRegistrantName"',
        'dei:EntityRegistrantName "',
        '<xbrli:context id="c">',
        "<ix:exclude>",
        '<ix:continuation id="a',
        "xmlns:",
    ],
)
def test_reading_the_cover_takes_time_in_proportion_to_the_size(unit):
    text = (
        fact("EntityRegistrantName", "B", "c-3") + fact("EntityRegistrantName", "A") + unit * (1_000_000 // len(unit))
    )
    started = time.process_time()
    cover_header(text)
    assert time.process_time() - started < 2
