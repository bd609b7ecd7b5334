import csv
import io
import json
import re
import subprocess
import sys

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from made_results import STATED, document, number, store
from terminal import on_a_terminal

from finner_batch.cli.compact import compact
from finner_batch.cli.diff import diff
from finner_batch.cli.query import query
from finner_batch.errors import UsageError


@pytest.fixture
def asked(filled):
    def run(*arguments, results=None):
        outcome = CliRunner().invoke(query, ["--output", str(results or filled), *arguments], standalone_mode=False)
        if outcome.exception:
            raise outcome.exception
        return outcome

    return run


def test_csv_holds_every_row_and_header(asked):
    text = asked("SELECT text, value, company, cik FROM entities ORDER BY confidence DESC", "--csv").stdout
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[:2] == [["text", "value", "company", "cik"], ["1.5", "1500000000.0", "Acme Corp", ""]]
    assert len(rows) == 7


def test_json_keeps_types(asked):
    sql = (
        "SELECT DATE '2024-12-31' AS day, 1::HUGEINT AS big, 'nan'::DOUBLE AS nothing, [1.5, NULL] AS list, 'ü' AS text"
    )
    assert json.loads(asked(sql, "--json").stdout) == [
        {"day": "2024-12-31", "big": 1, "nothing": None, "list": [1.5, None], "text": "ü"}
    ]
    assert json.loads(asked("FROM entities WHERE false", "--json").stdout) == []


def test_parquet_is_written_whole_and_outside_the_results(asked, filled, tmp_path):
    outcome = asked("FROM entities", "--parquet", str(tmp_path / "out.parquet"))
    assert (outcome.stdout, outcome.stderr) == ("", f"6 rows in {tmp_path / 'out.parquet'}\n")
    assert pq.read_table(tmp_path / "out.parquet").num_rows == 6
    with pytest.raises(UsageError, match="results folder"):
        asked("FROM entities", "--parquet", str(filled / "entities" / "out.parquet"))
    with pytest.raises(UsageError, match="cannot write"):
        asked("FROM entities", "--parquet", str(tmp_path / "nowhere" / "out.parquet"))


def test_a_table_shows_no_control_characters_and_says_when_it_is_cut(asked):
    outcome = asked("SELECT company FROM entities ORDER BY ALL DESC", "--rows", "1")
    shown = r"Café \x1b[31mHoldings\u202e<script>alert(1)</script>'; DROP TABLE entities; --"
    assert outcome.stdout.splitlines()[2] == shown
    assert len(outcome.stdout.splitlines()) == 3
    assert "first 1 row. All" in outcome.stderr
    assert len(asked("SELECT company FROM entities", "--rows", "0").stdout.splitlines()) == 8


@pytest.fixture
def long_word(tmp_path):
    """Results with a sentence of one word of 10,000 characters, hostile ones among them."""
    word = "\x1b]0;title\x07\u202e\x9b31m" + "x" * 10_000
    return word, store(tmp_path / "long", [document("a.htm", [number(STATED, f"{word} is [5.0] here", 0.05)])])


def test_a_word_of_ten_thousand_characters_is_short_in_a_table_and_whole_elsewhere(asked, long_word, tmp_path):
    word, results = long_word
    sentence = f"{word} is 5.0 here"
    table = asked("FROM entities", results=results).stdout
    assert max(map(len, table.splitlines())) < 400
    assert all(character.isprintable() or character == "\n" for character in table)
    sql = "SELECT sentence FROM entities"
    assert list(csv.reader(io.StringIO(asked(sql, "--csv", results=results).stdout)))[1] == [sentence]
    as_json = asked(sql, "--json", results=results).stdout
    assert json.loads(as_json) == [{"sentence": sentence}]
    assert all(character.isprintable() or character == "\n" for character in as_json)
    asked(sql, "--parquet", str(tmp_path / "x.parquet"), results=results)
    assert pq.read_table(tmp_path / "x.parquet").to_pylist() == [{"sentence": sentence}]


def test_csv_on_a_terminal_shows_what_it_would_obey_as_escapes(long_word):
    _, results = long_word
    _, shown = on_a_terminal("query", "-o", results, "SELECT left(sentence, 20) FROM entities", "--csv")
    assert "\x1b" not in shown
    assert r"\x1b]0;title\x07\u202e\x9b31m" in shown


def test_an_error_that_quotes_a_filing_is_harmless(asked):
    with pytest.raises(UsageError, match="Could not convert") as error:
        asked("SELECT company::INTEGER FROM entities")
    assert str(error.value).isprintable()


def test_a_questions_parameters_are_values_and_never_sql(asked):
    arguments = ("--file", "facilities_by_size", "--json")
    assert len(json.loads(asked(*arguments, "-p", "least=1e9").stdout)) == 1
    assert json.loads(asked(*arguments, "-p", "cik=x' OR 1=1; --", "-p", "least=0").stdout) == []
    with pytest.raises(UsageError, match=r"^--param least=DROP: the value is not a DOUBLE$"):
        asked(*arguments, "-p", "least=DROP")


def test_missing_and_unknown_parameters_are_named_with_those_there_are(asked):
    with pytest.raises(UsageError, match=r"no parameter typo: it takes cik \(optional\), least \(optional\)"):
        asked("--file", "facilities_by_size", "-p", "typo=1", "-p", "cik=7")
    with pytest.raises(UsageError, match=r"no value for parameter b: it takes a, b\. Give each as --param"):
        asked("SELECT $a, $b", "-p", "a=1")
    with pytest.raises(UsageError, match="no parameter results"):
        asked("SELECT getvariable('results')", "-p", "results=/")


def test_everything_is_exported_and_said_how_much(asked, filled, tmp_path):
    path = tmp_path / "x.duckdb"
    assert asked("--export", str(path)).stdout == f"6 entities, 3 documents, 0 runs in {path}\n"
    assert json.loads(asked("--export", str(path), "--json").stdout)["rows"]["entities"] == 6
    with pytest.raises(UsageError, match="results folder"):
        asked("--export", str(filled / "x.duckdb"))


def test_parameters_keep_leading_zeros_and_become_numbers_where_they_are(asked):
    sql = "SELECT $cik AS cik, $least + 1 AS least, $name AS name"
    found = json.loads(asked(sql, "-p", "cik=0000320193", "-p", "least=1e9", "-p", "name=a=b", "--json").stdout)
    assert found == [{"cik": "0000320193", "least": 1000000001.0, "name": "a=b"}]


def test_questions_are_listed_and_asked_by_name(asked):
    assert re.search(r"^facilities_by_size +Which credit facilities", asked("--list").stdout, re.MULTILINE)
    listed = {item["name"]: item for item in json.loads(asked("--list", "--json").stdout)}
    least = {"name": "least", "default": "0", "meaning": "minimum size in units of the currency, such as 1e9"}
    assert least in listed["facilities_by_size"]["parameters"]
    assert "--param least=0: minimum size" in asked("--list").stdout
    assert "Acme Corp" in asked("--file", "facilities_by_size").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("SELECT 1", "--list"),
        ("SELECT 1", "--file", "coverage"),
        ("SELECT 1", "--csv", "--json"),
        ("SELECT 1", "--export", "x.duckdb"),
        ("SELECT 1", "-p", "x"),
        ("SELECT $x", "-p", "x=1", "-p", "x=2"),
        ("--list", "--rows", "3"),
        ("--list", "--csv"),
        ("--list", "-p", "x=1"),
        ("--export", "x.duckdb", "--csv"),
        ("--export", "x.duckdb", "--parquet", "x.parquet"),
    ],
)
def test_contradictory_arguments_are_usage_errors(asked, arguments):
    with pytest.raises(UsageError):
        asked(*arguments)


@pytest.mark.parametrize("rows", ["-1", "x", "1.5"])
@pytest.mark.parametrize("command", [query, diff])
def test_rows_is_a_whole_number_from_0_on(filled, command, rows):
    arguments = ["-o", str(filled), "SELECT 1"] if command is query else [str(filled), str(filled)]
    outcome = CliRunner().invoke(command, [*arguments, "--rows", rows])
    assert outcome.exit_code == 2
    assert "--rows" in outcome.stderr


def test_what_each_statement_returns_is_shown_and_only_one_is_written(asked, tmp_path):
    sql = "SELECT 1 AS a; SET VARIABLE x = 2; SELECT getvariable('x') AS b"
    assert asked(sql).stdout == "a\n-\n1\n\nb\n-\n2\n"
    assert asked("SET VARIABLE x = 2; SELECT getvariable('x') AS b", "--csv").stdout == "b\n2\n"
    for flags in (["--csv"], ["--json"], ["--parquet", str(tmp_path / "x.parquet")]):
        with pytest.raises(UsageError, match="2 statements return rows"):
            asked(sql, *flags)


def test_a_program_gets_all_rows_unless_it_asks_for_fewer(asked, tmp_path):
    sql = "SELECT range AS n FROM range(30_000)"
    assert len(json.loads(asked(sql, "--json").stdout)) == 30_000
    assert len(json.loads(asked(sql, "--json", "--rows", "0").stdout)) == 30_000
    assert [row["n"] for row in json.loads(asked(sql, "--json", "--rows", "12000").stdout)] == list(range(12_000))
    assert asked(sql, "--csv", "--rows", "2").stdout == "n\n0\n1\n"
    asked(sql, "--parquet", str(tmp_path / "x.parquet"), "--rows", "3")
    assert pq.read_table(tmp_path / "x.parquet").num_rows == 3


def test_a_question_gives_a_program_whole_sentences_labels_and_numbers(asked, tmp_path):
    before = "The notes that the company issued in several series over the years bear interest at "
    results = store(
        tmp_path / "r", [document("a.htm", [number(STATED, f"{before}[5.0]% a year", 0.05, confidence=0.87654321)])]
    )
    arguments = ("--file", "doubtful_numbers", "-p", "below=1")
    assert re.search(r"InterestRateStatedPercentage .*…\S.*\[5\.0\]%", asked(*arguments, results=results).stdout)
    (row,) = json.loads(asked(*arguments, "--json", results=results).stdout)
    assert (row["label"], row["sentence"]) == (STATED, f"{before}[5.0]% a year")
    assert row["confidence"] == 0.87654321


def test_decimals_keep_their_digits(asked):
    sql = "SELECT 1.1::DECIMAL(3,1) AS short, 0.1234567890123456789012::DECIMAL(38,22) AS long"
    assert json.loads(asked(sql, "--json").stdout) == [{"short": 1.1, "long": "0.1234567890123456789012"}]
    assert asked(sql, "--csv").stdout == "short,long\n1.1,0.1234567890123456789012\n"


@pytest.mark.parametrize("name", ["facilities_by_sise", "facilities_by_sise.sql", "/nowhere/facilities_by_sise.sql"])
def test_a_file_that_is_not_there_is_named_with_the_nearest_question(asked, name):
    with pytest.raises(UsageError, match=r"No such file.*Did you mean facilities_by_size\? Shipped questions: amend"):
        asked("--file", name)


def test_a_missing_folder_is_one_line_and_exit_code_2(tmp_path):
    command = [sys.executable, "-m", "finner_batch", "query", "--output", str(tmp_path / "nothing"), "FROM entities"]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    assert outcome.returncode == 2
    assert outcome.stdout == ""
    assert outcome.stderr.count("\n") == 1
    assert "no results at" in outcome.stderr


def test_a_reader_that_stops_early_gets_no_traceback(filled):
    command = [sys.executable, "-m", "finner_batch", "query", "--output", str(filled), "FROM range(1_000_000)", "--csv"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""


def test_a_slow_query_prints_its_rows_and_no_progress_bar(filled):
    impatient = (
        "import sys, duckdb\noriginal = duckdb.connect\n"
        "def connect(*arguments, **options):\n"
        "    connection = original(*arguments, **options)\n"
        "    connection.execute('SET progress_bar_time = 50')\n"
        "    return connection\n"
        "duckdb.connect = connect\n"
        "from finner_batch.cli.main import main\nmain(sys.argv[1:])\n"
    )
    sql = "SELECT count(*) AS n FROM range(100_000_000) t(a) WHERE hash(a) % 7 = 9"
    command = [sys.executable, "-c", impatient, "query", "--output", str(filled), sql, "--csv"]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b"n\n0\n"


def test_compact_reports_before_and_after(filled):
    outcome = CliRunner().invoke(compact, ["--output", str(filled), "--json"], standalone_mode=False)
    report = json.loads(outcome.stdout)
    assert (report["before"]["parts"], report["after"]["parts"]) == (2, 1)
    assert report["before"]["entities"] == report["after"]["entities"] == 6
    assert "1 parts" in CliRunner().invoke(compact, ["--output", str(filled)], standalone_mode=False).stdout
