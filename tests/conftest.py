import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from chromium import open_chromium, why_not

# A shell without job control starts what it does not wait for with SIGINT ignored, and children inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def corpus() -> Path:
    """Folder of the real filings (`filings/`, `filings_odd/`), which are not part of the project."""
    folder = Path(os.environ.get("FINNER_CORPUS", REPOSITORY.parent / "shared"))
    if not (folder / "filings").is_dir():
        pytest.skip(f"no corpus at {folder}: set FINNER_CORPUS to a folder that holds filings/ and filings_odd/")
    return folder


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


@pytest.fixture(scope="session")
def chromium():
    """The headless Chromium of all tests, one as Playwright starts once in a process; skipped where there is none."""
    if reason := why_not():
        pytest.skip(reason)
    with open_chromium() as browser:
        yield browser


@pytest.fixture(scope="session", params=["onnxruntime", "openvino"])
def backend(request) -> str:
    """Each backend that is installed: what is said of rows holds with every one."""
    if request.param == "openvino":
        pytest.importorskip("openvino")
    return request.param


@pytest.fixture(autouse=True)
def _own_log():
    """Commands that run in the test process set up the log for good: each test starts without."""
    yield
    logger = logging.getLogger("finner_batch")
    logger.handlers, logger.propagate = [], True
    for name in ("finner_batch", "finner_batch.runner"):
        logging.getLogger(name).setLevel(logging.NOTSET)
