"""Each question asked of results whose answer is known."""

from datetime import date

import pytest
from made_results import (
    CAPACITY,
    EFFECTIVE,
    HOSTILE,
    SPREAD,
    STATED,
    answers,
    audit,
    document,
    number,
    report,
    store,
)

from finner_batch.query.questions import read_sql


@pytest.fixture
def ask_of(tmp_path):
    """Ask a shipped question of documents."""

    def asked(name, documents, **parameters):
        return answers(store(tmp_path / "results", documents), read_sql(name), **parameters)

    return asked


def filing(name, rows, *, year=2023, form="10-K", cik="0000000007", company="Acme Corp", **columns):
    period = columns.pop("period_of_report", date(year, 12, 31))
    return document(name, rows, cik=cik, company=company, form_type=form, period_of_report=period, **columns)


def test_the_largest_facility_comes_first_and_a_least_size_leaves_the_smaller_out(filled):
    sql = read_sql("facilities_by_size")
    largest = [("Acme Corp", 1500.0, "USD"), (HOSTILE, 400.0, "EUR")]
    assert [(row["company"], row["millions"], row["unit"]) for row in answers(filled, sql)] == largest
    assert [row["company"] for row in answers(filled, sql, least=1e9)] == ["Acme Corp"]


@pytest.mark.parametrize(
    ("marked", "benchmark"),
    [
        ("Loans bear interest at Term SOFR plus [1.25]%.", "SOFR"),
        ("Loans bear interest at the Secured Overnight Financing Rate plus [1.25]%.", "SOFR"),
        ("Loans bear interest at LIBOR plus 2.00% or the prime rate plus [1.25]%.", "prime rate"),
        ("Loans bear interest at LIBOR plus [1.25]% or the prime rate plus 2.00%.", "LIBOR"),
        ("Loans bear interest at the London interbank offered rate plus [125] basis points.", "LIBOR"),
        ("Loans bear interest at the Eurodollar rate plus [1.25]%.", "LIBOR"),
        ("Loans bear interest at EURIBOR plus [1.25]%.", "EURIBOR"),
        ("A margin of [1.25]% is added to SONIA.", "SONIA"),
        ("Loans bear interest at CORRA plus [125] bps.", "CORRA"),
        ("The base rate is the federal funds rate plus [1.25]%.", "federal funds"),
        ("Loans bear interest at the ABR plus [1.25]%.", "base rate"),
        ("Notes bear interest at the Treasury rate plus [1.25]%.", "Treasury"),
        ("The applicable margin is [1.25]%, and we are based in Primeville.", "not named"),
    ],
)
def test_a_spreads_benchmark_is_read_from_its_sentence(ask_of, marked, benchmark):
    [row] = ask_of("spreads_over_benchmark", [filing("a.htm", [number(SPREAD, marked, 0.0125)])])
    assert (row["benchmark"], row["year"], row["median_bp"]) == (benchmark, 2023, 125.0)


def test_spreads_are_listed_by_company_year_and_benchmark(ask_of):
    libor, sofr = "At LIBOR plus [1.5]%.", "At SOFR plus [1.5]%."
    documents = [
        filing("a", [number(SPREAD, libor, 0.015), number(SPREAD, libor, 0.025, at=200)], year=2021),
        filing("b", [number(SPREAD, sofr, 0.0175)], year=2023, company="Acme Renamed"),
        filing("c", [number(SPREAD, sofr, 0.03)], year=2023, cik="0000000008", company="Other"),
    ]
    assert [tuple(row.values()) for row in ask_of("spreads_over_benchmark", documents)] == [
        ("Acme Corp", 2021, "LIBOR", 1, 2, 150.0, 200.0, 250.0),
        ("Acme Renamed", 2023, "SOFR", 1, 1, 175.0, 175.0, 175.0),
        ("Other", 2023, "SOFR", 1, 1, 300.0, 300.0, 300.0),
    ]
    assert len(ask_of("spreads_over_benchmark", [], benchmark="sofr", cik=7)) == 1


def test_stated_rates_show_what_is_new_and_gone_since_the_filing_before(ask_of):
    def rates(*percents):
        return [
            number(STATED, f"Notes at [{percent}]%.", percent / 100, at=50 * place)
            for place, percent in enumerate(percents)
        ]

    documents = [
        filing("a", rates(5.25, 6.5), year=2021),
        filing("b1", rates(6.5), year=2022),
        filing("b2", rates(7.125, 6.5), year=2022),
        filing("proxy", rates(1.0), year=2022, form="DEF 14A"),
        filing("c", [], year=2023),
        filing("d", [], year=2024),
    ]
    assert [
        (row["period"].year, row["percent"], row["filing_before"], row["new"], row["gone"])
        for row in ask_of("stated_rates_over_time", documents)
    ] == [
        (2021, "5.25, 6.5", None, "", None),
        (2022, "6.5, 7.125", "10-K 2021-12-31", "7.125", "5.25"),
        (2023, "", "10-K 2022-12-31", "", "6.5, 7.125"),
    ]


def test_the_biggest_change_between_two_filings_comes_first(ask_of):
    def rows(size, spread, rate):
        return [
            number(CAPACITY, f"At December 31, the facility is $[{size}] million.", size * 1e6, "USD"),
            number(SPREAD, f"It bears interest at SOFR plus [{spread}]% and a fee of 0.2%.", spread / 100),
            number(STATED, f"The notes of {rate:.0f} bear interest at [5.0]%.", 0.05),
        ]

    documents = [
        filing("a", rows(400, 1.25, 1), year=2022),
        filing("b", rows(500, 2.5, 2), year=2023),
        filing("other", rows(900, 9.0, 3), year=2023, cik="0000000008"),
    ]
    documents[1][1][0]["sentence"] = documents[1][1][0]["sentence"].replace("December", "January").replace("31", "30")
    documents[1][1][0]["start"] -= 1
    documents[1][1][0]["end"] -= 1
    changes = [
        (row["before"], row["after"], row["percent"], row["filing_before"], row["filing"])
        for row in ask_of("changes_between_filings", documents)
    ]
    assert changes == [
        (0.0125, 0.025, 100.0, "10-K 2022-12-31", "10-K 2023-12-31"),
        (4e8, 5e8, 25.0, "10-K 2022-12-31", "10-K 2023-12-31"),
    ]
    assert [row["label"] for row in ask_of("changes_between_filings", [], label="spread")] == [
        "BasisSpreadOnVariableRate1"
    ]


def test_the_most_doubtful_number_comes_first_and_those_above_the_bound_not_at_all(filled):
    sql = read_sql("doubtful_numbers")
    assert [row["text"] for row in answers(filled, sql)] == ["5.4"]
    assert [row["text"] for row in answers(filled, sql, below=0.95)] == ["5.4", "175", "5.0", "400"]


def test_numbers_that_contradict_the_filers_tags_are_shown_and_say_when_they_are_gone(tmp_path):
    there = number(CAPACITY, "A facility of $[5] million.", 5e6, "USD")
    results = store(tmp_path / "results", [filing("a.htm", [there])])
    common = {"label": CAPACITY, "document_id": "a.htm", "text": "5", "value": 5e6, "cik": "0000000007"}
    at = {"document_start": there["document_start"]}
    audit(
        results,
        [
            common | at | {"verdict": "agree"},
            common | at | {"verdict": "untagged"},
            common | at | {"verdict": "other concept", "concept": "LineOfCredit", "xbrl_value": 5e6},
            common | {"document_start": 9, "verdict": "value differs", "concept": CAPACITY, "xbrl_value": 5e3},
            common | at | {"verdict": "missed", "value": None},
        ],
    )
    found = answers(results, read_sql("contradicted_by_xbrl"))
    assert [(row["verdict"], row["xbrl_concept"], row["xbrl_value"], row["still_so"]) for row in found] == [
        ("value differs", "MaximumBorrowingCapacity", 5e3, False),
        ("other concept", "LineOfCredit", 5e6, True),
    ]


def test_one_facility_with_two_sizes_is_found_and_two_facilities_with_one_each_are_not(ask_of):
    def size(marked, millions, at):
        return number(CAPACITY, marked, millions * 1e6, "USD", at=at)

    documents = [
        filing(
            "a.htm",
            [
                size("The 2022 Revolving Credit Facility has commitments of $[400] million.", 400, 0),
                size("We may borrow up to $[500] million under the 2022 Revolving Credit Facility.", 500, 200),
                size("The Bridge Loan Facility is for $[75] million.", 75, 400),
                size("The 2022 Revolving Credit Facility includes $[25] million for letters of credit.", 25, 600),
                size("We have a credit facility of $[10] million and other credit facilities.", 10, 800),
                size("A bank gave us a credit facility of $[20] million.", 20, 1000),
            ],
        ),
        filing("b.htm", [size("The 2022 Revolving Credit Facility has commitments of $[900] million.", 900, 0)]),
    ]
    [row] = ask_of("facilities_with_different_sizes", documents)
    assert (row["facility"], row["millions"], row["mentions"]) == ("2022 Revolving Credit Facility", "400.0, 500.0", 2)
    assert "commitments of $[400] million." in row["smallest"]
    assert row["largest"].startswith("…may borrow up to $[500] million under")


def test_coverage_says_where_the_numbers_stand(filled):
    [row] = answers(filled, read_sql("coverage"))
    assert (row["form_type"], row["section"], row["percent"], row["numbers"]) == ("10-K", "Part II, Item 8", 100.0, 6)


def test_filings_whose_debt_stands_in_an_unread_exhibit_are_listed(tmp_path):
    store(tmp_path, [document("a/a.htm", [], company="Tin Whistle Media", unread_exhibits=["EX-10.1", "EX-13"])])

    (row,) = answers(tmp_path, read_sql("unread_exhibits"))

    assert (row["company"], row["exhibits"], row["entities"]) == ("Tin Whistle Media", "EX-10.1, EX-13", 0)


def test_failures_are_counted_by_reason(filled):
    assert answers(filled, read_sql("failed_documents")) == [
        {
            "stage": "decode",
            "error_type": "UnicodeDecodeError",
            "documents": 1,
            "for_example": "/in/b.htm",
            "its_error": "not text",
        }
    ]


def test_an_amendment_supersedes_the_last_filing_before_it_and_says_which_numbers_it_changed(ask_of):
    def rate(text):
        return number(STATED, f"Notes at [{text}]%.", float(text) / 100, at=int(float(text) * 100))

    year = {"period_of_report": date(2023, 12, 31)}
    documents = [
        filing("0-1/a.htm", [rate("5.0"), rate("6.0")], filing_date=date(2024, 2, 1), **year),
        filing("0-2/a.htm", [rate("5.0"), rate("6.5")], form="10-K/A", filing_date=date(2024, 3, 1), **year),
        filing("0-3/a.htm", [rate("6.5")], form="10-K/A", filing_date=date(2024, 4, 1), **year),
        filing("0-4/a.htm", [rate("9.0")], year=2022, filing_date=date(2023, 2, 1)),
        filing("0-5/a.htm", [], year=2021, form="10-Q/A"),
        filing("0-6/a.htm", [rate("9.0")], form="10-Q", filing_date=date(2024, 2, 1), **year),
        filing("0-7/a.htm", [rate("9.0")], filing_date=date(2024, 2, 1), cik="0000000008", **year),
    ]
    assert [
        (row["filing"], row["supersedes"], row["only_amended"], row["only_before"])
        for row in ask_of("amendments", documents)
    ] == [
        ("0-5", "not among the results", None, None),
        ("0-2", "0-1", "InterestRateStatedPercentage 6.5", "InterestRateStatedPercentage 6.0"),
        ("0-3", "0-2", "", "InterestRateStatedPercentage 5.0"),
    ]


def test_the_run_history_says_how_fast_each_was_what_changed_and_what_is_left_of_it(tmp_path):
    results = tmp_path / "results"
    rows = [number(STATED, "Notes at [5.0]%.", 0.05)]
    store(results, [filing("a.htm", rows), filing("b.htm", rows)], run_id="run-1")
    store(results, [filing("a.htm", rows)], run_id="run-2", model_id="n")
    report(results, "run-1")
    report(results, "run-2", started="2026-01-02T00:00:00+00:00", model_id="n", documents={"ok": 1, "failed": 0})
    found = answers(results, read_sql("run_history"))
    assert [(row["run_id"], row["per_second"], row["in_force"], row["changed"]) for row in found] == [
        ("run-1", 0.05, 1, "first run"),
        ("run-2", 0.02, 1, "model"),
    ]


def test_effective_rates_are_counted_by_their_distance_from_the_stated_rate_they_belong_to(ask_of):
    def pair(stated, effective, at, **columns):
        return [
            number(STATED, f"Notes at [{stated}]%.", stated / 100, at=at, index=at, **columns),
            number(
                EFFECTIVE,
                f"an effective rate of [{effective}]%.",
                effective / 100,
                at=at + 900,
                index=at + 1,
                **columns,
            ),
        ]

    def listed(label, marked, value):
        return number(label, marked, value, at=5000, index=9)

    listing = "Rates of the {}2.95{}% and {}3.45{}% notes are {}3.11{}% and {}3.58{}%."
    documents = [
        filing("a.htm", [*pair(5.0, 5.4, 0), *pair(6.0, 6.1, 1000), *pair(7.0, 6.9, 2000)]),
        filing("b.htm", pair(4.0, 5.0, 0), cik="0000000008"),
        filing("c.htm", [*pair(4.0, 5.0, 0)[1:], *pair(4.0, 5.0, 2000)[:1]], cik="0000000009"),
        filing(
            "d.htm",
            [
                listed(STATED, listing.format("[", "]", *6 * [""]), 0.0295),
                listed(STATED, listing.format(*2 * [""], "[", "]", *4 * [""]), 0.0345),
                listed(EFFECTIVE, listing.format(*4 * [""], "[", "]", *2 * [""]), 0.0311),
                listed(EFFECTIVE, listing.format(*6 * [""], "[", "]"), 0.0358),
            ],
            cik="0000000010",
        ),
    ]
    found = ask_of("effective_minus_stated", documents)
    assert [(row["from_bp"], row["below_bp"], row["pairs"], row["companies"], row["percent"]) for row in found] == [
        (-50, 0, 1, 1, 16.7),
        (0, 50, 4, 2, 66.7),
        (100, 150, 1, 1, 16.7),
    ]
    assert [row["pairs"] for row in ask_of("effective_minus_stated", [], band=1000)] == [1, 5]
    assert [row["from_bp"] for row in ask_of("effective_minus_stated", [], band=1, cik=10)] == [13, 16]


def test_an_effective_rate_stands_next_to_the_stated_rate_it_belongs_to(filled):
    [row] = answers(filled, read_sql("stated_and_effective_rates"))
    assert (row["stated"], row["effective"], row["difference_bp"]) == ("5.0", "5.4", 40.0)
    assert "[5.4]" in row["sentence"]


def test_averages_and_outcomes_of_variable_rates_belong_to_no_stated_rate_and_repetitions_count_once(ask_of):
    def effective(marked, percent, at):
        return number(EFFECTIVE, marked, percent / 100, at=at, index=at)

    said = "an effective rate of [5.4]%."
    variable = "Loans at LIBOR plus {}6.0{}% have an effective rate of {}7.0{}%."
    documents = [
        filing(
            "a.htm",
            [
                number(STATED, "Notes at [5.0]%.", 0.05, at=0, index=0),
                effective(f"Issued at {said}", 5.4, 100),
                effective(f"Again at {said}", 5.4, 300),
                effective("Commercial paper had a weighted-average effective interest rate of [4.5]%.", 4.5, 500),
                number(SPREAD, variable.format("[", "]", "", ""), 0.06, at=700, index=700),
                number(EFFECTIVE, variable.format("", "", "[", "]"), 0.07, at=740, index=700),
            ],
        )
    ]
    [row] = ask_of("stated_and_effective_rates", documents)
    assert (row["stated"], row["effective"], row["difference_bp"]) == ("5.0", "5.4", 40.0)
    assert row["sentence"].startswith("Issued")


def test_what_is_found_is_shown_with_the_number_marked(filled):
    rows = answers(filled, read_sql("found"))
    assert {row["number"] for row in rows} == {"2.25", "5.0", "5.4", "1.5", "400", "175"}
    assert all(f"[{row['number']}]" in row["sentence"] for row in rows)
    assert {row["label"] for row in rows} >= {"BasisSpreadOnVariableRate1", "MaximumBorrowingCapacity"}
