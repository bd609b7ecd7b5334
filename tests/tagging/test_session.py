import os
import subprocess
import sys
from pathlib import Path

import pytest

from finner_batch.tagging.openvino import is_installed

CODE = """import sys
def audit(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        print("requested", arguments)
sys.addaudithook(audit)
from finner_batch.tagging.tagger import Tagger
print(Tagger.load(device="cpu", backend=sys.argv[1]).session.variant)"""


@pytest.mark.parametrize(("backend", "variant"), [("onnxruntime", "int8"), ("openvino", "openvino")])
def test_a_backend_sends_no_reports(tmp_path, backend, variant):
    """Reporting starts with a file: `.ses` in the temporary folder, `intel` at home. CI variables disable it."""
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


KERNELS = """
import os, sys
from finner_batch.tagging.device import Device
from finner_batch.tagging.model import load_model
from finner_batch.tagging.openvino import OpenVinoSession
assert "openvino" not in sys.modules
import numpy as np
session = OpenVinoSession(load_model(), Device("cpu", "a test"), threads=1, products="int8")
def own():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("RssAnon")) // 1024
def run(lengths):
    for length in lengths:
        for rows in range(1, 9):
            ids = np.full((rows, length), 7, dtype=np.int64)
            session.logits(ids, np.ones_like(ids))
run([56])
before = own()
run(range(4, 56, 4))
print(own() - before)
"""


@pytest.mark.skipif(not is_installed(), reason="extra `openvino`")
@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="only Linux has /proc/self/status")
@pytest.mark.slow
def test_openvino_keeps_little_memory_for_past_shapes():
    def mebibytes(**environment):
        arguments = [sys.executable, "-c", KERNELS]
        done = subprocess.run(
            arguments, capture_output=True, text=True, check=False, timeout=300, env=os.environ | environment
        )
        assert done.returncode == 0, done.stderr
        return int(done.stdout)

    assert mebibytes() < mebibytes(ONEDNN_PRIMITIVE_CACHE_CAPACITY="1024") / 2
