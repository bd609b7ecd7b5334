"""Run the notebooks of the project without Jupyter, and check the outputs that are stored in them."""

import contextlib
import io
import json
import re


def code_cells(path):
    return [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]


def run_cells(path):
    """Run the code cells in this process, in the current folder; return what each prints."""
    names = {}
    printed = []
    for cell in code_cells(path):
        with contextlib.redirect_stdout(io.StringIO()) as stdout:
            exec("".join(cell["source"]), names)  # noqa: S102 - the notebook is ours
        printed.append(stdout.getvalue())
    return printed


def stored_outputs(path):
    """What each code cell printed when the notebook was stored."""
    return ["".join("".join(output.get("text", "")) for output in cell["outputs"]) for cell in code_cells(path)]


def assert_stored_as_run(path, *, pictures):
    """The outputs are those of one run from the first cell to the last, and say nothing of the machine."""
    content = path.read_text(encoding="utf-8")
    notebook = json.loads(content)
    assert (notebook["nbformat"], notebook["metadata"]["language_info"]["name"]) == (4, "python")
    cells = code_cells(path)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert not [output for output in outputs if output["output_type"] == "error" or output.get("name") == "stderr"]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == pictures
    assert len(content) < 1.5e6
    assert "iopub" not in content, "the cells hold when they ran: set record_timing to False"
    without_pictures = re.sub(r'"image/png": "[^"]*"', "", content)
    assert not re.search(r"(?<![\w/.])/\w+/\w", without_pictures), "a path of the machine"
