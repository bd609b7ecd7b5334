"""Each command that reads or writes results, on results in a bucket: what it does to a folder, or one clear refusal."""

import re
import shutil

import duckdb
import pytest
from bucket_helpers import make_bucket, rows

from finner_batch.benchmark.plan import _list
from finner_batch.cli.main import COMMANDS, main
from finner_batch.config import PlanConfig, RunConfig
from finner_batch.readers.discover import discover
from finner_batch.storage.object_place import ObjectPlace

SEVEN = """
<html xmlns:ix="http://www.xbrl.org/2013/inlineXBRL"><body><p>Note 7 - Debt</p>
<ix:nonNumeric name="us-gaap:DebtDisclosureTextBlock"><p>The notes bear interest at a fixed rate of
<ix:nonFraction name="us-gaap:DebtInstrumentInterestRateStatedPercentage" unitRef="pure"
scale="-2">4.25</ix:nonFraction>%
and mature in 2031.</p></ix:nonNumeric></body></html>
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Filings, one of them with a tag, and the results of a local run over them."""
    place = tmp_path_factory.mktemp("commands")
    (place / "filings").mkdir()
    (place / "filings" / "seven.htm").write_text(SEVEN)
    (place / "filings" / "eight.htm").write_text("<p>The term loan bears interest at SOFR plus 1.75%.</p>")
    with pytest.raises(SystemExit) as ended:
        main(["run", "--input", str(place / "filings"), "--output", str(place / "results"), "--cache-mb", "0"])
    assert ended.value.code == 0
    return place


@pytest.fixture(scope="module")
def places(folder, session_proxy, tmp_path_factory):  # noqa: ARG001 - the server must be up
    """The same results in a folder and in a bucket, to be written to; what is done to one is done to the other."""
    local, remote = tmp_path_factory.mktemp("copy") / "results", ObjectPlace(make_bucket("commands"), "results")
    shutil.copytree(folder / "results", local)
    for path in local.rglob("*"):
        if path.is_file() and not path.name.startswith("."):
            remote.bucket.put(f"results/{path.relative_to(local)}", path.read_bytes())
    for path in (folder / "filings").iterdir():
        remote.bucket.put(f"filings/{path.name}", path.read_bytes())
    return {"local": local, "remote": remote}


def say(capsys, arguments):
    """Exit code, stdout and stderr of a command."""
    with pytest.raises(SystemExit) as ended:
        main(list(map(str, arguments)))
    said = capsys.readouterr()
    return ended.value.code, said.out, said.err


SAME = {
    "query": ["query", "--output", "{results}", "SELECT label, text, value FROM entities ORDER BY ALL", "--json"],
    "query of runs": ["query", "--output", "{results}", "--file", "run_history", "--csv"],
    "query of a glob": ["query", "--output", "{results}*", "SELECT count(*) FROM documents", "--csv"],
    "query --export": ["query", "--output", "{results}", "--export", "{tmp}/export.duckdb"],
    "query --export of a glob": ["query", "--output", "{results}*", "--export", "{tmp}/export.duckdb"],
    "query --parquet": ["query", "--output", "{results}", "FROM entities", "--parquet", "{tmp}/rows.parquet"],
    "diff": ["diff", "{results}", "{other}"],
    "diff --json": ["diff", "{other}", "{results}", "--json"],
    "report": ["report", "--output", "{results}", "--json"],
    "report --html": ["report", "--output", "{results}", "--html", "{tmp}/page.html", "--json"],
    "report --against-xbrl": ["report", "--output", "{results}", "--against-xbrl", "{filings}", "--json"],
    "evaluate": ["evaluate", "--results", "{results}", "--against-xbrl", "{filings}", "--json"],
    "compact": ["compact", "--output", "{results}", "--json"],
    "retry": ["retry", "--output", "{results}"],
    "no such run": ["report", "--output", "{results}", "--run", "x"],
    "no results": ["query", "--output", "{results}/nothing", "FROM entities"],
    "no results to diff": ["diff", "{results}", "{results}/nothing"],
    "no results to report": ["report", "--output", "{results}/nothing"],
    "no results to compact": ["compact", "--output", "{results}/nothing"],
    "no results to retry": ["retry", "--output", "{results}/nothing"],
    "no results to evaluate": ["evaluate", "--results", "{results}/nothing", "--against-xbrl", "{filings}"],
    "a glob of nothing": ["query", "--output", "{results}/*", "FROM entities"],
    "a report of a glob": ["report", "--output", "{results}*"],
}


@pytest.mark.parametrize("name", SAME)
def test_a_command_does_to_results_in_a_bucket_what_it_does_to_a_folder(name, places, folder, capsys, tmp_path):
    said = {}
    for where in ("local", "remote"):
        (tmp_path / where).mkdir()
        names = {"results": places[where], "other": folder / "results", "filings": folder / "filings"}
        arguments = [argument.format(**names, tmp=tmp_path / where) for argument in SAME[name]]
        code, out, err = say(capsys, arguments)
        text = out + "".join(line for line in err.splitlines() if line.startswith("Error:"))
        text = text.replace(str(names["results"]), "RESULTS").replace(str(tmp_path / where), "TMP")
        said[where] = code, re.sub(r'"bytes": \d+|[\d.]+ s|[\d.]+ MiB|\d{8}T\d{6}Z-\w{4}', "…", text)
    assert said["remote"] == said["local"]
    assert said["remote"][0] == (2 if name.startswith(("no ", "a ")) else 0), said["remote"]
    if name == "report":
        assert places["remote"].bucket.get("results/report.html").data.startswith(b"<!doctype html>")
    if name.startswith("query --export"):
        with duckdb.connect(tmp_path / "remote" / "export.duckdb", read_only=True) as exported:
            assert exported.execute("SELECT count(*) FROM entities").fetchone() == (
                len(rows(places["local"])["entities"]),
            )


REFUSED = {
    "query --export": (["query", "--output", "{results}", "--export", "s3://b/x.duckdb"], "local file"),
    "query --parquet": (["query", "--output", "{results}", "FROM runs", "--parquet", "s3://b/x.parquet"], "local file"),
    "diff --parquet": (["diff", "{results}", "{results}", "--parquet", "s3://b/x.parquet"], "local file"),
    "evaluate --errors": (
        ["evaluate", "--results", "{results}", "--against-xbrl", "{filings}", "--errors", "s3://b/x"],
        "local file",
    ),
    "run": (["run", "--input", "{filings}", "--output", "gs://b/x"], r"folder or to s3://"),
    "compact": (["compact", "--output", "gs://b/x"], r"folder or to s3://"),
    "retry": (["retry", "--output", "gs://b/x"], r"folder or to s3://"),
    "query": (["query", "--output", "gs://b/x", "FROM runs"], r"folder or to s3://"),
    "diff": (["diff", "{results}", "gs://b/x"], r"folder or to s3://"),
    "report": (["report", "--output", "{results}", "--html", "gs://b/x"], r"folder or to s3://"),
    "no bucket": (["query", "--output", "s3://", "FROM runs"], "names no bucket"),
    "no such bucket": (["query", "--output", "s3://no-such-bucket/x", "FROM runs"], "bucket does not exist|no results"),
    "--engine ray --address": (
        ["run", "--input", "{filings}", "--output", "{results}", "--address", "x"],
        "engine ray",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_work_with_a_bucket_is_refused_in_one_line_that_says_what_to_do(name, places, folder, capsys):
    arguments, reason = REFUSED[name]
    code, out, err = say(
        capsys, [argument.format(results=places["remote"], filings=folder / "filings") for argument in arguments]
    )
    assert (code, out) == (2, "")
    (line,) = err.splitlines()
    assert re.search(reason, line), line


def test_a_plan_takes_the_sizes_of_objects_from_their_listing(places, folder, proxy):
    proxy.requests.clear()
    filings = f"s3://{places['remote'].bucket.name}/filings"
    listed = _list(discover([filings]), PlanConfig(run=RunConfig(input=(filings,))))
    assert listed.kinds[".htm"].files == 2
    assert listed.kinds[".htm"].stored_bytes == sum(path.stat().st_size for path in (folder / "filings").iterdir())
    assert len(proxy.requests) < 5


def test_the_text_of_an_object_is_shown(places, capsys):
    code, out, _ = say(capsys, ["text", f"s3://{places['remote'].bucket.name}/filings/seven.htm"])
    assert code == 0
    assert "fixed rate of" in out


def test_every_command_was_thought_of():
    named = {arguments[0] for arguments in SAME.values()}
    nothing_to_do_with_results = {"demo", "doctor", "label", "train", "export", "benchmark"}
    assert named | nothing_to_do_with_results | {"run", "plan", "text"} == set(COMMANDS)
