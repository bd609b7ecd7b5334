import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from engine_helpers import write_filings


@pytest.fixture
def filings(tmp_path):
    """Folder of 40 small filings, each with its own numbers."""
    return write_filings(tmp_path / "filings")
