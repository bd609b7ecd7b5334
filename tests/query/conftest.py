import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from made_results import fill

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    return fill(tmp_path / "results")


@pytest.fixture(scope="session")
def fill_results() -> Callable[[Path], Path]:
    return fill


@pytest.fixture(scope="session")
def sample_results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the packaged model finds in `data/filings`, compared with the tags that one of them has. Only read."""
    results = tmp_path_factory.mktemp("sample") / "results"
    filings = str(REPOSITORY / "data" / "filings")
    for arguments in (
        ["run", "--input", filings, "--output", results],
        ["evaluate", "--results", results, "--against-xbrl", filings, "--errors", results / "against_xbrl.parquet"],
    ):
        command = [sys.executable, "-m", "finner_batch", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stderr
    return results
