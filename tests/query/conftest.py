import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from made_results import fill


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    return fill(tmp_path / "results")


@pytest.fixture(scope="session")
def fill_results() -> Callable[[Path], Path]:
    return fill
