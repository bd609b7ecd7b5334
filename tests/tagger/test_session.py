import os
import subprocess
import sys

CODE = """from finner_batch.tagger.tagger import Tagger
print(Tagger.load(device="cpu", backend="onnxruntime").session.variant)"""


def test_onnxruntime_reports_to_nobody(tmp_path):
    """Its reporting begins with the file `.ses` among the temporary files; under CI variables it does not report."""
    quiet_by_itself = {
        "CI",
        "TF_BUILD",
        "GITHUB_ACTIONS",
        "GITLAB_CI",
        "ORT_RUNNING_UNIT_TESTS",
        "ORT_DISABLE_TELEMETRY",
    }
    environment = {name: value for name, value in os.environ.items() if name not in quiet_by_itself}
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        env=environment | {"TMPDIR": str(tmp_path), "HOME": str(tmp_path)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "int8"
    assert not list(tmp_path.rglob("*"))
