"""The section of each block: Part, Item and note."""

import gzip
from bisect import bisect_right
from itertools import groupby

import pytest

from finner_batch.readers.discover import discover
from finner_batch.readers.read import ReadOptions, read_documents
from finner_batch.text.extract import extract
from finner_batch.text.sections import sections

TEXT = "The Company's debt consists of notes and borrowings under its revolving credit facility, all of them unsecured."


def last(*texts):
    return sections([*texts, TEXT])[-1]


@pytest.mark.parametrize(
    ("headings", "section"),
    [
        ([], None),
        (["PART II"], "Part II"),
        (["PART I \u2014 FINANCIAL INFORMATION"], "Part I"),
        (["Item 7. Management\u2019s Discussion and Analysis of Financial Condition"], "Part II, Item 7"),
        (["Item 1.Business"], "Part I, Item 1"),
        (["ITEM 1A. RISK FACTORS"], "Item 1A"),
        (["PART II", "Item 1A. Risk Factors"], "Part II, Item 1A"),
        (["PART I", "Item 1. Financial Statements (Unaudited)"], "Part I, Item 1"),
        (["PART I", "Item 1. Legal Proceedings"], "Part II, Item 1"),
        (["Items 1 and 2. Business and Properties"], "Part I, Items 1 and 2"),
        (["Item 6. [Reserved]"], "Item 6"),
        (["Part II, Item 8. Financial Statements and Supplementary Data"], "Part II, Item 8"),
        (["ITEM 8. FINANCIAL STATEMENTS AND SUPPLEMENTARY DATA (Continued)"], "Part II, Item 8"),
        (["Item 2.03 Creation of a Direct Financial Obligation"], "Item 2.03"),
        (["Item 9A(T). Controls and Procedures"], "Part II, Item 9A(T)"),
        (["Item 1B. Unresolved Staff Comments. None."], "Part I, Item 1B"),
        (["Note 7 - Debt"], "Note 7 - Debt"),
        (["NOTE 7\u2014DEBT"], "Note 7 - DEBT"),
        (["Note 7: Debt (continued)"], "Note 7 - Debt"),
        (["Note 10. Notes Payable and Lines of Credit"], "Note 10 - Notes Payable and Lines of Credit"),
        (["Note 7", "Debt"], "Note 7 - Debt"),
        (["NOTE 13. INSURANCE. On January 1, 2023, we adopted new guidance."], "Note 13 - INSURANCE"),
        (["Item 8. Financial Statements", "Note 1. Organization", "Note 2. Debt"], "Part II, Item 8 > Note 2 - Debt"),
        (["NOTES TO FINANCIAL STATEMENTS", "1. Basis of Presentation", "2. Debt"], "Note 2 - Debt"),
        (["(1) Significant Accounting Policies", "(2) Long-Term Debt"], "Note 2 - Long-Term Debt"),
        (["Notes to Consolidated Financial Statements", "A. Summary of Policies", "B. Debt"], "Note B - Debt"),
    ],
)
def test_a_heading_gives_the_section_of_the_text_after_it(headings, section):
    assert last(*headings) == section


@pytest.mark.parametrize(
    "reference",
    [
        "Item 7 of this report describes our debt.",
        "Item 1A. Risk Factors in our 2022 Form 10-K describes such risks.",
        "Item 601 of Regulation S-K",
        "Item 7. Management's Discussion and Analysis 35",
        "Note 6 Debt for further information on the Company's debt obligations.",
        "Note 6 to the financial statements describes our debt.",
        "Part II of this report is incorporated by reference.",
        "(2) Amounts include restricted cash.",
        "1. I have reviewed this report on Form 10-Q;",
        "5.25% Notes due 2030",
        "Notes payable to banks",
    ],
)
def test_a_cross_reference_is_no_heading(reference):
    assert last("Item 3. Legal Proceedings", "Note 1. Basis of Presentation", reference) == (
        "Part I, Item 3 > Note 1 - Basis of Presentation"
    )


def test_a_heading_is_in_its_own_section_and_the_cover_in_none():
    assert sections(["Cover", "PART I", "Item 1. Business", TEXT, "Item 2. Properties"]) == [
        None,
        "Part I",
        "Part I, Item 1",
        "Part I, Item 1",
        "Part I, Item 2",
    ]


def test_a_table_of_contents_is_no_section():
    contents = [
        "PART I",
        "Item 1. Business",
        "3",
        "Item 1A. Risk Factors",
        "9",
        "Item 2. Properties",
        "Item 3. Legal Proceedings",
    ]
    assert sections([*contents, "PART II", "Item 5. Market", "Item 8. Financial Statements", TEXT])[-1] == (
        "Part II, Item 8"
    )
    assert sections([*contents, "SIGNATURES", TEXT])[-1] is None


def test_notes_end_where_the_next_item_or_the_auditors_report_begins():
    notes = ["Item 8. Financial Statements", "Notes to Financial Statements", "1. Organization", TEXT]
    assert last(*notes, "Item 9A. Controls and Procedures") == "Part II, Item 9A"
    assert last(*notes, "Report of Independent Registered Public Accounting Firm") == "Part II, Item 8"
    assert last(*notes, "PART III") == "Part III"


def test_running_heads_change_nothing():
    heads = [
        "PART II",
        "Item 8. Financial Statements",
        "Notes to Financial Statements (Continued)",
        "1. Organization (Continued)",
    ]
    notes = ["PART II", "Item 8. Financial Statements", "Notes to Financial Statements", "1. Organization", TEXT]
    assert last(*notes, "42", *heads) == "Part II, Item 8 > Note 1 - Organization"


def test_numbered_lists_in_a_note_are_no_notes():
    notes = [
        "Notes to Financial Statements",
        "1. Organization",
        TEXT,
        "2. Debt",
        TEXT,
        "A. Credit Facility",
        "(1) Term Loan",
    ]
    assert last(*notes, "7. Identify the Contract", "1. Includes Restricted Cash") == "Note 2 - Debt"
    assert last(*notes, "3. Leases") == "Note 3 - Leases"


def test_statements_after_item_16_are_in_no_item():
    assert last("Item 16. Form 10-K Summary", "None.", "SIGNATURES") is None
    closing = [
        "PART IV",
        "Item 16. Form 10-K Summary",
        "None.",
        "Notes to Financial Statements",
        "1. Organization",
        TEXT,
    ]
    assert last(*closing, "2. Debt") == "Note 2 - Debt"


def test_table_rows_are_no_headings_and_have_the_section_of_the_prose_before_them():
    row = "<tr><td>Item 3.</td><td>Legal Proceedings</td><td>9</td></tr>"
    markup = f"<p>Item 2. Properties</p><table>{row}</table><p>{TEXT}</p>"
    assert [block.section for block in extract(markup, "html", tables=True).blocks] == ["Part I, Item 2"] * 3


@pytest.mark.corpus
def test_debt_facts_of_real_filings_are_in_a_note_on_borrowing(corpus):
    """In all 215 filings, every debt fact in prose is in a note, and so are 99.1 % of all facts; here three filings."""
    concepts = {"LineOfCreditFacilityMaximumBorrowingCapacity", "DebtInstrumentInterestRateStatedPercentage"}
    found = []
    for name in (
        "0000039368__10-K__2021-11-27.htm.gz",
        "0000014272__10-Q__0000014272-23-000152.htm.gz",
        "0001403161__10-Q__0001403161-23-000072.htm.gz",
    ):
        markup = gzip.decompress((corpus / "filings" / name).read_bytes()).decode()
        extraction = extract(markup, "html", facts=True)
        starts = [block.start for block in extraction.blocks]
        found += [
            extraction.blocks[bisect_right(starts, fact.start) - 1].section
            for fact in extraction.facts
            if fact.concept in concepts and fact.in_note
        ]
    assert len(found) > 5
    for section in found:
        assert " > Note " in section
        assert any(word in section.lower() for word in ("debt", "financing", "borrowing", "acquisition")), section


@pytest.mark.parametrize(
    ("heading", "section"),
    [
        ("ITEM NO. 7. MANAGEMENT'S DISCUSSION AND ANALYSIS", "Part II, Item 7"),
        ("Item #5. Market for Our Common Units", "Part II, Item 5"),
        ("Item7. Management's Discussion and Analysis", "Part II, Item 7"),
        ("ITEM7A.QUANTITATIVE AND QUALITATIVE DISCLOSURES", "Part II, Item 7A"),
        ("Item 7(A). Quantitative and Qualitative Disclosures", "Part II, Item 7A"),
        ("ITEM 9 (A). CONTROLS AND PROCEDURES", "Part II, Item 9A"),
        ("ITEM 9(A)(T). CONTROLS AND PROCEDURES", "Part II, Item 9A(T)"),
        ("ITEM 1-A RISK FACTORS", "Item 1A"),
        ("Item 7 A. Quantitative and Qualitative Disclosures", "Part II, Item 7A"),
        ("Item 9.A. Controls and Procedures", "Part II, Item 9A"),
        ("Item 9AT. Controls and Procedures", "Part II, Item 9A(T)"),
        ("Item 7a) Quantitative and Qualitative Disclosures", "Part II, Item 7A"),
        ("Item 7) Management's Discussion and Analysis", "Part II, Item 7"),
        ("Item (7) Management's Discussion and Analysis", "Part II, Item 7"),
        ("(Item 7) Management's Discussion and Analysis", "Part II, Item 7"),
        ("*Item 7. Management's Discussion and Analysis", "Part II, Item 7"),
        ("ITEM - 7 MANAGEMENT'S DISCUSSION AND ANALYSIS", "Part II, Item 7"),
        ("I T E M 7. MANAGEMENT'S DISCUSSION AND ANALYSIS", "Part II, Item 7"),
        ("ITEM SEVEN. MANAGEMENT'S DISCUSSION AND ANALYSIS", "Part II, Item 7"),
        ("PART TWO - ITEM SEVEN. MANAGEMENT'S DISCUSSION", "Part II, Item 7"),
        ("[Item 6. Reserved]", "Item 6"),
        ("Item 6. (Removed and Reserved).", "Item 6"),
        ("Item 14(a). Exhibits, Financial Statement Schedules", "Part IV, Item 14"),
        ("Item 01. Business", "Part I, Item 1"),
        ("I tem 1. Business", "Part I, Item 1"),
        ("ITEM VII. MANAGEMENT'S DISCUSSION AND ANALYSIS", "Part II, Item 7"),
        ("ITEM VII-A. QUANTITATIVE AND QUALITATIVE DISCLOSURES", "Part II, Item 7A"),
        ("Items 1. and 2. Business and Properties", "Part I, Items 1 and 2"),
        ("Item 1. and Item 2. Business and Properties", "Part I, Items 1 and 2"),
        ("Item 1. Business and Item 2. Properties", "Part I, Items 1 and 2"),
        ("ITEMS 1 & 2 - BUSINESS AND PROPERTIES", "Part I, Items 1 and 2"),
        ("Items 1 + 2. Business and Properties", "Part I, Items 1 and 2"),
        ("Item 1. Business; Item 2. Properties", "Part I, Items 1 and 2"),
        ("ITEMS 1.-2. BUSINESS AND PROPERTIES", "Items 1 through 2"),
        ("Items 7/7A", "Items 7 and 7A"),
        ("Items 10 through 14. Directors and Others", "Items 10 through 14"),
        ("ITEMS 10-14", "Items 10 through 14"),
        ("Items 1 through 4, 6 and 8. Not applicable.", "Items 1 through 4, 6 and 8"),
        ("PART I - FINANCIAL INFORMATION Item 2. Management's Discussion", "Part I, Item 2"),
        ("PART 2, Item 1A. Risk Factors", "Part II, Item 1A"),
        ("Item 4. Holders of Our Units.", "Item 4"),
        ("Item 6. Plan of Operation. We will drill two wells in Ohio.", "Item 6"),
    ],
)
def test_a_number_is_read_in_every_spelling_and_shown_in_one(heading, section):
    assert last(heading) == section


@pytest.mark.parametrize(
    ("heading", "section"),
    [
        ("ITEM 5. OPERATING AND FINANCIAL REVIEW AND PROSPECTS", "Item 5"),
        ("Item 5. Operating and financial review and prospects.", "Item 5"),
        ("Item 10. Additional Information.", "Item 10"),
        ("Item 11. Quantitative and Qualitative Disclosures About Market Risk.", "Item 11"),
        ("Item 15. Controls and Procedures.", "Item 15"),
        ("ITEM 18. FINANCIAL STATEMENTS.", "Item 18"),
        ("Item 4A. Unresolved Staff Comments", "Item 4A"),
        ("Item 3.D. Risk Factors", "Item 3.D"),
        ("Item 5.B Liquidity and Capital Resources", "Item 5.B"),
        ("Item 5 (B). Liquidity and Capital Resources", "Item 5.B"),
        ("5.B Liquidity and capital resources", "Item 5.B"),
        ("Item 5B. Liquidity and Capital Resources", "Item 5.B"),
        ("5B. Liquidity and Capital Resources", "Item 5.B"),
        ("Item 12.D. American Depositary Shares", "Item 12D"),
        ("10.E. TAXATION", "Item 10.E"),
        ("Item 12D. American Depositary Shares", "Item 12D"),
        ("16C. Principal Accountant Fees and Services", "Item 16C"),
        ("ITEM 16.F CHANGE IN REGISTRANT'S CERTIFYING ACCOUNTANT", "Item 16F"),
        *((f"Item 16{letter}. [Reserved]", f"Item 16{letter}") for letter in "ABCDEFGHIJK"),
    ],
)
def test_the_items_of_form_20_f_are_known_with_their_letters_and_full_stops(heading, section):
    assert last(heading) == section
    assert last("PART 1", heading) == f"Part I, {section}"


@pytest.mark.parametrize(
    ("heading", "section"),
    [
        (
            "Item 1.01. Entry into a Material Definitive Agreement. On May 3 Acme Corp. was lent $5 million.",
            "Item 1.01",
        ),
        ("Item 2.03. The information set forth in Item 1.01 is incorporated by reference.", "Item 2.03"),
        ("Item 2.03 Creation of an Obligation. The information set forth above is incorporated.", "Item 2.03"),
        ("Item 8.01 On May 1, 2019, Acme Corp. announced that it had sold its mill.", "Item 8.01"),
        ("Items 2.02 and 7.01. Results of Operations; Regulation FD Disclosure", "Items 2.02 and 7.01"),
        ("Item 4.02(a). Non-Reliance on Previously Issued Financial Statements", "Item 4.02"),
        ("Item 5. Other Events. On May 3, 1999, Acme Corp. was lent $5 million.", "Item 5"),
        ("Item 7. Financial Statements and Exhibits", "Item 7"),
    ],
)
def test_a_heading_of_form_8_k_may_run_into_its_text_and_has_no_part(heading, section):
    assert last(heading) == section


@pytest.mark.parametrize(
    "reference",
    [
        "Item 2.03 of this Current Report on Form 8-K describes the notes.",
        "Item 1.01 Entry into a Material Definitive Agreement of this report is incorporated by reference.",
        "(Item 7) of the report of last year describes the notes.",
        "\u2022 Item 7. Management's Discussion and Analysis",
        "\u201cItem 7. Management's Discussion and Analysis\u201d",
        "Item one of the list is the mill.",
        "Item 14(b)",
        "Item 1A of our Annual Report contains risk factors that we face.",
        "Item 8 Financial Statements and Supplementary Data should be read with this section.",
        "Items 1 and 2 of Part I of this report describe the mills.",
        "Item 303 of Regulation S-K requires us to tell it.",
        "Item 601(b)(10) of Regulation S-K.",
        "Item 9.01 and Exhibit 99.1 are incorporated by reference.",
        "Item 7. Management's Discussion and Analysis, and Item 8 of this report",
        "Items 6, 7 and 8 to the Form 10-K are hereby amended as follows:",
        "Item 14(a)(3)",
        "Item 1(a). Name of Issuer",
        "ITEM X. EXECUTIVE OFFICERS",
        "Items Affecting Comparability",
        "10.B Know-how and Copyright License Agreement",
    ],
)
def test_neither_references_nor_other_numbers_are_headings_of_items(reference):
    assert last("Item 3. Legal Proceedings", TEXT, "Item 4. Mine Safety Disclosures", reference) == "Part I, Item 4"


@pytest.mark.parametrize(
    "heading",
    [
        "PART II", "PART 2", "PART TWO", "PART-II", "- PART II -", "P A R T  I I", "PartII",
        "PART II - OTHER INFORMATION", "PART II. OTHER INFORMATION (continued)", "PART II (cont.)",
    ],
)  # fmt: skip
def test_a_part_is_read_in_every_spelling(heading):
    assert last(heading, TEXT) == "Part II"


@pytest.mark.parametrize(
    "reference", ["Part II of this report tells it.", "Part two of the plan", "PART I AND PART II"]
)
def test_a_sentence_that_continues_after_the_number_is_no_heading_of_a_part(reference):
    assert last("PART I", TEXT, reference, TEXT) == "Part I"


@pytest.mark.parametrize(
    ("blocks", "section"),
    [
        (["Item 7", "Management's Discussion and Analysis"], "Part II, Item 7"),
        (["Item 2.03.", "Creation of a Direct Financial Obligation"], "Item 2.03"),
        (["Item", "9A.", "Controls and Procedures"], "Part II, Item 9A"),
        (["ITEM NO.", "7A.", "QUANTITATIVE AND QUALITATIVE DISCLOSURES"], "Part II, Item 7A"),
        (["Item", "5.B", "Liquidity and Capital Resources"], "Item 5.B"),
    ],
)
def test_number_and_title_may_be_separate_blocks(blocks, section):
    assert sections([*blocks, TEXT]) == [section] * (len(blocks) + 1)


def test_items_of_form_8_k_are_no_section_of_a_periodic_report():
    reports = ["Item 5. Other Events", "Item 2.02. Results of Operations"]
    assert last("PART II", "Item 6. Exhibits", TEXT, *reports) == "Part II, Item 6"
    assert last("PART II", "Item 5. Other Information", "Item 1.01 Entry into an Agreement") == "Part II, Item 5"
    assert last("PART II", "Item 4. Mine Safety Disclosures", "None.", "Item 5. Other Events") == "Part II, Item 5"


BODY = [
    "Item 1.01. Entry into a Material Definitive Agreement",
    TEXT,
    "Item 2.03. Creation of a Direct Financial Obligation",
    "The information in Item 1.01 is incorporated by reference.",
    "Item 9.01. Financial Statements and Exhibits",
]


@pytest.mark.parametrize(
    "contents",
    [
        [BODY[0], BODY[2], BODY[4]],
        [BODY[0], BODY[4], "SIGNATURE"],
        [BODY[0], "SIGNATURES", "EXHIBIT INDEX"],
        [BODY[2], BODY[4], "SIGNATURE"],
        [BODY[0], "2", BODY[4], "3"],
        [f"{BODY[0]} 2", f"{BODY[2]} 3", f"{BODY[4]} 3"],
        ["Item 1.01.", "Entry into a Material Definitive Agreement", "Item 9.01.", "Financial Statements and Exhibits"],
        [BODY[0], BODY[4], "This report has statements about the future, which depend on much that nobody can know."],
    ],
)
def test_a_table_of_contents_of_any_length_is_no_section(contents):
    read = sections(["TABLE OF CONTENTS", *contents, *BODY])
    assert read[: len(contents) + 1] == [None] * (len(contents) + 1)
    assert read[len(contents) + 1 :] == ["Item 1.01", "Item 1.01", "Item 2.03", "Item 2.03", "Item 9.01"]


def test_a_table_of_contents_may_hold_only_some_items_and_the_ends_of_its_lines():
    contents = ["PART I", "PART II", "Matters, and Issuer Purchases of Equity Securities.", "PART III", "PART IV"]
    assert sections([*contents, "Item 1. Business.", TEXT])[-3:] == [None, "Part I, Item 1", "Part I, Item 1"]
    contents = ["PART I", "Item 1.", "Business", "PART II", "Item 5.", "Market for Units", "Selected Financial Data"]
    assert sections([*contents, "Part I", "Item 1", "PART I", "ITEM 1. BUSINESS", TEXT])[-3:] == [
        "Part I, Item 1",
        "Part I, Item 1",
        "Part I, Item 1",
    ]


def test_items_without_text_between_them_are_not_all_contents():
    assert last("Item 1.01. Entry into an Agreement", "Item 2.03. Creation of an Obligation") == "Item 2.03"
    short = ["Item 1. Legal Proceedings", "None", "Item 1A. Risk Factors", "Not applicable", "Item 3. Defaults", "None"]
    assert sections(["PART II", *short, "Item 5. Other Information", TEXT])[1::2] == [
        f"Part II, Item {number}" for number in ("1", "1A", "3", "5")
    ]


def test_a_part_named_on_the_cover_is_no_section():
    cover = ["DOCUMENTS INCORPORATED BY REFERENCE", "Part III", TEXT]
    assert sections([*cover, "PART I", "Item 1. Business"]) == [None, None, None, "Part I", "Part I, Item 1"]


def test_a_heading_that_every_page_repeats_changes_nothing():
    title = "Item 7. Management's Discussion and Analysis of Financial Condition"
    pages = [title, TEXT, "22", f"{title} (Continued)", TEXT, "23", f"{title} - (Cont'd)"]
    assert sections(pages) == ["Part II, Item 7"] * len(pages)
    assert last(*pages, "Item 7A. Quantitative and Qualitative Disclosures") == "Part II, Item 7A"


def test_the_part_of_a_statement_for_registration_is_the_stated_one():
    assert last("PART II INFORMATION NOT REQUIRED IN PROSPECTUS", "Item 16. Exhibits") == "Part II, Item 16"
    assert last("PART II", "Item 16. Exhibits", TEXT, "Item 17. Undertakings.") == "Part II, Item 17"


FAULTS = {
    "8k-item-heading-in-two-cells/t8k_short_toc.htm": [None, "Item 1.01"],
    "8k-item-heading-in-two-cells/t8k_table_head.htm": ["Item 1.01", "Item 2.03", "Item 9.01"],
    "20f-items/f20.htm": [
        "Part I",
        "Part I, Item 5",
        "Part I, Item 11",
        "Part II",
        "Part II, Item 16E",
        "Part II, Item 16F",
        "Part II, Item 16G",
        "Part II, Item 16K",
        "Part III",
        "Part III, Item 18",
    ],
    "20f-items/f20b.htm": ["Item 3.D", "Item 5.B", "Item 12D"],
    "item-heading-spellings/item_no.htm": ["Part II", "Part II, Item 7", "Part II, Item 8"],
    "item-heading-spellings/item_nospace.htm": ["Part II", "Part II, Item 7", "Part II, Item 7A", "Part II, Item 8"],
    "item-heading-spellings/item_split.htm": ["Part II", "Part II, Item 7", "Part II, Item 8", "Part II, Item 9A"],
    "item-heading-spellings/items_1_and_2.htm": ["Part I", "Part I, Items 1 and 2", "Part I, Item 3"],
    "item-heading-spellings/items_1_and_2c.htm": ["Part I", "Part I, Items 1 and 2", "Part I, Items 10 through 14"],
}


@pytest.mark.corpus
@pytest.mark.parametrize("name", FAULTS)
def test_reported_headings_are_read(name, corpus):
    blocks = extract((corpus / "faults" / name).read_text(), "html", tables=True).blocks
    assert [section for section, _ in groupby(block.section for block in blocks)] == FAULTS[name]


FILINGS = """
filings_odd/APPLE-COMPUTER-INC__8-K__0000320193-96-000027.txt.gz: 1 through 4, 6 and 8; 5; 7
filings_odd/ASSOCIATED-BANC-CORP__8-K__0001104659-24-120147.txt.gz: 1.01; 9.01
filings_odd/Apple-Inc.__8-K__0000320193-23-000063.txt.gz: 2.02; 9.01
filings_odd/ILLINOIS-TOOL-WORKS-INC__8-K__0000049826-19-000003.txt.gz: 2.02; 9.01
filings_odd/ILLINOIS-TOOL-WORKS-INC__8-K__0000049826-24-000041.txt.gz: 8.01
filings_odd/aapl-20240201__8-K__0000320193-24-000005.htm.gz: 2.02; 9.01
filings_odd_more/0000000000__8-K__0000950170-24-001005.htm.gz: 1.01; 1.02; 2.03; 9.01
filings_odd_more/0000000000__8-K__0001140361-24-000247-5e576c.htm.gz: 1.01; 3.02; 3.03; 5.03; 7.01; 9.01
filings_odd_more/0000100493__8-K__0000950103-19-002069.txt.gz: 1.01; 2.03; 8.01; 9.01
filings_odd_more/0000108516__8-K__0000950170-23-069698.htm.gz: 1.02; 9.01
filings_odd_more/0001002022__8-K__0000914260-00-000057.txt.gz: 3; 7
filings_odd_more/0001002047__8-K__0001193125-21-014704.htm.gz: 1.01; 2.03; 9.01
filings_odd_more/0001002135__8-K__0000914760-99-000090.txt.gz: 5; 7
filings_odd_more/0001002517__8-K__0000950135-07-005433.txt.gz: 1.01; 2.01; 2.03; 9.01
filings_odd/ECOGEN-INC__10-K405__0000893220-98-000349.txt.gz: I 1 2 3 4 II 5 6 7 8 9 III 10 11 12 13 IV 14
filings_odd/INTERNATIONAL-BUSINESS-MACHINES-CORP__10-K405__0001047469-98-012291.txt.gz:\
 I 1 2 3 4 II 5 6 7 7A 8 9 III 10 11 12 13 IV 14
filings_odd_more/0000000000__10-K405__0000950135-01-000920.txt.gz: I 1 2 3 4 II 5 6 7 8 9 III 10 11 12 13 IV 14
filings_odd_more/0000310979__10-K405__0001085204-01-000015.txt.gz: I 1 2 3 4 II 5 6 7 7A 8 9 III 10 11 12 13 IV 14
filings_odd_more/0000723603__10-K-A__0000723603-01-500005.txt.gz: I 1 2 3 4 II 5 6 7 7A 8 9 III 10 11 12 13 IV 14
filings_odd_more/0000000000__10-K__nsc10k08s.htm.txt.gz:\
 I 1+2 1A 1B 3 4 II 5 6 7 7A 8 9 9A 9B III 10 11 12 13 14 IV 15
filings_odd_more/0000000000__10-K__AIG_2005.html.htm.gz: I 1 II 7 7A 8 IV 15
filings_odd_more/0000000000__10-K__LEH_2005.html.txt.gz: I 1 1A 1B 2 3 4 II 5 6 7 7A 8 9 9A 9B III 10 11 12 13 14 IV 15
filings_odd_more/0000000000__10-K__d216801d10k.htm.txt.gz:\
 I 1 1A 1B 2 3 4 II 5 6 7 7A 8 9 9A 9B III 10 11 12 13 14 IV 15
filings_odd_more/0000000000__10-K__d33857e10vk.htm.txt.gz: I 1 1A 1B 2 3 4 II 5 6 7 7A 8 9 9A 9B IV 15
filings_odd_more/0000000000__10-K__temp.html.htm.gz:\
 I 1 1A 1B 2 3 4 4A II 5 6 7 7A 8 9 9A 9B 9C III 10 11 12 13 14 IV 15 16
filings_odd_more/0000000000__S-1__0001193125-24-000734.htm.gz: II 13 14 15 16 17
filings_odd_more/0001326688__10-K__0001104659-08-021249.txt.gz:\
 I 1 1A 1B 2 3 4 II 5 6 7 7A 8 9 9A 9B III 10 11 12 13 14 IV 15
filings_odd/0001376474-16-000635__10-K__0001376474-16-000635.htm.gz:\
 I 1 1A 1B 2 3 4 II 5 6 7 7A 8 9 9A 9B III 10 11 12 13 14 IV 15
filings_odd/COCA-COLA-CO__10-K__0000021344-98-000004.txt.gz: I 1 2 3 4 II 5 6 7 7A 8 9 III 10 11 12 13 IV 14
filings_odd/WMX-TECHNOLOGIES-INC__10-K__0000950131-94-000440.txt.gz: I 1 2 3 4 II 5 6 7 8 9 III 10 11 12 13 IV 14
filings/0001618921__10-Q__0001618921-23-000043.htm.gz: I 1 2 3 4 II 1 1A 2 5 6
"""


@pytest.mark.corpus
@pytest.mark.parametrize("line", FILINGS.strip().replace("\\\n", "").split("\n"))
def test_the_items_of_real_filings_come_in_the_order_of_the_document(line, corpus):
    """Each list was checked against the headings of the document."""
    name, expected = line.split(":", 1)
    document = next(iter(read_documents(next(iter(discover([str(corpus / name)]))), ReadOptions())))
    blocks = extract(document.content, document.markup).blocks
    places = [block.section.split(" > ")[0] for block in blocks if block.section and "Item" in block.section]
    assert [place for place, _ in groupby(places)] == list(_items(expected))


def _items(line):
    if ";" in line or "." in line:
        yield from (f"Item{'s' if ' ' in item.strip() else ''} {item.strip()}" for item in line.split(";"))
        return
    part = ""
    for word in line.split():
        if word[0] == "I":
            part = f"Part {word}"
        else:
            items = word.split("+")
            yield f"{part}, Item{'s' if items[1:] else ''} {' and '.join(items)}"
