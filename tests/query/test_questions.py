import duckdb
import pytest
from made_results import answers

from finner_batch.errors import UsageError
from finner_batch.query.questions import list_questions, read_sql, sql_folder, variables_of
from finner_batch.results.results_folder import open_results
from finner_batch.storage.place import place_of

NAMES = [question.name for question in list_questions()]
UNANSWERED_BY_THE_SAMPLES = {"amendments", "changes_between_filings", "failed_documents", "unread_exhibits"}
"""The samples hold no amendment, no two filings of a company, none that fails, none that points to an exhibit."""


def test_the_first_line_of_every_file_is_its_question():
    for path in sql_folder().glob("*.sql"):
        assert path.read_text().startswith("-- "), path
    for question in list_questions():
        assert question.question.endswith("?"), question.name
    assert len(NAMES) >= 12
    assert not {"views", "diff"} & set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_question_runs_on_what_the_packaged_model_found(sample_results, name):
    found = answers(sample_results, read_sql(name))
    assert bool(found) == (name not in UNANSWERED_BY_THE_SAMPLES)


@pytest.mark.parametrize("name", NAMES)
def test_every_question_answers_the_same_in_plain_duckdb(sample_results, name):
    with duckdb.connect() as plain:
        plain.execute("SET VARIABLE results = ?", [str(sample_results)])
        plain.execute((sql_folder() / "views.sql").read_text())
        assert plain.execute(read_sql(name)).fetchall() == [
            tuple(row.values()) for row in answers(sample_results, read_sql(name))
        ]


@pytest.mark.parametrize("name", NAMES)
def test_every_question_can_be_asked_of_a_folder_without_documents(tmp_path, name):
    open_results(place_of(tmp_path))
    if name == "contradicted_by_xbrl":
        with pytest.raises(UsageError, match=r"not compared .*finner-batch evaluate"):
            answers(tmp_path, read_sql(name))
    else:
        assert answers(tmp_path, read_sql(name)) == []


@pytest.mark.parametrize("question", list_questions(), ids=NAMES)
def test_every_parameter_is_declared_with_its_meaning_and_found_by_the_sql(sample_results, question):
    assert {parameter.name for parameter in question.parameters} == variables_of(question.sql)
    for parameter in question.parameters:
        assert parameter.meaning
        assert parameter.default or "all" in parameter.meaning
    if "cik" in variables_of(question.sql):
        assert answers(sample_results, question.sql, cik="1") == []


def test_a_company_is_named_with_and_without_leading_zeros(sample_results):
    asked = [answers(sample_results, read_sql("facilities_by_size"), cik=cik) for cik in ("0009990101", 9990101)]
    assert asked[0] == asked[1]
    assert {row["company"] for row in asked[0]} == {"Alder Ridge Packaging, Inc."}


def test_defaults_are_those_that_the_file_states():
    [below] = [
        one for one in next(q for q in list_questions() if q.name == "doubtful_numbers").parameters if one.default
    ]
    assert (below.name, below.default) == ("below", "0.8")
    assert "0.8) AS below" in read_sql("doubtful_numbers")


def test_a_question_is_found_by_name_by_path_and_in_a_file_of_ones_own(tmp_path):
    own = tmp_path / "own.sql"
    own.write_text("SELECT 1")
    assert read_sql(str(own)) == "SELECT 1"
    assert read_sql("coverage") == read_sql("sql/coverage.sql") == read_sql(str(sql_folder() / "coverage.sql"))


def test_an_unknown_question_names_those_there_are():
    with pytest.raises(UsageError, match="coverage, doubtful_numbers"):
        read_sql("nothing")
