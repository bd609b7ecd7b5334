"""The packages that pyproject.toml asks for, beside the versions that constraints.txt pins."""

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
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
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
REQUIREMENTS = [*PROJECT["dependencies"], *(line for lines in EXTRAS.values() for line in lines)]
PINS = {
    canonicalize_name(name): version
    for name, version in re.findall(r"^([\w.-]+)==(.+)$", (REPOSITORY / "constraints.txt").read_text(), re.MULTILINE)
}


@pytest.mark.parametrize("line", sorted(set(REQUIREMENTS)))
def test_the_pinned_version_is_one_that_the_project_asks_for(line):
    wanted = Requirement(line)
    if wanted.name.startswith("nvidia-"):
        assert wanted.name not in PINS
    else:
        assert wanted.specifier.contains(PINS[canonicalize_name(wanted.name)])


@pytest.mark.parametrize(("name", "version"), WITHOUT_KNOWN_VULNERABILITIES.items())
def test_versions_with_known_vulnerabilities_are_not_taken(name, version):
    floors = {str(one.specifier) for one in map(Requirement, REQUIREMENTS) if one.name == name}
    assert floors == {f">={version}"}


def test_mlflow_can_be_installed_beside_the_pinned_pyarrow():
    assert int(PINS["pyarrow"].split(".")[0]) < 26
    assert PINS["mlflow"] == PINS["mlflow-skinny"]


def test_the_extra_for_the_notebook_brings_what_it_imports_and_what_runs_it():
    cells = json.loads((REPOSITORY / "data" / "eda.ipynb").read_text())["cells"]
    code = "".join("".join([*cell["source"], "\n"]) for cell in cells if cell["cell_type"] == "code")
    imported = set(re.findall(r"^(?:import|from) (\w+)", code, re.MULTILINE))
    brought = {Requirement(line).name for line in [*PROJECT["dependencies"], *EXTRAS["notebook"]]}
    assert imported - {"json", "pathlib", "re", "collections"} <= brought | {"finner_batch"}
    assert "jupyterlab" in brought


@pytest.mark.skipif(shutil.which("make") is None, reason="no make here")
def test_every_extra_is_installed_with_every_other():
    for target in ("resolve", "everything"):
        dry = subprocess.run(
            ["make", "-n", "-B", target], cwd=REPOSITORY, capture_output=True, text=True, check=True
        ).stdout
        (named,) = re.findall(r"'\.\[([\w,]*,[\w,]*mlflow[\w,]*)\]'", dry)
        assert set(named.split(",")) == set(EXTRAS)
    assert "tests/everything.py" in dry
    assert "make resolve" in (REPOSITORY / ".ci" / "run").read_text()
