import duckdb
import pytest

from finner_batch.errors import FinnerError, UsageError
from finner_batch.query import ask as ask_module
from finner_batch.query.ask import ask
from finner_batch.query.writers import rows_of
from finner_batch.results.compact import compact
from finner_batch.storage.place import place_of


def rows(results, sql, parameters=None):
    return list(rows_of(ask(results, sql, parameters)))


def test_the_answer_is_the_last_statements(filled):
    sql = "SET VARIABLE least = 1e9; CREATE TEMP VIEW big AS FROM entities WHERE value > getvariable('least'); FROM big"
    assert [row[17] for row in rows(filled, sql)] == ["1.5"]


def test_parameters_are_values_and_never_sql(filled):
    sql = "SELECT count(*) FROM entities WHERE company = $company"
    assert rows(filled, sql, {"company": "Acme Corp"}) == [(4,)]
    assert rows(filled, sql, {"company": "x' OR 1=1 --"}) == [(0,)]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("selec 1", "syntax error.*, at line 1: selec 1$"),
        ("FROM nothing", "nothing does not exist.*, at line 1: nothing$"),
        ("SELECT\n  text,\n  nothing FROM entities", "nothing.*, at line 3: nothing FROM entities$"),
        ("SELECT 1; FROM nothing", "nothing does not exist"),
        ("SELECT 1 +", "syntax error"),
        ("", "no SQL"),
        ("SELECT $missing", "(?i)parameter"),
        ("SET VARIABLE x = 1", "returns no rows"),
        ("SELECT 'a'::INTEGER", "Could not convert"),
    ],
)
def test_wrong_sql_is_a_usage_error_of_one_line(filled, sql, message):
    with pytest.raises(UsageError, match=message) as error:
        rows(filled, sql)
    assert "\n" not in str(error.value)


def test_a_parameter_that_the_sql_lacks_is_a_usage_error(filled):
    with pytest.raises(UsageError, match="no parameter typo: it takes none"):
        rows(filled, "SELECT 1", {"typo": 1})


@pytest.mark.parametrize(
    "sql",
    [
        "COPY entities TO '{folder}/documents/part-0000000000001-x-000001.parquet'",
        "COPY (PIVOT entities ON label USING count(*)) TO '{folder}/x.csv'",
        "EXPLAIN ANALYZE COPY entities TO '{folder}/x.csv'",
        "PREPARE p AS COPY entities TO '{folder}/x.csv'; EXECUTE p",
        "EXPORT DATABASE '{folder}/x'",
        "ATTACH '{folder}/x.db'",
        "INSTALL spatial",
        "LOAD spatial",
        "DROP VIEW entities",
    ],
)
def test_sql_that_would_write_is_refused_and_writes_nothing(filled, sql):
    before = sorted(filled.rglob("*"))
    with pytest.raises(UsageError, match="only reads"):
        rows(filled, sql.format(folder=filled))
    assert sorted(filled.rglob("*")) == before


def test_a_pivot_only_reads(filled):
    assert rows(filled, "PIVOT (SELECT label, company FROM entities) ON company USING count(*) ORDER BY label")


def test_files_elsewhere_are_refused_with_the_flag_that_allows_them(filled):
    with pytest.raises(UsageError, match="--allow"):
        rows(filled, "SELECT * FROM read_text('/etc/hostname')")


def test_a_query_that_a_compaction_disturbs_is_asked_again(filled, monkeypatch):
    disturbed = []

    def connect_then_compact(results, *, allow):
        connection = original(results, allow=allow)
        if not disturbed:
            disturbed.append(compact(place_of(results), settle_s=0))
        return connection

    original = ask_module.connect
    monkeypatch.setattr(ask_module, "connect", connect_then_compact)
    assert rows(filled, "SELECT count(*) FROM entities") == [(6,)]
    assert disturbed


def test_a_missing_file_is_an_error_and_not_asked_for_ever(filled):
    max((filled / "entities").iterdir()).unlink()
    with pytest.raises(FinnerError, match="cannot be read") as error:
        rows(filled, "FROM entities")
    assert error.value.exit_code == 1


def test_a_missing_folder_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="no results"):
        ask(tmp_path / "nothing", "SELECT 1")


def test_a_large_answer_comes_in_batches(filled):
    answer = ask(filled, "SELECT range FROM range(100_000)")
    sizes = [batch.num_rows for batch in answer.batches]
    assert sum(sizes) == 100_000
    assert max(sizes) <= ask_module.BATCH_ROWS
    assert isinstance(duckdb.__version__, str)
