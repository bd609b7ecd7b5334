import pytest

from finner_batch.errors import UsageError
from finner_batch.query.ask import ask
from finner_batch.query.export import rows_of
from finner_batch.query.questions import list_questions, read_sql, sql_folder
from finner_batch.store.folder import open_results

NAMES = [question.name for question in list_questions()]


def answers(results, name):
    answer = ask(results, read_sql(name))
    return [dict(zip(answer.schema.names, row, strict=True)) for row in rows_of(answer)]


def test_the_first_line_of_every_file_is_its_question():
    for path in sql_folder().glob("*.sql"):
        assert path.read_text().startswith("-- "), path
    for question in list_questions():
        assert question.question.endswith("?"), question.name
    assert len(NAMES) >= 6
    assert "views" not in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_question_is_answered(filled, name):
    assert answers(filled, name)


@pytest.mark.parametrize("name", NAMES)
def test_every_question_can_be_asked_of_a_folder_without_documents(tmp_path, name):
    open_results(tmp_path)
    assert answers(tmp_path, name) == []


def test_the_largest_facility_comes_first(filled):
    assert [(row["company"], row["millions"], row["unit"]) for row in answers(filled, "facilities_by_size")] == [
        ("Acme Corp", 1500.0, "USD"),
        ("Café \x1b[31mHoldings", 400.0, "EUR"),
    ]


def test_spreads_are_in_basis_points(filled):
    assert [(row["company"], row["median_bp"]) for row in answers(filled, "spreads_by_company")] == [
        ("Acme Corp", 225.0),
        ("Café \x1b[31mHoldings", 175.0),
    ]


def test_stated_and_effective_rates_are_compared_within_a_section(filled):
    [row] = answers(filled, "stated_and_effective_rates")
    assert (row["stated_percent"], row["effective_percent"], row["difference"], row["rates"]) == (5.0, 5.4, 0.4, 2)


def test_the_most_doubtful_number_comes_first(filled):
    assert answers(filled, "doubtful_numbers")[0]["text"] == "5.4"


def test_failures_are_counted_by_reason(filled):
    assert answers(filled, "failed_documents") == [
        {
            "stage": "decode",
            "error_type": "UnicodeDecodeError",
            "documents": 1,
            "for_example": "/in/b.htm",
            "its_error": "not text",
        }
    ]


def test_coverage_says_where_the_numbers_stand(filled):
    [row] = answers(filled, "coverage")
    assert (row["form_type"], row["section"], row["percent"], row["numbers"]) == ("10-K", "Part II, Item 8", 100.0, 6)


def test_a_question_is_found_by_name_by_path_and_in_a_file_of_ones_own(tmp_path):
    own = tmp_path / "own.sql"
    own.write_text("SELECT 1")
    assert read_sql(str(own)) == "SELECT 1"
    assert read_sql("coverage") == read_sql("sql/coverage.sql") == read_sql(str(sql_folder() / "coverage.sql"))


def test_an_unknown_question_names_those_there_are():
    with pytest.raises(UsageError, match="coverage, doubtful_numbers"):
        read_sql("nothing")
