"""The example notebook shows what its cells print now."""

import re

import matplotlib as mpl
import pytest
from documentation import REPOSITORY, without_measurements
from notebooks import assert_stored_as_run, run_cells, stored_outputs

NOTEBOOK = REPOSITORY / "docs" / "example.ipynb"


@pytest.mark.usefixtures("_no_window")
def test_the_cells_print_what_is_stored_in_the_notebook(tmp_path, monkeypatch):
    (tmp_path / "docs").mkdir()
    (tmp_path / "data").symlink_to(REPOSITORY / "data")
    monkeypatch.chdir(tmp_path / "docs")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    assert [_comparable(text) for text in run_cells(NOTEBOOK)] == [
        _comparable(text) for text in stored_outputs(NOTEBOOK)
    ]


def test_its_outputs_are_those_of_one_run_with_the_chart():
    assert_stored_as_run(NOTEBOOK, pictures=1)


@pytest.fixture
def _no_window():
    backend = mpl.get_backend()
    mpl.use("agg")
    yield
    mpl.use(backend)


def _comparable(printed):
    """Without seconds, MiB and confidences, which depend on the machine."""
    return re.sub(r"confidence [\d.]+", "confidence", without_measurements(printed))
