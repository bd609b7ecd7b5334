import pytest

from finner_batch.values.document_scale import document_scales, scale_in_sentence

BARE = "The Company entered into a $1,200 credit agreement and repaid $300 of notes, and $34 is outstanding.\n" * 8
WORDS = "The Company entered into a $1.2 billion credit agreement and repaid $300 million of notes.\n" * 8
HEADING = "(Dollars in millions, except per share data)\n"


def scale_of(text, phrase):
    return document_scales(text, [text.index(phrase)])[0]


def test_the_heading_of_a_document_scales_bare_amounts():
    assert scale_of(HEADING + BARE, "The Company") == 6
    assert scale_of("(In Thousands)\n" + BARE, "The Company") == 3


@pytest.mark.parametrize(
    ("statement", "exponent"),
    [
        ("(Millions of dollars)", 6), ("(Thousands of dollars)", 3), ("($ million)", 6), ("($ in millions)", 6),
        ("(Millions of dollars, except per-share amounts)", 6), ("Thousands of Canadian dollars", 3), ("(Millions)", 6),
        ("(in EUR million)", 6), ("(in million)", 6), ("(\u20acm)", 6), ("($MM)", 6), ("(US$ millions)", 6),
        ("(000's omitted)", 3), ("(000\u2019s omitted)", 3), ("(000s)", 3), ("($000s)", 3), ("($'000)", 3),
        ("(US$'000)", 3),
        ("(in 000's)", 3), ("(Dollars in 000's)", 3), ("(000,000's omitted)", 6), ("($000'S OMITTED)", 3),
        ("(in $000)", 3),
        ("(in thousands, except share data)", 3), ("(dollar amounts in millions)", 6), ("(RMB in thousands)", 3),
        ("(Rs. in crore)", 7), ("(in lakhs)", 5),
        ("Expressed in thousands of U.S. dollars", 3), ("(EUR thousand)", 3),
        ("(Amounts expressed in US$ million)", 6), ("(in billions of yen)", 9),
    ],
)  # fmt: skip
def test_a_heading_states_the_scale_in_any_wording(statement, exponent):
    assert scale_of(f"Consolidated results\n{statement}\n{BARE}", "The Company") == exponent


@pytest.mark.parametrize(
    ("statement", "exponent"),
    [
        ("($ in MM)", 6), ("(Dollars in M)", 6), ("($ in K)", 3), ("(in million $)", 6), ("(in thousand US$)", 3),
        ("(million USD)", 6), ("(million euros)", 6), ("(Rmb millions)", 6), ("(in RMB millions)", 6),
        ("(dollars in millions, shares in thousands)", 6), ("(Dollars and shares in millions)", 6),
        ("(in millions of New Taiwan dollars)", 6), ("(Stated in thousands)", 3), ("[In thousands of dollars]", 3),
    ],
)  # fmt: skip
def test_a_heading_may_name_money_before_or_after_its_scale(statement, exponent):
    assert scale_of(f"Consolidated results\n{statement}\n{BARE}", "The Company") == exponent


@pytest.mark.parametrize(
    "words",
    ["(shares in thousands)", "(in thousands of barrels)", "(in millions of gallons)", "(number of units in thousands)",
     "(square feet in thousands)", "(Mcf in millions)"],
)  # fmt: skip
def test_a_scale_of_what_is_no_money_scales_no_amount(words):
    assert scale_of(f"Volumes\n{words}\n{BARE}", "The Company") == 0


@pytest.mark.parametrize(
    "words",
    ["(thousands of employees)", "(million)", "(5 million)", "Room 000", "Millions of people", "(in dollars)",
     "1,000 omitted", "(M)", "In a million ways", "In ONE MILLION homes", "(000) 555-0199"],
)  # fmt: skip
def test_other_words_state_no_scale(words):
    assert scale_of(f"{words}\n{BARE}", "The Company") == 0


@pytest.mark.parametrize("sign", ["RMB", "\u00a5", "\u20b9", "Rs. ", "HK$", "\u00a3", "CHF "])
def test_bare_amounts_of_any_money_are_scaled(sign):
    assert scale_of("(in thousands)\n" + BARE.replace("$", sign), "The Company") == 3


def test_a_document_that_prints_its_amounts_in_full_has_no_scale():
    full = "The Company paid $73,077,000 of claims, $538,000 of fees and $2,100,000 of tax.\n" * 8
    assert scale_of("(000's omitted)\n" + full, "The Company") == 0
    assert scale_of("(in thousands)\n" + full + "A fee of $500 is paid.\n", "A fee") == 0
    round_lines = "The lines of credit are $150,000 and $25,000, of which $31,200 and $1,207,500 are drawn.\n" * 8
    assert scale_of("(in thousands)\n" + round_lines, "The lines") == 3


def test_a_note_below_a_table_counts_as_the_table_does():
    text = HEADING + WORDS * 2 + "(1) Includes $89 of settlement losses and tax of $1,832.\n"
    assert scale_of(text, "(1) Includes") == 6
    assert scale_of(text.replace("(1) Includes", "It includes"), "It includes") == 0
    assert scale_of(text.replace("$89", "$89,000"), "(1) Includes") == 0
    assert scale_of(text.replace("$89", "$8.9 million"), "(1) Includes") == 0


def test_the_first_bracket_of_a_sentence_with_a_scale_counts():
    assert scale_in_sentence("(see Note 5) rent was (in thousands of shares) 5 (in millions)", 60) == (3, True)
    assert scale_in_sentence("rent was (in millions", 21) is None
    assert scale_in_sentence("rent was in millions", 20) is None


def test_without_a_heading_amounts_are_as_printed():
    assert scale_of(BARE, "The Company") == 0
    assert scale_of("Revenue rose in " + "x" * 300 + " in millions of ways.\n" + BARE, "The Company") == 0


def test_a_heading_over_tables_alone_scales_nothing():
    assert scale_of(HEADING + WORDS + "It paid a fee of $25,000.\n", "It paid") == 0


def test_the_passage_decides_which_way_it_writes():
    text = HEADING + WORDS * 2 + BARE
    assert scale_of(text, "$1.2 billion") == 0
    assert document_scales(text, [text.rindex("The Company")]) == [6]


def test_the_most_frequent_heading_is_the_documents():
    assert scale_of(HEADING + HEADING + "(in thousands)\n" + BARE, "The Company") == 6


def test_one_scale_is_given_for_each_position():
    assert document_scales("", []) == []
    assert len(document_scales(HEADING + BARE, [0, 10, 100])) == 3
