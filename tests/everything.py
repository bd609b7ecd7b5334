"""Has every extra work in one environment: `make everything`.

Imports the modules of each, then runs doctor, a run on the samples with each engine and backend, and the notebooks.
"""

import importlib
import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).parents[1]
PROGRAM = [sys.executable, "-m", "finner_batch"]
SAMPLES = REPOSITORY / "data" / "filings"


def extras():
    """The distributions that each extra names, where they are wanted on this machine."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    for extra, lines in project["optional-dependencies"].items():
        wanted = [one for one in map(Requirement, lines) if one.marker is None or one.marker.evaluate()]
        yield extra, [canonicalize_name(one.name) for one in wanted]


def modules_of(distribution):
    """The modules to import by name that a distribution brings."""
    brought = [
        module
        for module, names in packages_distributions().items()
        if distribution in map(canonicalize_name, names) and module.isidentifier() and not module.startswith("_")
    ]
    if not brought:
        sys.exit(f"{distribution} is not installed, or brings no module")
    return brought


def execute(command, folder):
    """Run a command in a folder, its output shown; one that fails ends this."""
    print("+", *command, flush=True)  # noqa: T201 - for whoever waits
    subprocess.run(command, cwd=folder, check=True)


def main():
    """Everything, in order; the first failure ends it."""
    for extra, distributions in extras():
        for module in (module for distribution in distributions for module in modules_of(distribution)):
            importlib.import_module(module)
        print(f"{extra}: {', '.join(distributions)}", flush=True)  # noqa: T201 - for whoever waits
    with tempfile.TemporaryDirectory(prefix="finner-everything-") as made:
        folder = Path(made)
        execute([sys.executable, "-m", "pip", "--disable-pip-version-check", "check"], folder)
        execute([*PROGRAM, "doctor"], folder)
        for flags in (["--backend", "openvino"], ["--backend", "onnxruntime"], ["--engine", "ray", "--workers", "1"]):
            execute([*PROGRAM, "run", "--input", str(SAMPLES), "--output", flags[1], *flags], folder)
        execute([*PROGRAM, "label", "--input", str(SAMPLES), "--output", "dataset"], folder)
        (folder / "data").symlink_to(REPOSITORY / "data")
        (folder / "docs").mkdir()
        for notebook, where in (("data/eda.ipynb", folder), ("docs/example.ipynb", folder / "docs")):
            copy = Path(shutil.copy(REPOSITORY / notebook, where))
            execute(
                [sys.executable, "-m", "jupyter", "nbconvert", "--to", "notebook", "--execute", "--inplace", copy.name],
                where,
            )
            cells = json.loads(copy.read_text())["cells"]
            print(f"{notebook}: {sum(bool(cell.get('outputs')) for cell in cells)} cells with output")  # noqa: T201


if __name__ == "__main__":
    main()
