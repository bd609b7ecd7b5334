"""Writes the locks in this folder from pyproject.toml: `make lock`.

One resolution covers every extra and group, every Python from 3.11 on, and every system. Each file names
what is needed beyond the files that it includes. A version that the locks hold is kept where pyproject.toml admits it;
`make lock UPGRADE=--upgrade` takes the newest. torch.txt is written by hand.
"""

import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

FOLDER = Path(__file__).parent
PROJECT = FOLDER.parent / "pyproject.toml"
OF_TORCH = re.compile(r"torch==|triton==|nvidia-|cuda-")
"""What comes with torch.txt and the extra `cuda`, which choose the build for the machine."""
TESTED = ["benchmark", "demo", "openvino", "s3", "train"]
"""The extras that the tests use."""


def compile_lock(selection: list[str], pins: Path, *options: str) -> list[str]:
    """The packages of a selection of extras and groups: for each, the lines of its version and hashes.

    Raises:
        subprocess.CalledProcessError: uv found no set of versions.

    """
    command = [
        *(sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11"),
        *("--generate-hashes", "--no-header", "--no-annotate", "--no-strip-markers", *options),
        *("--constraint", FOLDER / "torch.txt", "--output-file", pins, *selection),
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    packages = re.split(r"^(?=\w)", pins.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [package for package in packages if package and not OF_TORCH.match(package)]


def main() -> None:
    """Write build.txt, job.txt, test.txt and everything.txt."""
    extras = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    selections = {
        "build": ["--group", f"{PROJECT}:build"],
        "job": [str(PROJECT)],
        "test": [str(PROJECT), "--group", f"{PROJECT}:dev", *(f"--extra={extra}" for extra in TESTED)],
        "everything": [str(PROJECT), "--group", f"{PROJECT}:dev", *(f"--extra={extra}" for extra in extras)],
    }
    included = {"build": [], "job": [], "test": ["build", "job"], "everything": ["test"]}
    with tempfile.TemporaryDirectory() as made:
        pins = Path(made) / "pins.txt"
        held = [path.read_text(encoding="utf-8") for name in selections if (path := FOLDER / f"{name}.txt").exists()]
        pins.write_text(re.sub(r"^-r .*\n", "", "".join(held), flags=re.MULTILINE), encoding="utf-8")
        compile_lock([*selections["everything"], "--group", f"{PROJECT}:build"], pins, *sys.argv[1:])
        written: dict[str, list[str]] = {}
        for name, selection in selections.items():
            chosen = Path(made) / f"{name}.txt"
            packages = compile_lock(selection, chosen, "--constraint", str(pins))
            known = [package for other in included[name] for package in written[other]]
            lines = [f"-r {other}.txt\n" for other in included[name]]
            lines += [package for package in packages if package not in known]
            (FOLDER / f"{name}.txt").write_text("# Written by `make lock`.\n" + "".join(lines), encoding="utf-8")
            written[name] = known + packages


if __name__ == "__main__":
    main()
