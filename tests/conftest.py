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
