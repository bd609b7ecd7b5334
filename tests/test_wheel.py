import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
OWN = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "FINNER", "VIRTUAL"))}


def call(*arguments, **options):
    done = subprocess.run(list(map(str, arguments)), capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    call(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, REPOSITORY)
    (path,) = folder.glob("*.whl")
    return path


def check(program, python, work, environment):
    """Use what the wheel holds, outside the checkout: the model, the samples, the questions and the page."""
    work.mkdir()
    options = {"cwd": work, "env": environment}
    report = json.loads(call(*program, "run", REPOSITORY / "data" / "filings", "--json", **options))
    assert report["documents"]["ok"] > 0
    assert report["entities"] > 0
    examples = "from finner_batch.demo.answers import EXAMPLES; print(all(one.path.is_file() for one in EXAMPLES))"
    assert call(python, "-c", examples, **options).strip() == "True"
    listed = call(*program, "query", "--list", **options)
    assert "facilities" in listed
    (counted,) = json.loads(call(*program, "query", "SELECT count(*) AS n FROM entities", "--json", **options))
    assert counted["n"] == report["entities"]
    page = json.loads(call(*program, "report", "--json", **options))
    assert page["shown"] == report["entities"]
    assert Path(work / page["path"]).read_text(encoding="utf-8").startswith("<!doctype html>")


def test_the_wheel_holds_model_questions_and_page(wheel, tmp_path):
    installed = tmp_path / "installed"
    call(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", installed, wheel)
    environment = OWN | {"PYTHONPATH": str(installed)}
    named = call(sys.executable, "-c", "import finner_batch as it; print(it.__file__)", cwd=tmp_path, env=environment)
    assert Path(named.strip()).is_relative_to(installed)
    check([sys.executable, "-m", "finner_batch"], sys.executable, tmp_path / "work", environment)


@pytest.mark.slow
def test_the_wheel_runs_in_an_environment_that_holds_only_what_the_lock_names_for_it(wheel, tmp_path):
    venv.create(tmp_path / "empty", with_pip=True)
    binaries = tmp_path / "empty" / "bin"
    pip = [binaries / "python", "-m", "pip"]
    lock = REPOSITORY / "requirements" / "job.txt"
    call(*pip, "install", "--quiet", "--require-hashes", "-r", lock, env=OWN)
    call(*pip, "install", "--quiet", "--no-deps", wheel, env=OWN)
    call(*pip, "check", env=OWN)
    check([binaries / "finner-batch"], binaries / "python", tmp_path / "work", OWN)
