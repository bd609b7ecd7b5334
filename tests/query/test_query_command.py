import csv
import io
import json
import re
import subprocess
import sys

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from finner_batch.cli.compact import compact
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
    assert outcome.stdout.splitlines()[2] == r"Café \x1b[31mHoldings"
    assert len(outcome.stdout.splitlines()) == 3
    assert "first 1 rows" in outcome.stderr
    assert len(asked("SELECT company FROM entities", "--rows", "0").stdout.splitlines()) == 8


def test_parameters_keep_leading_zeros_and_become_numbers_where_they_are(asked):
    sql = "SELECT $cik AS cik, $least + 1 AS least, $name AS name"
    found = json.loads(asked(sql, "-p", "cik=0000320193", "-p", "least=1e9", "-p", "name=a=b", "--json").stdout)
    assert found == [{"cik": "0000320193", "least": 1000000001.0, "name": "a=b"}]


def test_questions_are_listed_and_asked_by_name(asked):
    assert re.search(r"^facilities_by_size +Which credit facilities", asked("--list").stdout, re.MULTILINE)
    assert {"name", "question"} == set(json.loads(asked("--list", "--json").stdout)[0])
    assert "Acme Corp" in asked("--file", "facilities_by_size").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("SELECT 1", "--list"),
        ("SELECT 1", "--file", "coverage"),
        ("SELECT 1", "--csv", "--json"),
        ("SELECT 1", "-p", "x"),
    ],
)
def test_contradictory_arguments_are_usage_errors(asked, arguments):
    with pytest.raises(UsageError):
        asked(*arguments)


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


def test_compact_reports_before_and_after(filled):
    outcome = CliRunner().invoke(compact, ["--output", str(filled), "--json"], standalone_mode=False)
    report = json.loads(outcome.stdout)
    assert (report["before"]["parts"], report["after"]["parts"]) == (2, 1)
    assert report["before"]["entities"] == report["after"]["entities"] == 6
    assert "1 parts" in CliRunner().invoke(compact, ["--output", str(filled)], standalone_mode=False).stdout
