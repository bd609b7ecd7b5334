from decimal import Decimal
from math import isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finner_batch.text.numbers import number_tokens
from finner_batch.values.value import Value, read_value


def read(sentence, number, occurrence=0, **options):
    spans = [span for span in number_tokens(sentence) if sentence[slice(*span)] == number]
    return read_value(sentence, *spans[occurrence], **options)


def values(sentence, **options):
    return [
        (value.value, value.unit)
        for value in (read_value(sentence, *span, **options) for span in number_tokens(sentence))
    ]


@pytest.mark.parametrize(
    ("sentence", "number", "value", "unit", "scale"),
    [
        ("LIBOR plus 2.25%", "2.25", 0.0225, "pure", -2),
        ("the 5.250%Notes", "5.250", 0.0525, "pure", -2),
        ("an increase of 12 percent", "12", 0.12, "pure", -2),
        ("rose 3.5 per cent", "3.5", 0.035, "pure", -2),
        ("by 0.5 percentage points", "0.5", 0.005, "pure", -2),
        ("a 50-percent interest", "50", 0.5, "pure", -2),
        ("interest at 5 % a year", "5", 0.05, "pure", -2),
        ("SOFR plus 175 basis points", "175", 0.0175, "pure", -4),
        ("a 25-basis-point fee", "25", 0.0025, "pure", -4),
        ("L+137.5 bps", "137.5", 0.01375, "pure", -4),
        ("by 10 b.p.", "10", 0.001, "pure", -4),
        ("LIBOR plus 1 3/4%", "1 3/4", 0.0175, "pure", -2),
        ("the 7½% Notes", "7½", 0.075, "pure", -2),
        ("the 61/4% Debentures", "61/4", 0.0625, "pure", -2),
        ("federal funds plus one-half of 1%", "1", 0.005, "pure", -2),
        ("federal funds plus 1/2 of 1%", "1/2", 0.005, "pure", -2),
        ("federal funds plus 1/2 of 1%", "1", 0.005, "pure", -2),
        ("to the nearest 1/100th of 1%", "1/100", 0.0001, "pure", -2),
        ("federal funds plus 1/2 of one percent", "1/2", 0.005, "pure", -2),
        ("up 5/10 of a percentage point", "5/10", 0.005, "pure", -2),
        ("the 101/2% Notes", "101/2", 0.105, "pure", -2),
        ("a rate of 7,40%", "7,40", 0.074, "pure", -2),
        ("a rate of 7,5 %", "7,5", 0.075, "pure", -2),
        ("a rate of 0,125 per cent", "0,125", 0.00125, "pure", -2),
        ("7,40 to 7,90%", "7,40", 0.074, "pure", -2),
        ("grew by 1,200%", "1,200", 12.0, "pure", -2),
        ("at six and 7/8% a year", "7/8", 0.06875, "pure", -2),
        ("prime plus one and 1/2 of 1%", "1/2", 0.015, "pure", -2),
        ("prime plus one and \u00bd percent", "\u00bd", 0.015, "pure", -2),
        ("five and 5% notes", "5", 0.05, "pure", -2),
        ("at 9 7\u22158%", "9 7\u22158", 0.09875, "pure", -2),
        ("from 1/2 to 1-1/4%", "1/2", 0.005, "pure", -2),
        ("at 6 .875% a year", "6 .875", 0.06875, "pure", -2),
    ],
)
def test_a_rate_is_a_share_of_one(sentence, number, value, unit, scale):
    assert read(sentence, number) == Value(value, unit, scale)


@pytest.mark.parametrize(
    ("sentence", "number", "value", "unit", "scale"),
    [
        ("a $1.5 billion facility", "1.5", 1.5e9, "USD", 9),
        ("a $10-million line", "10", 1e7, "USD", 6),
        ("$2 hundred thousand", "2", 2e5, "USD", 5),
        ("assets of $1.2 trillion", "1.2", 1.2e12, "USD", 12),
        ("€400 million of notes", "400", 4e8, "EUR", 6),
        ("$500.0", "500.0", 500.0, "USD", 0),
        ("$ 25,000 was paid", "25,000", 25000.0, "USD", 0),
        ("$1.5B", "1.5", 1.5e9, "USD", 9),
        ("a $350MM revolver", "350", 3.5e8, "USD", 6),
        ("$20 mm", "20", 2e7, "USD", 6),
        ("$5K of fees", "5", 5e3, "USD", 3),
        ("£5m", "5", 5e6, "GBP", 6),
        ("EUR 5 bn", "5", 5e9, "EUR", 9),
        ("US$5", "5", 5.0, "USD", 0),
        ("US $5", "5", 5.0, "USD", 0),
        ("C$50 million", "50", 5e7, "CAD", 6),
        ("CAD $50 million", "50", 5e7, "CAD", 6),
        ("A$7", "7", 7.0, "AUD", 0),
        ("A $650 million fee", "650", 6.5e8, "USD", 6),
        ("HK$7", "7", 7.0, "HKD", 0),
        ("R$8 million", "8", 8e6, "BRL", 6),
        ("CHF50 million", "50", 5e7, "CHF", 6),
        ("SEK 1.4 billion", "1.4", 1.4e9, "SEK", 9),
        ("Rs. 50 crore", "50", 5e8, "INR", 7),
        ("¥30 billion", "30", 3e10, "JPY", 9),
        ("¥29.7 billion RMB", "29.7", 2.97e10, "CNY", 9),
        ("RMB 14.08 billion", "14.08", 1.408e10, "CNY", 9),
        ("400 million euros", "400", 4e8, "EUR", 6),
        ("10 million pounds sterling", "10", 1e7, "GBP", 6),
        ("5 billion yen", "5", 5e9, "JPY", 9),
        ("$1.43 billion Canadian dollars", "1.43", 1.43e9, "CAD", 9),
        ("$500 million CAD", "500", 5e8, "CAD", 6),
        ("$93.4 million pesos", "93.4", 9.34e7, "MXN", 6),
        ("$25 million U.S. dollars", "25", 2.5e7, "USD", 6),
        ("$500 million euro term loan", "500", 5e8, "USD", 6),
        ("of $536,990 and$73,882 in 2021", "73,882", 73882.0, "USD", 0),
        ("EUR 1,5 million", "1,5", 1.5e6, "EUR", 6),
        ("1,500 million euros", "1,500", 1.5e9, "EUR", 6),
        ("worth $41. 7 million", "41. 7", 4.17e7, "USD", 6),
        ("R500 million", "500", 5e8, "ZAR", 6),
        ("R6 shares", "6", 6.0, "shares", 0),
        ("S/390 servers", "390", 390.0, None, 0),
        ("5 million pounds of copper", "5", 5e6, None, 6),
        ("kr 5 million", "5", 5e6, None, 6),
    ],
)
def test_money_has_a_currency_and_its_scale_words(sentence, number, value, unit, scale):
    assert read(sentence, number) == Value(value, unit, scale)


MIXED = ["6{}7/8%", "6{}7/8 percent", "6{}7/8 per cent", "6{}\u215e%", "6{}7 / 8%"]
DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"
JOINTS = [" ", "\u00a0", " and ", "-and-", "&", " & "]
JOINTS += [f"{left}{dash}{right}" for dash in DASHES for left in ("", " ") for right in ("", " ")]


@pytest.mark.parametrize("form", MIXED)
@pytest.mark.parametrize("joint", JOINTS, ids=ascii)
def test_a_mixed_fraction_is_one_rate_whatever_joins_it(form, joint):
    assert values(f"The Senior Notes bear interest at {form.format(joint)} a year.") == [(0.06875, "pure")]


@pytest.mark.parametrize(
    ("prefix", "unit"),
    [
        ("Ch$", "CLP"), ("Col$", "COP"), ("COL$", "COP"), ("RD$", "DOP"), ("AR$", "ARS"), ("J$", "JMD"), ("TT$", "TTD"),
        ("N$", "NAD"), ("BZ$", "BZD"), ("EC$", "XCD"), ("FJ$", "FJD"), ("L$", "LRD"), ("NT$", "TWD"), ("Mex$", "MXN"),
        ("MX$", "MXN"), ("Cdn$", "CAD"), ("Cdn.$", "CAD"), ("Cdn. $", "CAD"), ("Bds$", "BBD"), ("CI$", "KYD"),
        ("B$", None), ("BD$", None), ("XQ$", None), ("Q$", None), ("MUS$", None),
        ("Ps.", "MXN"), ("Ps. ", "MXN"), ("(pound)", "GBP"), ("(euro)", "EUR"), ("(Y)", "JPY"), ("(yen) ", "JPY"),
        ("[pound]", "GBP"), ("DM ", "DEM"), ("DM", "DEM"), ("Lit. ", "ITL"), ("FF ", "FRF"), ("BF", "BEF"),
        ("Rs. ", "INR"), ("S/. ", "PEN"), ("S/", "PEN"), ("Bs. ", None), ("Skr. ", "SEK"), ("SFr. ", "CHF"),
        ("Rp ", "IDR"), ("RM", "MYR"), ("\u20a6", "NGN"), ("MOP ", "MOP"), ("IR\u00a3", "IEP"), ("E\u00a3", "EGP"),
        ("US$", "USD"), ("U.S.$", "USD"), ("U.S. $", "USD"), ("US $", "USD"), ("non-US$", "USD"), ("of $", "USD"),
        ("and$", "USD"), ("totalling$", "USD"), ("Total$", "USD"), ("The$", "USD"), ("OUR$", "USD"), ("OF$", "USD"),
        ("Ps $", "MXN"), ("Ps.$", "MXN"), ("U$S ", "USD"), ("$US ", "USD"), ("$Cdn ", "CAD"), ("$CDN ", "CAD"),
        ("Eur ", "EUR"), ("(GBP)", "GBP"), ("(EUR) ", "EUR"), ("Won ", "KRW"), ("(Won)", "KRW"),
        ("[pounds sterling]", "GBP"), ("L", None),
        ("The facility.$", "USD"), ("$", "USD"),
    ],
)  # fmt: skip
def test_letters_before_a_sign_identify_the_currency(prefix, unit):
    assert values(f"borrowings of up to {prefix}650 million are allowed") == [(6.5e8, unit)]


@pytest.mark.parametrize(
    ("after", "unit"),
    [
        ("Jamaican dollars", "JMD"), ("Hong Kong dollars", "HKD"), ("French francs", "FRF"), ("Colombian pesos", "COP"),
        ("pesos", "MXN"), ("Trinidad and Tobago dollars", "TTD"), ("Deutsche Marks", "DEM"), ("francs", None),
        ("MOP", "MOP"), ("U.S. dollars", "USD"), ("Danish kroner", "DKK"), ("euro-denominated notes", "EUR"),
        ("Cdn.", "CAD"), ("CDN", "CAD"),
    ],
)  # fmt: skip
def test_a_name_after_an_amount_identifies_the_currency(after, unit):
    assert values(f"a loan of 650 million {after} was made") == [(6.5e8, unit)]


def test_a_name_decides_where_the_sign_has_several_owners():
    assert values("B$3 million Bahamian dollars") == [(3e6, "BSD")]
    assert values("between XQ$3 and XQ$4 million") == [(3e6, None), (4e6, None)]
    assert values("a price of XQ$0.50 per share") == [(0.5, None)]


@pytest.mark.parametrize(
    "mark",
    [
        "(1)",
        "(12)",
        "(a)",
        "(1)(2)",
        "(1, 2)",
        "[3]",
        "*",
        "**",
        "\u2020",
        "\u00b2",
        "\u207d\u00b9\u207e",
        " \u207d\u00b9\u207e",
        "(*)",
    ],
)
def test_a_footnote_mark_separates_a_number_from_nothing(mark):
    assert values(f"a line of $310{mark} million") == [(3.1e8, "USD")]
    assert values(f"a rate of 4.125{mark}%") == [(0.04125, "pure")]
    assert values(f"a rate of 4.125%{mark} a year") == [(0.04125, "pure")]
    assert values(f"from 4.125%{mark} to 5%{mark}") == [(0.04125, "pure"), (0.05, "pure")]
    assert values(f"$310{mark} and $320{mark} million") == [(3.1e8, "USD"), (3.2e8, "USD")]


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("between 1.25% and 2.00%", [(0.0125, "pure"), (0.02, "pure")]),
        ("1.25 to 1.75 percentage points", [(0.0125, "pure"), (0.0175, "pure")]),
        ("8 - 9% of plan assets", [(0.08, "pure"), (0.09, "pure")]),
        ("a 75/25 percent split", [(0.75, "pure"), (0.25, "pure")]),
        ("5, 10 and 15 percent", [(0.05, "pure"), (0.1, "pure"), (0.15, "pure")]),
        ("$200 to $300 million", [(2e8, "USD"), (3e8, "USD")]),
        ("$200 to 300 million", [(2e8, "USD"), (3e8, "USD")]),
        ("$200-$300 million", [(2e8, "USD"), (3e8, "USD")]),
        ("$1.0, $1.5 and $2.0 billion", [(1e9, "USD"), (1.5e9, "USD"), (2e9, "USD")]),
        ("$45 and $26 million", [(4.5e7, "USD"), (2.6e7, "USD")]),
        ("8 million, 8 million, and 6 million options", [(8e6, "shares"), (8e6, "shares"), (6e6, "shares")]),
        ("$0.25 and $0.30 per share", [(0.25, "USD/shares"), (0.3, "USD/shares")]),
        ("between 3.50 and 4.00 to 1.00", [(3.5, "pure"), (4.0, "pure"), (1.0, "pure")]),
    ],
)
def test_a_range_or_list_shares_its_scale_and_unit(sentence, expected):
    assert values(sentence) == expected


@pytest.mark.parametrize(
    ("sentence", "number", "value", "unit"),
    [
        ("$5 in 2023 and 3 million shares", "5", 5.0, "USD"),
        ("$5 and 3 million shares", "5", 5.0, "USD"),
        ("$5 to 10% of sales", "5", 5.0, "USD"),
        ("$750,000 and $1 million", "750,000", 750000.0, "USD"),
        ("was $949 and $2.7 billion", "949", 949.0, "USD"),
        ("$5, €10 million", "5", 5.0, "USD"),
        ("in 2022 and 5% thereafter", "2022", 2022.0, None),
        ("Note 5 and 10% of sales", "5", 5.0, None),
        ("December 31 and 12% of sales", "31", 31.0, None),
        ("Tranche B-1 and 2.5% notes", "1", 1.0, None),
        ("200,000 to 1 million", "200,000", 200000.0, None),
        ("$1.75% Euro notes", "1.75", 0.0175, "pure"),
        ("a 1.75% Euro note", "1.75", 0.0175, "pure"),
    ],
)
def test_nothing_reaches_across_what_it_does_not_join(sentence, number, value, unit):
    result = read(sentence, number)
    assert (result.value, result.unit) == (value, unit)


@pytest.mark.parametrize(
    ("sentence", "number", "value"),
    [
        ("a margin of (2.5)%", "2.5", -0.025),
        ("see note (1)", "1", 1.0),
        ("five percent (5.0%)", "5.0", 0.05),
        ("five (5)% of sales", "5", 0.05),
        ("$(13) million", "13", -1.3e7),
        ("$1 million and ($3) million", "3", -3e6),
        ("the price ($10,414,528) was paid", "10,414,528", 10414528.0),
        ("income (loss) of $1.2 ($0.5 million in tax)", "0.5", 5e5),
        ("prime minus 0.25%", "0.25", -0.0025),
        ("a return of -0.5%", "0.5", -0.005),
        ("a return of \u22120.5%", "0.5", -0.005),
        ("plus or minus 5%", "5", 0.05),
        ("8 -9%", "9", 0.09),
        ("2023\u2013$836.0", "836.0", 836.0),
        ("income tax is $-0- for both", "0", 0.0),
    ],
)
def test_a_sign_counts_only_where_it_means_one(sentence, number, value):
    assert read(sentence, number).value == value


@pytest.mark.parametrize(
    ("sentence", "number", "value", "unit"),
    [
        ("common stock, $0.01 par value", "0.01", 0.01, "USD/shares"),
        ("par value $.0001 per share", ".0001", 0.0001, "USD/shares"),
        ("a dividend of $0.25 a share", "0.25", 0.25, "USD/shares"),
        ("dividends of $0.24 per common share", "0.24", 0.24, "USD/shares"),
        ("the average price per share was $164.46", "164.46", 164.46, "USD/shares"),
        ("an exercise price of $11.50 in 2023", "11.50", 11.5, "USD/shares"),
        ("prices of $75.23 per barrel", "75.23", 75.23, "USD"),
        ("net income of $5.0 million, or $0.10 per share", "5.0", 5e6, "USD"),
        ("1,500,000 shares", "1,500,000", 1.5e6, "shares"),
        ("2.5 million Class A ordinary shares", "2.5", 2.5e6, "shares"),
        ("1.2 million restricted stock units", "1.2", 1.2e6, "shares"),
        ("863,412 and 310,784, respectively, shares of stock", "863,412", 863412.0, "shares"),
        ("the number of shares outstanding was 4,312,456,168.", "4,312,456,168", 4312456168.0, "shares"),
        ("options exercised were 14 million, 22 million in 2023", "22", 2.2e7, "shares"),
        ("shares outstanding were held for 3 years", "3", 3.0, None),
        ("a leverage ratio of 3.50 to 1.00", "3.50", 3.5, "pure"),
        ("a leverage ratio of 3.50 to 1.00", "1.00", 1.0, "pure"),
        ("coverage of 4.5:1", "4.5", 4.5, "pure"),
        ("coverage of 1.25x", "1.25", 1.25, "pure"),
        ("a 20-for-1 split", "20", 20.0, "pure"),
        ("operations in 35 countries", "35", 35.0, None),
    ],
)
def test_a_number_says_what_it_counts(sentence, number, value, unit):
    result = read(sentence, number)
    assert (result.value, result.unit) == (value, unit)


def test_a_scale_that_the_sentence_states_holds_for_money_after_it():
    assert values("Rent was (in millions): $836.0 and $1,864.3") == [(8.36e8, "USD"), (1.8643e9, "USD")]
    assert values("Shares (in millions of shares): 4.4")[0] == (4.4e6, "shares")
    assert values("(in thousands, except per share data) $0.10 per share")[0] == (0.1, "USD/shares")


@pytest.mark.parametrize(
    ("statement", "exponent"),
    [
        ("($ in millions)", 6),
        ("(Thousands of dollars)", 3),
        ("(000's omitted)", 3),
        ("(in EUR million)", 6),
        ("(Rs. in crore)", 7),
    ],
)
def test_a_sentence_states_its_scale_in_any_wording(statement, exponent):
    assert read(f"Rent was {statement}: $836.0", "836.0") == Value(836 * 10.0**exponent, "USD", exponent)


def test_an_invisible_character_in_an_amount_changes_nothing():
    assert values("a note of $1,\u00ad500 at 6.\u200b25\u200b%") == [(1500.0, "USD"), (0.0625, "pure")]


def test_a_scale_that_the_document_states_holds_for_bare_amounts_of_money_only():
    assert read("a new $1,200 revolving credit agreement", "1,200").value == 1200.0
    assert read("a new $1,200 revolving credit agreement", "1,200", document_scale=6) == Value(1.2e9, "USD", 6)
    assert read("a new $1.2 billion facility", "1.2", document_scale=6).value == 1.2e9
    assert read("at 5.25%", "5.25", document_scale=6).value == 0.0525
    assert read("1,200 employees", "1,200", document_scale=6).value == 1200.0
    assert read("the fair value was $214.35", "214.35", document_scale=6).value == 214.35
    assert read("$61.37 in cash", "61.37", document_scale=6).value == 61.37
    assert read("$100 invested on September 28", "100", document_scale=6).value == 100.0
    assert read("multiples of $1,000", "1,000", document_scale=6).value == 1000.0
    assert (
        read("held by non-affiliates was $225,434,477,639", "225,434,477,639", document_scale=6).value == 225434477639.0
    )


def test_digits_that_print_no_number_have_no_value():
    assert read("Section 4.1.2", "4.1.2") == Value(None, None, 0)
    assert read("M" + "9" * 400, "9" * 400) == Value(None, None, 0)


@given(st.decimals(min_value=0, max_value=100, places=3))
def test_a_percentage_is_the_float_nearest_to_its_decimal(rate):
    assert read_value(f"at {rate}% a year", 3, 3 + len(str(rate))).value == float(rate / Decimal(100))


@given(st.text(st.sampled_from("0123456789.,/-%$€() millionbpsharetoand"), max_size=80) | st.text(max_size=80))
def test_any_text_is_read_without_an_error(text):
    for start, end in number_tokens(text):
        value = read_value(text, start, end, document_scale=6)
        assert value.value is None or isfinite(value.value)


def test_an_endless_sentence_is_read_in_constant_time():
    """The context of a number is bounded, so 50 numbers take no longer than 50 in a short sentence."""
    sentence = "the price per share, the number of shares was $1.25, and " * 50_000
    spans = number_tokens(sentence)
    for span in spans[:: len(spans) // 50]:
        assert read_value(sentence, *span).value == 1.25
