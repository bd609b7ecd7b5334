import json
import os
import subprocess
import sys
import venv
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]


def call(*arguments, **options):
    done = subprocess.run(list(map(str, arguments)), capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_wheel_holds_model_questions_and_page_and_runs_in_an_empty_environment(tmp_path):
    """From outside the checkout, with nothing installed but the wheel and what it asks for."""
    call(sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path / "dist", REPOSITORY)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    venv.create(tmp_path / "empty", with_pip=True)
    binaries = tmp_path / "empty" / "bin"
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "FINNER", "VIRTUAL"))
    }
    environment["PIP_CONSTRAINT"] = str(REPOSITORY / "constraints.txt")
    call(binaries / "python", "-m", "pip", "install", "--quiet", wheel, env=environment)
    work = tmp_path / "work"
    work.mkdir()
    options = {"cwd": work, "env": environment}
    report = json.loads(call(binaries / "finner-batch", "run", REPOSITORY / "data" / "filings", "--json", **options))
    assert report["documents"]["ok"] > 0
    assert report["entities"] > 0
    examples = "from finner_batch.demo.examples import EXAMPLES; print(all(one.path.is_file() for one in EXAMPLES))"
    assert call(binaries / "python", "-c", examples, **options).strip() == "True"
    listed = call(binaries / "finner-batch", "query", "--list", **options)
    assert "facilities" in listed
    (counted,) = json.loads(
        call(binaries / "finner-batch", "query", "SELECT count(*) AS n FROM entities", "--json", **options)
    )
    assert counted["n"] == report["entities"]
    page = json.loads(call(binaries / "finner-batch", "report", "--json", **options))
    assert page["shown"] == report["entities"]
    assert Path(work / page["path"]).read_text(encoding="utf-8").startswith("<!doctype html>")
