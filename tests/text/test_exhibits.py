import pytest

from finner_batch.readers.document import Header, Siblings
from finner_batch.text.exhibits import type_in_text, unread_exhibits
from finner_batch.text.sentences import Sentence


def unread(text, *, form="10-K", section=None, siblings=None, document_type=None):
    header = Header(form_type=form, document_type=document_type or form)
    return unread_exhibits(
        [Sentence(0, "We make lanterns.", 0, section), Sentence(1, text, 20, section)], header, siblings
    )


@pytest.mark.parametrize(
    ("text", "section", "named"),
    [
        (("Portions of the Annual Report to Shareholders, included as Exhibit 13 to this Form 10-K, are incorporated by"
         " reference in Parts I, II and IV hereof."), None, ["EX-13"]),
        ("Portions of the 2004 Annual Report to Stockholders are incorporated by reference into Parts I and II.", None,
         ["EX-13"]),
        ("PORTIONS OF THE COMPANY'S ANNUAL REPORT TO SHARE OWNERS ARE INCORPORATED BY REFERENCE IN PARTS I, II AND IV.",
         None, ["EX-13"]),
        ("The information required by this item is incorporated herein by reference to Exhibit 13.1.",
         "Part II, Item 8", ["EX-13.1"]),
        ("Refer to pages 38 to 77 of the Annual Report to Stockholders, which are incorporated herein by reference.",
         "Part II, Item 7A", ["EX-13"]),
        ("Our audited consolidated financial statements are included in Exhibit 99.2 and incorporated by reference.",
         None, ["EX-99.2"]),
        ("The Credit Agreement is attached hereto as Exhibit 10.3.", "Part IV, Item 15", ["EX-10.3"]),
    ],
)  # fmt: skip
def test_an_annual_report_names_the_exhibits_with_its_statements_or_debt(text, section, named):
    assert unread(text, section=section) == tuple(named)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (("The foregoing description of the Credit Agreement is qualified by the full text, which is attached as"
         " Exhibit 10.1 and incorporated herein by reference."), ["EX-10.1"]),
        (("The Indenture and the form of note are filed as Exhibits 4.1 and 4.2, respectively, to this Current Report"
         " on Form 8-K."), ["EX-4.1", "EX-4.2"]),
        (("Copies of the Loan Agreement and the Promissory Note are filed herewith as Exhibit 10.1, Exhibit 10.2 and"
         " Exhibit No. 10.3."), ["EX-10.1", "EX-10.2", "EX-10.3"]),
        ("The Merger Agreement is attached as Exhibit 2.1 and incorporated herein by reference.", []),
        ("The audited financial statements of Tin Whistle Media are filed as Exhibit 99.1.", []),
        (("The Credit Agreement was filed as Exhibit 10.1 to the Company's Quarterly Report on Form 10-Q for the"
         " quarter ended June 30, 2021 and is incorporated herein by reference."), []),
        ("The Credit Agreement was filed as Exhibit 4.1 to our Registration Statement (No. 33-59675).", []),
    ],
)  # fmt: skip
def test_a_current_report_names_the_exhibits_with_its_debt(text, named):
    assert unread(text, form="8-K") == tuple(named)


@pytest.mark.parametrize(
    "text",
    [
        "Portions of the Proxy Statement for the Annual Meeting of Shareholders are incorporated by reference.",
        "Financial statements excluded from the annual report to shareholders by Rule 14a-3(b) are not required.",
        "Exhibit 31.1 is the certification of our principal financial officer on the financial statements.",
        "Our annual report to shareholders is on our website.",
    ],
)
def test_other_references_name_none(text):
    assert unread(text, section="Part III, Item 10") == ()


def test_exhibits_of_earlier_filings_in_the_list_of_exhibits_do_not_count():
    earlier = "4.2 Form of Notes included in Exhibit 4.1, the Indenture, incorporated by reference."
    assert unread(earlier, section="Part IV, Item 15") == ()


REFERS = "The information is incorporated by reference to Exhibit 13."


@pytest.mark.parametrize(
    ("siblings", "named"),
    [
        (None, ["EX-13"]),
        (Siblings(unread=("EX-13.1", "EX-13.2", "EX-21")), ["EX-13.1", "EX-13.2"]),
        (Siblings(unread=("EX-21",)), ["EX-13"]),
        (Siblings(read=("EX-13",)), []),
        (Siblings(read=("EX-13.1",), unread=("EX-21",)), []),
    ],
)
def test_what_is_read_with_it_is_not_named(siblings, named):
    assert unread(REFERS, section="Part II, Item 8", siblings=siblings) == tuple(named)


def test_an_unread_annual_report_to_holders_is_always_named():
    left = Siblings(unread=("EX-10.1", "EX-13"))
    assert unread("See elsewhere.", siblings=left) == ("EX-13",)
    assert unread("See elsewhere.", siblings=left, form="8-K") == ()


def test_an_exhibit_names_none():
    assert unread("The Note is attached as Exhibit 4.1 to this Credit Agreement.", document_type="EX-10.1") == ()
    assert unread("The Security Agreement is attached hereto as Exhibit 4.1.", form=None) == ()


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        (["Exhibit 10.1", "CREDIT AGREEMENT"], "EX-10.1"),
        (["EXHIBIT 10.5.5 CREDIT AGREEMENT AMONG JONES, AS BORROWER"], "EX-10.5.5"),
        (["Exhibit (4-4)", "Description of the Notes"], "EX-4"),
        (["1", "Exhibit No. 13", "Annual Report"], "EX-13"),
        (["1 Exhibit 10(q)"], "EX-10"),
        (["EX-4.1 2 d942479dex41.htm EX-4.1", "Execution Version"], "EX-4.1"),
        (["10-K 1 a10-k20179302017.htm 10-K", "UNITED STATES"], "10-K"),
        (["UNITED STATES", "FORM 10-K"], None),
        (["See Exhibit 10.1"], None),
        (["Exhibit A", "Form of Note"], None),
        (["Exhibits 10.1 and 10.2 are omitted."], None),
        ([], None),
    ],
)
def test_the_first_words_of_a_document_say_what_it_is(blocks, expected):
    assert type_in_text(blocks) == expected
