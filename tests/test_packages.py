"""The packages that pyproject.toml asks for, and the locks in requirements/."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from notebooks import code_cells
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).parents[1]
WITHOUT_KNOWN_VULNERABILITIES = {
    "filelock": "3.20.3",
    "jinja2": "3.1.6",
    "lxml": "6.1",
    "mlflow": "3.15",
    "mlflow-skinny": "3.15",
    "onnx": "1.21",
    "pyarrow": "23.0.1",
    "ray": "2.52",
    "torch": "2.10",
}
PYPROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
PROJECT, GROUPS = PYPROJECT["project"], PYPROJECT["dependency-groups"]
EXTRAS = PROJECT["optional-dependencies"]
REQUIREMENTS = [*PROJECT["dependencies"], *(line for lines in [*EXTRAS.values(), *GROUPS.values()] for line in lines)]
LOCKS = REPOSITORY / "requirements"
TESTED = ("benchmark", "demo", "openvino", "s3", "train")
WANTED = {
    "build": GROUPS["build"],
    "job": PROJECT["dependencies"],
    "test": [*GROUPS["dev"], *(line for extra in TESTED for line in EXTRAS[extra])],
    "everything": [line for lines in EXTRAS.values() for line in lines],
    "torch": [line for lines in EXTRAS.values() for line in lines if Requirement(line).name == "torch"],
}
"""By lock, what it must hold."""


def pins(lock):
    """The versions of a lock and of those that it includes; and that each has a hash, but for torch."""
    text = (LOCKS / f"{lock}.txt").read_text()
    found = {}
    for included in re.findall(r"^-r (\w+)\.txt$", text, re.MULTILINE):
        found |= pins(included)
    packages = re.findall(r"^([\w.-]+)==([^\s;]+).*\n((?: +--hash=sha256:[0-9a-f]{64}.*\n)*)", text, re.MULTILINE)
    assert [name for name, _, hashes in packages if not hashes] == (["torch"] if lock == "torch" else [])
    return found | {canonicalize_name(name): version for name, version, _ in packages}


PINS = {lock: pins(lock) for lock in WANTED}


@pytest.mark.parametrize(("lock", "line"), sorted({(lock, line) for lock, lines in WANTED.items() for line in lines}))
def test_a_lock_has_a_version_of_all_that_the_project_asks_for(lock, line):
    """Where this fails, `make lock` was not run after a change of pyproject.toml."""
    wanted = Requirement(line)
    if lock != "torch" and (wanted.name == "torch" or wanted.name.startswith("nvidia-")):
        assert wanted.name not in PINS[lock], "its build is chosen for the machine"
    else:
        assert wanted.specifier.contains(PINS[lock][canonicalize_name(wanted.name)])


@pytest.mark.parametrize(("name", "version"), WITHOUT_KNOWN_VULNERABILITIES.items())
def test_versions_with_known_vulnerabilities_are_not_taken(name, version):
    floors = {str(one.specifier) for one in map(Requirement, REQUIREMENTS) if one.name == name}
    assert floors == {f">={version}"}


def test_mlflow_can_be_installed_with_the_pinned_pyarrow():
    everything = PINS["everything"]
    assert int(everything["pyarrow"].split(".")[0]) < 26
    assert everything["mlflow"] == everything["mlflow-skinny"]


@pytest.mark.parametrize("notebook", ["data/eda.ipynb", "docs/example.ipynb"])
def test_the_extra_for_notebooks_brings_what_they_import_and_what_runs_them(notebook):
    code = "".join("".join([*cell["source"], "\n"]) for cell in code_cells(REPOSITORY / notebook))
    imported = set(re.findall(r"^(?:import|from) (\w+)", code, re.MULTILINE))
    brought = {Requirement(line).name for line in [*PROJECT["dependencies"], *EXTRAS["notebook"]]}
    assert imported - sys.stdlib_module_names <= brought | {"finner_batch"}
    assert "jupyterlab" in brought


@pytest.mark.skipif(shutil.which("make") is None, reason="no make here")
def test_every_extra_is_installed_with_every_other():
    dry = {
        target: subprocess.run(
            ["make", "-n", "-B", target], cwd=REPOSITORY, capture_output=True, text=True, check=True
        ).stdout
        for target in ("resolve", "everything")
    }
    (named,) = re.findall(r"'\.\[([\w,]*,[\w,]*mlflow[\w,]*)\]'", dry["resolve"])
    assert set(named.split(",")) == set(EXTRAS)
    assert "--require-hashes -r requirements/everything.txt" in dry["everything"]
    assert ".[cuda]" in dry["everything"]
    assert "tests/everything.py" in dry["everything"]
    assert "make resolve" in (REPOSITORY / ".ci" / "run").read_text()


@pytest.mark.skipif(shutil.which("make") is None, reason="no make here")
@pytest.mark.parametrize("target", ["run", "test", "everything"])
def test_make_takes_no_package_past_the_locks(target):
    """But for torch and the CUDA libraries."""
    dry = subprocess.run(
        ["make", "-n", "-B", target], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout
    installs = [line.partition(" install ")[2] for line in dry.splitlines() if " install " in line]
    assert len(installs) >= 2
    for arguments in installs:
        assert re.search(r"--require-hashes|--no-deps|-r requirements/torch\.txt", arguments), arguments


def test_the_hooks_before_a_commit_are_the_checks_of_make_lint():
    hooks = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    lint = re.search(r"^lint:.*\n((?:\t.*\n)+)", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)[1]
    tools = [re.match(r"\$\(BIN\)/((?:ruff )?\w+)", line)[1] for line in lint.replace("\t", "").splitlines()]
    assert [hook["name"] for hook in hooks] == tools
    assert all(hook["entry"].startswith(f".venv/bin/{hook['name']}") for hook in hooks)
