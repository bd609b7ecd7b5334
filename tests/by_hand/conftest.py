"""The scripts of `data/benchmarks`, imported by their names."""

import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "data" / "benchmarks"
sys.path.insert(0, str(SCRIPTS))


@pytest.fixture(scope="session")
def scripts() -> Path:
    return SCRIPTS
