"""The files of `jobs/`: each is read by what will read it, and its command is run as it stands there."""

import ast
import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import click
import kubernetes_validate
import pytest
import yaml
from croniter import croniter

from finner_batch.cli.main import commands
from finner_batch.cli.run import run
from finner_batch.results.results_folder import open_results
from finner_batch.storage.place import place_of

REPOSITORY = Path(__file__).parents[2]
JOBS = REPOSITORY / "jobs"
KUBERNETES = sorted((JOBS / "kubernetes").glob("*.yaml"))
KUBERNETES_VERSIONS = ("1.33", "1.37")
"""The oldest in which every field that is used is stable (`backoffLimitPerIndex`), and the newest that is known."""
SUMMARY = re.compile(r"\d+ documents, \d+ entities in [\d.]+ s \(\d+ failed, \d+ skipped\), \d+ MiB\n")


SERVICES = ("finner-batch.service", "finner-batch-compact.service")
COMPACTED = re.compile(r"before: \d parts, .* 1 entity rows\n after: 1 parts, .* 1 entity rows\n")


def crontab_lines():
    """Times and command of each job."""
    lines = (JOBS / "crontab").read_text().splitlines()
    jobs = [line for line in lines if line and not line.startswith("#") and "=" not in line.split()[0]]
    return [(" ".join(line.split(maxsplit=5)[:5]), line.split(maxsplit=5)[5]) for line in jobs]


def unit(name):
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read(JOBS / name)
    return parser


def airflow_command():
    tree = ast.parse((JOBS / "airflow_dag.py").read_text())
    found = {node.targets[0].id: node.value for node in tree.body if isinstance(node, ast.Assign)}
    return ast.literal_eval(found["COMMAND"])


def container_of(path):
    job = yaml.safe_load(path.read_text())
    job = job["spec"]["jobTemplate"] if job["kind"] == "CronJob" else job
    (container,) = job["spec"]["template"]["spec"]["containers"]
    return container


def kubernetes_command(path):
    """What the pod runs; an image's entry point is `finner-batch`."""
    container = container_of(path)
    return [*container.get("command", ["finner-batch"]), *container["args"]]


@pytest.fixture
def machine(tmp_path):
    """A folder like /srv/finner with the program and one filing; runs a command there as a scheduler would."""
    home = tmp_path / "finner"
    for folder in ("filings", "jobs", ".venv/bin"):
        (home / folder).mkdir(parents=True)
    shutil.copy(JOBS / "nightly.toml", home / "jobs")
    (home / "filings" / "a.htm").write_text("<p>The notes bear interest at 5.25% per annum.</p>")
    program = home / ".venv" / "bin" / "finner-batch"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={REPOSITORY} exec {sys.executable} -m finner_batch "$@"\n')
    program.chmod(0o755)

    class Machine:
        folder = home

        @staticmethod
        def run(command, expect, **environment):
            """`command`: a line for /bin/sh, or a list; /srv/finner in it is this folder."""
            here = [part.replace("/srv/finner", str(home)) for part in ([command], command)[isinstance(command, list)]]
            done = subprocess.run(
                here if isinstance(command, list) else ["/bin/sh", "-c", *here],
                cwd=home if isinstance(command, list) else "/",
                env={"PATH": f"{program.parent}:/usr/bin:/bin", "HOME": str(tmp_path), **environment},
                capture_output=True,
                text=True,
                check=False,
                timeout=300,
            )
            assert done.returncode == expect, done.stdout + done.stderr
            return done

    return Machine


def test_the_crontab_fires_at_night_and_leaves_one_line_and_the_log(machine):
    (schedule, command), _ = crontab_lines()
    assert "%" not in command, "cron ends a command at a percent sign"
    times = croniter(schedule, datetime(2026, 3, 1, 12, tzinfo=UTC))
    assert [times.get_next(datetime).isoformat() for _ in range(2)] == [
        "2026-03-02T02:15:00+00:00",
        "2026-03-03T02:15:00+00:00",
    ]
    done = machine.run(command, expect=0)
    assert done.stdout + done.stderr == ""
    assert SUMMARY.fullmatch((machine.folder / "run.out").read_text())
    assert (machine.folder / "run.out").read_text().startswith("1 documents, 1 entities")
    assert "exit_code=0" in (machine.folder / "run.log").read_text()


@pytest.mark.slow
def test_the_crontab_compacts_every_week_what_the_nights_left(machine):
    (_, run_it), (schedule, compact_it) = crontab_lines()
    times = croniter(schedule, datetime(2026, 3, 1, 12, tzinfo=UTC))
    assert [times.get_next(datetime).isoformat() for _ in range(2)] == [
        "2026-03-08T06:15:00+00:00",
        "2026-03-15T06:15:00+00:00",
    ]
    machine.run(run_it, expect=0)
    assert machine.run(compact_it, expect=0).stdout == ""
    summary, compacted = (machine.folder / "run.out").read_text().split("\n", 1)
    assert SUMMARY.fullmatch(f"{summary}\n")
    assert COMPACTED.fullmatch(compacted)


def test_a_compaction_gives_way_to_a_run(machine):
    open_results(place_of(machine.folder / "results"))
    with place_of(machine.folder / "results").lock():
        machine.run(crontab_lines()[1][1], expect=4)
    assert "4" in unit("finner-batch-compact.service")["Service"]["SuccessExitStatus"].split()
    job = yaml.safe_load((JOBS / "kubernetes" / "compact.yaml").read_text())["spec"]["jobTemplate"]["spec"]
    assert 4 in job["podFailurePolicy"]["rules"][1]["onExitCodes"]["values"]


@pytest.mark.skipif(shutil.which("logrotate") is None, reason="no logrotate here: apt-get install logrotate")
def test_logrotate_keeps_what_cron_writes_short_and_a_run_goes_on_writing(machine, tmp_path):
    text = (JOBS / "logrotate").read_text()
    written = {found for _, command in crontab_lines() for found in re.findall(r">>(\S+)", command)}
    rotated = re.findall(r"^(/srv.*) {$", text, re.MULTILINE)[0].split()
    assert {f"/srv/finner/{name}" for name in written} == set(rotated)
    here = text.replace("/srv/finner", str(machine.folder)).replace("    su finner finner\n", "")
    (tmp_path / "logrotate.conf").write_text(here)
    (tmp_path / "logrotate.conf").chmod(0o644)
    (machine.folder / "run.log").write_text("a line\n")
    command = ["logrotate", "--force", "--state", tmp_path / "state", tmp_path / "logrotate.conf"]
    with (machine.folder / "run.log").open("a") as at_work:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        at_work.write("another\n")
    assert (machine.folder / "run.log.1").read_text() == "a line\n"
    assert (machine.folder / "run.log").read_text() == "another\n"


@pytest.mark.skipif(shutil.which("systemd-sysusers") is None, reason="no systemd-sysusers: apt-get install systemd")
def test_the_user_of_the_services_is_made_without_a_shell(tmp_path):
    assert {unit(name)["Service"]["User"] for name in SERVICES} == {"finner"}
    (tmp_path / "etc" / "sysusers.d").mkdir(parents=True)
    shutil.copy(JOBS / "finner-batch.sysusers", tmp_path / "etc" / "sysusers.d" / "finner-batch.conf")
    command = ["systemd-sysusers", f"--root={tmp_path}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (made,) = [line for line in (tmp_path / "etc" / "passwd").read_text().splitlines() if line.startswith("finner:")]
    assert made.endswith(":/srv/finner:/usr/sbin/nologin")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here: apt-get install systemd")
@pytest.mark.parametrize("name", ["finner-batch", "finner-batch-compact"])
def test_systemd_takes_the_service_and_the_timer(tmp_path, name):
    for file in (f"{name}.service", f"{name}.timer"):
        text = (JOBS / file).read_text()
        program = unit(f"{name}.service")["Service"]["ExecStart"].split()[0]
        (tmp_path / file).write_text(text.replace(program, sys.executable))  # systemd looks whether it is there
    files = [str(tmp_path / f"{name}.service"), str(tmp_path / f"{name}.timer")]

    def verify():
        return subprocess.run(["systemd-analyze", "verify", *files], capture_output=True, text=True, check=False)

    good = verify()
    assert (good.returncode, good.stderr) == (0, "")
    calendar = unit(f"{name}.timer")["Timer"]["OnCalendar"]
    subprocess.run(["systemd-analyze", "calendar", calendar], check=True, capture_output=True)
    service = tmp_path / f"{name}.service"
    service.write_text(service.read_text().replace("KillMode=mixed", "KillMode=gently").replace("Nice=", "Niece="))
    assert {"gently", "Niece"} <= set(re.findall(r"gently|Niece", verify().stderr))


def test_systemd_sees_that_a_document_failed(machine):
    service = unit("finner-batch.service")["Service"]
    assert service["WorkingDirectory"] == service["ReadWritePaths"] == "/srv/finner"
    (machine.folder / "filings" / "empty.htm").touch()
    done = machine.run(shlex.split(service["ExecStart"]), expect=3)
    assert SUMMARY.fullmatch(done.stdout)
    assert "(1 failed, 0 skipped)" in done.stdout


@pytest.mark.slow
def test_systemd_compacts_what_the_nights_left(machine):
    for name in SERVICES:
        service = unit(name)["Service"]
        assert service["WorkingDirectory"] == service["ReadWritePaths"] == "/srv/finner"
        done = machine.run(shlex.split(service["ExecStart"]), expect=0)
    assert COMPACTED.fullmatch(done.stdout)


def test_airflow_sees_that_another_run_is_at_work(machine):
    results = machine.folder / "results"
    results.mkdir()
    with place_of(results).lock():
        done = machine.run(airflow_command(), expect=4)
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert str(results) in done.stderr or "results" in done.stderr


def test_airflow_loads_the_dag():
    """With an Airflow at hand; `jobs/check_dag.py` has the command for one in an environment of its own."""
    pytest.importorskip("airflow", reason="no Airflow here: python jobs/check_dag.py in an environment that has one")
    done = subprocess.run([sys.executable, JOBS / "check_dag.py"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_kubernetes_knows_each_key_of_its_files_and_refuses_a_wrong_one():
    assert len(KUBERNETES) == 4
    for path in KUBERNETES:
        for document in yaml.safe_load_all(path.read_text()):
            for version in KUBERNETES_VERSIONS:
                kubernetes_validate.validate(document, version, strict=True)
            (wrong,) = yaml.safe_load_all(path.read_text().replace("restartPolicy", "restartPolice"))
            with pytest.raises(kubernetes_validate.ValidationError):
                kubernetes_validate.validate(wrong, KUBERNETES_VERSIONS[0], strict=True)


def test_no_image_is_named_that_somebody_else_could_have():
    """What stands for the registry is refused by every runtime: letters of a name are small."""
    valid = re.compile(r"([a-z0-9.-]+(:[0-9]+)?/)?[a-z0-9]+([._/-]+[a-z0-9]+)*(:[\w.-]+)?(@sha256:[0-9a-f]{64})?")
    for path in KUBERNETES:
        image = container_of(path)["image"]
        assert image.startswith("YOUR_REGISTRY/finner-batch:")
        assert not valid.fullmatch(image)
        assert valid.fullmatch(image.replace("YOUR_REGISTRY", "registry.your-company.net/team"))
        assert re.search(r"^# YOUR_REGISTRY stands for .*(\n# .*)*InvalidImageName", path.read_text(), re.MULTILINE)


def test_the_nightly_job_of_kubernetes_never_overlaps_and_no_pod_has_rights():
    nightly = yaml.safe_load((JOBS / "kubernetes" / "nightly.yaml").read_text())
    assert nightly["spec"]["concurrencyPolicy"] == "Forbid"
    assert croniter.is_valid(nightly["spec"]["schedule"])
    for path in KUBERNETES:
        assert container_of(path)["securityContext"]["allowPrivilegeEscalation"] is False
        assert "runAsNonRoot: true" in path.read_text()


@pytest.mark.parametrize("path", [path for path in KUBERNETES if "shards" in path.name], ids=lambda path: path.stem)
def test_the_pods_of_an_indexed_job_are_all_shards_of_n(path, monkeypatch):
    """The pod's own shell line, with each index that Kubernetes would give, and `finner-batch` only writing it down."""
    monkeypatch.chdir(REPOSITORY)
    job = yaml.safe_load(path.read_text())
    count = job["spec"]["completions"]
    shell = kubernetes_command(path)
    seen = []
    for index in range(count):
        line = shell[2].replace("exec finner-batch", "exec printf '%s\\n'")
        done = subprocess.run(
            [*shell[:2], line],
            env={"PATH": os.environ["PATH"], "JOB_COMPLETION_INDEX": str(index)},
            capture_output=True,
            text=True,
            check=True,
        )
        arguments = done.stdout.splitlines()
        run.make_context("run", arguments[1:], parent=click.Context(commands, auto_envvar_prefix="FINNER"))
        seen.append((arguments[arguments.index("--shard") + 1], arguments[arguments.index("--output") + 1]))
    assert seen == [(f"{number}/{count}", f"results/shard-{number}") for number in range(1, count + 1)]


@pytest.mark.slow
def test_a_pod_of_the_indexed_job_reads_its_shard(machine):
    for number in range(16):
        (machine.folder / "filings" / f"{number}.htm").write_text(f"<p>The notes bear interest at 5.{number}5%.</p>")
    done = machine.run(kubernetes_command(JOBS / "kubernetes" / "shards-cpu.yaml"), expect=0, JOB_COMPLETION_INDEX="2")
    assert SUMMARY.fullmatch(done.stdout)
    (report,) = (machine.folder / "results" / "shard-3" / "runs").glob("*.json")
    assert json.loads(report.read_text())["config"]["shard"] == "3/8"


def commands_of_all_files():
    """Every `finner-batch run …` in `jobs/` and its comments, as written."""
    for path in sorted(JOBS.rglob("*")):
        if path.is_file() and path.suffix != ".toml":
            text = re.sub(r"\s*\\\n#?\s*", " ", path.read_text())
            for found in re.finditer(r"finner-batch(?::[\w.-]+)? (run [^`\n>)]*)", text):
                if "--" in found[1]:
                    written = found[1].rstrip().removesuffix('"') if found[1].count('"') % 2 else found[1]
                    yield pytest.param(written, id=f"{path.name}-{found.start()}")


@pytest.mark.parametrize("written", list(commands_of_all_files()))
def test_every_command_in_the_files_is_one_that_the_program_takes(written, monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    arguments = shlex.split(written)[1:]
    if "--engine" in arguments and "--engine" not in {flag for option in run.params for flag in option.opts}:
        pytest.skip("this version has no --engine")
    run.make_context("run", arguments, parent=click.Context(commands, auto_envvar_prefix="FINNER"))
