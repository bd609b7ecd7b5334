import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from finner_batch import __version__
from finner_batch.cli.main import COMMANDS, commands, main
from finner_batch.config import RunConfig
from finner_batch.errors import DeviceError, FinnerError, LockedError, ModelError, UsageError
from finner_batch.results.results_folder import open_results
from finner_batch.storage.place import place_of

REPOSITORY = Path(__file__).parents[2]


def test_help_and_version_need_no_heavy_import():
    code = (
        "import sys\nfrom finner_batch.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit as e:\n    assert not e.code\n"
        "heavy = {'torch', 'transformers', 'onnxruntime', 'pyarrow', 'duckdb', 'lxml', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for name in COMMANDS:
        assert name in done.stdout
    assert __version__ in CliRunner().invoke(commands, ["--version"]).output


def test_run_imports_nothing_heavy_that_it_does_not_need(tmp_path):
    (tmp_path / "a.htm").write_text("<p>The notes bear interest at 5.25% per annum.</p>")
    code = (
        "import sys\nfrom finner_batch.config import RunConfig\nfrom finner_batch.runner.run import run\n"
        "if __name__ == '__main__':\n"
        f"    report = run(RunConfig(input=({str(tmp_path / 'a.htm')!r},), output={str(tmp_path / 'r')!r}))\n"
        "    assert report.documents_ok == 1\n"
        "    heavy = {'torch', 'transformers', 'datasets', 'boto3', 'duckdb', 'fsspec', 'urllib3'} & set(sys.modules)\n"
        "    assert not heavy, heavy\n"
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    subprocess.run([sys.executable, script], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("error", "code"),
    [(FinnerError, 1), (UsageError, 2), (LockedError, 4), (ModelError, 5), (DeviceError, 6), (KeyboardInterrupt, 130)],
)
def test_each_error_has_its_exit_code_and_no_traceback(monkeypatch, capsys, error, code):
    def fail(*_arguments, **_options):
        raise error("what, where, what to do")

    monkeypatch.setattr(commands, "main", fail)
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == code
    assert "Traceback" not in capsys.readouterr().err


@pytest.fixture
def configuration(monkeypatch, tmp_path):
    """Calls `run` with flags, environment and job file, and returns the configuration that the job would get."""
    seen = []

    def invoke(*flags, job="", **environment):
        (tmp_path / "job.toml").write_text(job)
        monkeypatch.setattr("finner_batch.cli.run.perform", lambda _job, config, _as_json: seen.append(config) or 0)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        arguments = ["run", *(["--config", str(tmp_path / "job.toml")] if job else []), *flags]
        result = CliRunner().invoke(commands, arguments, auto_envvar_prefix="FINNER", standalone_mode=False)
        if result.exception:
            raise result.exception
        return seen[-1]

    return invoke


def test_a_flag_beats_the_environment_beats_the_job_file_beats_the_default(configuration):
    job = 'input = ["a"]\nworkers = 2\ntimeout-s = 7\ntables = true\n'
    assert configuration("-i", "a").workers == RunConfig(input=()).workers
    by_file = configuration(job=job)
    assert (by_file.workers, by_file.timeout_s, by_file.tables) == (2, 7.0, True)
    assert configuration(job=job, FINNER_RUN_WORKERS="3").workers == 3
    assert configuration("--workers", "4", job=job, FINNER_RUN_WORKERS="3").workers == 4
    assert configuration(job='input = "a"\nshard = "1/4"').shard == "1/4"
    assert configuration("-i", "a", FINNER_RUN_SHARD="2/8").shard == "2/8"


def test_inputs_are_given_by_flag_argument_or_environment(configuration):
    here = str(Path.cwd())
    assert configuration("-i", "a", "b", "-i", "s3://c/d").input == (f"{here}/a", "s3://c/d", f"{here}/b")
    assert configuration(FINNER_RUN_INPUT="s3://a/b:c d").input == ("s3://a/b", f"{here}/c d")


def test_a_url_with_a_port_and_a_home_folder_are_kept_whole(configuration):
    assert configuration("-i", "~/filings").input == (str(Path("~/filings").expanduser()),)
    assert configuration(job='input = "one"').input == (f"{Path.cwd()}/one",)
    both = configuration(FINNER_RUN_INPUT="http://host:8080/a.htm:s3://b/c")
    assert both.input == ("http://host:8080/a.htm", "s3://b/c")


def test_every_flag_has_the_environment_variable_of_its_name(monkeypatch):
    monkeypatch.setenv("FINNER_DOCTOR_JSON", "1")
    done = CliRunner().invoke(commands, ["doctor"], auto_envvar_prefix="FINNER", standalone_mode=False)
    assert json.loads(done.output)["cpus"]


def test_an_empty_input_is_refused(configuration):
    with pytest.raises(UsageError, match="empty"):
        configuration("-i", "")


def test_an_unknown_key_or_bad_job_file_is_a_usage_error(configuration):
    with pytest.raises(UsageError, match="wrokers"):
        configuration(job="wrokers = 2")
    with pytest.raises(UsageError, match="TOML"):
        configuration(job="= 2")
    with pytest.raises(UsageError, match="nothing to read"):
        configuration()


@pytest.mark.parametrize("command", ["run", "retry"])
def test_a_text_column_that_is_given_twice_is_refused(tmp_path, command):
    arguments = ["--input", "a"] if command == "run" else ["--output", str(tmp_path)]
    if command == "retry":
        open_results(place_of(tmp_path))
    twice = [command, *arguments, "--text-column", "text", "--text-column", "text"]
    with pytest.raises(UsageError, match="--text-column text is given several times"):
        CliRunner().invoke(commands, twice, standalone_mode=False, catch_exceptions=False)


def test_doctor_reports_what_is_used_and_why():
    done = CliRunner().invoke(commands, ["doctor", "--json"], standalone_mode=False)
    findings = json.loads(done.output)
    assert done.return_value == 0
    assert {"cpus", "onnxruntime-gpu", "cuda", "device", "model", "check"} <= findings.keys()
    assert re.match(r"(cpu|cuda) \(with --device auto\): .+", findings["device"])
    ways = {name: finding for name, finding in findings.items() if " on cpu" in name or " on cuda" in name}
    assert len(ways) >= 3
    assert list(ways.values()).count("chosen") == 1
    assert all(
        finding == "chosen" or finding.startswith(("usable with --device", "not usable: ")) for finding in ways.values()
    )
    damaged = CliRunner().invoke(commands, ["doctor", "--model", "nowhere"], standalone_mode=False)
    assert damaged.return_value == 5
    assert "nowhere" in damaged.output


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize(
    "arguments", [["text", next(iter((REPOSITORY / "data" / "filings").glob("*.htm")))], ["--help"]]
)
def test_an_output_that_is_full_is_one_line_and_exit_1(arguments):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "finner_batch", *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert "Error: the output: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_nothing_but_the_program_itself_imports_from_its_commands():
    package = REPOSITORY / "finner_batch"
    imported = re.compile(r"^\s*(from|import) finner_batch\.cli", re.MULTILINE)
    found = {path.relative_to(package) for path in package.rglob("*.py") if imported.search(path.read_text("utf-8"))}
    assert {str(path) for path in found if path.parts[0] != "cli"} == {"__main__.py"}


@pytest.mark.parametrize(
    ("variable", "warning"),
    [
        ("FINNER_RUN_WORKRES", "Warning: FINNER_RUN_WORKRES is not a setting: did you mean FINNER_RUN_WORKERS?\n"),
        (
            "FINNER_RUN_ZZZZZZZZZZZZZZ",
            "Warning: FINNER_RUN_ZZZZZZZZZZZZZZ is not a setting: `finner-batch run --help` lists the flags\n",
        ),
        ("FINNER_RUN_AS_JSON", "Warning: FINNER_RUN_AS_JSON is not a setting: did you mean FINNER_RUN_JSON?\n"),
        ("FINNER_RUN_WORKERS", ""),
        ("FINNER_QUERY_WORKRES", ""),
        ("FINNER_CORPUS", ""),
    ],
)
def test_a_variable_that_is_no_setting_is_reported_with_the_nearest_one(variable, warning, tmp_path):
    arguments = ["run", "--input", str(tmp_path / "none"), "--output", str(tmp_path / "results")]
    outcome = CliRunner().invoke(commands, arguments, env={variable: "1"}, standalone_mode=False)
    assert outcome.stderr == warning


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["runn"], "No such command 'runn'. Did you mean run?"),
        (["zzz"], "No such command 'zzz'."),
        (["compact", "results"], "The results folder is given as --output FOLDER"),
        (["report", "results"], "The results folder is given as --output FOLDER"),
        (["doctor", "results"], "Got unexpected extra argument (results)"),
    ],
)
def test_what_was_probably_meant_is_said(arguments, hint, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    shown = capsys.readouterr().err
    assert ended.value.code == 2
    assert hint in shown


@pytest.mark.parametrize(
    "flags", [["--backend", "openvino", "--device", "cuda"], ["--address", "auto"], ["--shard", "3/2"]]
)
def test_flags_that_do_not_go_together_are_refused_before_anything_is_written(flags, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.htm").write_text("<p>The notes bear interest at 5.25%.</p>")
    with pytest.raises(SystemExit) as ended:
        main(["run", "a.htm", *flags])
    assert ended.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not (tmp_path / "results").exists()
