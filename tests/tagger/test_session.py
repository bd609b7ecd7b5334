import os
import subprocess
import sys

import pytest

CODE = """import sys
def audit(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        print("asked for", arguments)
sys.addaudithook(audit)
from finner_batch.tagger.tagger import Tagger
print(Tagger.load(device="cpu", backend=sys.argv[1]).session.variant)"""


@pytest.mark.parametrize(("backend", "variant"), [("onnxruntime", "int8"), ("openvino", "openvino")])
def test_a_backend_reports_to_nobody(tmp_path, backend, variant):
    """Reporting begins with a file: `.ses` among the temporary ones, `intel` at home; under CI variables it is off."""
    pytest.importorskip(backend)
    quiet_by_itself = {
        "CI",
        "TF_BUILD",
        "GITHUB_ACTIONS",
        "GITLAB_CI",
        "JENKINS_URL",
        "ORT_RUNNING_UNIT_TESTS",
        "ORT_DISABLE_TELEMETRY",
    }
    environment = {name: value for name, value in os.environ.items() if name not in quiet_by_itself}
    done = subprocess.run(
        [sys.executable, "-c", CODE, backend],
        env=environment | {"TMPDIR": str(tmp_path), "HOME": str(tmp_path)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == variant
    assert not list(tmp_path.rglob("*"))
