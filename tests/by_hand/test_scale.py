import json
import subprocess
import sys

import pytest


@pytest.mark.slow
def test_the_made_ledger_is_one_that_a_run_knows(tmp_path, scripts):
    done = subprocess.run(
        [sys.executable, str(scripts / "scale.py"), "--documents", "1500", "--folder", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["start"]["documents"] == figures["start"]["listed"] == 1500
    assert figures["run_with_nothing_new"]["unchanged"] == 1500
    assert figures["run_with_nothing_new"]["documents"] == {"ok": 0, "failed": 0}
    assert list(tmp_path.iterdir()) == []
