"""What a plan says beforehand of a run: how many files it would read, and why."""

import json
import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import asdict

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from finner_batch import config as config_module
from finner_batch.benchmark.planned_work import WorkPlanner
from finner_batch.cli.main import commands
from finner_batch.config import RunConfig
from finner_batch.readers.discover import discover

FAILS = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20


def page(number):
    return f"<p>The notes of issue {number} bear interest at {number % 9 + 1}.25% per annum.</p>"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder of six files, one that fails among them, and the results of a run over it."""
    folder = tmp_path_factory.mktemp("planned")
    (folder / "in").mkdir()
    for number in range(4):
        (folder / "in" / f"{number}.htm").write_text(page(number))
    (folder / "in" / "bad.htm").write_bytes(FAILS)
    pq.write_table(pa.table({"text": ["The notes bear interest at 3.5%."] * 3}), folder / "in" / "rows.parquet")
    with tarfile.open(folder / "in" / "day.tar", "w") as tar:
        for name in ("5.htm", "6.htm"):
            (folder / name).write_text(page(int(name[0])))
            tar.add(folder / name, name)
    command = [sys.executable, "-m", "finner_batch", "run", "-i", folder / "in", "-o", folder / "results"]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    return folder


@pytest.fixture
def looked(made, tmp_path, model):
    """Counts of a plan that are not 0, with other settings or another model; `change` changes the input first."""
    shutil.copytree(made / "results", tmp_path / "results")

    def look(change=lambda _: None, model_id=model.model_id, **settings):
        change(made / "in")
        config = RunConfig(input=(str(made / "in"),), output=str(tmp_path / "results"), **settings)
        planner = WorkPlanner(config, model_id)
        read = {source.name for source in planner.to_read(discover(config.input))}
        counts = asdict(planner.work)
        why = counts.pop("why")
        return {name: count for name, count in counts.items() if count}, why, read

    return look


def test_what_is_done_is_unchanged_and_a_failed_file_is_left_to_retry(looked):
    assert looked() == ({"unchanged": 7, "failed_before": 1}, [], set())


def test_new_and_changed_files_are_separate_from_copies(looked, made):
    files = {"new.htm": page(50), "copy.htm": page(1), "0.htm": page(60)}
    before = (made / "in" / "0.htm").read_text()

    def change(folder):
        for name, text in files.items():
            (folder / name).write_text(text)

    try:
        counts, why, read = looked(change)
    finally:
        (made / "in" / "0.htm").write_text(before)
        for name in ("new.htm", "copy.htm"):
            (made / "in" / name).unlink()
    assert counts == {"new": 1, "changed_content": 1, "copies": 1, "unchanged": 6, "failed_before": 1}
    assert (why, read) == ([], {"new.htm", "0.htm"})


def test_another_setting_is_named_with_what_it_was(looked):
    counts, why, read = looked(tables=True, text_column=("text", "more"))
    assert counts == {"other_settings": 8}
    assert why == ["tables false before, true now", "text-column text before, text, more now"]
    assert len(read) == 7, "an archive is one file"


def test_a_column_that_is_kept_no_more_is_another_setting(looked, made, tmp_path):
    shutil.rmtree(tmp_path / "results")
    command = [sys.executable, "-m", "finner_batch", "run", "-i", made / "in" / "rows.parquet", "--keep-column", "text"]
    subprocess.run([*map(str, command), "-o", str(tmp_path / "results")], capture_output=True, check=True)
    counts, why, _ = looked()
    assert (counts["other_settings"], why) == (1, ["keep-column text before, none now"])


def test_another_version_of_the_pipeline_is_separate_from_another_setting(looked, monkeypatch):
    monkeypatch.setattr(config_module, "PIPELINE_VERSION", config_module.PIPELINE_VERSION + 1)
    counts, why, _ = looked()
    assert (counts, why) == ({"other_pipeline_version": 8}, [])
    assert looked(tables=True)[0] == {"other_settings": 8}


def test_another_model_is_named_with_what_it_was(looked, model):
    counts, why, _ = looked(model_id="mine@1")
    assert (counts, why) == ({"other_model": 8}, [f"model {model.model_id} before, mine@1 now"])


def test_a_form_that_is_not_asked_for_is_left_out(looked, made):
    quarterly = made / "in" / "q.txt"
    header = "<SEC-DOCUMENT>q.txt\n<SEC-HEADER>\nCONFORMED SUBMISSION TYPE:\t10-Q\n</SEC-HEADER>\n"
    try:
        counts, _, read = looked(lambda _: quarterly.write_text(f"{header}<DOCUMENT>\n<TYPE>10-Q\n"), form=("10-K",))
    finally:
        quarterly.unlink()
    assert (counts["other_forms"], read) == (1, set())


@pytest.mark.parametrize("flag", [[], ["--tables"]])
def test_the_command_says_it_in_numbers_with_reasons_and_in_json(made, flag):
    arguments = ["plan", str(made / "in"), "--output", str(made / "results"), *flag]
    text = CliRunner().invoke(commands, arguments, standalone_mode=False).output
    found = json.loads(CliRunner().invoke(commands, [*arguments, "--json"], standalone_mode=False).output)
    if flag:
        assert "8 to read: other settings" in text
        assert "because: tables false before, true now" in text
        assert (found["work"]["other_settings"], found["files"]) == (8, 7)
    else:
        assert "7 to skip: unchanged" in text
        assert "nothing to read" in text
        assert (found["work"]["unchanged"], found["files"]) == (7, 0)


def test_without_results_every_file_is_new(made, tmp_path):
    arguments = ["plan", str(made / "in"), "--output", str(tmp_path / "none"), "--json"]
    found = json.loads(CliRunner().invoke(commands, arguments, standalone_mode=False).output)
    assert found["work"]["new"] == 8
    assert not (tmp_path / "none").exists()


SUBMISSION = (
    "<SEC-DOCUMENT>q.txt\n<SEC-HEADER>\nCONFORMED SUBMISSION TYPE:\t{0}\n</SEC-HEADER>\n<DOCUMENT>\n<TYPE>{0}\n"
)


def test_of_an_archive_what_a_run_would_read_is_counted(tmp_path, model):
    with zipfile.ZipFile(tmp_path / "day.zip", "w") as archive:
        for name, text in {
            "a.nc": SUBMISSION.format("10-K"),
            "b.nc": SUBMISSION.format("10-Q"),
            "c.jpg": "x",
            "rows.csv": "text",
        }.items():
            archive.writestr(name, text)
    (tmp_path / "broken.tar").write_bytes(b"x" * 1000)
    found = [
        WorkPlanner(RunConfig(input=(), output=str(tmp_path / "none"), **settings), model.model_id)
        for settings in ({}, {"form": ("10-K",)}, {"text_column": ("text",)})
    ]
    for look in found:
        [*look.to_read(discover([str(tmp_path)]))]
    assert [(look.work.new, look.work.other_forms) for look in found] == [(3, 0), (2, 1), (4, 0)]


def test_a_file_that_cannot_be_read_is_one_that_a_run_would_try(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "gone.txt").symlink_to("nowhere")
    arguments = ["plan", str(tmp_path / "in"), "--output", str(tmp_path / "none"), "--json", "--form", "10-K"]
    found = json.loads(CliRunner().invoke(commands, arguments, standalone_mode=False).output)
    assert found["work"]["new"] == 1


@pytest.mark.parametrize(("name", "data"), [("p.csv", "body\n{}\n"), ("p.jsonl", '{{"body": "{}"}}\n')])
def test_shards_are_planned_with_the_columns_of_the_run(tmp_path, name, data):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_text(data.format("The notes bear interest at 3.5%."))
    arguments = ["plan", str(tmp_path / "in"), "--output", str(tmp_path / "none"), "--json", "--text-column", "body"]
    found = json.loads(CliRunner().invoke(commands, arguments, standalone_mode=False).output)
    assert (found["documents"], found["numbered_tokens"] > 0) == (1, True)
