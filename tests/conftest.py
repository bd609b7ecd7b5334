import logging
import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def corpus() -> Path:
    """Folder of the real filings (`filings/`, `filings_odd/`), which are not part of the project."""
    folder = Path(os.environ.get("FINNER_CORPUS", REPOSITORY.parent / "shared"))
    if not (folder / "filings").is_dir():
        pytest.skip(f"no corpus at {folder}: set FINNER_CORPUS to a folder that holds filings/ and filings_odd/")
    return folder


@pytest.fixture(autouse=True)
def _own_log():
    """Commands that run in the test process set up the log for good: each test starts without."""
    yield
    logger = logging.getLogger("finner_batch")
    logger.handlers, logger.propagate = [], True
    logger.setLevel(logging.NOTSET)
